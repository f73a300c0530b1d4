//! The functions of Godot that answer otherwise.

use std::ffi::{CStr, c_char};
use std::mem::transmute;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::names::text;
use crate::real::{build, function};
use crate::{Function, Pointer};

type GetVersion = unsafe extern "C" fn(*mut Version);
type GetTag = unsafe extern "C" fn(Pointer) -> Pointer;
type GetMethod = unsafe extern "C" fn(Pointer, Pointer, i64) -> Pointer;
type CallMethod = unsafe extern "C" fn(Pointer, Pointer, *const Pointer, Pointer);

/// `GDExtensionGodotVersion` of gdextension_interface.h.
#[repr(C)]
struct Version {
    numbers: [u32; 3],
    text: *const c_char,
}

/// OS.has_feature, as soon as it was asked for.
static HAS_FEATURE: AtomicPtr<std::ffi::c_void> = AtomicPtr::new(ptr::null_mut());

/// What the extension gets as Godot's `get_proc_address`.
pub(crate) unsafe extern "C" fn get_proc_address(name: *const c_char) -> Option<Function> {
    // SAFETY: The name is zero-terminated. Each function has the type that gdextension_interface.h gives for its name.
    unsafe {
        let name = CStr::from_ptr(name);
        if (build().lacks_function)(name.to_str().unwrap_or_default()) {
            return None;
        }
        match name.to_bytes() {
            b"get_godot_version" => Some(transmute::<GetVersion, Function>(get_version)),
            b"classdb_get_class_tag" => Some(transmute::<GetTag, Function>(get_tag)),
            b"classdb_get_method_bind" => Some(transmute::<GetMethod, Function>(get_method)),
            b"object_method_bind_ptrcall" => Some(transmute::<CallMethod, Function>(call_method)),
            _ => function(name),
        }
    }
}

unsafe extern "C" fn get_version(version: *mut Version) {
    let real = function(c"get_godot_version").expect("Godot tells its version");
    // SAFETY: Godot's own function, which fills in the whole of what the extension has made room for.
    unsafe {
        transmute::<Function, GetVersion>(real)(version);
        if let Some(numbers) = build().version {
            (*version).numbers = numbers;
        }
    }
}

unsafe extern "C" fn get_tag(class: Pointer) -> Pointer {
    let real = function(c"classdb_get_class_tag").expect("Godot has classes");
    // SAFETY: The extension passes a name, which goes to Godot's own function.
    unsafe {
        if (build().lacks_class)(&text(class)) {
            return ptr::null_mut();
        }
        transmute::<Function, GetTag>(real)(class)
    }
}

/// Godot prints an error for a method that it does not have.
unsafe extern "C" fn get_method(class: Pointer, method: Pointer, hash: i64) -> Pointer {
    let real = function(c"classdb_get_method_bind").expect("Godot has methods");
    // SAFETY: The extension passes two names, which go to Godot's own function.
    unsafe {
        let (class_name, method_name) = (text(class), text(method));
        if (build().lacks_class)(&class_name) || (build().lacks_method)(&class_name, &method_name) {
            eprintln!("ERROR: this Godot was asked for {class_name}.{method_name}");
            return ptr::null_mut();
        }
        let found = transmute::<Function, GetMethod>(real)(class, method, hash);
        if (class_name.as_str(), method_name.as_str()) == ("OS", "has_feature") {
            HAS_FEATURE.store(found, Ordering::Relaxed);
        }
        found
    }
}

unsafe extern "C" fn call_method(
    method: Pointer,
    object: Pointer,
    arguments: *const Pointer,
    returned: Pointer,
) {
    let real = function(c"object_method_bind_ptrcall").expect("Godot can be called");
    // SAFETY: Passed on as it came; OS.has_feature returns a bool.
    unsafe {
        if build().is_double && method == HAS_FEATURE.load(Ordering::Relaxed) {
            // Whatever else is asked for may be a feature too.
            *returned.cast::<u8>() = 1;
            return;
        }
        transmute::<Function, CallMethod>(real)(method, object, arguments, returned);
    }
}
