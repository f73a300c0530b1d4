//! Time limits of blocking calls.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sys;

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
        }
    }
}

/// Until when one call may wait. The time counts from the first wait, so that a call that need not wait asks no clock.
#[derive(Debug)]
pub(crate) struct Deadline<'a> {
    timeout: &'a Timeout,
    end: Option<Instant>,
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
        let left = self.end.get_or_insert(end).saturating_duration_since(now);
        if left.is_zero() {
            return Err(TimedOut);
        }
        Ok(Some(left))
    }
}
