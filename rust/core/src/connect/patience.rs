//! How long a connect may take, as a pure state machine.
//!
//! Time in which nobody polled says nothing about the network. A game that loads a level, or stops
//! at a breakpoint, starts no attempt meanwhile, and a process that is stopped has its resolver
//! stopped too. So after an absence a connect goes on for a fair minimum, whatever its deadline
//! was.

use std::time::{Duration, Instant};

use crate::connect::happy_eyeballs::ATTEMPT_DELAY;
use crate::deadline::{ABSENCE, fair_minimum};

/// The deadline of one connect.
#[derive(Debug)]
pub(super) struct Patience {
    /// `None` for a connect without a limit.
    deadline: Option<Instant>,
    minimum: Duration,
    last_poll: Instant,
    /// What was under way before an absence gets the minimum once, so that a connect that is polled
    /// rarely ends too.
    is_prolonged: bool,
}

/// What a poll after an absence found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnderWay {
    /// An attempt began at this poll.
    pub(super) has_begun: bool,
    /// How many addresses are still to be tried.
    pub(super) waiting: usize,
}

impl Patience {
    /// That of a connect that begins at `now`. A limit that no clock can hold is none.
    pub(super) fn new(limit: Option<Duration>, now: Instant) -> Patience {
        Patience {
            deadline: limit.and_then(|limit| now.checked_add(limit)),
            minimum: fair_minimum(limit.unwrap_or_default()),
            last_poll: now,
            is_prolonged: false,
        }
    }

    /// Notes a poll at `now`. True if an absence came before it.
    pub(super) fn polled(&mut self, now: Instant) -> bool {
        let away = now.saturating_duration_since(self.last_poll);
        self.last_poll = now;
        away > ABSENCE
    }

    /// Extends the deadline after an absence: to a fair minimum from `now` on for each address that
    /// was not tried yet. Each absence leaves fewer addresses, so the connect ends.
    pub(super) fn prolong(&mut self, now: Instant, under_way: UnderWay) {
        let is_new = under_way.has_begun || under_way.waiting > 0;
        if !is_new && self.is_prolonged {
            return;
        }
        let delays = u32::try_from(under_way.waiting).map_or(Duration::MAX, |waiting| {
            ATTEMPT_DELAY.saturating_mul(waiting)
        });
        let end = now.checked_add(self.minimum.saturating_add(delays));
        if let (Some(deadline), Some(end)) = (self.deadline, end)
            && end > deadline
        {
            self.deadline = Some(end);
            self.is_prolonged = true;
        }
    }

    /// Whether its deadline was extended.
    pub(super) fn is_prolonged(&self) -> bool {
        self.is_prolonged
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the time is over at `now`.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);
    const INSTANT: Duration = Duration::from_nanos(1);
    const NOTHING_NEW: UnderWay = UnderWay {
        has_begun: false,
        waiting: 0,
    };

    fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn a_connect_that_is_polled_ends_at_its_limit() {
        let start = Instant::now();
        let mut patience = Patience::new(Some(LIMIT), start);
        for passed in (0..=1000).step_by(100) {
            assert!(!patience.polled(start + millis(passed)));
            assert!(!patience.is_over(start + millis(passed)));
        }
        assert!(patience.is_over(start + LIMIT + INSTANT));
    }

    #[test]
    fn after_an_absence_it_goes_on_for_a_minimum() {
        let start = Instant::now();
        let late = start + millis(1500);
        let mut patience = Patience::new(Some(LIMIT), start);
        assert!(patience.polled(late));
        patience.prolong(late, NOTHING_NEW);
        assert!(!patience.is_over(late + millis(250)));
        assert!(patience.is_over(late + millis(250) + INSTANT));
        // A second absence prolongs nothing, unless an address is tried that was not before.
        let later = late + millis(300);
        assert!(patience.polled(later));
        patience.prolong(later, NOTHING_NEW);
        assert!(patience.is_over(later));
        let has_begun = UnderWay {
            has_begun: true,
            waiting: 2,
        };
        patience.prolong(later, has_begun);
        assert!(!patience.is_over(later + millis(750)));
        assert!(patience.is_over(later + millis(750) + INSTANT));
    }

    #[test]
    fn an_early_absence_takes_nothing_away() {
        let start = Instant::now();
        let mut patience = Patience::new(Some(LIMIT), start);
        assert!(patience.polled(start + millis(200)));
        patience.prolong(start + millis(200), NOTHING_NEW);
        assert_eq!(patience.deadline(), Some(start + LIMIT));
        assert!(patience.polled(start + millis(900)));
        patience.prolong(start + millis(900), NOTHING_NEW);
        assert_eq!(patience.deadline(), Some(start + millis(1150)));
    }

    #[test]
    fn without_a_limit_there_is_no_deadline() {
        let start = Instant::now();
        let mut unlimited = Patience::new(Some(Duration::MAX), start);
        unlimited.prolong(start, NOTHING_NEW);
        assert_eq!(unlimited.deadline(), None);
    }
}
