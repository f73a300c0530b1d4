//! Who uses a direction at the moment.

use std::sync::Arc;

use crate::sys::{self, Interrupter};

/// Who uses a direction. Belongs to one session, and ends with it.
#[derive(Debug, Default)]
pub(super) struct Owner {
    /// The process whose thread has taken it, plus one; 0 if none has. A child has none of its parent's threads.
    taken_in: u64,
    /// Ends the wait that its user is in.
    pub(super) wake: Option<Arc<Interrupter>>,
}

impl Owner {
    /// Whether a blocking call is using the direction.
    #[inline]
    pub(super) fn is_taken(&self) -> bool {
        self.taken_in == sys::process() + 1
    }

    /// Ends the wait of its user, who then looks again.
    pub(super) fn wake(&mut self) {
        // A child shares what its parent waits for, and has nobody to wake.
        if self.is_taken()
            && let Some(wake) = self.wake.take()
        {
            wake.wake();
        }
    }

    /// Only a wait of the owner can be ended.
    pub(super) fn is_consistent(&self) -> bool {
        self.wake.is_none() || self.taken_in != 0
    }

    /// Has this thread use the direction.
    pub(super) fn take(&mut self) {
        debug_assert!(!self.is_taken() && self.wake.is_none());
        self.taken_in = sys::process() + 1;
    }
}
