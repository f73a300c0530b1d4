//! The members whose queues the kernel has refused, and for how long they made no progress.
//!
//! Only time in which the loop was polled counts. A peer that reads needs the loop as well: the
//! kernel has room again only for what the loop sends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::connection::SendProgress;
use crate::deadline::{ABSENCE, Timeout, fair_minimum};
use crate::sync::{Mutex, MutexGuard, lock};

/// The least time between two checks of the members.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The stalled members of an event loop. Without a limit nothing is recorded.
#[derive(Debug, Default)]
pub(super) struct Stalls {
    limit: Timeout,
    watch: Mutex<Watch>,
}

#[derive(Debug, Default)]
struct Watch {
    /// The members with a refused queue, by key.
    members: BTreeMap<usize, Stall>,
    /// For how long the loop was polled while there were such members.
    polled: Duration,
    /// When `polled` was updated. `None` without members.
    updated_at: Option<Instant>,
    /// When the members were checked.
    checked_at: Option<Instant>,
}

/// A member whose queue makes no progress.
#[derive(Clone, Copy, Debug, Default)]
struct Stall {
    /// `None` until the first check.
    progress: Option<SendProgress>,
    /// What `polled` was when the progress was first seen.
    since: Duration,
    /// The additional time after an absence. Granted once, so that each stall ends.
    extra: Option<Duration>,
}

impl Stalls {
    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit.get()
    }

    /// Sets the limit, and returns the previous one.
    pub(super) fn set_limit(&self, limit: Option<Duration>) -> Option<Duration> {
        let previous = self.limit.get();
        self.limit.set(limit);
        if limit.is_none() {
            *self.lock() = Watch::default();
        }
        previous
    }

    /// Records that the kernel has refused the queue of the member `key`.
    pub(super) fn watch(&self, key: usize) {
        if self.limit.get().is_some() {
            let mut watch = self.lock();
            let since = watch.polled;
            watch.members.entry(key).or_insert(Stall {
                since,
                ..Stall::default()
            });
        }
    }

    /// Records that a poll begins. `clock` is called only if there are members to watch.
    pub(super) fn begin_poll(&self, clock: impl FnOnce() -> Instant) {
        if let Some(limit) = self.limit.get() {
            let mut watch = self.lock();
            if !watch.members.is_empty() {
                watch.update(clock(), ABSENCE, limit);
            }
        }
    }

    /// Returns the keys of the members to check now. `None` if there are no members to watch.
    pub(super) fn due(
        &self,
        limit: Duration,
        clock: impl FnOnce() -> Instant,
    ) -> Option<Vec<usize>> {
        let mut watch = self.lock();
        if watch.members.is_empty() {
            watch.updated_at = None;
            return None;
        }
        let now = clock();
        watch.update(now, CHECK_INTERVAL + ABSENCE, limit);
        let is_due = watch
            .checked_at
            .is_none_or(|at| now.saturating_duration_since(at) >= CHECK_INTERVAL);
        if !is_due {
            return Some(Vec::new());
        }
        watch.checked_at = Some(now);
        Some(watch.members.keys().copied().collect())
    }

    /// Records the `progress` of the member `key`; `None` if its queue is empty or its connection
    /// has ended. Returns for how long it made none, if that exceeds `limit`. The member is no
    /// longer watched then.
    pub(super) fn advance(
        &self,
        key: usize,
        progress: Option<SendProgress>,
        limit: Duration,
    ) -> Option<Duration> {
        let mut watch = self.lock();
        let polled = watch.polled;
        let stall = watch.members.get_mut(&key)?;
        if progress.is_some() && stall.progress == progress {
            let waited = polled.saturating_sub(stall.since);
            if waited < limit.saturating_add(stall.extra.unwrap_or_default()) {
                return None;
            }
            watch.members.remove(&key);
            return Some(waited);
        }
        *stall = Stall {
            progress,
            since: polled,
            extra: None,
        };
        if progress.is_none() {
            watch.members.remove(&key);
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Watch> {
        lock(&self.watch)
    }
}

impl Watch {
    /// Adds the time since the last update, at most `most`. More is an absence.
    fn update(&mut self, now: Instant, most: Duration, limit: Duration) {
        let updated_at = self.updated_at.replace(now);
        let gap = updated_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.polled += gap.min(most);
        if gap > most {
            for stall in self.members.values_mut() {
                let waited = self.polled.saturating_sub(stall.since);
                let left = limit.saturating_sub(waited);
                stall
                    .extra
                    .get_or_insert_with(|| fair_minimum(limit).saturating_sub(left));
            }
        }
    }
}
