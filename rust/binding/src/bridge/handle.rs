//! What Godot holds as the extension instance of an object, and hands to every callback.

use std::any::TypeId;
use std::ffi::c_void;
use std::sync::Arc;

use godot::sys;

use super::guard::guarded;
use crate::parts::Part;

/// The instance of an object of a bridged class. The parts of different families differ, and follow the head.
#[repr(C)]
pub(super) struct Handle<P> {
    pub(super) head: Head,
    /// What the calls work on that do not go through gdext.
    pub(super) part: Arc<P>,
}

/// How the instances of a class tree are made and freed. The type of the part is the tree's.
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

/// What the instances of all families have in common.
#[repr(C)]
pub(super) struct Head {
    /// The object, by its id.
    pub(super) object: u64,
    /// The object itself. It lives as long as the handle does.
    pub(super) pointer: sys::GDExtensionObjectPtr,
    /// gdext's storage of the object, which is what its own callbacks expect.
    pub(super) storage: sys::GDExtensionClassInstancePtr,
}

impl Head {
    /// # Safety
    /// `instance` is what Godot passes to a callback of a bridged class, and `'a` ends before anything runs that may free
    /// the object: handlers of its signals, and what the caller of the callback does after it.
    #[inline]
    pub(super) unsafe fn from_instance<'a>(instance: sys::GDExtensionClassInstancePtr) -> &'a Head {
        // SAFETY: Every instance of a bridged class was made by `make`. It lives until `free`, and begins with its head.
        unsafe { &*instance.cast::<Head>() }
    }
}

impl<P: Part> Handle<P> {
    /// # Safety
    /// As for [`Head::from_instance`], the family's part being a `P`.
    #[inline]
    pub(super) unsafe fn from_instance<'a>(
        instance: sys::GDExtensionClassInstancePtr,
    ) -> &'a Handle<P> {
        // SAFETY: As for the head; the part is a `P`, as the caller guarantees.
        unsafe { &*instance.cast::<Handle<P>>() }
    }

    /// Makes an instance, which Godot gives back to [`free`](Self::free).
    ///
    /// # Safety
    /// `part` points into an `Arc<P>` that is alive.
    pub(super) unsafe fn make(part: *const c_void, head: Head) -> sys::GDExtensionClassInstancePtr {
        // SAFETY: The caller's guarantee.
        let part = unsafe {
            Arc::increment_strong_count(part.cast::<P>());
            Arc::from_raw(part.cast::<P>())
        };
        Box::into_raw(Box::new(Handle { head, part })).cast()
    }

    /// Frees an instance, and gives gdext's storage, which is to be freed too.
    ///
    /// # Safety
    /// `make` of the same `P` has made it, and nobody uses it after this.
    pub(super) unsafe fn free(
        instance: sys::GDExtensionClassInstancePtr,
    ) -> sys::GDExtensionClassInstancePtr {
        // SAFETY: The caller's guarantee.
        let handle = unsafe { Box::from_raw(instance.cast::<Handle<P>>()) };
        guarded((), || handle.part.freed());
        handle.head.storage
    }
}
