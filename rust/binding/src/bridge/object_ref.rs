//! A counted reference to an object that every thread may use.

use godot::builtin::{StringName, Variant};
use godot::classes::{Object, RefCounted};
use godot::meta::ToGodot;
use godot::obj::{Gd, Inherits};
use godot::sys::{self, GodotFfi};

use super::interface::interface;
use super::object_methods::{emit, emit_signal, has_connections};
use super::presence::Held;
use crate::parts::{Emitter, Part, Signal};

/// The name of a signal, as a StringName for looking it up and as a Variant for emitting it.
/// Creating either each time would cost as much as emitting the signal.
pub(crate) struct SignalName {
    name: StringName,
    variant: Variant,
}

// SAFETY: A name does not change, and Godot counts the references to it from any thread. The
// variant holds such a reference and nothing else.
unsafe impl Send for SignalName {}
// SAFETY: As above.
unsafe impl Sync for SignalName {}

impl SignalName {
    pub(crate) fn new(name: &str) -> SignalName {
        let name = StringName::from(name);
        let variant = name.to_variant();
        SignalName { name, variant }
    }
}

/// A counted reference to an object. Emits the signals of the object without gdext.
pub(crate) struct ObjectRef {
    pointer: sys::GDExtensionObjectPtr,
    /// Keeps the reference.
    variant: Variant,
}

// SAFETY: Godot counts references from any thread, and a variant that holds an object is such a
// reference and nothing else. The methods that are called here, has_connections and emit_signal,
// lock the object's signals.
unsafe impl Send for ObjectRef {}
// SAFETY: As above.
unsafe impl Sync for ObjectRef {}

impl ObjectRef {
    pub(crate) fn new<T>(object: &Gd<T>) -> ObjectRef
    where
        T: Inherits<RefCounted> + Inherits<Object>,
    {
        ObjectRef {
            pointer: pointer_to(object),
            variant: object.to_variant(),
        }
    }

    /// A new reference to the object of `held`.
    pub(super) fn from_held(held: &Held) -> ObjectRef {
        let mut pointer = held.pointer();
        // SAFETY: Godot passes an object by the address of its pointer. The object is alive.
        let variant = unsafe {
            Variant::new_with_uninit(|variant| {
                (interface().variant_from_object)(variant.cast(), (&raw mut pointer).cast());
            })
        };
        ObjectRef { pointer, variant }
    }

    /// The object, as an argument of a signal and an element of an array.
    pub(crate) fn variant(&self) -> &Variant {
        &self.variant
    }

    /// The object as a type of gdext.
    pub(crate) fn to_gd(&self) -> Gd<RefCounted> {
        self.variant.to()
    }

    /// Whether anything is connected to `signal`.
    pub(crate) fn has_connections(&self, signal: &SignalName) -> bool {
        self.listens(&signal.name)
    }

    /// Emits `signal`. Its handlers may do anything.
    pub(crate) fn emit_signal(&self, signal: &SignalName, arguments: &[&Variant]) {
        // SAFETY: The reference keeps the object.
        unsafe { emit_signal(self.pointer, &signal.variant, arguments) }
    }
}

/// A reference to the object of `part`, or `None` if it is freed or being freed.
pub(crate) fn object_of<P: Part>(part: &P) -> Option<ObjectRef> {
    Some(ObjectRef::from_held(&part.presence().hold()?))
}

/// The pointer to `object`, which the caller holds.
pub(super) fn pointer_to<T: Inherits<Object>>(object: &Gd<T>) -> sys::GDExtensionObjectPtr {
    let id = object.instance_id().to_i64() as u64;
    // SAFETY: Godot takes any number for an id. This is the id of an object that is alive.
    unsafe { (interface().object_of_id)(id) }
}

impl Clone for ObjectRef {
    fn clone(&self) -> ObjectRef {
        ObjectRef {
            pointer: self.pointer,
            variant: self.variant.clone(),
        }
    }
}

impl std::fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ObjectRef").field(&self.pointer).finish()
    }
}

impl Emitter for ObjectRef {
    fn id(&self) -> u64 {
        self.pointer.addr() as u64
    }

    fn listens(&self, signal: &StringName) -> bool {
        // SAFETY: The reference keeps the object.
        unsafe { has_connections(self.pointer, signal) }
    }

    fn emit(&self, signal: &Signal) {
        // SAFETY: The reference keeps the object.
        unsafe { emit(self.pointer, signal) }
    }
}
