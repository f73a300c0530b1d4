//! Statics of which a forked child has its own.

use std::fmt;
use std::sync::OnceLock;

use crate::sys;

/// A value for the whole process, made when it is first used. A forked child makes another one: the threads of its parent's
/// are not there, and its locks may be held by one of them for ever (fork(2)).
pub(crate) struct ProcessWide<T: 'static> {
    make: fn() -> T,
    first: OnceLock<Box<Own<T>>>,
}

/// The value of one process, and that of the child, if this is a copy in the child.
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

    /// This process's own.
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
