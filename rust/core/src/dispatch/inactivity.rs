//! Measures how long members make no progress: in sending, while the kernel refuses their queues,
//! or in receiving.
//!
//! Only time in which the loop was polled counts: a queue shrinks only while the loop sends it,
//! even if the peer reads, and data is received only by polls.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::deadline::{ABSENCE, Timeout, fair_minimum};
use crate::sync::{Mutex, MutexGuard, lock};

/// The least time between two checks of the members.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The members of an event loop whose progress `P` is watched. Without a limit nothing is recorded.
#[derive(Debug)]
pub(super) struct Inactivity<P> {
    limit: Timeout,
    watch: Mutex<InactivityWatch<P>>,
}

#[derive(Debug)]
struct InactivityWatch<P> {
    /// The watched members, by key.
    members: BTreeMap<usize, Pause<P>>,
    /// For how long the loop was polled while there were such members.
    polled: Duration,
    /// When `polled` was updated. `None` without members.
    updated_at: Option<Instant>,
    /// When the members were checked.
    checked_at: Option<Instant>,
}

/// The time in which a member makes no progress.
#[derive(Clone, Copy, Debug)]
struct Pause<P> {
    /// `None` until the first check.
    progress: Option<P>,
    /// What `polled` was when the progress was first seen.
    since: Duration,
    /// The additional time after an absence. Granted once, so that each pause ends.
    extra: Option<Duration>,
}

impl<P> Default for Inactivity<P> {
    fn default() -> Inactivity<P> {
        Inactivity {
            limit: Timeout::default(),
            watch: Mutex::default(),
        }
    }
}

impl<P> Default for InactivityWatch<P> {
    fn default() -> InactivityWatch<P> {
        InactivityWatch {
            members: BTreeMap::new(),
            polled: Duration::ZERO,
            updated_at: None,
            checked_at: None,
        }
    }
}

impl<P: Copy + PartialEq> Inactivity<P> {
    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit.get()
    }

    /// Sets the limit, and returns the previous one.
    pub(super) fn set_limit(&self, limit: Option<Duration>) -> Option<Duration> {
        let previous = self.limit.get();
        self.limit.set(limit);
        if limit.is_none() {
            *self.lock() = InactivityWatch::default();
        }
        previous
    }

    /// Watches the member `key` from now on, until [`advance`](Self::advance) ends that.
    pub(super) fn watch(&self, key: usize) {
        if self.limit.get().is_some() {
            let mut watch = self.lock();
            let since = watch.polled;
            watch.members.entry(key).or_insert(Pause {
                progress: None,
                since,
                extra: None,
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
        // A poll may have waited for a whole interval since it began.
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

    /// Records the `progress` of the member `key`; `None` if there is nothing to watch, for example
    /// because its connection has ended. Returns for how long it made none, if that has reached
    /// `limit`, plus the additional time that an absence grants. In both cases the member is no
    /// longer watched.
    pub(super) fn advance(
        &self,
        key: usize,
        progress: Option<P>,
        limit: Duration,
    ) -> Option<Duration> {
        let mut watch = self.lock();
        let polled = watch.polled;
        let pause = watch.members.get_mut(&key)?;
        if progress.is_some() && pause.progress == progress {
            let waited = polled.saturating_sub(pause.since);
            if waited < limit.saturating_add(pause.extra.unwrap_or_default()) {
                return None;
            }
            watch.members.remove(&key);
            return Some(waited);
        }
        *pause = Pause {
            progress,
            since: polled,
            extra: None,
        };
        if progress.is_none() {
            watch.members.remove(&key);
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, InactivityWatch<P>> {
        lock(&self.watch)
    }
}

impl<P> InactivityWatch<P> {
    /// Adds the time since the last update, capped at `cap`. A longer gap is an absence.
    fn update(&mut self, now: Instant, cap: Duration, limit: Duration) {
        let updated_at = self.updated_at.replace(now);
        let gap = updated_at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.polled += gap.min(cap);
        if gap > cap {
            for pause in self.members.values_mut() {
                let waited = self.polled.saturating_sub(pause.since);
                let left = limit.saturating_sub(waited);
                pause
                    .extra
                    .get_or_insert_with(|| fair_minimum(limit).saturating_sub(left));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(5);
    const FRAME: Duration = Duration::from_millis(16);

    /// A loop with one watched member, and its clock.
    struct Game {
        inactivity: Inactivity<u64>,
        now: Instant,
        checks: u32,
    }

    impl Game {
        fn new() -> Game {
            let inactivity = Inactivity::default();
            assert_eq!(inactivity.set_limit(Some(LIMIT)), None);
            inactivity.watch(3);
            Game {
                inactivity,
                now: Instant::now(),
                checks: 0,
            }
        }

        /// One frame of this length, and its poll. Returns for how long the member has made no
        /// progress, if that is too long.
        fn frame(&mut self, length: Duration, progress: Option<u64>) -> Option<Duration> {
            self.now += length;
            self.inactivity.begin_poll(|| self.now);
            let due = self.inactivity.due(LIMIT, || self.now).unwrap_or_default();
            self.checks += due.len() as u32;
            due.into_iter()
                .find_map(|key| self.inactivity.advance(key, progress, LIMIT))
        }

        /// Runs frames of this length until the member is ended. Returns how long that took.
        fn until_over(&mut self, length: Duration) -> Duration {
            let begin = self.now;
            while self.frame(length, Some(1)).is_none() {
                assert!(self.now - begin < LIMIT * 1000, "it never ends");
            }
            self.now - begin
        }
    }

    #[test]
    fn a_member_is_ended_after_the_limit() {
        let mut game = Game::new();
        let time = game.until_over(FRAME);
        assert!(
            time >= LIMIT && time < LIMIT + CHECK_INTERVAL * 2,
            "{time:?}"
        );
        assert!(game.checks <= 22, "{} checks", game.checks);
        assert_eq!(game.inactivity.due(LIMIT, || game.now), None, "only once");
    }

    #[test]
    fn progress_begins_the_time_anew() {
        let mut game = Game::new();
        for sent in 0..1000 {
            assert_eq!(game.frame(FRAME, Some(sent / 100)), None);
        }
        let time = game.until_over(FRAME);
        assert!(time >= LIMIT, "{time:?}");
        let mut game = Game::new();
        assert_eq!(game.frame(FRAME, None), None);
        assert_eq!(
            game.inactivity.due(LIMIT, || game.now),
            None,
            "there is nothing to watch"
        );
    }

    #[test]
    fn an_absence_ends_nothing() {
        let mut game = Game::new();
        for _ in 0..290 {
            assert_eq!(game.frame(FRAME, Some(1)), None);
        }
        // The limit has nearly passed. The fair minimum is left after the absence.
        assert_eq!(game.frame(LIMIT * 10, Some(1)), None);
        let time = game.until_over(FRAME);
        let least = fair_minimum(LIMIT) - ABSENCE;
        assert!(time >= least && time < LIMIT, "{time:?}");
    }

    /// Each frame is an absence: a member without progress is still ended.
    #[test]
    fn a_slow_game_ends_members_later() {
        for length in [150, 1000, 20_000].map(Duration::from_millis) {
            let mut game = Game::new();
            let frames = game.until_over(length).as_millis() / length.as_millis();
            assert!((50..=80).contains(&frames), "{length:?}: {frames} frames");
        }
    }

    #[test]
    fn without_a_limit_nothing_is_watched() {
        let inactivity = Inactivity::<u64>::default();
        inactivity.watch(3);
        inactivity.begin_poll(|| unreachable!("no clock is read"));
        assert!(inactivity.lock().members.is_empty());
        inactivity.set_limit(Some(LIMIT));
        inactivity.begin_poll(|| unreachable!("no member is watched"));
        inactivity.watch(3);
        inactivity.set_limit(None);
        assert!(inactivity.lock().members.is_empty());
    }
}
