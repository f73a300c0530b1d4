//! Statics of which each process, also a forked child, has its own value.
//!
//! A child inherits descriptors. It does not inherit threads, and the reports of an inherited
//! poller go to the parent. So a child polls each member of an inherited group itself. It only
//! closes an inherited connection, because the stream belongs to the parent.

use std::fmt;
use std::sync::OnceLock;

use crate::sys;

/// A value of the process, made when it is first used. A forked child makes its own: the threads
/// that belong to the parent's value do not exist in the child, and may have held its locks
/// (fork(2)).
pub(crate) struct ProcessWide<T: 'static> {
    make: fn() -> T,
    first: OnceLock<Box<Own<T>>>,
}

/// The value of one process. In a forked child, the inherited copy leads to the value of the child.
struct Own<T: 'static> {
    process: u64,
    value: T,
    of_child: OnceLock<Box<Own<T>>>,
}

impl<T> ProcessWide<T> {
    pub(crate) const fn new(make: fn() -> T) -> ProcessWide<T> {
        ProcessWide {
            make,
            first: OnceLock::new(),
        }
    }

    /// The value of this process.
    #[inline]
    pub(crate) fn get(&'static self) -> &'static T {
        let process = sys::process();
        let mut slot = &self.first;
        loop {
            let own = slot.get_or_init(|| {
                Box::new(Own {
                    process,
                    value: (self.make)(),
                    of_child: OnceLock::new(),
                })
            });
            if own.process == process {
                return &own.value;
            }
            slot = &own.of_child;
        }
    }
}

impl<T> fmt::Debug for ProcessWide<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessWide").finish_non_exhaustive()
    }
}
