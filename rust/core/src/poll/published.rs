//! The newest shared poll, published to all threads without a lock.

use crate::poll::freshness::Moment;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The newest shared poll that is done.
///
/// Where the thread that shared polls and one that polls meet:
///
/// | shared polls | polls |
/// | --- | --- |
/// | reads the activity | |
/// | asks the kernel, and tells each `Readiness` | |
/// | stores activity, ticks, number (release) | |
/// | | loads number, ticks, activity (acquire): sees all that was told |
/// | | reads its `Readiness` |
///
/// Who loads any of the three sees everything that was told before it was stored, so a mixture of two shared polls does no harm:
/// what was told by the older of them is seen, and the moment is that of a shared poll which has told it.
#[derive(Debug, Default)]
pub(crate) struct Published {
    number: AtomicU64,
    ticks: AtomicU64,
    /// The activity before it began.
    activity: AtomicU64,
}

/// The shared polls that somebody has used: so many had begun then.
#[derive(Debug, Default)]
pub(crate) struct Mark(AtomicU64);

impl Published {
    /// Publishes the shared poll `number`, which has told everything that the kernel had to tell at the moment `asked`. One
    /// thread at a time does it.
    pub(crate) fn publish(&self, number: u64, asked: Moment) {
        self.activity.store(asked.activity, Ordering::Release);
        self.ticks.store(asked.ticks, Ordering::Release);
        self.number.store(number, Ordering::Release);
    }

    /// Whether there is a shared poll that `mark` has not used, and that holds `now`, which shared polls do for `lifetime` ticks.
    #[inline]
    pub(crate) fn serves(&self, mark: &Mark, now: Moment, lifetime: u64) -> bool {
        let asked = || Moment {
            ticks: self.ticks.load(Ordering::Acquire),
            activity: self.activity.load(Ordering::Acquire),
        };
        self.number.load(Ordering::Acquire) > mark.0.load(Ordering::Relaxed)
            && now.still_knows(asked(), lifetime)
    }
}

impl Mark {
    /// Takes note that all shared polls up to `begun` are used, those that are under way included: they began before this moment.
    #[inline]
    pub(crate) fn use_up_to(&self, begun: u64) {
        self.0.store(begun, Ordering::Relaxed);
    }
}
