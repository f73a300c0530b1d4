//! The object whose method is being called, for the methods that gdext answers.
//!
//! gdext knows the methods of class trees as static functions. The
//! [`trampoline`](super::trampoline) notes the part before it calls such a function, keeps it
//! counted during the call, and notes the one before it again afterwards: a handler may call a
//! method of another object.

use std::any::TypeId;
use std::cell::Cell;
use std::sync::Arc;

use godot::sys;

use super::part_kind::PartKind;
use crate::parts::Part;

/// A part that is counted while it is noted.
#[derive(Clone, Copy)]
struct This {
    parts: &'static PartKind,
    instance: sys::GDExtensionClassInstancePtr,
}

thread_local! {
    // Only a type without a destructor: a destructor would keep the library from being unloaded.
    static THIS: Cell<Option<This>> = const { Cell::new(None) };
}

/// Runs `call` as a method of the object with this instance, whose part lives until `call` returns
/// even if the object does not.
///
/// # Safety
/// `instance` is what Godot passes to a callback of a class whose parts are `parts`.
pub(super) unsafe fn enter(
    parts: &'static PartKind,
    instance: sys::GDExtensionClassInstancePtr,
    call: impl FnOnce(),
) {
    /// Ends the call, even if it panics.
    struct Entered {
        this: This,
        before: Option<This>,
    }
    impl Drop for Entered {
        fn drop(&mut self) {
            THIS.set(self.before);
            // SAFETY: `enter` has taken the count.
            unsafe { (self.this.parts.release)(self.this.instance.cast()) };
        }
    }
    debug_assert!(!instance.is_null());
    let this = This { parts, instance };
    // SAFETY: The caller's guarantee. The object is alive: Godot calls it.
    unsafe { (parts.retain)(instance.cast()) };
    let before = THIS.replace(Some(this));
    let _entered = Entered { this, before };
    call();
}

/// The part of the object whose method is being called on this thread.
pub(super) fn part<P: Part>() -> Arc<P> {
    let this = THIS.get().expect("a method is being called on this thread");
    assert!(
        (this.parts.part)() == TypeId::of::<P>(),
        "the method is one of the same class tree"
    );
    let part = this.instance.cast::<P>().cast_const();
    // SAFETY: The call keeps the part, whose type was just checked.
    unsafe {
        Arc::increment_strong_count(part);
        Arc::from_raw(part)
    }
}
