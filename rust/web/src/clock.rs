//! A clock that excludes time without a poll. It is advanced by the times that callers pass.
//!
//! While nobody polls, because a frame is long or the process is stopped, nothing is received or
//! sent, and that says nothing about the peer. Time limits are measured with this clock:
//!
//! - Between two polls, at most a given time counts.
//! - A longer time is an *absence*. The poll after it can receive what has arrived and send what
//!   waits. Only the next poll judges whether a limit has passed.

use std::time::{Duration, Instant};

/// The time in which its owner was polled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    polled_at: Instant,
    /// The time of this clock at the last poll.
    now: Instant,
    /// The same, before the absence that the last poll has ended.
    judged: Instant,
    /// The most that counts between two polls.
    longest: Duration,
}

impl Clock {
    pub(crate) fn new(now: Instant, longest: Duration) -> Clock {
        Clock {
            polled_at: now,
            now,
            judged: now,
            longest,
        }
    }

    /// Changes how much counts until the next poll.
    pub(crate) fn set_longest(&mut self, longest: Duration) {
        self.longest = longest;
    }

    /// Records a poll at `now`. A second call with the same time changes nothing.
    pub(crate) fn poll(&mut self, now: Instant) {
        if now > self.polled_at {
            *self = self.at(now);
        }
    }

    /// This clock, if it was polled at `now`.
    pub(crate) fn at(mut self, now: Instant) -> Clock {
        let passed = now.saturating_duration_since(self.polled_at);
        if passed.is_zero() {
            return self;
        }
        let before = self.now;
        self.polled_at = now;
        self.now += passed.min(self.longest);
        self.judged = match passed > self.longest {
            true => before,
            false => self.now,
        };
        self
    }

    /// When it was last polled, in real time.
    pub(crate) fn polled_at(&self) -> Instant {
        self.polled_at
    }

    /// The time, for what begins or moves now.
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Whether `limit` has passed since `since`, a time of this clock.
    pub(crate) fn is_late(&self, since: Instant, limit: Option<Duration>) -> bool {
        limit.is_some_and(|limit| self.judged.saturating_duration_since(since) >= limit)
    }

    /// The real time of `since`, a time of this clock, as if the absences since then had not been.
    /// It can be compared with times of other clocks.
    pub(crate) fn undo(&self, since: Instant) -> Instant {
        since + self.polled_at.saturating_duration_since(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(250);
    const LIMIT: Option<Duration> = Some(Duration::from_secs(1));

    #[test]
    fn time_with_polls_counts_in_full() {
        let start = Instant::now();
        let mut clock = Clock::new(start, LONGEST);
        for frame in 1..=4 {
            assert!(!clock.is_late(start, LIMIT), "{frame}");
            clock.poll(start + LONGEST * frame);
        }
        assert!(clock.is_late(start, LIMIT));
        assert_eq!(clock.undo(start), start);
    }

    #[test]
    fn an_absence_is_judged_by_the_next_poll_and_counts_little() {
        let start = Instant::now();
        let hour = Duration::from_secs(3600);
        let mut clock = Clock::new(start, LONGEST);
        let nothing = Some(Duration::from_nanos(1));
        assert!(!clock.at(start + hour).is_late(start, nothing));
        clock.poll(start + hour);
        clock.poll(start + hour);
        assert!(!clock.is_late(start, nothing), "something may have arrived");
        assert_eq!(clock.now(), start + LONGEST);
        assert_eq!(clock.undo(start), start + hour - LONGEST);
        clock.poll(start + hour + LONGEST);
        assert!(clock.is_late(start, nothing));
        assert!(!clock.is_late(start, LIMIT));
        // Nothing lasts forever, even if each frame is long.
        for frame in 2..=4 {
            assert!(!clock.is_late(start, LIMIT), "{frame}");
            clock.poll(start + hour * frame);
        }
        assert!(clock.is_late(start, LIMIT));
    }

    #[test]
    fn a_time_before_the_last_poll_is_the_time_of_the_last_poll() {
        let start = Instant::now();
        let clock = Clock::new(start + LONGEST, LONGEST);
        assert_eq!(clock.at(start).now(), start + LONGEST);
    }
}
