//! The owner of a direction: the blocking call that uses it at the moment.

use std::sync::Arc;

use crate::connection::spin::SpinBudget;
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

/// The owners of both directions. Allocated by the first blocking call, which a game that uses a
/// frame loop never makes.
#[derive(Debug, Default)]
pub(crate) struct Owners(Option<Box<Both>>);

#[derive(Debug, Default)]
pub(super) struct Both {
    pub(super) recv: Owner,
    pub(super) send: Owner,
    pub(super) spin: SpinBudget,
    /// The number of calls that wait for a direction. Without any, the notification and its system
    /// call are skipped.
    pub(super) waiting: u32,
}

impl Owner {
    /// Whether a blocking call of this process owns the direction.
    #[inline]
    pub(super) fn is_taken(&self) -> bool {
        self.taken_in == sys::process() + 1
    }

    /// Ends the wait of the owner, which then checks the connection again.
    fn interrupt(&mut self) {
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
    fn check(&self) {
        debug_assert!(self.interrupter.is_none() || self.taken_in != 0);
    }
}

impl Owners {
    /// Whether a blocking call owns the receiving direction.
    #[inline]
    pub(super) fn own_recv(&self) -> bool {
        self.0.as_ref().is_some_and(|both| both.recv.is_taken())
    }

    /// Whether a blocking call owns the sending direction.
    #[inline]
    pub(super) fn own_send(&self) -> bool {
        self.0.as_ref().is_some_and(|both| both.send.is_taken())
    }

    /// For a call that blocks.
    pub(super) fn get(&mut self) -> &mut Both {
        self.0.get_or_insert_default()
    }

    /// Ends the wait of the reader, if there is one.
    #[inline]
    pub(super) fn interrupt_recv(&mut self) {
        if let Some(both) = &mut self.0 {
            both.recv.interrupt();
        }
    }

    /// Interrupts both owners and forgets them, because their connection has ended.
    pub(super) fn end(&mut self) {
        if let Some(both) = &mut self.0 {
            both.recv.interrupt();
            both.send.interrupt();
            both.recv = Owner::default();
            both.send = Owner::default();
            both.spin = SpinBudget::default();
        }
    }

    /// Whether calls wait for a direction.
    #[inline]
    pub(super) fn has_waiting(&self) -> bool {
        self.0.as_ref().is_some_and(|both| both.waiting > 0)
    }

    pub(super) fn check(&self) {
        if let Some(both) = &self.0 {
            both.recv.check();
            both.send.check();
        }
    }
}
