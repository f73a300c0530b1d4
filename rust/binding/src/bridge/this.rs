//! The object whose method is being called, for the methods that gdext answers.
//!
//! gdext knows the methods of class trees as static functions. The
//! [`trampoline`](super::trampoline) stores the part before it calls such a function, and holds a
//! reference to it during the call. Afterwards it restores the previous one: a handler may call a
//! method of another object.

use std::any::TypeId;
use std::cell::Cell;
use std::sync::Arc;

use godot::sys;

use super::part_kind::PartKind;
use crate::parts::Part;

/// A part, and the reference to it that the call holds.
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

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::part_kind::instance_of;
    use super::*;
    use crate::parts::{Constructible, ObjectAddress, Presence};

    static DROPPED: AtomicUsize = AtomicUsize::new(0);

    struct NumberedPart {
        number: usize,
        presence: Presence,
    }

    impl Drop for NumberedPart {
        fn drop(&mut self) {
            DROPPED.fetch_add(self.number, Ordering::Relaxed);
        }
    }

    impl Constructible for NumberedPart {
        fn new(object: ObjectAddress) -> NumberedPart {
            NumberedPart {
                number: object.0.get(),
                presence: Presence::of(object),
            }
        }
    }

    impl Part for NumberedPart {
        fn presence(&self) -> &Presence {
            &self.presence
        }

        fn made(self: &Arc<Self>, _: &'static str) {}

        fn freed(&self, _: &dyn Fn(&str) -> bool) {}
    }

    static PARTS: PartKind = PartKind::of::<NumberedPart>();

    fn number() -> usize {
        part::<NumberedPart>().number
    }

    #[test]
    fn nested_calls_have_their_own_parts_which_outlive_their_objects() {
        let [one, ten] = [1, 10].map(|number| {
            let object = ObjectAddress(NonZeroUsize::new(number).unwrap());
            instance_of(Arc::new(NumberedPart::new(object)), "")
        });
        // SAFETY: Both are instances of this kind. Each is freed once.
        unsafe {
            enter(&PARTS, one, || {
                assert_eq!(number(), 1);
                enter(&PARTS, ten, || {
                    assert_eq!(number(), 10);
                    (PARTS.free)(one);
                    (PARTS.free)(ten);
                    assert_eq!(number(), 10);
                    assert!(part::<NumberedPart>().presence.is_over());
                    assert_eq!(DROPPED.load(Ordering::Relaxed), 0);
                });
                assert_eq!(DROPPED.load(Ordering::Relaxed), 10);
                assert_eq!(number(), 1);
            });
        }
        assert_eq!(DROPPED.load(Ordering::Relaxed), 11);
        assert!(THIS.get().is_none());
    }

    #[test]
    #[should_panic(expected = "a method is being called on this thread")]
    fn there_is_no_part_outside_a_call() {
        number();
    }

    #[test]
    fn a_call_that_panics_ends_too() {
        let object = ObjectAddress(NonZeroUsize::new(100).unwrap());
        let part = Arc::new(NumberedPart::new(object));
        let instance = instance_of(part.clone(), "");
        // SAFETY: The instance is of this kind.
        let call = || unsafe { enter(&PARTS, instance, || panic!("expected by the test")) };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err());
        assert!(THIS.get().is_none());
        assert_eq!(Arc::strong_count(&part), 2);
    }
}
