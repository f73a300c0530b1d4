//! Time limits of blocking calls.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::sys::{self, Interest};

/// A time limit that any thread can change and read without a lock. The default is none.
#[derive(Debug, Default)]
pub(crate) struct Limit {
    /// 0 is no limit.
    nanoseconds: AtomicU64,
}

impl Limit {
    pub(crate) fn new(limit: Duration) -> Limit {
        let new = Limit::default();
        new.set(Some(limit));
        new
    }

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

    /// The waits of one call, which share the limit.
    pub(crate) fn waits(&self) -> Waits<'_> {
        Waits {
            limit: self,
            deadline: None,
        }
    }
}

/// The waits of one call. The time counts from the first one, so that a call that need not wait asks no clock.
#[derive(Debug)]
pub(crate) struct Waits<'a> {
    limit: &'a Limit,
    deadline: Option<Instant>,
}

impl Waits<'_> {
    /// Waits until `socket` is ready, has ended or was interrupted; false if the time is over.
    pub(crate) fn wait(&mut self, socket: &Socket, interest: Interest) -> std::io::Result<bool> {
        let now = Instant::now();
        // A limit that no clock can hold is none.
        let end = self.limit.get().and_then(|limit| now.checked_add(limit));
        let Some(end) = end else {
            return sys::wait(socket, interest, None).map(|_| true);
        };
        let left = self
            .deadline
            .get_or_insert(end)
            .saturating_duration_since(now);
        if left.is_zero() {
            return Ok(false);
        }
        // When the time is over, the socket is looked at once more before the next wait says so.
        sys::wait(socket, interest, Some(left)).map(|_| true)
    }
}
