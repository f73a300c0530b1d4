//! Holding an object that a thread may be about to free.

use std::sync::{Mutex, MutexGuard, PoisonError};

use godot::builtin::{StringName, Variant};
use godot::obj::InstanceId;
use godot::sys;

use super::interface::interface;
use super::object_methods::{call, has_connections, release, take_hold};

/// Whether an object is there, for those who do not hold it. Looking one up by its id does not do: another thread may free
/// it between that and the first use. So the struct of an object ends its presence when it is dropped, which Godot has it
/// do before the object's memory goes.
#[derive(Default)]
pub(crate) struct Presence(Mutex<Option<Pointer>>);

/// The address of an object.
#[derive(Clone, Copy)]
struct Pointer(sys::GDExtensionObjectPtr);

// SAFETY: It is used by one who has made sure that the object is there, and Godot counts references from any thread.
unsafe impl Send for Pointer {}

impl Presence {
    /// The object, which is RefCounted, is there until [`end`](Self::end).
    pub(crate) fn begin(&self, object: InstanceId) {
        // SAFETY: Godot takes any number for an id.
        let object = unsafe { (interface().object_of_id)(object.to_i64() as u64) };
        *self.lock() = (!object.is_null()).then_some(Pointer(object));
    }

    /// The object goes. Its struct calls this at the latest when it is dropped.
    pub(crate) fn end(&self) {
        *self.lock() = None;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_none()
    }

    /// A reference to the object, unless it is gone or going.
    pub(crate) fn hold(&self) -> Option<Held> {
        let present = self.lock();
        let Pointer(object) = (*present)?;
        // SAFETY: The object's memory is there as long as its struct is, which waits for the lock when it is dropped.
        unsafe { take_hold(object) }.then_some(Held(object))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pointer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reference to an object.
pub(crate) struct Held(sys::GDExtensionObjectPtr);

impl Held {
    /// Whether anything is connected to `signal`.
    pub(crate) fn has_connections(&self, signal: &StringName) -> bool {
        // SAFETY: The reference keeps the object.
        unsafe { has_connections(self.0, signal) }
    }

    /// Calls a method without arguments by its `name`, that of the object's script if it has one.
    pub(crate) fn call(&self, name: &Variant) {
        // SAFETY: The reference keeps the object.
        unsafe { call(self.0, name) };
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: The reference is given back, and not used any more.
        unsafe { release(self.0) };
    }
}
