//! The direct method `receive`. It is called for each peer that has received something, and a call
//! through gdext costs more than the rest.
//!
//! An argument that has to be converted goes through the trampoline to gdext, so the `#[func]` of
//! `receive` has a body of its own.

use std::any::TypeId;
use std::ffi::c_void;

use godot::builtin::PackedByteArray;
use godot::sys::{self, GodotFfi};

use super::guard::guarded;
use super::interface::interface;
use super::method_row::MethodCallbacks;
use super::part_kind::counted;
use super::trampoline;
use crate::parts::Stream;

/// No limit, the default.
const ALL: i64 = -1;

/// The callbacks. They answer a call without arguments or with one int, and pass every other call
/// on to the trampoline.
pub(crate) const fn receive<P: Stream>() -> MethodCallbacks {
    MethodCallbacks {
        part: TypeId::of::<P>,
        call: call::<P>,
        ptrcall: ptrcall::<P>,
    }
}

/// # Safety
/// `instance` is what Godot passes to a callback of a class whose part is a `P`.
unsafe fn take<P: Stream>(
    instance: sys::GDExtensionClassInstancePtr,
    max_bytes: i64,
) -> PackedByteArray {
    guarded(PackedByteArray::new(), || {
        // SAFETY: The caller's guarantee.
        unsafe { counted::<P>(instance) }.receive(max_bytes)
    })
}

unsafe extern "C" fn call<P: Stream>(
    method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstVariantPtr,
    count: sys::GDExtensionInt,
    ret: sys::GDExtensionVariantPtr,
    error: *mut sys::GDExtensionCallError,
) {
    // SAFETY: Godot passes an instance of the class, `count` Variants, room for a Variant, which is
    // nil, and room for a call error. The userdata is the trampoline's.
    unsafe {
        let mut max_bytes = ALL;
        if count == 1 && (interface().variant_type)(*args) == sys::GDEXTENSION_VARIANT_TYPE_INT {
            // Godot only reads the Variant.
            let variant = (*args).cast_mut();
            (interface().int_from_variant)((&raw mut max_bytes).cast(), variant);
        } else if count != 0 {
            trampoline::call(method, instance, args, count, ret, error);
            return;
        }
        let mut bytes = take::<P>(instance, max_bytes);
        (*error).error = sys::GDEXTENSION_CALL_OK;
        (interface().variant_from_bytes)(ret.cast(), bytes.sys_mut());
    }
}

unsafe extern "C" fn ptrcall<P: Stream>(
    _method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot passes an instance of the class, an int, and an array to overwrite.
    unsafe {
        let max_bytes = *(*args).cast::<i64>();
        take::<P>(instance, max_bytes).move_return_ptr(ret, sys::PtrcallType::Standard);
    }
}
