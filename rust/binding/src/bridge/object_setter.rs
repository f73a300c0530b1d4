//! A setter that takes an object of one class, and refuses any other value with a message of ours.
//!
//! gdext prints such a value with its own names and addresses, and ends the function of the script
//! that has set it.

use std::any::TypeId;
use std::ffi::c_void;

use godot::builtin::{Variant, VariantType};
use godot::classes::Object;
use godot::global::type_string;
use godot::obj::{EngineEnum, Gd};
use godot::sys::{self, GodotFfi};

use super::guard::guarded;
use super::method_row::MethodCallbacks;
use super::part_kind::counted;
use super::trampoline;
use crate::parts::TakesObject;

/// The callbacks. They answer a call with a value of another type or class, and pass every other
/// call on to the trampoline.
pub(crate) const fn set_object<P: TakesObject>() -> MethodCallbacks {
    MethodCallbacks {
        part: TypeId::of::<P>,
        call: call::<P>,
        // Godot has checked the class of what it passes without a Variant.
        ptrcall: trampoline::ptrcall,
    }
}

unsafe extern "C" fn call<P: TakesObject>(
    method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstVariantPtr,
    count: sys::GDExtensionInt,
    ret: sys::GDExtensionVariantPtr,
    error: *mut sys::GDExtensionCallError,
) {
    // SAFETY: Godot passes an instance of the class, `count` Variants, room for a Variant, which is
    // nil, and room for a call error. The userdata is the trampoline's. The Variant is copied.
    unsafe {
        let is_refused = count == 1
            && guarded(false, || {
                let value = Variant::new_from_sys((*args).cast());
                let other = other_class(&value, P::CLASS);
                if let Some(other) = &other {
                    // A script may observe what is printed, and free the object.
                    counted::<P>(instance).refuse_object(other);
                }
                other.is_some()
            });
        if is_refused {
            (*error).error = sys::GDEXTENSION_CALL_OK;
            return;
        }
        trampoline::call(method, instance, args, count, ret, error);
    }
}

/// The class or type of `value`, if it is neither null nor an object of `class`.
fn other_class(value: &Variant, class: &str) -> Option<String> {
    if value.is_nil() {
        return None;
    }
    let type_name = || type_string(i64::from(value.get_type().ord())).to_string();
    if value.get_type() != VariantType::OBJECT {
        return Some(type_name());
    }
    match value.try_to::<Gd<Object>>() {
        Ok(object) if object.is_class(class) => None,
        Ok(_) => Some(class_of(value)),
        // It was freed.
        Err(_) => Some(type_name()),
    }
}

/// The class of the object in `value`.
pub(crate) fn class_of(value: &Variant) -> String {
    value.call("get_class", &[]).to_string()
}
