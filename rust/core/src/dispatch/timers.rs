//! When members of an event loop have to be visited, apart from events.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use crate::sync::{Mutex, lock};

/// The times of visits, at most one for each member.
#[derive(Debug, Default)]
pub(super) struct Timers(Mutex<TimerState>);

#[derive(Debug, Default)]
struct TimerState {
    by_time: BTreeSet<(Instant, usize)>,
    by_key: HashMap<usize, Instant>,
}

impl Timers {
    /// Replaces the time of the member `key`; `None` is never.
    pub(super) fn set(&self, key: usize, at: Option<Instant>) {
        let mut state = lock(&self.0);
        let old = match at {
            Some(at) => state.by_key.insert(key, at),
            None => state.by_key.remove(&key),
        };
        if old == at {
            return;
        }
        if let Some(old) = old {
            state.by_time.remove(&(old, key));
        }
        if let Some(at) = at {
            state.by_time.insert((at, key));
        }
    }

    /// Takes the members whose time has come. `clock` is called only if there are times.
    pub(super) fn take_due(&self, clock: impl FnOnce() -> Instant) -> Vec<usize> {
        let mut state = lock(&self.0);
        let mut due = Vec::new();
        if state.by_time.is_empty() {
            return due;
        }
        let now = clock();
        while let Some(&(at, key)) = state.by_time.first()
            && at <= now
        {
            state.by_time.pop_first();
            state.by_key.remove(&key);
            due.push(key);
        }
        due
    }

    /// How long it is until the first time; `None` without one. `clock` is called only if there are
    /// times.
    pub(super) fn next(&self, clock: impl FnOnce() -> Instant) -> Option<Duration> {
        let state = lock(&self.0);
        let (at, _) = state.by_time.first()?;
        Some(at.saturating_duration_since(clock()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_member_has_its_last_time() {
        let timers = Timers::default();
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        assert_eq!(timers.next(|| unreachable!("no clock is read")), None);
        timers.set(1, Some(at(1)));
        timers.set(2, Some(at(2)));
        timers.set(3, Some(at(2)));
        timers.set(1, Some(at(4)));
        timers.set(3, None);
        assert_eq!(timers.next(|| begin), Some(Duration::from_secs(2)));
        assert!(timers.take_due(|| at(1)).is_empty());
        assert_eq!(timers.take_due(|| at(3)), [2]);
        assert_eq!(timers.next(|| at(5)), Some(Duration::ZERO));
        assert_eq!(timers.take_due(|| at(5)), [1]);
        assert!(
            timers
                .take_due(|| unreachable!("no clock is read"))
                .is_empty()
        );
    }
}
