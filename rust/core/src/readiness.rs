//! What is known of a connection without asking the kernel: whether something may have come in since it was found empty.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::in_use::Occupancy;
use crate::sweep;

/// Nothing was there when the connection was looked at last, and nothing has been told since.
const QUIET: u64 = 1;
/// Something has been told since the last look.
const TOLD: u64 = 2;
/// The end of the stream or a failure has been told. Never taken back in a session: a look that brings less than it asked
/// for says that nothing more is there for now, but not that no end is.
const ENDED: u64 = 4;
const FLAG_BITS: u32 = 3;

/// Shared by a connection, which looks at its socket, and by those that are told of the socket by the kernel: the sweep,
/// and the groups that the connection is in.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    /// The epoch of the session, and the flags.
    word: AtomicU64,
    /// What `poll` has used of the sweeps.
    pub(crate) polled: sweep::Mark,
    /// What the question for available bytes has used.
    pub(crate) asked: sweep::Mark,
    /// The epoch, plus one, of the session whose peer has ended its direction of the stream.
    read_closed_epoch: AtomicU64,
    pub(crate) occupancy: Occupancy,
}

impl Readiness {
    /// Whether nothing has come in for the session `epoch`: it was quiet, and a sweep newer than `mark` has told nothing.
    /// False also means "unknown".
    #[inline]
    pub(crate) fn is_quiet(&self, epoch: u64, mark: &sweep::Mark) -> bool {
        let quiet = epoch << FLAG_BITS | QUIET;
        self.word.load(Ordering::Acquire) == quiet
            && sweep::has_told_since(mark)
            && self.word.load(Ordering::Acquire) == quiet
    }

    /// To be called before anything is received from the socket of the session `epoch`: what is told from now on may be
    /// newer. What arrived before may never be told, if it is received now.
    pub(crate) fn begin_look(&self, epoch: u64) {
        let word = self.word.load(Ordering::Acquire);
        if word >> FLAG_BITS != epoch {
            self.word.store(epoch << FLAG_BITS, Ordering::Release);
        } else if word & (QUIET | TOLD) != 0 {
            self.word.fetch_and(!(QUIET | TOLD), Ordering::AcqRel);
        }
    }

    /// Makes the session `epoch` quiet, whose socket is watched and was found empty by the last look, unless something
    /// has been told since. Whether it is quiet.
    pub(crate) fn settle(&self, epoch: u64) -> bool {
        let looked = epoch << FLAG_BITS;
        let quiet = looked | QUIET;
        match self
            .word
            .compare_exchange(looked, quiet, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(word) => word == quiet,
        }
    }

    /// Takes note that the end of the stream of the session `epoch` has been received.
    pub(crate) fn close_read(&self, epoch: u64) {
        self.read_closed_epoch.store(epoch + 1, Ordering::Relaxed);
    }

    pub(crate) fn is_read_closed(&self, epoch: u64) -> bool {
        self.read_closed_epoch.load(Ordering::Relaxed) == epoch + 1
    }

    /// Takes note that the kernel has told of the socket.
    pub(crate) fn tell(&self, has_ended: bool) {
        let flags = if has_ended { TOLD | ENDED } else { TOLD };
        self.word.fetch_or(flags, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(readiness: &Readiness) -> u64 {
        readiness.word.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_told_after_a_look_began_keeps_it_from_settling() {
        let readiness = Readiness::default();
        readiness.begin_look(7);
        assert!(readiness.settle(7));
        readiness.tell(false);
        assert!(!readiness.settle(7));
        readiness.begin_look(7);
        assert!(readiness.settle(7));
        assert!(readiness.settle(7), "it is quiet already");
        assert!(!readiness.settle(8), "another session");
    }

    #[test]
    fn an_end_is_not_forgotten_within_the_session() {
        let readiness = Readiness::default();
        readiness.begin_look(7);
        readiness.tell(true);
        readiness.begin_look(7);
        assert!(!readiness.settle(7));
        readiness.begin_look(8);
        assert!(readiness.settle(8));
        assert_eq!(word(&readiness), 8 << FLAG_BITS | QUIET);
    }
}
