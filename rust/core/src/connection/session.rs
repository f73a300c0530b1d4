//! Which connection it is: one word.

use crate::event::Status;

/// A status, and the number of times that a connection has begun or ended before. Who compares two sessions misses no
/// change, not even one that was undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session(pub(crate) u64);

impl Session {
    #[inline]
    pub(crate) fn status(self) -> Status {
        Status::ALL[(self.0 & 3) as usize]
    }

    #[inline]
    pub(crate) fn epoch(self) -> u64 {
        self.0 >> 2
    }

    /// The session that follows with `status`. A connect that succeeds stays the connection it was.
    pub(crate) fn with(self, status: Status) -> Session {
        let goes_on = (self.status(), status) == (Status::Connecting, Status::Connected);
        let epoch = if goes_on {
            self.epoch()
        } else {
            self.epoch() + 1
        };
        Session((epoch << 2) | status as u64)
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
                let session = Session(7 << 2 | before as u64);
                let next = session.with(status);
                assert_eq!((session.epoch(), session.status()), (7, before));
                let goes_on = before == Status::Connecting && status == Status::Connected;
                let epoch = if goes_on { 7 } else { 8 };
                assert_eq!((next.epoch(), next.status()), (epoch, status));
            }
        }
    }
}
