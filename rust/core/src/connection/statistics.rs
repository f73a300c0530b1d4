//! What a connection has moved, how old it is, and how its connect went.
//!
//! Bytes are counted beside the system call that moves them, under the lock that the call holds; a
//! read from the buffer counts nothing. The time of a transfer is in ticks of the processor. The
//! length of a tick is unknown, so a time is computed from the age of the connection, in proportion
//! to the ticks since its start.

use std::time::{Duration, Instant};

use crate::connect::attempt_log::ConnectAttempt;
use crate::connection::Connection;
use crate::connection::inner::Inner;
use crate::connection::send::state::SendPhase;
use crate::sys::{ENDS_COUNT, TcpInfo};

/// What a connection has done since its last [`connect`](Connection::connect), or since it was
/// accepted. The values stay after its end, until the next connect.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// The number of bytes received from the kernel.
    pub received: u64,
    /// The number of received bytes that have not been read.
    pub unread: usize,
    /// The number of bytes that the kernel has accepted. Bytes that are sent in the background
    /// after a disconnect do not count.
    pub sent: u64,
    /// The number of accepted bytes that have not been sent.
    pub queued: usize,
    /// The number of bytes accepted from the user, whether they were sent, are queued, or were lost
    /// at the end.
    pub accepted: u64,
    /// The number of sent bytes that the peer's system has acknowledged (tcp(7), `SIOCOUTQ`), or
    /// fewer for a moment while another thread sends. `None` unless a TCP socket is connected, and
    /// where the system does not report it.
    pub acknowledged: Option<u64>,
    /// For how long sending has made no progress. With queued data: the time since the kernel last
    /// accepted a part of the queue. With unacknowledged data only: the time since the peer's
    /// system last acknowledged anything, or since the last send if that is less; `None` where the
    /// system does not report it. `None` if nothing waits to be sent or acknowledged.
    pub stalled: Option<Duration>,
    /// The number of packets read by a [`PacketReader`](crate::packets::PacketReader).
    pub packets_received: u64,
    /// The number of packets accepted by [`write_packet`](Connection::write_packet) and
    /// [`enqueue_packet`](Connection::enqueue_packet). They may still be queued.
    pub packets_sent: u64,
    /// How long it has been connected, or was connected before its end. `None` if it never was.
    pub age: Option<Duration>,
    /// The time since something was received, up to now or up to its end. `None` if nothing was
    /// received.
    pub since_received: Option<Duration>,
    /// The time since something was sent, up to now or up to its end. `None` if nothing was sent.
    pub since_sent: Option<Duration>,
    /// The smoothed round-trip time of a connected TCP socket (tcp(7), `TCP_INFO`). `None` where
    /// the system does not report it.
    pub round_trip_time: Option<Duration>,
    /// The number of segments that TCP has retransmitted. `None` where the system does not report
    /// it.
    pub retransmits: Option<u64>,
    /// The attempts of the connect in the order in which they began. Empty for an accepted
    /// connection.
    pub attempts: Vec<ConnectAttempt>,
}

/// The progress of a queue that the kernel has refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SendProgress {
    /// The generation of the connection.
    pub(crate) generation: u64,
    /// The number of bytes sent.
    pub(crate) sent: u64,
    /// How many of them the peer has not acknowledged, where the system reports it. A peer that
    /// reads slowly changes this number long before the kernel accepts more.
    pub(crate) unacknowledged: Option<usize>,
}

/// How far receiving has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecvProgress {
    /// The generation of the connection.
    pub(crate) generation: u64,
    /// The number of bytes received.
    received: u64,
    /// The number of bytes that the program has read. Reading buffered data counts as progress,
    /// even if nothing new arrives.
    read: u64,
}

impl Connection {
    /// Returns how far receiving has come. `None` if it is not connected, if the stream has ended,
    /// or if both the receive buffer and the kernel hold unread data: the peer may then be waiting
    /// for this side.
    pub(crate) fn recv_progress(&self) -> Option<RecvProgress> {
        self.recv_progress_of(&mut self.lock())
    }

    /// As [`recv_progress`](Self::recv_progress), with the lock held.
    pub(super) fn recv_progress_of(&self, inner: &mut Inner) -> Option<RecvProgress> {
        let Inner {
            transport, recv, ..
        } = inner;
        let socket = transport.connected_socket()?;
        let is_waiting = !recv.buffer.is_empty() && recv.count_in_kernel(socket) > 0;
        (recv.end.is_none() && !is_waiting).then(|| RecvProgress {
            generation: self.state().generation(),
            received: recv.traffic.bytes(),
            read: recv.buffer.bytes_read(),
        })
    }

    /// Returns the progress of the queue. `None` if it is not connected, or the kernel has refused
    /// nothing.
    pub(crate) fn send_progress(&self) -> Option<SendProgress> {
        let inner = self.lock();
        let socket = inner.transport.connected_socket()?;
        inner.send.is_refused().then(|| SendProgress {
            generation: self.state().generation(),
            sent: inner.send.traffic.bytes(),
            unacknowledged: socket.unacknowledged_bytes(),
        })
    }

    /// Returns what the connection has done by `now`. Allowed in every status. Never waits. For a
    /// connected TCP socket it makes two system calls.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::Connection;
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.write_fully(b"ping")?;
    /// assert_eq!(one.statistics(Instant::now()).sent, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn statistics(&self, now: Instant) -> Statistics {
        let inner = self.lock();
        let lifetime = inner.lifetime.until(now);
        let (received, sent) = (inner.recv.traffic, inner.send.traffic);
        let is_tcp = inner.peer_address().is_some_and(|peer| !peer.is_unix());
        let tcp = inner.transport.connected_socket().filter(|_| is_tcp);
        let info = tcp.map_or_else(TcpInfo::default, |socket| socket.tcp_info());
        let unacknowledged = tcp.and_then(|socket| socket.unacknowledged_bytes());
        let counts_end = ENDS_COUNT && matches!(inner.send.phase, SendPhase::Shut);
        let unacknowledged = unacknowledged.map(|count| count.saturating_sub(counts_end.into()));
        let since_sent = lifetime.since_last(sent);
        let stalled = match inner.send.stalled_since() {
            Some(ticks) => lifetime.since_ticks(ticks),
            None if unacknowledged.is_some_and(|count| count > 0) => {
                let since_acknowledged = info.since_acknowledged;
                since_acknowledged.map(|time| since_sent.map_or(time, |sent| sent.min(time)))
            }
            None => None,
        };
        Statistics {
            received: received.bytes,
            unread: inner.recv.buffer.len(),
            sent: sent.bytes,
            queued: inner.send.pending(),
            accepted: inner.send.accepted(),
            acknowledged: unacknowledged.map(|count| sent.bytes.saturating_sub(count as u64)),
            stalled,
            packets_received: received.messages,
            packets_sent: sent.messages,
            age: lifetime.age(),
            since_received: lifetime.since_last(received),
            since_sent,
            round_trip_time: info.round_trip_time,
            retransmits: info.retransmits,
            attempts: inner.connect_attempts(now),
        }
    }
}
