//! What a connection consists of at the moment, behind its one lock.

use std::sync::Arc;
use std::time::Instant;

use crate::address::Address;
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::connecting::Connecting;
use crate::connection::ending::Ended;
use crate::connection::recording::Recorder;
use crate::connection::recv::state::RecvState;
use crate::connection::send::state::{SendPhase, SendState};
use crate::connection::statistics::Lifetime;
use crate::event::{Event, EventQueue};
use crate::poll::shared_poller;
use crate::socket::options::Options;
use crate::socket::socket_file::BoundName;
use crate::socket::stream_socket::StreamSocket;
use crate::sys::Socket;

/// The state of a connection.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(super) transport: Transport,
    pub(super) recv: RecvState,
    pub(super) send: SendState,
    /// `None` for the defaults, which most have.
    pub(super) options: Option<Box<Options>>,
    /// The other end, kept after an established connection has ended until the next one or a disconnect.
    pub(super) peer: Option<Address>,
    pub(super) events: EventQueue<Event>,
    /// Of the last connect. `None` for an accepted connection.
    pub(super) attempts: Option<Box<AttemptLog>>,
    pub(super) lifetime: Lifetime,
    /// While somebody looks.
    pub(super) recorder: Option<Box<Recorder>>,
    /// How many calls wait for their turn. Waking nobody would cost a system call.
    pub(super) waiting: u32,
    /// Why the last session has ended, if this side has not ended it.
    pub(super) ended: Option<Box<Ended>>,
}

/// The socket, and what it is for at the moment.
#[derive(Debug, Default)]
pub(crate) enum Transport {
    #[default]
    Closed,
    Bound(StreamSocket),
    /// Boxed, since it is large and few are there for long.
    Connecting(Box<Connecting>),
    Connected {
        /// What a Unix domain socket was bound to. A file goes with the connection, and is dropped
        /// before the socket.
        name: Option<BoundName>,
        /// Shared with the calls that use it while the lock is free, so that its descriptor is not reused under them.
        socket: Arc<Socket>,
    },
}

impl Transport {
    #[inline]
    pub(super) fn connected_socket(&self) -> Option<&Arc<Socket>> {
        match self {
            Transport::Connected { socket, .. } => Some(socket),
            _ => None,
        }
    }
}

impl Inner {
    /// Makes the end of `attempt` the connection.
    pub(super) fn establish(&mut self, attempt: Attempt, now: Instant) {
        self.peer = Some(attempt.address);
        self.connect_through(attempt.stream, now);
    }

    pub(super) fn connect_through(&mut self, stream: StreamSocket, now: Instant) {
        self.lifetime = Lifetime::since(now);
        self.transport = Transport::Connected {
            name: stream.name,
            socket: Arc::new(stream.socket),
        };
    }

    /// Nobody waits any more for the attempts that are under way.
    pub(super) fn give_up_attempts(&mut self, now: Instant) {
        if let Some(log) = &mut self.attempts {
            log.give_up(now);
        }
    }

    pub(super) fn options(&self) -> Options {
        self.options.as_deref().copied().unwrap_or_default()
    }

    /// The open socket, in whatever state.
    pub(super) fn socket(&self) -> Option<&Socket> {
        match &self.transport {
            Transport::Closed => None,
            Transport::Bound(stream) => Some(&stream.socket),
            Transport::Connecting(connecting) => connecting.socket(),
            Transport::Connected { socket, .. } => Some(socket),
        }
    }

    /// Takes note of bytes that were handed to the system.
    #[inline]
    pub(super) fn note_sent(&mut self, bytes: &[u8]) {
        self.send.count(bytes.len());
        if let Some(recorder) = &mut self.recorder {
            recorder.sent(bytes);
        }
    }

    /// The other end, for a message.
    pub(super) fn peer(&self) -> Address {
        let unnamed = || Address::Unix(Default::default());
        self.peer.clone().unwrap_or_else(unnamed)
    }

    /// Ends the stream from this side if that was asked for and nothing is left to be sent before.
    pub(super) fn shut_down_if_drained(&mut self) {
        if matches!(self.send.phase, SendPhase::Draining)
            && self.send.queue.is_empty()
            && !self.send.owner.is_taken()
            && let Some(socket) = self.transport.connected_socket()
        {
            // If it fails there is nobody left to tell.
            let _ = socket.shut_down_writing();
            shared_poller::record_activity();
            self.send.phase = SendPhase::Shut;
        }
    }
}
