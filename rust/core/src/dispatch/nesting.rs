//! How deep handlers may poll.

use std::cell::Cell;

use crate::sync::thread_local;

/// The maximum depth of nested polls on one thread: a handler of one poll calls the next. A deeper
/// poll delivers nothing: what is due stays due, and the outer polls deliver it. A thread's stack
/// may be as small as 512 KiB, and one level takes about 5 KiB.
const MAX_DEPTH: u32 = 16;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One level of nested polls on this thread; dropping it ends the level. Code that notifies
/// handlers holds one during the notification.
#[derive(Debug)]
pub struct Nesting(());

impl Nesting {
    /// Begins another level. `None` if 16 levels are open on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::dispatch::Nesting;
    ///
    /// let levels: Vec<_> = std::iter::from_fn(Nesting::enter).collect();
    /// assert_eq!(levels.len(), 16);
    /// drop(levels);
    /// assert!(Nesting::enter().is_some());
    /// ```
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
        DEPTH.with(|depth| {
            debug_assert!(depth.get() > 0, "more levels end than began");
            depth.set(depth.get() - 1);
        });
    }
}
