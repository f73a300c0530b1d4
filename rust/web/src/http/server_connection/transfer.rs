//! The rate of a transfer, and when it is too slow.

use std::time::{Duration, Instant};

use crate::clock::Clock;

/// A body that arrives more slowly than this is cut off after the idle time, and so is a client
/// that accepts a response more slowly. In bytes per second, on average.
const MIN_RATE: u64 = 500;

/// The progress of a transfer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    since: Instant,
    /// When the last byte of it moved.
    progress: Instant,
    /// How many bytes have moved.
    bytes: u64,
}

impl Transfer {
    pub(super) fn beginning(now: Instant) -> Transfer {
        Transfer {
            since: now,
            progress: now,
            bytes: 0,
        }
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// How many bytes have moved.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn moved(&mut self, count: usize, now: Instant) {
        self.progress = now;
        self.bytes += count as u64;
    }

    /// Nothing could move since `start`. That time does not count.
    pub(super) fn resume(&mut self, start: Instant, now: Instant) {
        self.since += now.saturating_duration_since(start);
        self.progress = now;
    }

    /// Whether nothing has moved for `limit`, or on average less than `MIN_RATE` since `limit`
    /// after the beginning.
    pub(super) fn is_slow(&self, limit: Option<Duration>, clock: &Clock) -> bool {
        limit.is_some_and(|limit| {
            let earned = limit.saturating_add(Duration::from_secs(self.bytes / MIN_RATE));
            clock.is_late(self.since, Some(earned)) || clock.is_late(self.progress, Some(limit))
        })
    }
}
