//! What is known about the received bytes that the kernel still holds, and how long that knowledge
//! is valid. It follows from the last answers of the kernel. Makes no system calls.

use crate::poll::freshness::Moment;

/// What is known about the receive queue in the kernel.
#[derive(Debug, Default)]
pub(crate) struct KernelView {
    last: Last,
    known: Known,
    /// The moment of what is known.
    at: Moment,
    /// The number of bytes that were counted. A kernel counts them as an int.
    count: u32,
}

/// An answer that is valid for a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    /// A poll that began at this moment found the queue empty.
    FoundEmpty,
    /// At this moment the queue held a number of bytes.
    Counted,
}

/// The result of the last receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    /// There was none, or it returned as many bytes as asked for.
    #[default]
    Unknown,
    /// It returned fewer bytes than asked for. The queue is empty, or the receive ended at a
    /// boundary: urgent data, or data that came with descriptors.
    Short,
    /// It returned `EAGAIN`. Only this proves that the queue was empty.
    Empty,
}

impl KernelView {
    /// Records a receive with data. `is_full` is whether it returned as many bytes as requested.
    /// `at` is when it began, or `None` if there was other activity meanwhile.
    pub(crate) fn received(&mut self, is_full: bool, at: Option<Moment>) {
        *self = KernelView::default();
        if !is_full {
            self.last = Last::Short;
            if let Some(at) = at {
                self.set_count(at, 0);
            }
        }
    }

    /// Records that a receive returned `EAGAIN`.
    pub(crate) fn was_empty(&mut self) {
        *self = KernelView {
            last: Last::Empty,
            ..KernelView::default()
        };
    }

    /// Records that the receive of a poll, which began at `at`, returned `EAGAIN`.
    pub(crate) fn found_empty(&mut self, at: Moment) {
        (self.known, self.at) = (Known::FoundEmpty, at);
        self.check();
    }

    /// Records that the kernel holds `count` bytes.
    pub(crate) fn counted(&mut self, at: Moment, count: usize) {
        self.set_count(at, count);
        if count > 0 {
            // The result of the last receive is out of date.
            self.last = Last::Unknown;
        }
    }

    /// Whether the last receive proved that the queue was empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.last == Last::Empty
    }

    /// Whether the last receive returned fewer bytes than asked for, or none. Another receive right
    /// after it would probably return `EAGAIN`. This does not prove that the queue is empty.
    pub(crate) fn is_probably_empty(&self) -> bool {
        self.last != Last::Unknown
    }

    /// Returns when a poll found the queue empty, and forgets it: the answer serves one other call.
    pub(crate) fn take_found_empty(&mut self) -> Option<Moment> {
        if self.known != Known::FoundEmpty {
            return None;
        }
        self.known = Known::Nothing;
        Some(self.at)
    }

    /// Returns the number of bytes in the queue if they were counted at a moment that `is_valid`
    /// accepts.
    pub(crate) fn count(&self, is_valid: impl FnOnce(Moment) -> bool) -> Option<usize> {
        let is_known = self.known == Known::Counted && is_valid(self.at);
        is_known.then_some(self.count as usize)
    }

    fn set_count(&mut self, at: Moment, count: usize) {
        self.known = Known::Counted;
        self.at = at;
        self.count = u32::try_from(count).unwrap_or(u32::MAX);
    }

    /// Checks that [`Known::FoundEmpty`] is recorded only after a receive that returned `EAGAIN`.
    pub(crate) fn check(&self) {
        debug_assert!(self.known != Known::FoundEmpty || self.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Moment = Moment {
        ticks: 7,
        activity: 1,
    };

    /// For each answer: whether the queue is empty, whether it probably is, and how many bytes it
    /// holds.
    #[test]
    fn each_answer_implies_what_it_proves() {
        type Answer = fn(&mut KernelView);
        type Implied = (bool, bool, Option<usize>);
        let table: [(&str, Answer, Implied); 6] = [
            ("nothing yet", |_| {}, (false, false, None)),
            (
                "as much as asked for",
                |view| view.received(true, Some(AT)),
                (false, false, None),
            ),
            (
                "less than asked for",
                |view| view.received(false, Some(AT)),
                (false, true, Some(0)),
            ),
            (
                "less than asked for, with other activity",
                |view| view.received(false, None),
                (false, true, None),
            ),
            ("EAGAIN", KernelView::was_empty, (true, true, None)),
            (
                "a count",
                |view| view.counted(AT, 9),
                (false, false, Some(9)),
            ),
        ];
        for (name, answer, expected) in table {
            let mut view = KernelView::default();
            answer(&mut view);
            let implied = (
                view.is_empty(),
                view.is_probably_empty(),
                view.count(|at| at == AT),
            );
            assert_eq!(implied, expected, "{name}");
            assert_eq!(view.count(|_| false), None, "{name}, too old");
        }
    }

    #[test]
    fn a_count_replaces_the_result_of_a_short_receive() {
        let mut view = KernelView::default();
        view.received(false, Some(AT));
        view.counted(AT, 0);
        assert!(view.is_probably_empty());
        view.counted(AT, 9);
        assert!(!view.is_probably_empty());
    }

    #[test]
    fn an_empty_poll_serves_one_other_call() {
        let mut view = KernelView::default();
        view.was_empty();
        view.found_empty(AT);
        assert_eq!(view.take_found_empty(), Some(AT));
        assert_eq!(view.take_found_empty(), None);
        view.found_empty(AT);
        view.received(true, Some(AT));
        assert_eq!(view.take_found_empty(), None, "data has arrived since");
    }
}
