//! Everything that the lock of a connection guards.

use std::time::{Duration, Instant};

use crate::address::Address;
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::{AttemptLog, ConnectAttempt};
use crate::connection::owner::Owners;
use crate::connection::pending_events::PendingEvents;
use crate::connection::rare::Rare;
use crate::connection::recv::state::RecvState;
use crate::connection::send::state::{SendPhase, SendState};
use crate::connection::traffic::Lifetime;
use crate::connection::transport::{ConnectedSocket, Transport};
use crate::poll::shared_poller;
use crate::socket::stream_socket::StreamSocket;

/// The state behind the lock.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(super) transport: Transport,
    pub(super) recv: RecvState,
    pub(super) send: SendState,
    pub(super) owners: Owners,
    pub(super) rare: Rare,
    pub(super) events: PendingEvents,
    /// The address of the peer of the last connection, or the address that a connect tries.
    pub(super) last_peer: Option<Address>,
    /// This side has disconnected, so [`last_peer`](Self::last_peer) is history.
    pub(super) has_left_peer: bool,
    pub(super) attempts: Attempts,
    pub(super) lifetime: Lifetime,
}

/// What is known about the attempts of the last connect.
#[derive(Debug, Default)]
pub(crate) enum Attempts {
    /// There was none: no connect, or an accepted connection.
    #[default]
    None,
    /// The only attempt began at once and has succeeded after this time, to the address of the
    /// last peer.
    One(Duration),
    Log(Box<AttemptLog>),
}

impl Inner {
    /// Makes the stream of a successful attempt the connection.
    pub(super) fn establish(&mut self, attempt: Attempt, now: Instant) {
        if let Attempts::Log(log) = &self.attempts
            && let Some(took) = log.only_success()
        {
            self.attempts = Attempts::One(took);
        }
        self.set_peer(Some(attempt.address));
        self.set_stream(attempt.stream, now);
    }

    /// Makes `stream` the connection.
    pub(super) fn set_stream(&mut self, stream: StreamSocket, now: Instant) {
        self.lifetime = Lifetime::since(now);
        self.transport = Transport::Connected {
            name: stream.name,
            socket: ConnectedSocket::Own(stream.socket),
        };
    }

    /// Marks the unfinished attempts as given up.
    pub(super) fn give_up_attempts(&mut self, now: Instant) {
        if let Attempts::Log(log) = &mut self.attempts {
            log.give_up(now);
        }
    }

    /// Returns the attempts of the last connect, as of `now`.
    pub(super) fn connect_attempts(&self, now: Instant) -> Vec<ConnectAttempt> {
        match (&self.attempts, &self.last_peer) {
            (Attempts::Log(log), _) => log.attempts(now),
            (Attempts::One(took), Some(peer)) => vec![ConnectAttempt::only(peer.clone(), *took)],
            (Attempts::One(_) | Attempts::None, _) => Vec::new(),
        }
    }

    /// Counts and records bytes that the kernel has accepted.
    #[inline]
    pub(super) fn add_sent(&mut self, bytes: &[u8]) {
        self.send.count_sent(bytes.len());
        if let Some(recorder) = self.rare.recorder() {
            recorder.add_sent(bytes);
        }
    }

    /// Returns the address of the peer. Kept after an established connection ends, until the next
    /// connect or a disconnect.
    pub(super) fn peer_address(&self) -> Option<&Address> {
        self.last_peer.as_ref().filter(|_| !self.has_left_peer)
    }

    pub(super) fn set_peer(&mut self, peer: Option<Address>) {
        self.last_peer = peer;
        self.has_left_peer = false;
    }

    /// Returns the address of the peer for an error message.
    pub(super) fn peer(&self) -> Address {
        let unnamed = || Address::Unix(Default::default());
        self.peer_address().cloned().unwrap_or_else(unnamed)
    }

    /// Ends the stream if this was requested and all accepted data has been sent.
    pub(super) fn shut_down_if_drained(&mut self) {
        if matches!(self.send.phase, SendPhase::Draining)
            && self.send.queue.is_empty()
            && !self.owners.own_send()
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
