//! Taking a reference to an object that another thread may be about to free.

use std::sync::{Mutex, MutexGuard, PoisonError};

use godot::builtin::{AnyArray, StringName, Variant};
use godot::classes::RefCounted;
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId};
use godot::sys;

use super::interface::interface;
use super::object_methods::{call, call_with, emit_signal, has_connections, release, take_hold};

/// Whether an object is alive, for code that holds no reference to it. Looking up the object by its
/// id is not enough: another thread may free it between the lookup and the first use. So the struct
/// of the object ends the presence when it is dropped, which happens before Godot frees the memory
/// of the object.
#[derive(Default)]
pub(crate) struct Presence(Mutex<Option<Pointer>>);

/// The address of an object.
#[derive(Clone, Copy)]
struct Pointer(sys::GDExtensionObjectPtr);

// SAFETY: The pointer is used only while the object is known to be alive, and Godot counts
// references from any thread.
unsafe impl Send for Pointer {}

impl Presence {
    /// The object, which is RefCounted, is alive until [`end`](Self::end).
    pub(crate) fn begin(&self, object: InstanceId) {
        // SAFETY: Godot takes any number for an id.
        let object = unsafe { (interface().object_of_id)(object.to_i64() as u64) };
        *self.lock() = (!object.is_null()).then_some(Pointer(object));
    }

    /// The object is being freed. Its struct calls this at the latest when it is dropped.
    pub(crate) fn end(&self) {
        *self.lock() = None;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_none()
    }

    /// A reference to the object, or `None` if it is freed or being freed.
    pub(crate) fn hold(&self) -> Option<Held> {
        let present = self.lock();
        let Pointer(object) = (*present)?;
        // SAFETY: The memory of the object outlives its struct, which waits for this lock when it
        // is dropped.
        unsafe { take_hold(object) }.then_some(Held(object))
    }

    /// Whether anything is connected to `signal`; false once the presence has ended. The object may
    /// be being freed.
    pub(crate) fn has_connections(&self, signal: &str) -> bool {
        // An object that is being freed has lost its class, and `has_connections` would print that
        // there is no such signal.
        const CONNECTIONS: &str = "get_signal_connection_list";
        let present = self.lock();
        let Some(Pointer(object)) = *present else {
            return false;
        };
        let (method, signal) = (CONNECTIONS.to_variant(), signal.to_variant());
        // SAFETY: The memory of the object outlives its struct, which waits for this lock when it
        // is dropped. Godot frees the connections of an object after its struct.
        let connections = unsafe { call_with(object, &[&method, &signal]) };
        let connections = connections.try_to::<AnyArray>();
        connections.is_ok_and(|connections| !connections.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Pointer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A counted reference to an object.
pub(crate) struct Held(sys::GDExtensionObjectPtr);

impl Held {
    /// Whether anything is connected to `signal`.
    pub(crate) fn has_connections(&self, signal: &StringName) -> bool {
        // SAFETY: The reference keeps the object.
        unsafe { has_connections(self.0, signal) }
    }

    /// The object as a type of gdext.
    pub(crate) fn to_gd(&self) -> Gd<RefCounted> {
        // SAFETY: The reference keeps the object.
        let id = unsafe { (interface().object_id)(self.0) };
        Gd::from_instance_id(InstanceId::from_i64(id as i64))
    }

    /// Emits `signal` without arguments. Its handlers may do anything.
    pub(crate) fn emit_signal(&self, signal: &StringName) {
        // SAFETY: The reference keeps the object.
        unsafe { emit_signal(self.0, &signal.to_variant(), &[]) }
    }

    /// Calls the method called `name` without arguments. A method of the object's script comes
    /// first.
    pub(crate) fn call(&self, name: &Variant) {
        // SAFETY: The reference keeps the object.
        unsafe { call(self.0, name) };
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: The reference is given back, and not used after this.
        unsafe { release(self.0) };
    }
}
