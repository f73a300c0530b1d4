//! What is told of a session: how much it has moved, how old it is, how its connect went.

use std::time::{Duration, Instant};

use crate::connect::attempt_log::ConnectAttempt;
use crate::connection::Connection;
use crate::sys::{self, TcpInfo};

/// What a connection has done since its last [`connect`](Connection::connect), or since it was accepted. When it ends, what
/// was counted stays as it was then, until the next connect.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// So many bytes were taken from the system.
    pub received: u64,
    /// So many of them are held for reading. The others were read.
    pub unread: usize,
    /// So many bytes were handed to the system. What goes out in the background after a disconnect is not counted.
    pub sent: u64,
    /// So many bytes are accepted and were not handed to the system yet.
    pub queued: usize,
    /// So many packets were read by a [`PacketReader`](crate::packets::PacketReader).
    pub packets_received: u64,
    /// So many packets were accepted by [`write_packet`](Connection::write_packet) and
    /// [`enqueue_packet`](Connection::enqueue_packet). They may be queued still.
    pub packets_sent: u64,
    /// How long it has been connected, or was. `None` if it never was.
    pub age: Option<Duration>,
    /// How long ago something was received: until now, or until the end. `None` if nothing was.
    pub since_received: Option<Duration>,
    /// How long ago something was handed to the system, in the same way.
    pub since_sent: Option<Duration>,
    /// The smoothed round-trip time, as TCP measures it, of a connected TCP socket. `None` where the system does not tell.
    pub round_trip_time: Option<Duration>,
    /// How many segments TCP has sent again, in the same way.
    pub retransmits: Option<u64>,
    /// Each address that was tried, in the order in which the attempts began. Empty for an accepted connection.
    pub attempts: Vec<ConnectAttempt>,
}

/// What has gone one way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    bytes: u64,
    messages: u64,
    /// When the last ones did, in [ticks](sys::ticks): next to a system call these cost nothing, the system's clock would.
    last: u64,
}

/// The time for which a session is established.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Lifetime {
    /// It never was.
    #[default]
    None,
    /// It is, since then, by the clock and in ticks.
    Since { clock: Instant, ticks: u64 },
    /// It was for `age`, between these ticks.
    Over {
        age: Duration,
        first: u64,
        last: u64,
    },
}

impl Traffic {
    /// `count` bytes were moved at the moment `ticks`.
    #[inline]
    pub(super) fn add(&mut self, count: usize, ticks: u64) {
        self.bytes += count as u64;
        self.last = ticks;
    }

    /// How many bytes were moved.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Counts one message that was read, or accepted for sending.
    pub(super) fn count_message(&mut self) {
        self.messages += 1;
    }
}

impl Lifetime {
    pub(super) fn since(now: Instant) -> Lifetime {
        Lifetime::Since {
            clock: now,
            ticks: sys::ticks(),
        }
    }

    /// The same, as if it ended at `now`, if it has not ended before.
    pub(super) fn until(self, now: Instant) -> Lifetime {
        match self {
            Lifetime::Since { clock, ticks } => Lifetime::Over {
                age: now.saturating_duration_since(clock),
                first: ticks,
                last: sys::ticks(),
            },
            other => other,
        }
    }

    fn age(self) -> Option<Duration> {
        match self {
            Lifetime::Over { age, .. } => Some(age),
            _ => None,
        }
    }

    /// How long before the end the last of `traffic` was. Nobody says how long a tick is, but how many the whole has taken is
    /// known, and how long that was.
    fn since_last(self, traffic: Traffic) -> Option<Duration> {
        let Lifetime::Over { age, first, last } = self else {
            return None;
        };
        let part = last.saturating_sub(traffic.last) as f64;
        let whole = last.saturating_sub(first).max(1) as f64;
        (traffic.bytes > 0).then(|| age.mul_f64((part / whole).min(1.0)))
    }
}

impl Connection {
    /// What the connection has done by `now`. Allowed in every status. Never waits; of a connected TCP socket it asks the
    /// system once.
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

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    fn lasted(age: u64, first: u64, last: u64) -> Lifetime {
        Lifetime::Over {
            age: Duration::from_secs(age),
            first,
            last,
        }
    }

    #[test]
    fn times_follow_from_the_ticks_of_a_lifetime() {
        let moved_at = |ticks| {
            let mut traffic = Traffic::default();
            traffic.add(1, ticks);
            traffic
        };
        let table = [
            ("half of it", lasted(10, 1000, 2000), 1500, 5.0),
            ("at the end", lasted(10, 1000, 2000), 2000, 0.0),
            ("at once", lasted(10, 1000, 2000), 1000, 10.0),
            ("ticks from before", lasted(10, 1000, 2000), 10, 10.0),
            ("ticks from behind", lasted(10, 1000, 2000), 3000, 0.0),
            ("ticks that begin anew", lasted(10, 1000, 20), 15, 10.0),
            ("no time at all", lasted(0, 1000, 1000), 1000, 0.0),
        ];
        for (name, lifetime, at, expected) in table {
            let since = lifetime.since_last(moved_at(at));
            assert_eq!(
                since.map(|since| since.as_secs_f64()),
                Some(expected),
                "{name}"
            );
        }
        assert_eq!(lasted(10, 1, 2).since_last(Traffic::default()), None);
        assert_eq!(Lifetime::None.since_last(moved_at(1)), None);
    }

    #[test]
    fn a_lifetime_ends_once() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let over = Lifetime::since(start).until(later(3));
        assert_eq!(over.age(), Some(Duration::from_secs(3)));
        assert_eq!(over.until(later(5)).age(), Some(Duration::from_secs(3)));
        assert_eq!(Lifetime::None.until(later(5)).age(), None);
        let before = Lifetime::since(later(3)).until(start);
        assert_eq!(before.age(), Some(Duration::ZERO));
    }
}
