//! The owner of a direction: the blocking call that uses it at the moment.

use std::sync::Arc;

use crate::sys::{self, Interrupter};

/// Whether a blocking call owns a direction, and how to interrupt its wait.
///
/// An owner belongs to one connection and ends with it.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// The process id of the owner plus one; 0 without an owner. A forked child has none of the
    /// threads of its parent, so an owner from the parent does not count there.
    taken_in: u64,
    /// Ends the wait of the owner. `None` while it does not wait.
    pub(super) interrupter: Option<Arc<Interrupter>>,
}

impl Owner {
    /// Whether a blocking call of this process owns the direction.
    #[inline]
    pub(super) fn is_taken(&self) -> bool {
        self.taken_in == sys::process() + 1
    }

    /// Ends the wait of the owner, which then checks the connection again.
    pub(super) fn interrupt(&mut self) {
        // A child shares the interrupter with its parent, and has no waiting thread of its own.
        if self.is_taken()
            && let Some(interrupter) = self.interrupter.take()
        {
            interrupter.wake();
        }
    }

    /// Makes the calling thread the owner.
    pub(super) fn take(&mut self) {
        debug_assert!(!self.is_taken(), "a direction has one owner at a time");
        self.taken_in = sys::process() + 1;
    }

    /// Checks that there is an owner if there is a wait to interrupt.
    pub(super) fn check(&self) {
        debug_assert!(self.interrupter.is_none() || self.taken_in != 0);
    }
}
