//! What a reader or a poll does at the end of the stream.

use crate::connection::Connection;
use crate::connection::close_reason::CloseReason;
use crate::connection::inner::Inner;
use crate::connection::recv::state::RecvEnd;
use crate::connection::send::state::SendPhase;
use crate::error::{ReadError, copy_of};
use crate::sync::MutexGuard;

impl Connection {
    /// Whether everything has been read and nothing more will come.
    pub(in crate::connection) fn is_exhausted(&self, inner: &Inner) -> bool {
        inner.recv.buffer.is_empty()
            && (inner.recv.end.is_some() || matches!(inner.send.phase, SendPhase::Failed(_)))
    }

    /// Whether the sending direction stays open after the peer has ended the stream: because
    /// half-open connections are allowed, or because a call is still writing. When the peer ends
    /// its stream, the end of this side's stream is requested too, but a call that is still writing
    /// is not cut off.
    pub(in crate::connection) fn is_half_open(&self, inner: &Inner) -> bool {
        (self.allows_half_open() || inner.owners.own_send())
            && matches!(inner.recv.end, Some(RecvEnd::Stream))
            && matches!(inner.send.phase, SendPhase::Open | SendPhase::Draining)
    }

    /// Returns the error of a reader that has reached the end, and ends the connection unless it is
    /// half-open.
    pub(super) fn end_reading(&self, mut inner: MutexGuard<'_, Inner>) -> ReadError {
        if self.is_half_open(&inner) {
            self.report_received(&mut inner);
            return ReadError::EndOfStream;
        }
        let error = error_at_end(&inner);
        let reason = match error {
            ReadError::EndOfStream => CloseReason::EndOfStream,
            _ => CloseReason::TransferFailed,
        };
        self.retire(inner, reason);
        error
    }
}

/// Returns the error for a read past the last received byte. A send that has failed counts as well.
pub(super) fn error_at_end(inner: &Inner) -> ReadError {
    match (&inner.recv.end, &inner.send.phase) {
        (Some(RecvEnd::Failure(error)), _) => ReadError::Socket {
            peer: inner.peer(),
            source: copy_of(error),
        },
        (_, SendPhase::Failed(failure)) => ReadError::Socket {
            peer: inner.peer(),
            source: copy_of(&failure.source),
        },
        _ => ReadError::EndOfStream,
    }
}
