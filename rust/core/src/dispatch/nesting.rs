//! How deep handlers may poll.

use std::cell::Cell;

use crate::sync::thread_local;

/// So deep may polls and their handlers nest on one thread. A deeper poll delivers nothing: what is due stays due, and the
/// polls around it deliver it. A thread's stack may be as small as 512 KiB, and one level takes some 5 KiB.
const MAX_DEPTH: u32 = 16;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// A level of polls that are under way on this thread, until it is dropped. Whatever notifies listeners holds one meanwhile.
#[derive(Debug)]
pub struct Nesting(());

impl Nesting {
    /// Begins another level, unless there are too many.
    pub fn enter() -> Option<Nesting> {
        DEPTH.with(|depth| {
            let is_allowed = depth.get() < MAX_DEPTH;
            if is_allowed {
                depth.set(depth.get() + 1);
            }
            is_allowed.then(|| Nesting(()))
        })
    }
}

impl Drop for Nesting {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}
