//! A reference to an object, for every thread.

use godot::builtin::{StringName, Variant};
use godot::classes::{Object as GodotObject, RefCounted};
use godot::meta::ToGodot;
use godot::obj::{Gd, Inherits};
use godot::sys;

use super::interface::interface;
use super::object_methods::{emit_signal, has_connections};
use crate::parts::{Emitter, Signal};

/// A reference to an object that is counted. Its signals are emitted past gdext.
pub(crate) struct Object {
    pointer: sys::GDExtensionObjectPtr,
    /// The reference.
    variant: Variant,
}

// SAFETY: Godot counts references from any thread, and a variant that holds an object is that reference and nothing else.
// The methods that are called here, has_connections and emit_signal, lock the object's signals.
unsafe impl Send for Object {}
// SAFETY: As above.
unsafe impl Sync for Object {}

impl Object {
    pub(crate) fn new<T>(object: &Gd<T>) -> Object
    where
        T: Inherits<RefCounted> + Inherits<GodotObject>,
    {
        let id = object.instance_id().to_i64() as u64;
        Object {
            // SAFETY: Godot takes any number for an id. This one is that of an object that is held.
            pointer: unsafe { (interface().object_of_id)(id) },
            variant: object.to_variant(),
        }
    }

    /// The object, as an argument of a signal and an element of an array.
    pub(crate) fn variant(&self) -> &Variant {
        &self.variant
    }

    /// The object as one of gdext's.
    pub(crate) fn object(&self) -> Gd<RefCounted> {
        self.variant.to()
    }

    /// A number that no other object has as long as this one is there.
    pub(crate) fn id(&self) -> u64 {
        self.pointer.addr() as u64
    }

    pub(crate) fn has_connections(&self, signal: &StringName) -> bool {
        // SAFETY: The reference keeps the object.
        unsafe { has_connections(self.pointer, signal) }
    }

    /// Emits the signal with this name. Handlers may do anything meanwhile.
    pub(crate) fn emit_signal(&self, name: &Variant, arguments: &[&Variant]) {
        // SAFETY: The reference keeps the object.
        unsafe { emit_signal(self.pointer, name, arguments) }
    }
}

impl Clone for Object {
    fn clone(&self) -> Object {
        Object {
            pointer: self.pointer,
            variant: self.variant.clone(),
        }
    }
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Object").field(&self.pointer).finish()
    }
}

impl Emitter for Object {
    fn listens(&self, signal: &StringName) -> bool {
        self.has_connections(signal)
    }

    fn emit(&self, signal: &Signal) {
        // Asking costs less than emitting to nobody.
        if self.has_connections(signal.name()) {
            let name = signal.name().to_variant();
            match signal.argument() {
                Some(argument) => self.emit_signal(&name, &[&argument]),
                None => self.emit_signal(&name, &[]),
            }
        }
    }
}
