//! A callable of a script that every thread may hold.

use godot::builtin::Callable;

/// A callable of a script.
pub(crate) struct CallableRef(Callable);

// SAFETY: A callable does not change, and Godot counts the references to it from any thread. All
// that is done with it here is to count a reference.
unsafe impl Send for CallableRef {}
// SAFETY: As above.
unsafe impl Sync for CallableRef {}

impl CallableRef {
    pub(crate) fn new(callable: Callable) -> CallableRef {
        CallableRef(callable)
    }

    /// The callable, for this thread.
    pub(crate) fn get(&self) -> Callable {
        self.0.clone()
    }
}
