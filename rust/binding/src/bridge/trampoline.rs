//! Forwards every other call to gdext, after a check of its [`Arguments`]: as a call of a static
//! function, which finds the object's part in [`this`].

use std::ffi::c_void;
use std::ptr::null_mut;

use godot::sys;

use super::arguments::Arguments;
use super::guard::guarded;
use super::part_kind::PartKind;
use super::this;

/// gdext's callbacks of a method, which the trampoline calls.
struct GdextMethod {
    /// The parts of the objects. `None`: a static method.
    parts: Option<&'static PartKind>,
    arguments: Arguments,
    userdata: *mut c_void,
    call: sys::GDExtensionClassMethodCall,
    ptrcall: sys::GDExtensionClassMethodPtrCall,
}

/// Puts the trampoline in front of gdext's callbacks of a method: of objects with these parts, or,
/// without `parts`, a static method.
///
/// # Safety
/// `info` is one that gdext registers a method with.
pub(super) unsafe fn redirect(
    info: &mut sys::GDExtensionClassMethodInfo,
    parts: Option<&'static PartKind>,
) {
    debug_assert!(info.call_func.is_some() && info.ptrcall_func.is_some());
    // Methods are registered once and stay as long as the library.
    let method = Box::leak(Box::new(GdextMethod {
        parts,
        // SAFETY: The caller's guarantee.
        arguments: unsafe { Arguments::of(info) },
        userdata: info.method_userdata,
        call: info.call_func,
        ptrcall: info.ptrcall_func,
    }));
    info.method_userdata = std::ptr::from_mut(method).cast();
    info.call_func = Some(call);
    info.ptrcall_func = Some(ptrcall);
}

impl GdextMethod {
    /// Runs `call` with the instance that gdext expects.
    ///
    /// # Safety
    /// `instance` is what Godot passes to a callback of the method's class.
    #[inline]
    unsafe fn enter(
        &self,
        instance: sys::GDExtensionClassInstancePtr,
        call: impl FnOnce(sys::GDExtensionClassInstancePtr),
    ) {
        match self.parts {
            // SAFETY: The caller's guarantee. For gdext, the method is a static function.
            Some(parts) => unsafe { this::enter(parts, instance, || call(null_mut())) },
            None => call(instance),
        }
    }
}

/// # Safety
/// As for gdext's own callback. The userdata is what [`redirect`] has put there.
pub(super) unsafe extern "C" fn call(
    method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstVariantPtr,
    count: sys::GDExtensionInt,
    ret: sys::GDExtensionVariantPtr,
    error: *mut sys::GDExtensionCallError,
) {
    // SAFETY: Godot passes what `redirect` gave it, an instance of the class, `count` arguments,
    // which stay until this returns, and room for a call error. gdext's own callback receives the
    // other arguments unchanged, and catches panics itself.
    unsafe {
        let method = &*method.cast::<GdextMethod>();
        let Some(call) = method.call else {
            return;
        };
        if let Err(fault) = method.arguments.check(args, count) {
            fault.report(&mut *error);
            return;
        }
        method.enter(instance, |instance| {
            call(method.userdata, instance, args, count, ret, error);
        });
        if (*error).error != sys::GDEXTENSION_CALL_OK
            && let Some(fault) = guarded(None, || method.arguments.wrong_object(args, count))
        {
            fault.report(&mut *error);
        }
    }
}

/// # Safety
/// As for [`call`].
pub(super) unsafe extern "C" fn ptrcall(
    method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: As for `call`.
    unsafe {
        let method = &*method.cast::<GdextMethod>();
        if let Some(ptrcall) = method.ptrcall {
            method.enter(instance, |instance| {
                ptrcall(method.userdata, instance, args, ret);
            });
        }
    }
}
