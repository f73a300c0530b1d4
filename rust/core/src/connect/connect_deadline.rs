//! How long a connect may take: a state machine without a clock of its own.
//!
//! Time without polls does not count against the network. A game that loads a level, or stops at a
//! breakpoint, starts no attempt meanwhile, and the resolver threads of a stopped process are
//! stopped too. So after such an *absence* the deadline is extended to a fair minimum from now on.

use std::time::{Duration, Instant};

use crate::connect::happy_eyeballs::ATTEMPT_DELAY;
use crate::deadline::{ABSENCE, fair_minimum};

/// The deadline of one connect, which absences extend.
#[derive(Debug)]
pub(super) struct ConnectDeadline {
    /// `None` is unlimited.
    end: Option<Instant>,
    minimum: Duration,
    last_poll: Instant,
    was_polled: bool,
    /// Work that began before an absence gets the minimum only once. Otherwise a connect that is
    /// rarely polled would never end.
    is_extended: bool,
}

/// The work that a poll after an absence finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RemainingWork {
    /// An attempt started in this poll.
    pub(super) has_started: bool,
    /// How many addresses have not been tried yet.
    pub(super) untried: usize,
}

impl ConnectDeadline {
    /// The deadline of a connect that begins at `now`. A limit beyond the range of the clock is
    /// unlimited.
    pub(super) fn new(limit: Option<Duration>, now: Instant) -> ConnectDeadline {
        ConnectDeadline {
            end: limit.and_then(|limit| now.checked_add(limit)),
            minimum: fair_minimum(limit.unwrap_or_default()),
            last_poll: now,
            was_polled: false,
            is_extended: false,
        }
    }

    /// Records a poll at `now`. Returns whether an absence came before it.
    pub(super) fn record_poll(&mut self, now: Instant) -> bool {
        let away = now.saturating_duration_since(self.last_poll);
        self.last_poll = now;
        self.was_polled = true;
        away > ABSENCE
    }

    /// Whether there was a poll since the connect began.
    pub(super) fn was_polled(&self) -> bool {
        self.was_polled
    }

    /// Extends the deadline after an absence: to a fair minimum from `now` on, and an attempt delay
    /// for each untried address. Each absence leaves fewer addresses, so the connect ends.
    pub(super) fn extend(&mut self, now: Instant, work: RemainingWork) {
        let is_new = work.has_started || work.untried > 0;
        if !is_new && self.is_extended {
            return;
        }
        let delays = u32::try_from(work.untried).map_or(Duration::MAX, |untried| {
            ATTEMPT_DELAY.saturating_mul(untried)
        });
        let end = now.checked_add(self.minimum.saturating_add(delays));
        if let (Some(old), Some(end)) = (self.end, end)
            && end > old
        {
            self.end = Some(end);
            self.is_extended = true;
        }
    }

    /// Whether it was extended.
    pub(super) fn is_extended(&self) -> bool {
        self.is_extended
    }

    /// When the connect times out; `None` is unlimited.
    pub(super) fn end(&self) -> Option<Instant> {
        self.end
    }

    /// Whether the deadline has passed at `now`.
    pub(super) fn has_passed(&self, now: Instant) -> bool {
        self.end.is_some_and(|end| now > end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);
    const INSTANT: Duration = Duration::from_nanos(1);
    const NOTHING_NEW: RemainingWork = RemainingWork {
        has_started: false,
        untried: 0,
    };

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_connect_that_is_polled_ends_at_its_limit() {
        let start = Instant::now();
        let mut deadline = ConnectDeadline::new(Some(LIMIT), start);
        for passed in (0..=1000).step_by(100) {
            assert!(!deadline.record_poll(start + millis(passed)));
            assert!(!deadline.has_passed(start + millis(passed)));
        }
        assert!(deadline.has_passed(start + LIMIT + INSTANT));
    }

    #[test]
    fn after_an_absence_it_continues_for_a_minimum() {
        let start = Instant::now();
        let late = start + millis(1500);
        let mut deadline = ConnectDeadline::new(Some(LIMIT), start);
        assert!(deadline.record_poll(late));
        deadline.extend(late, NOTHING_NEW);
        assert!(!deadline.has_passed(late + millis(250)));
        assert!(deadline.has_passed(late + millis(250) + INSTANT));
        // A second absence extends nothing, unless it leaves an address that was not tried before.
        let later = late + millis(300);
        assert!(deadline.record_poll(later));
        deadline.extend(later, NOTHING_NEW);
        assert!(deadline.has_passed(later));
        let has_started = RemainingWork {
            has_started: true,
            untried: 2,
        };
        deadline.extend(later, has_started);
        assert!(!deadline.has_passed(later + millis(750)));
        assert!(deadline.has_passed(later + millis(750) + INSTANT));
    }

    #[test]
    fn an_early_absence_does_not_shorten_the_limit() {
        let start = Instant::now();
        let mut deadline = ConnectDeadline::new(Some(LIMIT), start);
        assert!(deadline.record_poll(start + millis(200)));
        deadline.extend(start + millis(200), NOTHING_NEW);
        assert_eq!(deadline.end(), Some(start + LIMIT));
        assert!(deadline.record_poll(start + millis(900)));
        deadline.extend(start + millis(900), NOTHING_NEW);
        assert_eq!(deadline.end(), Some(start + millis(1150)));
    }

    #[test]
    fn without_a_limit_there_is_no_deadline() {
        let start = Instant::now();
        let mut unlimited = ConnectDeadline::new(Some(Duration::MAX), start);
        unlimited.extend(start, NOTHING_NEW);
        assert_eq!(unlimited.end(), None);
    }
}
