//! What a network does to one direction of a stream.

use std::time::Duration;

/// So much is under way where the bandwidth has no limit.
const MOST_UNLIMITED: usize = 1 << 20;

/// A line holds what a quarter of a second brings, this at least, beside what its delay holds.
const LEAST: u128 = 64 * 1024;

/// No line holds more.
const MOST: u128 = 16 << 20;

/// What happens to the bytes of one direction of each link. The default is a perfect network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// How long bytes are under way.
    pub delay: Duration,
    /// The most that chance adds to the delay. Bytes do not overtake each other.
    pub jitter: Duration,
    /// How many bytes arrive in a second; 0 is no limit.
    ///
    /// It says how much is under way: with a limit what the delay and the jitter hold, and a quarter of a second, 64 KiB to
    /// 16 MiB in all; without one 1 MiB. What is more stays with the sender.
    pub bandwidth: u64,
    /// The most that arrives in one poll; 0 is no limit. Otherwise each piece has another size, by chance from one byte to
    /// this many. Where in the stream a piece ends follows from the seed alone.
    pub max_piece: usize,
    /// Nothing arrives, also no end and no reset, until this is false again.
    pub is_stalled: bool,
    /// After so many bytes of a link both its ends see an end.
    pub close_after: Option<u64>,
    /// After so many bytes of a link both its ends see a reset. What the receiver has not read by then, its system may drop.
    pub abort_after: Option<u64>,
}

/// What ends a link after a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Close,
    Abort,
}

impl Conditions {
    /// How many bytes may be under way.
    pub(super) fn capacity(&self) -> usize {
        if self.bandwidth == 0 {
            return MOST_UNLIMITED;
        }
        let bandwidth = u128::from(self.bandwidth);
        let travel = self.delay.saturating_add(self.jitter).as_nanos();
        let under_way = bandwidth.saturating_mul(travel) / 1_000_000_000;
        let waiting = (bandwidth / 4).max(LEAST);
        under_way.saturating_add(waiting).min(MOST) as usize
    }

    /// How many bytes of a link may arrive in all.
    pub(super) fn most(&self) -> u64 {
        let close = self.close_after.unwrap_or(u64::MAX);
        close.min(self.abort_after.unwrap_or(u64::MAX))
    }

    /// What ends a link of which `count` bytes have arrived.
    pub(super) fn cut(&self, count: u64) -> Option<Cut> {
        if self.abort_after.is_some_and(|after| count >= after) {
            return Some(Cut::Abort);
        }
        let closes = self.close_after.is_some_and(|after| count >= after);
        closes.then_some(Cut::Close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_follows_from_the_line() {
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
    fn the_first_limit_cuts_and_a_reset_goes_first() {
        let mut conditions = Conditions::default();
        assert_eq!(conditions.cut(u64::MAX), None);
        conditions.close_after = Some(10);
        assert_eq!((conditions.most(), conditions.cut(9)), (10, None));
        assert_eq!(conditions.cut(10), Some(Cut::Close));
        conditions.abort_after = Some(10);
        assert_eq!(conditions.cut(11), Some(Cut::Abort));
        conditions.abort_after = Some(4);
        assert_eq!(
            (conditions.most(), conditions.cut(4)),
            (4, Some(Cut::Abort))
        );
    }
}
