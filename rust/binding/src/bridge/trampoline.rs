//! Forwards every other call to gdext: to gdext's own callbacks, which expect gdext's storage as
//! the instance.

use std::ffi::c_void;

use godot::sys;

use super::handle::Head;

/// gdext's callbacks of a method, which the trampoline calls.
struct GdextMethod {
    userdata: *mut c_void,
    call: sys::GDExtensionClassMethodCall,
    ptrcall: sys::GDExtensionClassMethodPtrCall,
}

/// Puts the trampoline in front of gdext's callbacks.
pub(super) fn redirect(info: &mut sys::GDExtensionClassMethodInfo) {
    debug_assert!(info.call_func.is_some() && info.ptrcall_func.is_some());
    // Methods are registered once and stay as long as the library.
    let method = Box::leak(Box::new(GdextMethod {
        userdata: info.method_userdata,
        call: info.call_func,
        ptrcall: info.ptrcall_func,
    }));
    info.method_userdata = std::ptr::from_mut(method).cast();
    info.call_func = Some(call);
    info.ptrcall_func = Some(ptrcall);
}

/// The instance that gdext's callbacks expect. A static method has none.
///
/// # Safety
/// As for [`Head::from_instance`], or `instance` is null.
unsafe fn storage(instance: sys::GDExtensionClassInstancePtr) -> sys::GDExtensionClassInstancePtr {
    if instance.is_null() {
        return instance;
    }
    // SAFETY: The caller's guarantee.
    unsafe { Head::from_instance(instance) }.storage
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
    // callback receives the other arguments unchanged, and catches panics itself.
    unsafe {
        let method = &*method.cast::<GdextMethod>();
        if let Some(call) = method.call {
            call(method.userdata, storage(instance), args, count, ret, error);
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
            ptrcall(method.userdata, storage(instance), args, ret);
        }
    }
}
