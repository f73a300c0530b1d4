//! The status and the generation of a connection in one atomic word.

use crate::event::Status;

/// A [`Status`] and a generation.
///
/// The generation grows whenever a connection begins or ends. Two equal words therefore mean the
/// same connection in the same status, even if the status has changed and changed back in between.
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

    /// The word after a change to `status`. Only a successful connect keeps its generation.
    pub(crate) fn with(self, status: Status) -> StateWord {
        let is_same_connection = (self.status(), status) == (Status::Connecting, Status::Connected);
        let generation = if is_same_connection {
            self.generation()
        } else {
            self.generation() + 1
        };
        debug_assert!(generation < 1 << 48, "`Readiness` has 48 bits for it");
        StateWord((generation << 2) | status as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_successful_connect_keeps_its_generation() {
        for before in Status::ALL {
            for status in Status::ALL {
                let state = StateWord(7 << 2 | before as u64);
                let next = state.with(status);
                assert_eq!((state.generation(), state.status()), (7, before));
                let is_kept = before == Status::Connecting && status == Status::Connected;
                let generation = if is_kept { 7 } else { 8 };
                assert_eq!((next.generation(), next.status()), (generation, status));
            }
        }
    }
}
