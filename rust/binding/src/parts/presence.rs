//! Whether an object is alive, for code that holds no reference to it.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The address of an object of Godot's. The bridge finds the object by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectAddress(pub(crate) NonZeroUsize);

/// Whether an object is alive. Looking up the object by its id is not enough: another thread may
/// free it between the lookup and the first use. So the presence ends before Godot frees the memory
/// of the object.
#[derive(Debug)]
pub(crate) struct Presence(Mutex<Option<ObjectAddress>>);

impl Presence {
    /// The presence of a RefCounted object that was just created.
    pub(crate) fn of(object: ObjectAddress) -> Presence {
        Presence(Mutex::new(Some(object)))
    }

    /// The object is being freed. Returns it, if the presence has not ended before.
    pub(crate) fn end(&self) -> Option<ObjectAddress> {
        self.lock().take()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_none()
    }

    /// Calls `body` with the object, whose memory stays until `body` returns. `None` once the
    /// presence has ended.
    pub(crate) fn with<R>(&self, body: impl FnOnce(ObjectAddress) -> R) -> Option<R> {
        let present = self.lock();
        (*present).map(body)
    }

    fn lock(&self) -> MutexGuard<'_, Option<ObjectAddress>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
