//! Why and how a connection ends.

use std::sync::Arc;
use std::time::Instant;

use crate::connection::status::Input;
use crate::error::{EndError, ReadError, WriteError};
use crate::event::DisconnectCause;

/// How the last connection, or the last connect, ended. See
/// [`Connection::ended`](crate::Connection::ended).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The [version](crate::Connection::version) right after the end.
    pub version: u64,
    /// The time of the end.
    pub at: Instant,
    /// The reason.
    pub error: Arc<EndError>,
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The user disconnects. Accepted data is still delivered.
    Disconnect,
    /// The user aborts. Unsent data is discarded.
    Abort,
    /// The peer has ended its direction, so this side ends as well.
    EndOfStream,
    /// A read or a write has met a socket error.
    TransferFailed,
    /// A poll has met a socket error.
    PollFailed,
    /// The peer accepts nothing. Unsent data is discarded.
    Stalled,
    /// The layer above cannot use the received bytes, has cut a message, or waits no longer for a
    /// peer that sends nothing. Accepted data is still delivered.
    Rejected(DisconnectCause),
}

impl CloseReason {
    pub(super) fn input(self) -> Input {
        match self {
            CloseReason::Disconnect | CloseReason::Abort => Input::Disconnect,
            CloseReason::EndOfStream | CloseReason::Rejected(_) => Input::EndOfStream,
            CloseReason::TransferFailed | CloseReason::Stalled => Input::TransferFailed,
            CloseReason::PollFailed => Input::PollFailed,
        }
    }

    pub(super) fn cause(self) -> DisconnectCause {
        match self {
            CloseReason::Disconnect | CloseReason::Abort => DisconnectCause::Local,
            CloseReason::EndOfStream => DisconnectCause::EndOfStream,
            CloseReason::TransferFailed | CloseReason::PollFailed => DisconnectCause::Failure,
            CloseReason::Stalled => DisconnectCause::Stalled,
            CloseReason::Rejected(cause) => cause,
        }
    }

    /// Whether the connection no longer worked. Unsent data is discarded then.
    pub(super) fn has_failed(self) -> bool {
        self == CloseReason::Stalled || self.cause() == DisconnectCause::Failure
    }

    /// Whether the user of the connection requested the end.
    pub(super) fn is_local(self) -> bool {
        matches!(self, CloseReason::Disconnect | CloseReason::Abort)
    }
}

/// Returns the cause that belongs to `error`.
pub(super) fn cause_of(error: &EndError) -> DisconnectCause {
    match error {
        EndError::EndOfStream { .. }
        | EndError::Read(ReadError::Truncated { .. } | ReadError::EndOfStream) => {
            DisconnectCause::EndOfStream
        }
        EndError::Read(ReadError::Malformed { .. } | ReadError::PacketTooLong { .. }) => {
            DisconnectCause::InvalidData
        }
        EndError::Stalled { .. } | EndError::Write(WriteError::TimedOut { .. }) => {
            DisconnectCause::Stalled
        }
        EndError::Silent { .. } => DisconnectCause::Silent,
        _ => DisconnectCause::Failure,
    }
}
