//! What Godot holds as the extension instance of an object, and passes to every callback.
//!
//! A [`Handle`] leads to both halves of an object: its part, for the direct methods, and gdext's
//! storage, for all others.

use std::any::TypeId;
use std::ffi::c_void;
use std::sync::Arc;

use godot::sys;

use super::guard::guarded;
use crate::parts::Part;

/// The instance of an object of a class tree. The type of the part differs from tree to tree, so
/// the head comes first.
#[repr(C)]
pub(super) struct Handle<P> {
    pub(super) head: Head,
    /// The part that the direct methods work on.
    pub(super) part: Arc<P>,
}

/// How the instances of a class tree, whose parts have one type, are made and freed.
pub(crate) struct HandleKind {
    /// The type of the part.
    pub(super) part: fn() -> TypeId,
    /// [`Handle::make`] for this type.
    pub(super) make: unsafe fn(*const c_void, Head) -> sys::GDExtensionClassInstancePtr,
    /// [`Handle::free`] for this type.
    pub(super) free:
        unsafe fn(sys::GDExtensionClassInstancePtr) -> sys::GDExtensionClassInstancePtr,
}

impl HandleKind {
    pub(crate) const fn of<P: Part>() -> HandleKind {
        HandleKind {
            part: TypeId::of::<P>,
            make: Handle::<P>::make,
            free: Handle::<P>::free,
        }
    }
}

/// What the instances of all trees have in common.
#[repr(C)]
pub(super) struct Head {
    /// The object, by its id.
    pub(super) object: u64,
    /// The object itself. It lives as long as the handle does.
    pub(super) pointer: sys::GDExtensionObjectPtr,
    /// gdext's storage of the object, which gdext's own callbacks expect.
    pub(super) storage: sys::GDExtensionClassInstancePtr,
}

impl Head {
    /// # Safety
    /// `instance` is what Godot passes to a callback of a class tree. `'a` ends before anything
    /// runs that may free the object, such as a handler of one of its signals, or the code that
    /// follows the callback.
    #[inline]
    pub(super) unsafe fn from_instance<'a>(instance: sys::GDExtensionClassInstancePtr) -> &'a Head {
        debug_assert!(!instance.is_null() && instance.cast::<Head>().is_aligned());
        // SAFETY: `make` has made the instance. It lives until `free`, and begins with its head.
        unsafe { &*instance.cast::<Head>() }
    }
}

impl<P: Part> Handle<P> {
    /// # Safety
    /// As for [`Head::from_instance`]. The part of the tree is a `P`.
    #[inline]
    pub(super) unsafe fn from_instance<'a>(
        instance: sys::GDExtensionClassInstancePtr,
    ) -> &'a Handle<P> {
        debug_assert!(!instance.is_null() && instance.cast::<Handle<P>>().is_aligned());
        // SAFETY: As for the head. The part is a `P`, as the caller guarantees.
        unsafe { &*instance.cast::<Handle<P>>() }
    }

    /// Makes an instance, which Godot gives back to [`free`](Self::free).
    ///
    /// # Safety
    /// `part` points into an `Arc<P>` that is alive.
    pub(super) unsafe fn make(part: *const c_void, head: Head) -> sys::GDExtensionClassInstancePtr {
        debug_assert!(!part.is_null() && !head.pointer.is_null() && !head.storage.is_null());
        // SAFETY: The caller's guarantee.
        let part = unsafe {
            Arc::increment_strong_count(part.cast::<P>());
            Arc::from_raw(part.cast::<P>())
        };
        Box::into_raw(Box::new(Handle { head, part })).cast()
    }

    /// Frees an instance. Returns gdext's storage, which the caller has to free too.
    ///
    /// # Safety
    /// `make` of the same `P` has made the instance, and nobody uses it after this.
    pub(super) unsafe fn free(
        instance: sys::GDExtensionClassInstancePtr,
    ) -> sys::GDExtensionClassInstancePtr {
        // SAFETY: The caller's guarantee.
        let handle = unsafe { Box::from_raw(instance.cast::<Handle<P>>()) };
        guarded((), || handle.part.freed());
        handle.head.storage
    }
}
