//! What Godot holds as the extension instance of an object, and passes to every callback: the part.
//!
//! An instance is one count of the part, as [`Arc::into_raw`] returns it. Godot gives it back when
//! it frees the object. A call that may outlive the object takes a count of its own ([`counted`]).

use std::any::TypeId;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use godot::sys;

use super::class_tree::Class;
use super::instance;
use crate::parts::Part;

/// How the parts of a class tree, which have one type, are made, counted and freed.
pub(crate) struct PartKind {
    /// The type of the part.
    pub(super) part: fn() -> TypeId,
    /// Makes an object of a class of the tree, with a new part.
    pub(super) make: fn(&'static Class, bool) -> sys::GDExtensionObjectPtr,
    /// Takes back Godot's count of the part, whose object is being freed.
    pub(super) free: unsafe fn(sys::GDExtensionClassInstancePtr),
    /// Adds a count.
    pub(super) retain: unsafe fn(*const c_void),
    /// Removes a count.
    pub(super) release: unsafe fn(*const c_void),
}

impl PartKind {
    pub(crate) const fn of<P: Part>() -> PartKind {
        PartKind {
            part: TypeId::of::<P>,
            make: |class, notifies| instance::make(class, notifies, P::new).0,
            free: instance::free::<P>,
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

/// Calls `body` with the part of an object, without a count of its own.
///
/// # Safety
/// `instance` is what Godot passes to a callback of a class whose part is a `P`. `body` runs nothing
/// that may free the object, such as a handler of one of its signals, and does not block.
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

/// A count of the part of an object, for a call that blocks or that may free the object.
///
/// # Safety
/// `instance` is what Godot passes to a callback of a class whose part is a `P`.
#[inline]
pub(super) unsafe fn counted<P: Part>(instance: sys::GDExtensionClassInstancePtr) -> Arc<P> {
    // SAFETY: The caller's guarantee.
    unsafe { with_part(instance, Arc::clone) }
}
