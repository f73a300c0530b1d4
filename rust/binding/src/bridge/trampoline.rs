//! Forwards every other call to gdext, as a call of a static function that finds the object's part
//! in [`this`].

use std::ffi::c_void;
use std::ptr::null_mut;

use godot::sys;

use super::part_kind::PartKind;
use super::this;

/// gdext's callbacks of a method, which the trampoline calls.
struct GdextMethod {
    parts: &'static PartKind,
    userdata: *mut c_void,
    call: sys::GDExtensionClassMethodCall,
    ptrcall: sys::GDExtensionClassMethodPtrCall,
}

/// Puts the trampoline in front of gdext's callbacks of a method of objects with these parts.
pub(super) fn redirect(info: &mut sys::GDExtensionClassMethodInfo, parts: &'static PartKind) {
    debug_assert!(info.call_func.is_some() && info.ptrcall_func.is_some());
    // Methods are registered once and stay as long as the library.
    let method = Box::leak(Box::new(GdextMethod {
        parts,
        userdata: info.method_userdata,
        call: info.call_func,
        ptrcall: info.ptrcall_func,
    }));
    info.method_userdata = std::ptr::from_mut(method).cast();
    info.call_func = Some(call);
    info.ptrcall_func = Some(ptrcall);
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
    // SAFETY: Godot passes what `redirect` gave it, and an instance of the class. gdext's own
    // callback receives the other arguments unchanged, and catches panics itself. It is that of a
    // static function, which has no instance.
    unsafe {
        let method = &*method.cast::<GdextMethod>();
        if let Some(call) = method.call {
            this::enter(method.parts, instance, || {
                call(method.userdata, null_mut(), args, count, ret, error);
            });
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
            this::enter(method.parts, instance, || {
                ptrcall(method.userdata, null_mut(), args, ret);
            });
        }
    }
}
