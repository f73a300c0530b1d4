//! Holding an object that a thread may be about to free.

use std::sync::{Mutex, MutexGuard, PoisonError};

use godot::classes::Object;
use godot::obj::{Gd, InstanceId};

use super::interface::interface;
use super::object_methods::{release, take_hold};

/// Whether an object is there, for those who do not hold it. Looking one up by its id does not do: another thread may free
/// it between that and the first use. So the struct of an object ends its presence when it is dropped, which Godot has it
/// do before the object's memory goes.
#[derive(Default)]
pub(crate) struct Presence(Mutex<Option<InstanceId>>);

impl Presence {
    /// The object is there, until [`end`](Self::end).
    pub(crate) fn begin(&self, object: InstanceId) {
        *self.lock() = Some(object);
    }

    /// The object goes. Its struct calls this at the latest when it is dropped.
    pub(crate) fn end(&self) {
        *self.lock() = None;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_none()
    }

    /// A reference to the object, unless it is gone or going.
    pub(crate) fn hold(&self) -> Option<Gd<Object>> {
        let present = self.lock();
        let id = (*present)?;
        // SAFETY: Godot takes any number for an id. The object's memory is there as long as its struct is, which waits for
        // the lock when it is dropped. With the first hold the object stays, until another one is there in its place.
        unsafe {
            let object = (interface().object_of_id)(id.to_i64() as u64);
            if object.is_null() || !take_hold(object) {
                return None;
            }
            let held = Gd::try_from_instance_id(id).ok();
            drop(present);
            if held.is_some() {
                release(object);
            }
            held
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<InstanceId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
