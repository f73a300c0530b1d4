//! What Godot holds as the extension instance of an object, and passes to every callback: the part.
//!
//! An instance is one count of the part, as [`Arc::into_raw`] returns it. Godot gives it back when
//! it frees the object. A call that may outlive the object takes a count of its own ([`counted`]).

use std::any::TypeId;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use godot::sys;

use super::guard::guarded;
use super::object_methods::connections;
use crate::parts::{Constructible, ObjectAddress, Part};

/// How the parts of a class tree, which have one type, are made, counted and freed.
pub(crate) struct PartKind {
    /// The type of the part.
    pub(super) part: fn() -> TypeId,
    /// Makes a part for a new object of the class with this name. Returns the count for Godot.
    /// `None`: scripts cannot make objects.
    pub(super) make: Option<fn(ObjectAddress, &'static str) -> sys::GDExtensionClassInstancePtr>,
    /// Takes back Godot's count of the part, whose object is being freed.
    pub(super) free: unsafe fn(sys::GDExtensionClassInstancePtr),
    /// Adds a count.
    pub(super) retain: unsafe fn(*const c_void),
    /// Removes a count.
    pub(super) release: unsafe fn(*const c_void),
}

impl PartKind {
    pub(crate) const fn of<P: Constructible>() -> PartKind {
        PartKind {
            make: Some(|object, class| instance_of(Arc::new(P::new(object)), class)),
            ..PartKind::without_constructor::<P>()
        }
    }

    /// Of a class whose objects only the library makes.
    pub(crate) const fn without_constructor<P: Part>() -> PartKind {
        PartKind {
            part: TypeId::of::<P>,
            make: None,
            free: free::<P>,
            retain: |part| {
                // SAFETY: `part` is an instance of this kind, whose object the caller keeps.
                unsafe { Arc::increment_strong_count(part.cast::<P>()) }
            },
            release: |part| {
                // SAFETY: `part` is an instance of this kind, and the count is the caller's.
                unsafe { Arc::decrement_strong_count(part.cast::<P>()) }
            },
        }
    }
}

/// The instance for Godot of a new object, whose class has the name `class`.
pub(super) fn instance_of<P: Part>(
    part: Arc<P>,
    class: &'static str,
) -> sys::GDExtensionClassInstancePtr {
    part.made(class);
    Arc::into_raw(part).cast_mut().cast()
}

/// Takes back Godot's count of a part, whose object is being freed.
///
/// # Safety
/// `instance` is one that [`instance_of`] has returned for this `P`, and Godot does not use it
/// after this. The memory of the object is still there.
unsafe fn free<P: Part>(instance: sys::GDExtensionClassInstancePtr) {
    // SAFETY: The caller's guarantee. Godot frees the connections of an object after its instance.
    unsafe {
        let part = Arc::from_raw(instance.cast::<P>().cast_const());
        // From here on, no call on another thread finds the object.
        let object = part.presence().end();
        let has_connections =
            |signal: &str| object.is_some_and(|object| connections(object.pointer(), signal) > 0);
        guarded((), || part.freed(&has_connections));
    }
}

/// Calls `body` with the part of an object, without a count of its own.
///
/// # Safety
/// `instance` is what Godot passes to a callback of a class whose part is a `P`. `body` only reads
/// memory: it makes no system call, and runs no handler of a signal.
#[inline]
pub(super) unsafe fn with_part<P: Part, R>(
    instance: sys::GDExtensionClassInstancePtr,
    body: impl FnOnce(&Arc<P>) -> R,
) -> R {
    debug_assert!(!instance.is_null() && instance.cast::<P>().is_aligned());
    // SAFETY: Godot holds a count, which is not dropped here.
    let part = ManuallyDrop::new(unsafe { Arc::from_raw(instance.cast::<P>().cast_const()) });
    body(&part)
}

/// A count of the part of an object, for a call during which the object may be freed.
///
/// # Safety
/// `instance` is what Godot passes to a callback of a class whose part is a `P`.
#[inline]
pub(super) unsafe fn counted<P: Part>(instance: sys::GDExtensionClassInstancePtr) -> Arc<P> {
    // SAFETY: The caller's guarantee.
    unsafe { with_part(instance, Arc::clone) }
}
