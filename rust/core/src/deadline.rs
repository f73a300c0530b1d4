//! Time limits, of blocking calls above all.
//!
//! Time in which the process did nothing says nothing about the network: it was stopped, its machine
//! slept, or the game was busy. After such an absence a fair minimum of time is left, whatever the
//! limit was.
//!
//! A long wait looks the same whether the process slept or was stopped. So a blocking call waits in
//! slices: a slice that ends late reveals an absence, and its length.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sys;

/// Longer than this without a look is an absence.
pub(crate) const ABSENCE: Duration = Duration::from_millis(100);

/// The fair minimum is this part of the limit, within these bounds.
const MINIMUM_PART: u32 = 4;
const LEAST_MINIMUM: Duration = Duration::from_millis(250);
const MOST_MINIMUM: Duration = Duration::from_secs(5);

/// A slice is this part of the limit, within these bounds.
const SLICE_PART: u32 = 16;
const SHORTEST_SLICE: Duration = Duration::from_millis(50);
const LONGEST_SLICE: Duration = Duration::from_secs(1);

/// The time that is left at least after an absence, for a `limit` that may have passed meanwhile.
pub(crate) fn fair_minimum(limit: Duration) -> Duration {
    (limit / MINIMUM_PART).clamp(LEAST_MINIMUM, MOST_MINIMUM)
}

/// A time limit that any thread can change and read without a lock. The default is none.
#[derive(Debug, Default)]
pub(crate) struct Timeout {
    /// 0 is no limit.
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

    /// The deadline of one call.
    pub(crate) fn deadline(&self) -> Deadline<'_> {
        Deadline {
            timeout: self,
            end: None,
            slice_end: None,
            is_prolonged: false,
        }
    }
}

/// Until when one call may wait. The time counts from the first wait, so that a call that need not wait asks no clock.
#[derive(Debug)]
pub(crate) struct Deadline<'a> {
    timeout: &'a Timeout,
    end: Option<Instant>,
    /// When the last wait had to end.
    slice_end: Option<Instant>,
    /// The fair minimum is granted once, so that each call ends.
    is_prolonged: bool,
}

/// The time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimedOut;

impl Deadline<'_> {
    /// How long the next wait may take; `None` is unlimited. A wait may end before anything has
    /// happened: the caller looks, and asks again.
    pub(crate) fn left(&mut self) -> Result<Option<Duration>, TimedOut> {
        let Some(limit) = self.timeout.get() else {
            return Ok(None);
        };
        self.left_at(sys::now(), limit)
    }

    fn left_at(&mut self, now: Instant, limit: Duration) -> Result<Option<Duration>, TimedOut> {
        // A limit that no clock can hold is none.
        let Some(end) = now.checked_add(limit) else {
            return Ok(None);
        };
        let end = self.end.get_or_insert(end);
        let overslept = self
            .slice_end
            .map(|slice_end| now.saturating_duration_since(slice_end));
        if let Some(absence) = overslept.filter(|&time| time > ABSENCE) {
            // The call keeps what it had left. Each time the slice itself is gone, so it ends,
            // however often the process is stopped.
            *end = end.checked_add(absence).unwrap_or(*end);
            if !self.is_prolonged {
                *end = (*end).max(now + fair_minimum(limit));
                self.is_prolonged = true;
            }
        }
        let left = end.saturating_duration_since(now);
        if left.is_zero() {
            return Err(TimedOut);
        }
        let slice = (limit / SLICE_PART).clamp(SHORTEST_SLICE, LONGEST_SLICE);
        let wait = left.min(slice);
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

    /// How long a call waits from `start` on if each of its waits, counted from 0, takes `late`
    /// longer than it may.
    fn waits(start: Instant, limit: Duration, late: impl Fn(u32) -> Duration) -> Duration {
        let timeout = Timeout::default();
        let mut deadline = timeout.deadline();
        let mut now = start;
        for count in 0..1000 {
            match deadline.left_at(now, limit) {
                Ok(left) => now += left.unwrap() + late(count),
                Err(TimedOut) => return now - start,
            }
        }
        panic!("it does not end");
    }

    #[test]
    fn a_call_that_is_not_stopped_ends_at_its_limit() {
        let start = Instant::now();
        for limit in [millis(1), millis(70), LIMIT, Duration::from_secs(30)] {
            assert_eq!(waits(start, limit, |_| Duration::ZERO), limit);
        }
    }

    #[test]
    fn an_absence_does_not_count() {
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
                waits(start, LIMIT, late),
                expected + absence,
                "{stopped_in}"
            );
        }
    }

    /// A process that is stopped all the time, and whose peer never reads.
    #[test]
    fn absences_have_an_end() {
        let start = Instant::now();
        for limit in [millis(1), LIMIT, Duration::from_secs(30)] {
            let absence = millis(150);
            let took = waits(start, limit, |_| absence);
            let most = limit.max(fair_minimum(limit)) * 5;
            assert!(took <= most, "{limit:?}: {took:?}");
        }
    }

    #[test]
    fn a_limit_that_no_clock_can_hold_is_none() {
        let timeout = Timeout::default();
        let mut deadline = timeout.deadline();
        let left = deadline.left_at(Instant::now(), Duration::MAX);
        assert_eq!(left, Ok(None));
    }
}
