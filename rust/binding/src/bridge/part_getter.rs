//! The part of an object that Rust holds.
//!
//! Only Godot knows the instance of an object, and passes it to the methods of the object's class.
//! So each tree has one more method, [`NAME`], whose callback returns the instance. The method is
//! called by its pointer, so a script's function of this name is not called instead.

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::{Arc, OnceLock};

use godot::builtin::{GString, StringName};
use godot::obj::{EngineBitfield, Gd, Inherits};
use godot::register::info::PropertyUsageFlags;
use godot::sys::{self, GodotFfi};

use super::instance::Bridged;
use super::interface::interface;
use super::object_ref::pointer_to;
use super::part_kind::counted;

/// Godot's help leaves out a method whose name starts with an underscore.
const NAME: &str = "_stream_socket_part";

/// The hash of the method's signature: it takes nothing, returns an int and is const. Methods of
/// the engine with this signature, such as `RefCounted.get_reference_count`, have the same hash in
/// Godot's extension_api.json.
const HASH: i64 = 3905245786;

fn name() -> &'static StringName {
    static GODOT_NAME: OnceLock<StringName> = OnceLock::new();
    GODOT_NAME.get_or_init(|| StringName::from(NAME))
}

/// Registers the method for `class`, the base of a class tree.
///
/// # Safety
/// `library` has just registered the class.
pub(super) unsafe fn register(
    library: sys::GDExtensionClassLibraryPtr,
    class: sys::GDExtensionConstStringNamePtr,
) {
    let (no_name, no_hint) = (StringName::default(), GString::new());
    let mut returned = sys::GDExtensionPropertyInfo {
        type_: sys::GDEXTENSION_VARIANT_TYPE_INT,
        name: no_name.sys().cast_mut().cast(),
        class_name: no_name.sys().cast_mut().cast(),
        hint: 0,
        hint_string: no_hint.sys().cast_mut().cast(),
        usage: PropertyUsageFlags::DEFAULT.ord() as u32,
    };
    let info = sys::GDExtensionClassMethodInfo {
        name: name().sys().cast_mut().cast(),
        method_userdata: null_mut(),
        call_func: Some(call),
        ptrcall_func: Some(ptrcall),
        method_flags: (sys::GDEXTENSION_METHOD_FLAG_NORMAL | sys::GDEXTENSION_METHOD_FLAG_CONST)
            as u32,
        has_return_value: 1,
        return_value_info: &mut returned,
        return_value_metadata: sys::GDEXTENSION_METHOD_ARGUMENT_METADATA_NONE,
        argument_count: 0,
        arguments_info: null_mut(),
        arguments_metadata: null_mut(),
        default_argument_count: 0,
        default_arguments: null_mut(),
    };
    // SAFETY: The caller's guarantee; Godot copies the info and the names.
    unsafe { (interface().register_method)(library, class, &info) };
}

/// The part of `object`.
pub(crate) fn part_of<T: Bridged + Inherits<godot::classes::Object>>(
    object: &Gd<T>,
) -> Arc<T::Part> {
    let class = T::tree().classes[0].name();
    let mut instance: sys::GDExtensionClassInstancePtr = null_mut();
    // SAFETY: The object is of a class of the tree, because its type is. It is alive, because the
    // caller holds it. The callback below writes an instance of the tree.
    unsafe {
        let method = (interface().find_method)(class.sys().cast(), name().sys().cast(), HASH);
        assert!(!method.is_null(), "the bridge has registered {NAME}");
        let result = (&raw mut instance).cast();
        (interface().call_method)(method, pointer_to(object), null(), result);
        assert!(!instance.is_null());
        counted(instance)
    }
}

/// Called by a script: returns 0, since an address is of no use there.
unsafe extern "C" fn call(
    _method: *mut c_void,
    _instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstVariantPtr,
    _count: sys::GDExtensionInt,
    ret: sys::GDExtensionVariantPtr,
    error: *mut sys::GDExtensionCallError,
) {
    // SAFETY: Godot passes room for an error, and for a Variant, which is nil.
    unsafe {
        (*error).error = sys::GDEXTENSION_CALL_OK;
        let mut zero = 0_i64;
        (interface().variant_from_int)(ret.cast(), (&raw mut zero).cast());
    }
}

unsafe extern "C" fn ptrcall(
    _method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    _args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: The caller has room for an int of 8 bytes, which a pointer fits in.
    unsafe {
        ret.cast::<sys::GDExtensionClassInstancePtr>()
            .write(instance)
    };
}
