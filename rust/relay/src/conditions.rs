//! What a network does to one direction of a stream.

use std::time::Duration;

/// The capacity of a pipe without a bandwidth limit, in bytes.
const UNLIMITED_CAPACITY: usize = 1 << 20;

/// The minimum for the bytes of a quarter of a second.
const MIN_QUEUE: u128 = 64 * 1024;

/// The maximum capacity of a pipe with a bandwidth limit, in bytes.
const MAX_CAPACITY: u128 = 16 << 20;

/// What the network does to one direction of each link. The default is a perfect network.
/// Exhaustive: callers write it as a literal, with the default for the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// How long bytes are in transit.
    pub delay: Duration,
    /// The maximum that is added to the delay at random. Bytes do not overtake each other.
    pub jitter: Duration,
    /// How many bytes arrive per second; 0: unlimited.
    ///
    /// It also limits the bytes in transit to what arrives within `delay`, `jitter` and another
    /// quarter of a second. The quarter of a second counts as at least 64 KiB, and the limit is at
    /// most 16 MiB. With unlimited bandwidth, 1 MiB is in transit. The sender keeps the rest.
    pub bandwidth: u64,
    /// The maximum number of bytes that arrive in one poll; 0: unlimited. Each piece gets a random
    /// size from one byte to this maximum. The seed alone determines where in the stream pieces
    /// end.
    pub max_piece: usize,
    /// While true nothing arrives: no bytes, no end and no reset.
    pub is_stalled: bool,
    /// Closes both ends of a link after this many bytes.
    pub close_after: Option<u64>,
    /// Resets both ends of a link after this many bytes. The receiver's system may discard bytes
    /// that the receiver has not read. Takes precedence over `close_after`.
    pub abort_after: Option<u64>,
}

/// How a link is cut after a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutKind {
    Close,
    Abort,
}

impl Conditions {
    /// How many bytes may be in transit.
    pub(crate) fn capacity(&self) -> usize {
        if self.bandwidth == 0 {
            return UNLIMITED_CAPACITY;
        }
        let bandwidth = u128::from(self.bandwidth);
        let travel = self.delay.saturating_add(self.jitter).as_nanos();
        let in_transit = bandwidth.saturating_mul(travel) / 1_000_000_000;
        let waiting = (bandwidth / 4).max(MIN_QUEUE);
        in_transit.saturating_add(waiting).min(MAX_CAPACITY) as usize
    }

    /// The number of bytes after which a link is cut.
    pub(crate) fn cut_after(&self) -> u64 {
        let close = self.close_after.unwrap_or(u64::MAX);
        close.min(self.abort_after.unwrap_or(u64::MAX))
    }

    /// How a link is cut when `count` bytes have arrived.
    pub(crate) fn cut(&self, count: u64) -> Option<CutKind> {
        if self.abort_after.is_some_and(|after| count >= after) {
            return Some(CutKind::Abort);
        }
        let closes = self.close_after.is_some_and(|after| count >= after);
        closes.then_some(CutKind::Close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_capacity_follows_from_bandwidth_and_delay() {
        let capacity = |bandwidth, delay| {
            let conditions = Conditions {
                bandwidth,
                delay: Duration::from_millis(delay),
                ..Conditions::default()
            };
            conditions.capacity()
        };
        assert_eq!(capacity(0, 10_000), 1 << 20);
        assert_eq!(capacity(1, 0), 65_536);
        assert_eq!(capacity(1_000_000, 0), 250_000);
        assert_eq!(capacity(1_000_000, 500), 750_000);
        assert_eq!(capacity(u64::MAX, u64::MAX), 16 << 20);
    }

    #[test]
    fn the_lower_limit_cuts_and_a_reset_takes_precedence() {
        let mut conditions = Conditions::default();
        assert_eq!(conditions.cut(u64::MAX), None);
        conditions.close_after = Some(10);
        assert_eq!((conditions.cut_after(), conditions.cut(9)), (10, None));
        assert_eq!(conditions.cut(10), Some(CutKind::Close));
        conditions.abort_after = Some(10);
        assert_eq!(conditions.cut(11), Some(CutKind::Abort));
        conditions.abort_after = Some(4);
        assert_eq!(
            (conditions.cut_after(), conditions.cut(4)),
            (4, Some(CutKind::Abort))
        );
    }
}
