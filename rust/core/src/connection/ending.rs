//! The one way out of a connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::inner::{Inner, Transport};
use crate::connection::lingering_close::{self, LingeringClose};
use crate::connection::recv::state::RecvEnd;
use crate::connection::send::state::SendPhase;
use crate::connection::status::{Input, transition};
use crate::connection::{Connection, LINGER_LIMIT};
use crate::error::{EndError, ReadError, WriteError, copy_of};
use crate::event::{ConnectEnd, DisconnectCause, Event, Status};
use crate::poll::shared_poller;
use crate::socket::socket_file::BoundName;
use crate::sync::MutexGuard;
use crate::sys;
use crate::totals;

/// How the last connection, or the last attempt, has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The [version](Connection::version) since then.
    pub version: u64,
    /// When that was.
    pub at: Instant,
    /// Why.
    pub error: Arc<EndError>,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The user has let go of it: what was accepted is still delivered.
    Disconnect,
    /// The user wants nothing more to be sent.
    Abort,
    /// The peer has ended its direction, and this one is to end too.
    EndOfStream,
    /// A read or a write has met a failure of the socket.
    TransferFailed,
    /// A poll has met a failure of the socket.
    PollFailed,
    /// What the peer has sent cannot be cut into packets.
    Unusable(DisconnectCause),
}

impl CloseReason {
    fn input(self) -> Input {
        match self {
            CloseReason::Disconnect | CloseReason::Abort => Input::Disconnect,
            CloseReason::EndOfStream | CloseReason::Unusable(_) => Input::EndOfStream,
            CloseReason::TransferFailed => Input::TransferFailed,
            CloseReason::PollFailed => Input::PollFailed,
        }
    }

    fn cause(self) -> DisconnectCause {
        match self {
            CloseReason::Disconnect | CloseReason::Abort => DisconnectCause::Local,
            CloseReason::EndOfStream => DisconnectCause::EndOfStream,
            CloseReason::TransferFailed | CloseReason::PollFailed => DisconnectCause::Failure,
            CloseReason::Unusable(cause) => cause,
        }
    }
}

/// The cause that `error` explains.
fn cause_of(error: &EndError) -> DisconnectCause {
    match error {
        EndError::EndOfStream { .. }
        | EndError::Read(ReadError::Truncated { .. } | ReadError::EndOfStream) => {
            DisconnectCause::EndOfStream
        }
        EndError::Read(ReadError::Malformed { .. } | ReadError::PacketTooLong { .. }) => {
            DisconnectCause::InvalidData
        }
        _ => DisconnectCause::Failure,
    }
}

/// Why the session of `inner` ends by itself.
fn end_error(inner: &Inner, reason: CloseReason) -> Option<EndError> {
    let peer = inner.peer();
    match reason {
        CloseReason::Disconnect | CloseReason::Abort => return None,
        CloseReason::EndOfStream => return Some(EndError::EndOfStream { peer }),
        CloseReason::TransferFailed | CloseReason::PollFailed | CloseReason::Unusable(_) => {}
    }
    let failure = match (&inner.recv.end, &inner.send.phase) {
        (Some(RecvEnd::Failure(source)), _) => EndError::Read(ReadError::Socket {
            peer,
            source: copy_of(source),
        }),
        (_, SendPhase::Failed(source)) => EndError::Write(WriteError::Socket {
            peer,
            source: copy_of(source),
        }),
        _ => EndError::EndOfStream { peer },
    };
    Some(failure)
}

impl Connection {
    /// Ends the session. Under the lock everything that belongs to it is taken out of the connection, so that nobody who is
    /// late can mistake the next session for it; after that the socket is retired. Calls that are blocked return.
    pub(super) fn retire(&self, inner: MutexGuard<'_, Inner>, reason: CloseReason) {
        let error = end_error(&inner, reason);
        self.retire_with(inner, reason, error);
    }

    /// Ends the session of this `version` since its bytes cannot be cut into packets, which `error` explains: what follows
    /// them cannot either. What was put is still sent. Whether it was not over yet.
    pub fn end_unusable(&self, version: u64, error: ReadError) -> bool {
        let inner = self.lock();
        if self.version() != version || self.status() != Status::Connected {
            return false;
        }
        let error = EndError::Read(error);
        let cause = cause_of(&error);
        self.retire_with(inner, CloseReason::Unusable(cause), Some(error));
        true
    }

    /// Why the last connection has ended.
    pub(crate) fn last_cause(&self) -> DisconnectCause {
        let inner = self.lock();
        let ended = inner.ended.as_ref();
        ended.map_or(DisconnectCause::Local, |ended| cause_of(&ended.error))
    }

    /// That the connection has ended, with its status changed already.
    pub(super) fn ended_now(&self, error: EndError) -> Box<Ended> {
        Box::new(Ended {
            version: self.version(),
            at: sys::now(),
            error: Arc::new(error),
        })
    }

    fn retire_with(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        reason: CloseReason,
        error: Option<EndError>,
    ) {
        // What means nothing in this status comes too late, and ends nothing.
        if transition(self.status(), reason.input()).is_none() {
            return;
        }
        let was_open = matches!(
            inner.transport,
            Transport::Connecting(_) | Transport::Connected { .. }
        );
        self.change(&mut inner, reason.input());
        if was_open {
            inner.ended = error.map(|error| self.ended_now(error));
        }
        let transport = std::mem::take(&mut inner.transport);
        let mut recv = inner.recv.end();
        let mut send = inner.send.end();
        self.note_queue(&mut inner);
        recv.owner.wake();
        send.owner.wake();
        self.wake_waiting(&inner);
        if matches!(reason, CloseReason::Disconnect | CloseReason::Abort) {
            inner.peer = None;
        }
        match &transport {
            Transport::Connecting(_) => {
                inner.give_up_attempts(sys::now());
                self.emit(&mut inner, Event::ConnectFinished(ConnectEnd::Cancelled));
            }
            Transport::Connected { .. } => {
                inner.lifetime = inner.lifetime.until(sys::now());
                totals::ended();
                if reason.cause() == DisconnectCause::Failure {
                    totals::failed();
                }
                self.emit(&mut inner, Event::Disconnected(reason.cause()));
            }
            Transport::Closed | Transport::Bound(_) => {}
        }
        let linger = inner.options().linger;
        drop(inner);

        let Transport::Connected { name, socket } = transport else {
            drop(transport);
            shared_poller::record_activity();
            return;
        };
        if recv.is_inherited() {
            // It is the parent's: what this process would send, or end, it would in the parent's name.
            return;
        }
        let holds_name = name.as_ref().is_some_and(BoundName::is_held);
        drop(name);
        // What was received and not read is gone with its buffer; the socket is not watched any more.
        let peer_has_ended = matches!(recv.end, Some(RecvEnd::Stream));
        drop(recv);
        self.subscriptions.retired(&socket);
        send.take_back_unaccepted();
        let has_failed = reason.cause() == DisconnectCause::Failure
            || matches!(send.phase, SendPhase::Failed(_));
        if has_failed || reason == CloseReason::Abort || linger == Some(Duration::ZERO) {
            lingering_close::reset(&socket);
            drop(socket);
            shared_poller::record_activity();
            return;
        }
        let limit = linger.or(self.write_timeout()).unwrap_or(LINGER_LIMIT);
        lingering_close::begin(
            LingeringClose {
                socket,
                queue: send.queue,
                is_shut: matches!(send.phase, SendPhase::Shut),
                peer_has_ended,
                holds_name,
            },
            limit,
        );
    }
}
