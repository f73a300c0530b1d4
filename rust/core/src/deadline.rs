//! Time limits of blocking calls, and what an absence does to them.
//!
//! An *absence* is time in which the process could not act: it was stopped, the machine slept, or
//! the game was busy. It does not count against the network: after an absence, a fair minimum of
//! time is left.
//!
//! A wait cannot detect that its process was stopped meanwhile. So a blocking call waits in slices:
//! a slice that ends late reveals an absence, and its length.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sys;

/// A longer time without a poll, or beyond the end of a slice, is an absence.
pub(crate) const ABSENCE: Duration = Duration::from_millis(100);

/// The fair minimum is this fraction of the limit, within these bounds.
const MINIMUM_DIVISOR: u32 = 4;
const SHORTEST_MINIMUM: Duration = Duration::from_millis(250);
const LONGEST_MINIMUM: Duration = Duration::from_secs(5);

/// A slice is this fraction of the limit, within these bounds.
const SLICE_DIVISOR: u32 = 16;
const SHORTEST_SLICE: Duration = Duration::from_millis(50);
const LONGEST_SLICE: Duration = Duration::from_secs(1);

/// The minimum time left after an absence, for a limit of `limit`.
pub(crate) fn fair_minimum(limit: Duration) -> Duration {
    (limit / MINIMUM_DIVISOR).clamp(SHORTEST_MINIMUM, LONGEST_MINIMUM)
}

/// A time limit that any thread can change and read without a lock. Unlimited by default.
#[derive(Debug, Default)]
pub(crate) struct Timeout {
    /// 0 is unlimited.
    nanoseconds: AtomicU64,
}

impl Timeout {
    pub(crate) fn get(&self) -> Option<Duration> {
        match self.nanoseconds.load(Ordering::Relaxed) {
            0 => None,
            count => Some(Duration::from_nanos(count)),
        }
    }

    pub(crate) fn set(&self, limit: Option<Duration>) {
        let count = limit.map_or(0, |limit| {
            u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1)
        });
        self.nanoseconds.store(count, Ordering::Relaxed);
    }

    /// The deadline of one call, which begins with its first wait.
    pub(crate) fn deadline(&self) -> Deadline<'_> {
        Deadline {
            timeout: self,
            end: None,
            slice_end: None,
            is_extended: false,
        }
    }
}

/// Until when one call may wait. The time counts from the first wait, so a call that does not wait
/// does not read the clock.
#[derive(Debug)]
pub(crate) struct Deadline<'a> {
    timeout: &'a Timeout,
    end: Option<Instant>,
    /// When the last slice was due to end.
    slice_end: Option<Instant>,
    /// The fair minimum was granted. It is granted once, so that each call ends.
    is_extended: bool,
}

/// The deadline has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimedOut;

impl Deadline<'_> {
    /// How long the next wait may take; `None` is unlimited. It is at most one slice, so the wait
    /// may end without an event: the caller then tries again, and calls this again.
    pub(crate) fn left(&mut self) -> Result<Option<Duration>, TimedOut> {
        let Some(limit) = self.timeout.get() else {
            return Ok(None);
        };
        self.left_at(sys::now(), limit)
    }

    fn left_at(&mut self, now: Instant, limit: Duration) -> Result<Option<Duration>, TimedOut> {
        // A limit beyond the range of the clock is unlimited.
        let Some(end) = now.checked_add(limit) else {
            return Ok(None);
        };
        let end = self.end.get_or_insert(end);
        let overslept = self
            .slice_end
            .map(|slice_end| now.saturating_duration_since(slice_end));
        if let Some(absence) = overslept.filter(|&time| time > ABSENCE) {
            // The call keeps the time that it had left. Each absence still uses up a slice, so the
            // call ends however often the process is stopped.
            *end = end.checked_add(absence).unwrap_or(*end);
            if !self.is_extended {
                *end = (*end).max(now + fair_minimum(limit));
                self.is_extended = true;
            }
        }
        let left = end.saturating_duration_since(now);
        if left.is_zero() {
            return Err(TimedOut);
        }
        let slice = (limit / SLICE_DIVISOR).clamp(SHORTEST_SLICE, LONGEST_SLICE);
        let wait = left.min(slice);
        debug_assert!(!wait.is_zero(), "a wait of no length");
        self.slice_end = now.checked_add(wait);
        Ok(Some(wait))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn the_minimum_follows_the_limit() {
        assert_eq!(fair_minimum(millis(1)), millis(250));
        assert_eq!(fair_minimum(millis(4000)), millis(1000));
        assert_eq!(fair_minimum(Duration::from_secs(30)), millis(5000));
    }

    /// How long a call that begins at `start` waits if its slices, counted from 0, end `late`.
    fn total_wait(start: Instant, limit: Duration, late: impl Fn(u32) -> Duration) -> Duration {
        let timeout = Timeout::default();
        let mut deadline = timeout.deadline();
        let mut now = start;
        for count in 0..1000 {
            match deadline.left_at(now, limit) {
                Ok(left) => now += left.unwrap() + late(count),
                Err(TimedOut) => return now - start,
            }
        }
        panic!("the call does not end");
    }

    #[test]
    fn a_call_that_is_not_stopped_ends_at_its_limit() {
        let start = Instant::now();
        for limit in [millis(1), millis(70), LIMIT, Duration::from_secs(30)] {
            assert_eq!(total_wait(start, limit, |_| Duration::ZERO), limit);
        }
    }

    #[test]
    fn an_absence_does_not_count_against_the_limit() {
        let start = Instant::now();
        let absence = Duration::from_secs(20);
        // In the beginning, in the middle, and in the last wait.
        for (stopped_in, expected) in [(0, LIMIT), (8, LIMIT), (15, LIMIT + millis(250))] {
            let late = |count| {
                if count == stopped_in {
                    absence
                } else {
                    Duration::ZERO
                }
            };
            assert_eq!(
                total_wait(start, LIMIT, late),
                expected + absence,
                "{stopped_in}"
            );
        }
    }

    /// The process is stopped repeatedly, and the peer never reads.
    #[test]
    fn a_call_ends_despite_repeated_absences() {
        let start = Instant::now();
        for limit in [millis(1), LIMIT, Duration::from_secs(30)] {
            let absence = millis(150);
            let took = total_wait(start, limit, |_| absence);
            let most = limit.max(fair_minimum(limit)) * 5;
            assert!(took <= most, "{limit:?}: {took:?}");
        }
    }

    #[test]
    fn a_limit_beyond_the_clock_is_unlimited() {
        let timeout = Timeout::default();
        let mut deadline = timeout.deadline();
        let left = deadline.left_at(Instant::now(), Duration::MAX);
        assert_eq!(left, Ok(None));
    }
}
