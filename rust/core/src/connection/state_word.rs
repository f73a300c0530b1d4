//! Which connection it is: one word.

use crate::event::Status;

/// A status, and the number of times that a connection has begun or ended before. Who compares two sessions misses no
/// change, not even one that was undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateWord(pub(crate) u64);

impl StateWord {
    #[inline]
    pub(crate) fn status(self) -> Status {
        Status::ALL[(self.0 & 3) as usize]
    }

    #[inline]
    pub(crate) fn generation(self) -> u64 {
        self.0 >> 2
    }

    /// The session that follows with `status`. A connect that succeeds stays the connection it was.
    pub(crate) fn with(self, status: Status) -> StateWord {
        let goes_on = (self.status(), status) == (Status::Connecting, Status::Connected);
        let generation = if goes_on {
            self.generation()
        } else {
            self.generation() + 1
        };
        debug_assert!(generation >= self.generation() && generation < 1 << 62);
        StateWord((generation << 2) | status as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever follows on what: it is another session, unless a connect succeeds.
    #[test]
    fn a_connect_that_succeeds_is_the_only_one_that_goes_on() {
        for before in Status::ALL {
            for status in Status::ALL {
                let state = StateWord(7 << 2 | before as u64);
                let next = state.with(status);
                assert_eq!((state.generation(), state.status()), (7, before));
                let goes_on = before == Status::Connecting && status == Status::Connected;
                let generation = if goes_on { 7 } else { 8 };
                assert_eq!((next.generation(), next.status()), (generation, status));
            }
        }
    }
}
