//! The one way out of a connection.

use std::time::Duration;

use crate::connection::event::{ConnectEnd, DisconnectCause, Event};
use crate::connection::farewell::{self, Farewell};
use crate::connection::inner::{Inner, Link};
use crate::connection::receiving::End;
use crate::connection::sending::Phase;
use crate::connection::status::{Input, transition};
use crate::connection::{Connection, LINGER_LIMIT};
use crate::net::socket_file::BoundName;
use crate::poll::shared_poller;
use crate::sync::MutexGuard;
use crate::sys;
use crate::totals;

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
}

impl Ending {
    fn input(self) -> Input {
        match self {
            Ending::Disconnect | Ending::Abort => Input::Disconnect,
            Ending::EndOfStream => Input::EndOfStream,
            Ending::TransferFailed => Input::TransferFailed,
            Ending::PollFailed => Input::PollFailed,
        }
    }

    fn cause(self) -> DisconnectCause {
        match self {
            Ending::Disconnect | Ending::Abort => DisconnectCause::Local,
            Ending::EndOfStream => DisconnectCause::EndOfStream,
            Ending::TransferFailed | Ending::PollFailed => DisconnectCause::Failure,
        }
    }
}

impl Connection {
    /// Ends the session. Under the lock everything that belongs to it is taken out of the connection, so that nobody who is
    /// late can mistake the next session for it; after that the socket is retired. Calls that are blocked return.
    pub(super) fn retire(&self, mut inner: MutexGuard<'_, Inner>, ending: Ending) {
        // What means nothing in this status comes too late, and ends nothing.
        if transition(self.status(), ending.input()).is_none() {
            return;
        }
        self.change(&mut inner, ending.input());
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
        inner.ended_with_stream = ending == Ending::EndOfStream;
        match &link {
            Link::Connecting(_) => {
                inner.give_up_attempts(sys::now());
                self.emit(&mut inner, Event::ConnectFinished(ConnectEnd::Cancelled));
            }
            Link::Connected { .. } => {
                inner.lifetime = inner.lifetime.until(sys::now());
                totals::ended();
                if matches!(ending, Ending::TransferFailed | Ending::PollFailed) {
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
        let has_failed = matches!(ending, Ending::TransferFailed | Ending::PollFailed)
            || matches!(sending.phase, Phase::Failed(_));
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
