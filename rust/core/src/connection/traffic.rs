//! What a direction has moved, and how long a connection has lasted.

use std::time::{Duration, Instant};

use crate::sys;

/// What has moved in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traffic {
    pub(super) bytes: u64,
    pub(super) messages: u64,
    /// When bytes moved last, in [ticks](sys::ticks). Reading ticks costs nothing beside a system
    /// call; reading the system clock does.
    pub(super) last: u64,
}

/// When a connection was established, and for how long.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Lifetime {
    /// It was never established.
    #[default]
    None,
    /// It has been established since this moment, by the clock and in ticks.
    Since { clock: Instant, ticks: u64 },
    /// It was established for `age`, between these ticks.
    Over {
        age: Duration,
        first: u64,
        last: u64,
    },
}

impl Traffic {
    /// Counts `count` bytes that moved at the moment `ticks`.
    #[inline]
    pub(super) fn add(&mut self, count: usize, ticks: u64) {
        self.bytes += count as u64;
        self.last = ticks;
    }

    /// Returns the number of bytes moved.
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

    /// Returns this lifetime with its end at `now`, unless it has ended before.
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

    pub(super) fn age(self) -> Option<Duration> {
        match self {
            Lifetime::Over { age, .. } => Some(age),
            _ => None,
        }
    }

    /// Returns the time between the last bytes of `traffic` and the end. `None` if there were none.
    /// The length of a tick is unknown, but that of the whole lifetime is known in both units.
    pub(super) fn since_last(self, traffic: Traffic) -> Option<Duration> {
        self.since_ticks(traffic.last).filter(|_| traffic.bytes > 0)
    }

    /// Returns the time between `ticks` and the end.
    pub(super) fn since_ticks(self, ticks: u64) -> Option<Duration> {
        let Lifetime::Over { age, first, last } = self else {
            return None;
        };
        let part = last.saturating_sub(ticks) as f64;
        let whole = last.saturating_sub(first).max(1) as f64;
        Some(age.mul_f64((part / whole).min(1.0)))
    }
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    fn over(age: u64, first: u64, last: u64) -> Lifetime {
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
            ("in the middle", over(10, 1000, 2000), 1500, 5.0),
            ("at the end", over(10, 1000, 2000), 2000, 0.0),
            ("at the start", over(10, 1000, 2000), 1000, 10.0),
            ("ticks before the start", over(10, 1000, 2000), 10, 10.0),
            ("ticks after the end", over(10, 1000, 2000), 3000, 0.0),
            (
                "a tick counter that restarted",
                over(10, 1000, 20),
                15,
                10.0,
            ),
            ("no lifetime", over(0, 1000, 1000), 1000, 0.0),
        ];
        for (name, lifetime, at, expected) in table {
            let since = lifetime.since_last(moved_at(at));
            assert_eq!(
                since.map(|since| since.as_secs_f64()),
                Some(expected),
                "{name}"
            );
        }
        assert_eq!(over(10, 1, 2).since_last(Traffic::default()), None);
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
