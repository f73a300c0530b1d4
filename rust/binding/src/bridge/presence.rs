//! Taking a reference to an object that another thread may be about to free.

use std::num::NonZeroUsize;

use godot::builtin::{StringName, Variant};
use godot::classes::RefCounted;
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId};
use godot::sys::{self, GodotFfi};

use super::interface::interface;
use super::object_methods::{call, emit, emit_signal, has_connections, release, take_hold};
use crate::parts::{ObjectAddress, Presence, Signal};

impl ObjectAddress {
    /// `None` for null.
    pub(super) fn of(object: sys::GDExtensionObjectPtr) -> Option<ObjectAddress> {
        NonZeroUsize::new(object.expose_provenance()).map(ObjectAddress)
    }

    pub(super) fn pointer(self) -> sys::GDExtensionObjectPtr {
        std::ptr::with_exposed_provenance_mut(self.0.get())
    }
}

impl Presence {
    /// A reference to the object, or `None` if it is freed or being freed.
    pub(crate) fn hold(&self) -> Option<Held> {
        // SAFETY: The memory of the object stays until the presence has ended.
        self.with(|object| unsafe { Held::take(object.pointer()) })
            .flatten()
    }

    /// Whether anything is connected to `signal`; false once the presence has ended.
    pub(super) fn listens(&self, signal: &StringName) -> bool {
        // SAFETY: The memory of the object stays until the presence has ended.
        let listens = self.with(|object| unsafe { has_connections(object.pointer(), signal) });
        listens.unwrap_or(false)
    }
}

/// A counted reference to an object.
pub(crate) struct Held(sys::GDExtensionObjectPtr);

impl Held {
    pub(super) fn pointer(&self) -> sys::GDExtensionObjectPtr {
        self.0
    }

    /// A reference to `object`, or `None` if it is being freed and can no longer be referenced.
    ///
    /// # Safety
    /// The memory of the object is still valid, and the object is RefCounted.
    unsafe fn take(object: sys::GDExtensionObjectPtr) -> Option<Held> {
        // SAFETY: The caller's guarantee.
        unsafe { take_hold(object) }.then_some(Held(object))
    }

    /// Whether anything is connected to `signal`.
    pub(crate) fn has_connections(&self, signal: &StringName) -> bool {
        // SAFETY: The reference keeps the object.
        unsafe { has_connections(self.0, signal) }
    }

    /// Whether the script of the object, if it has one, has a method of this name.
    pub(crate) fn has_script_method(&self, name: &StringName) -> bool {
        // SAFETY: The reference keeps the object, and Godot only reads the name.
        unsafe { (interface().has_script_method)(self.0.cast_const(), name.sys().cast()) != 0 }
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

    /// Emits `signal`. Its handlers may do anything.
    pub(super) fn emit(&self, signal: &Signal) {
        // SAFETY: The reference keeps the object.
        unsafe { emit(self.0, signal) };
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: The reference is given back, and not used after this.
        unsafe { release(self.0) };
    }
}
