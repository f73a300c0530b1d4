//! What a connection has moved, how old it is, and how its connect went.
//!
//! Bytes are counted beside the system call that moves them, under the lock that the call holds; a
//! read from the buffer counts nothing. The time of a transfer is in ticks of the processor. The
//! length of a tick is unknown, so a time is computed from the age of the connection, in proportion
//! to the ticks since its start.

use std::time::{Duration, Instant};

use crate::connect::attempt_log::ConnectAttempt;
use crate::connection::Connection;
use crate::sys::TcpInfo;

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

impl Connection {
    /// Returns what the connection has done by `now`. Allowed in every status. Never waits. For a
    /// connected TCP socket it makes one system call.
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
        let info = match inner.transport.connected_socket() {
            Some(socket) if inner.peer.as_ref().is_some_and(|peer| !peer.is_unix()) => {
                socket.tcp_info()
            }
            _ => TcpInfo::default(),
        };
        Statistics {
            received: received.bytes,
            unread: inner.recv.buffer.len(),
            sent: sent.bytes,
            queued: inner.send.pending(),
            packets_received: received.messages,
            packets_sent: sent.messages,
            age: lifetime.age(),
            since_received: lifetime.since_last(received),
            since_sent: lifetime.since_last(sent),
            round_trip_time: info.round_trip_time,
            retransmits: info.retransmits,
            attempts: inner
                .attempts
                .as_ref()
                .map_or_else(Vec::new, |log| log.attempts(now)),
        }
    }
}
