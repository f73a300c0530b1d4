//! Everything that the lock of a connection guards.

use std::sync::Arc;
use std::time::Instant;

use crate::address::Address;
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::connecting::Connecting;
use crate::connection::close_reason::Ended;
use crate::connection::recorder::Recorder;
use crate::connection::recv::state::RecvState;
use crate::connection::send::state::{SendPhase, SendState};
use crate::connection::traffic::Lifetime;
use crate::event::{Event, EventQueue};
use crate::poll::shared_poller;
use crate::socket::options::Options;
use crate::socket::socket_file::BoundName;
use crate::socket::stream_socket::StreamSocket;
use crate::sys::Socket;

/// The state behind the lock.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(super) transport: Transport,
    pub(super) recv: RecvState,
    pub(super) send: SendState,
    /// `None` for the defaults, which most connections use.
    pub(super) options: Option<Box<Options>>,
    /// The address of the peer. Kept after an established connection ends, until the next connect
    /// or a disconnect.
    pub(super) peer: Option<Address>,
    pub(super) events: EventQueue<Event>,
    /// The attempts of the last connect. `None` for an accepted connection.
    pub(super) attempts: Option<Box<AttemptLog>>,
    pub(super) lifetime: Lifetime,
    /// `Some` while recording is enabled.
    pub(super) recorder: Option<Box<Recorder>>,
    /// The number of calls that wait for a direction. Without any, the notification and its system
    /// call are skipped.
    pub(super) waiting: u32,
    /// Why the last connection ended, unless this side has disconnected.
    pub(super) ended: Option<Box<Ended>>,
}

/// The socket, and its use at the moment.
#[derive(Debug, Default)]
pub(crate) enum Transport {
    #[default]
    Closed,
    Bound(StreamSocket),
    /// Boxed because it is large and short-lived.
    Connecting(Box<Connecting>),
    Connected {
        /// The name that a Unix domain socket is bound to. Dropped before the socket; a socket file
        /// is removed with it.
        name: Option<BoundName>,
        /// Shared with calls that use it without the lock, so that its descriptor is not reused
        /// under them.
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
    /// Makes the stream of a successful attempt the connection.
    pub(super) fn establish(&mut self, attempt: Attempt, now: Instant) {
        self.peer = Some(attempt.address);
        self.set_stream(attempt.stream, now);
    }

    /// Makes `stream` the connection.
    pub(super) fn set_stream(&mut self, stream: StreamSocket, now: Instant) {
        self.lifetime = Lifetime::since(now);
        self.transport = Transport::Connected {
            name: stream.name,
            socket: Arc::new(stream.socket),
        };
    }

    /// Marks the unfinished attempts as given up.
    pub(super) fn give_up_attempts(&mut self, now: Instant) {
        if let Some(log) = &mut self.attempts {
            log.give_up(now);
        }
    }

    pub(super) fn options(&self) -> Options {
        self.options.as_deref().copied().unwrap_or_default()
    }

    /// Returns the open socket in any status.
    pub(super) fn socket(&self) -> Option<&Socket> {
        match &self.transport {
            Transport::Closed => None,
            Transport::Bound(stream) => Some(&stream.socket),
            Transport::Connecting(connecting) => connecting.socket(),
            Transport::Connected { socket, .. } => Some(socket),
        }
    }

    /// Counts and records bytes that the kernel has accepted.
    #[inline]
    pub(super) fn add_sent(&mut self, bytes: &[u8]) {
        self.send.count_sent(bytes.len());
        if let Some(recorder) = &mut self.recorder {
            recorder.add_sent(bytes);
        }
    }

    /// Returns the address of the peer for an error message.
    pub(super) fn peer(&self) -> Address {
        let unnamed = || Address::Unix(Default::default());
        self.peer.clone().unwrap_or_else(unnamed)
    }

    /// Ends the stream if this was requested and all accepted data has been sent.
    pub(super) fn shut_down_if_drained(&mut self) {
        if matches!(self.send.phase, SendPhase::Draining)
            && self.send.queue.is_empty()
            && !self.send.owner.is_taken()
            && let Some(socket) = self.transport.connected_socket()
        {
            // It fails only if the connection is already broken, which the next read or poll
            // reports.
            let _ = socket.shut_down_writing();
            shared_poller::record_activity();
            self.send.phase = SendPhase::Shut;
        }
    }
}
