//! The one way out of a connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::farewell::{self, Farewell};
use crate::connection::inner::{Inner, Link};
use crate::connection::receiving::End;
use crate::connection::sending::Phase;
use crate::connection::status::{Input, transition};
use crate::connection::{Connection, LINGER_LIMIT};
use crate::error::{EndError, ReadError, WriteError, copy_of};
use crate::event::{ConnectEnd, DisconnectCause, Event, Status};
use crate::net::socket_file::BoundName;
use crate::poll::shared_poller;
use crate::sync::MutexGuard;
use crate::sys;
use crate::totals;

/// How the last connection, or the last attempt, has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Ended {
    /// The [generation](Connection::generation) since then.
    pub generation: u64,
    /// When that was.
    pub at: Instant,
    /// Why.
    pub error: Arc<EndError>,
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
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

impl Ending {
    fn input(self) -> Input {
        match self {
            Ending::Disconnect | Ending::Abort => Input::Disconnect,
            Ending::EndOfStream | Ending::Unusable(_) => Input::EndOfStream,
            Ending::TransferFailed => Input::TransferFailed,
            Ending::PollFailed => Input::PollFailed,
        }
    }

    fn cause(self) -> DisconnectCause {
        match self {
            Ending::Disconnect | Ending::Abort => DisconnectCause::Local,
            Ending::EndOfStream => DisconnectCause::EndOfStream,
            Ending::TransferFailed | Ending::PollFailed => DisconnectCause::Failure,
            Ending::Unusable(cause) => cause,
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
fn end_error(inner: &Inner, ending: Ending) -> Option<EndError> {
    let peer = inner.peer();
    match ending {
        Ending::Disconnect | Ending::Abort => return None,
        Ending::EndOfStream => return Some(EndError::EndOfStream { peer }),
        Ending::TransferFailed | Ending::PollFailed | Ending::Unusable(_) => {}
    }
    let failure = match (&inner.receiving.end, &inner.sending.phase) {
        (Some(End::Failure(source)), _) => EndError::Read(ReadError::Socket {
            peer,
            source: copy_of(source),
        }),
        (_, Phase::Failed(source)) => EndError::Write(WriteError::Socket {
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
    pub(super) fn retire(&self, inner: MutexGuard<'_, Inner>, ending: Ending) {
        let error = end_error(&inner, ending);
        self.retire_with(inner, ending, error);
    }

    /// Ends the session of this `generation` since its bytes cannot be cut into packets, which `error` explains: what follows
    /// them cannot either. What was put is still sent. Whether it was not over yet.
    pub fn end_unusable(&self, generation: u64, error: ReadError) -> bool {
        let inner = self.lock();
        if self.generation() != generation || self.status() != Status::Connected {
            return false;
        }
        let error = EndError::Read(error);
        let cause = cause_of(&error);
        self.retire_with(inner, Ending::Unusable(cause), Some(error));
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
            generation: self.generation(),
            at: sys::now(),
            error: Arc::new(error),
        })
    }

    fn retire_with(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        ending: Ending,
        error: Option<EndError>,
    ) {
        // What means nothing in this status comes too late, and ends nothing.
        if transition(self.status(), ending.input()).is_none() {
            return;
        }
        let was_open = matches!(inner.link, Link::Connecting(_) | Link::Connected { .. });
        self.change(&mut inner, ending.input());
        if was_open {
            inner.ended = error.map(|error| self.ended_now(error));
        }
        let link = std::mem::take(&mut inner.link);
        let mut receiving = inner.receiving.end();
        let mut sending = inner.sending.end();
        self.note_queue(&mut inner);
        receiving.slot.wake();
        sending.slot.wake();
        self.pass_turns(&inner);
        if matches!(ending, Ending::Disconnect | Ending::Abort) {
            inner.peer = None;
        }
        match &link {
            Link::Connecting(_) => {
                inner.give_up_attempts(sys::now());
                self.emit(&mut inner, Event::ConnectFinished(ConnectEnd::Cancelled));
            }
            Link::Connected { .. } => {
                inner.lifetime = inner.lifetime.until(sys::now());
                totals::ended();
                if ending.cause() == DisconnectCause::Failure {
                    totals::failed();
                }
                self.emit(&mut inner, Event::Disconnected(ending.cause()));
            }
            Link::Closed | Link::Bound(_) => {}
        }
        let linger = inner.options().linger;
        drop(inner);

        let Link::Connected { name, socket } = link else {
            drop(link);
            shared_poller::acted();
            return;
        };
        if receiving.is_inherited() {
            // It is the parent's: what this process would send, or end, it would in the parent's name.
            return;
        }
        let holds_name = name.as_ref().is_some_and(BoundName::is_held);
        drop(name);
        // What was received and not read is gone with its buffer; the socket is not watched any more.
        let peer_has_ended = matches!(receiving.end, Some(End::Stream));
        drop(receiving);
        self.subscriptions.retired(&socket);
        sending.take_back_unaccepted();
        let has_failed =
            ending.cause() == DisconnectCause::Failure || matches!(sending.phase, Phase::Failed(_));
        if has_failed || ending == Ending::Abort || linger == Some(Duration::ZERO) {
            farewell::reset(&socket);
            drop(socket);
            shared_poller::acted();
            return;
        }
        let limit = linger.or(self.write_timeout()).unwrap_or(LINGER_LIMIT);
        farewell::begin(
            Farewell {
                socket,
                queue: sending.queue,
                is_shut: matches!(sending.phase, Phase::Shut),
                peer_has_ended,
                holds_name,
            },
            limit,
        );
    }
}
