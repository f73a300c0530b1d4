//! The newest shared poll, published to all threads without a lock.

use crate::poll::freshness::Moment;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The newest completed shared poll.
///
/// The polling thread and the threads that use the result:
///
/// | shared poll | poll of a connection |
/// | --- | --- |
/// | reads the activity count | |
/// | asks the kernel, notifies each reported `Readiness` | |
/// | stores activity, ticks, number (release) | |
/// | | loads number, ticks, activity (acquire) |
/// | | reads its `Readiness`: sees the notifications |
///
/// A load of any of the three values sees every notification that came before its store. So a mix
/// of the values of two shared polls is harmless: the notifications of the older one are visible,
/// and the moment is one at which all of them had been made.
#[derive(Debug, Default)]
pub(crate) struct Published {
    number: AtomicU64,
    ticks: AtomicU64,
    /// The activity count before the poll began.
    activity: AtomicU64,
}

/// The number of the newest shared poll that one connection has used. Earlier ones count as used.
#[derive(Debug, Default)]
pub(crate) struct Mark(AtomicU64);

impl Published {
    /// Publishes the shared poll `number`, which reported everything that the kernel had at the
    /// moment `requested`. Called by one thread at a time, with increasing numbers.
    pub(crate) fn publish(&self, number: u64, requested: Moment) {
        debug_assert!(
            number > self.number.load(Ordering::Relaxed),
            "shared polls are published in order"
        );
        self.activity.store(requested.activity, Ordering::Release);
        self.ticks.store(requested.ticks, Ordering::Release);
        self.number.store(number, Ordering::Release);
    }

    /// Whether the newest shared poll is newer than `mark` and was fresh at `now`: younger than
    /// `lifetime` ticks.
    #[inline]
    pub(crate) fn is_usable(&self, mark: &Mark, now: Moment, lifetime: u64) -> bool {
        let requested = || Moment {
            ticks: self.ticks.load(Ordering::Acquire),
            activity: self.activity.load(Ordering::Acquire),
        };
        self.number.load(Ordering::Acquire) > mark.0.load(Ordering::Relaxed)
            && requested().is_fresh_at(now, lifetime)
    }
}

impl Mark {
    /// Marks all shared polls up to number `begun` as used. Those still under way count as well:
    /// they began before now.
    #[inline]
    pub(crate) fn advance_to(&self, begun: u64) {
        self.0.store(begun, Ordering::Relaxed);
    }
}
