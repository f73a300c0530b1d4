//! Time limits, of blocking calls above all.
//!
//! Time in which the process did nothing says nothing about the network: it was stopped, its machine
//! slept, or the game was busy. After such an absence a fair minimum of time is left, whatever the
//! limit was.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sys;

/// Longer than this without a look is an absence.
pub(crate) const ABSENCE: Duration = Duration::from_millis(100);

/// The fair minimum is this part of the limit, within these bounds.
const MINIMUM_PART: u32 = 4;
const LEAST_MINIMUM: Duration = Duration::from_millis(250);
const MOST_MINIMUM: Duration = Duration::from_secs(5);

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
            wait_end: None,
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
    wait_end: Option<Instant>,
    /// An absence extends the deadline once, so that each call ends.
    is_prolonged: bool,
}

/// The time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimedOut;

impl Deadline<'_> {
    /// How long the next wait may take; `None` is for ever.
    pub(crate) fn left(&mut self) -> Result<Option<Duration>, TimedOut> {
        let Some(limit) = self.timeout.get() else {
            return Ok(None);
        };
        let now = sys::now();
        // A limit that no clock can hold is none.
        let Some(end) = now.checked_add(limit) else {
            return Ok(None);
        };
        let end = self.end.get_or_insert(end);
        let overslept = self
            .wait_end
            .map(|wait_end| now.saturating_duration_since(wait_end));
        if overslept.is_some_and(|time| time > ABSENCE) && !self.is_prolonged {
            *end = (*end).max(now + fair_minimum(limit));
            self.is_prolonged = true;
        }
        let left = end.saturating_duration_since(now);
        if left.is_zero() {
            return Err(TimedOut);
        }
        self.wait_end = Some(*end);
        Ok(Some(left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_follows_the_limit() {
        let millis = Duration::from_millis;
        assert_eq!(fair_minimum(millis(1)), millis(250));
        assert_eq!(fair_minimum(millis(4000)), millis(1000));
        assert_eq!(fair_minimum(Duration::from_secs(30)), millis(5000));
    }
}
