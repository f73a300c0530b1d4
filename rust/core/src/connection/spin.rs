//! When a reader busy-waits for an answer before it sleeps.
//!
//! Sleeping and waking takes longer than a request and its answer between two processes on one
//! machine. So a reader that has sent something busy-waits for about 20 microseconds, once for each
//! send. It does so only while answers come that quickly: a failed attempt uses up credit, and only
//! a quick answer earns it, even if the reader was already asleep. So neither a slow peer nor a
//! stream of data that are not answers costs processor time.

use crate::sys;

/// How long a reader busy-waits, in ticks: about 20 microseconds.
pub(super) const SPIN_TICKS: u64 = 7 * sys::SHARED_POLL_TICKS;

/// A read of more bytes does not wait for a short answer.
pub(super) const MAX_ANSWER: usize = 1024;

/// After a sleep of fewer ticks, about 60 microseconds, a busy-wait would probably have found the
/// answer.
const QUICK_TICKS: u64 = 20 * sys::SHARED_POLL_TICKS;

/// The minimum and maximum credit that one busy-wait costs. The cost doubles with each failed one.
/// So on a busy machine, where another thread needs the processor to answer, a reader busy-waits
/// once in 256 quick answers.
const MIN_PRICE: u16 = 4;
const MAX_PRICE: u16 = 256;

/// The credit of one reader, and for which answers it has waited.
#[derive(Debug)]
pub(super) struct SpinBudget {
    credit: u16,
    price: u16,
    /// The number of bytes that were sent before the last wait for an answer.
    sent: u64,
}

impl Default for SpinBudget {
    fn default() -> SpinBudget {
        SpinBudget {
            credit: 0,
            price: MIN_PRICE,
            sent: 0,
        }
    }
}

impl SpinBudget {
    /// Whether the reader waits for an answer: something was sent since the last such wait. `sent`
    /// is the total number of bytes sent.
    pub(super) fn expects_answer(&mut self, sent: u64) -> bool {
        std::mem::replace(&mut self.sent, sent) != sent
    }

    /// Whether the reader may busy-wait.
    pub(super) fn has_credit(&self) -> bool {
        self.credit >= self.price
    }

    /// The reader has found the answer.
    pub(super) fn found(&mut self) {
        self.price = MIN_PRICE;
        self.credit = 4 * MIN_PRICE;
    }

    /// The reader has busy-waited without an answer.
    pub(super) fn missed(&mut self) {
        self.credit = self.credit.saturating_sub(self.price);
        self.price = (self.price * 2).min(MAX_PRICE);
    }

    /// The reader has slept for this time, and was woken.
    pub(super) fn slept(&mut self, ticks: u64) {
        if ticks < QUICK_TICKS {
            self.credit = (self.credit + 1).min(MAX_PRICE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many quick answers it takes until the reader may busy-wait, at most `max`.
    fn earn(budget: &mut SpinBudget, max: usize) -> usize {
        let mut count = 0;
        while !budget.has_credit() && count < max {
            budget.slept(QUICK_TICKS - 1);
            count += 1;
        }
        count
    }

    #[test]
    fn quick_answers_earn_credit_and_slow_ones_do_not() {
        let mut budget = SpinBudget::default();
        assert!(!budget.has_credit(), "a new reader sleeps");
        for _ in 0..1000 {
            budget.slept(QUICK_TICKS);
        }
        assert!(!budget.has_credit(), "the answers are slow");
        assert_eq!(earn(&mut budget, 1000), 4);
    }

    #[test]
    fn failed_busy_waits_become_rare_until_an_answer_is_found() {
        let mut budget = SpinBudget::default();
        let mut counts = Vec::new();
        for _ in 0..9 {
            counts.push(earn(&mut budget, 1000));
            budget.missed();
        }
        assert_eq!(counts, [4, 8, 16, 32, 64, 128, 256, 256, 256]);
        earn(&mut budget, 1000);
        budget.found();
        let mut missed = 0;
        while budget.has_credit() {
            budget.missed();
            missed += 1;
        }
        assert_eq!(missed, 2);
    }

    #[test]
    fn an_answer_is_expected_once_for_what_was_sent() {
        let mut budget = SpinBudget::default();
        assert!(!budget.expects_answer(0), "nothing was sent");
        assert!(budget.expects_answer(32));
        assert!(!budget.expects_answer(32), "the rest of the answer");
        assert!(budget.expects_answer(64));
    }
}
