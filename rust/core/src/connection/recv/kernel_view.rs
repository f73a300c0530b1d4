//! What is known of the bytes that the kernel has received and this side has not: what its answers have said, and for how
//! long that holds. No system call in it.

use crate::poll::freshness::Moment;

/// What the kernel's answers have shown, of one session.
#[derive(Debug, Default)]
pub(crate) struct KernelView {
    last: Last,
    known: Known,
}

/// What is known for a moment.
#[derive(Clone, Copy, Debug, Default)]
enum Known {
    #[default]
    Nothing,
    /// A poll has found the queue empty; it had asked then.
    FoundEmpty(Moment),
    /// So many bytes were behind those in the buffer then.
    Counted(Moment, usize),
}

/// What the last receive has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    /// Nothing was received yet, or as much as was asked for.
    #[default]
    Unknown,
    /// Less than was asked for. That may be all, or end at a boundary: urgent data, or data that came with descriptors.
    Short,
    /// EAGAIN: the queue was empty. Nothing else says so.
    Empty,
}

impl KernelView {
    /// Bytes were received. They were `all_that_was_asked_for`, or fewer; `at` if nothing else has happened meanwhile.
    pub(crate) fn received(&mut self, all_that_was_asked_for: bool, at: Option<Moment>) {
        *self = KernelView::default();
        if !all_that_was_asked_for {
            self.last = Last::Short;
            self.known = at.map_or(Known::Nothing, |at| Known::Counted(at, 0));
        }
    }

    /// A receive has found the queue empty.
    pub(crate) fn was_empty(&mut self) {
        *self = KernelView {
            last: Last::Empty,
            ..KernelView::default()
        };
    }

    pub(crate) fn check(&self) {
        debug_assert!(
            !matches!(self.known, Known::FoundEmpty(_)) || self.last == Last::Empty,
            "found empty by a receive that was not"
        );
    }

    /// A poll has found the queue empty; it had asked `at` that moment.
    pub(crate) fn found_empty(&mut self, at: Moment) {
        self.known = Known::FoundEmpty(at);
        self.check();
    }

    /// So many bytes are behind those in the buffer.
    pub(crate) fn counted(&mut self, at: Moment, count: usize) {
        self.known = Known::Counted(at, count);
        if count > 0 {
            // What the last receive has shown is over.
            self.last = Last::Unknown;
        }
    }

    /// Whether the last receive has found the queue empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.last == Last::Empty
    }

    /// Whether the last receive has brought less than it could, so that for bytes that are there already no other one is
    /// worth its cost. It does not say that nothing is there.
    pub(crate) fn is_probably_empty(&self) -> bool {
        self.last != Last::Unknown
    }

    /// When a poll had asked that has found the queue empty, for one use.
    pub(crate) fn take_found_empty(&mut self) -> Option<Moment> {
        let Known::FoundEmpty(at) = self.known else {
            return None;
        };
        self.known = Known::Nothing;
        Some(at)
    }

    /// The number of bytes behind those in the buffer, if `holds` says that the moment when they were counted still counts.
    pub(crate) fn count(&self, holds: impl FnOnce(Moment) -> bool) -> Option<usize> {
        match self.known {
            Known::Counted(at, count) if holds(at) => Some(count),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Moment = Moment {
        ticks: 7,
        activity: 1,
    };

    /// After each answer of the kernel: is the queue known to be empty, is it probably, and how many bytes are behind.
    #[test]
    fn what_each_answer_says() {
        type Answer = fn(&mut KernelView);
        type Shown = (bool, bool, Option<usize>);
        let table: [(&str, Answer, Shown); 6] = [
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
                "less than asked for, while something else happened",
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
            let shown = (
                view.is_empty(),
                view.is_probably_empty(),
                view.count(|at| at == AT),
            );
            assert_eq!(shown, expected, "{name}");
            assert_eq!(view.count(|_| false), None, "{name}, too old");
        }
    }

    #[test]
    fn bytes_that_were_counted_are_worth_a_receive() {
        let mut view = KernelView::default();
        view.received(false, Some(AT));
        view.counted(AT, 0);
        assert!(view.is_probably_empty());
        view.counted(AT, 9);
        assert!(!view.is_probably_empty());
    }

    #[test]
    fn an_empty_poll_serves_one_other_question() {
        let mut view = KernelView::default();
        view.was_empty();
        view.found_empty(AT);
        assert_eq!(view.take_found_empty(), Some(AT));
        assert_eq!(view.take_found_empty(), None);
        view.found_empty(AT);
        view.received(true, Some(AT));
        assert_eq!(view.take_found_empty(), None, "something came since");
    }
}
