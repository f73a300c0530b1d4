//! The library's entry: puts the bridge between gdext and Godot.

use std::ffi::{CStr, c_char};

use godot::sys;

use super::interface::{
    self, Function, RegisterClass, RegisterMethod, RegisterProperty, SetInstance, UnregisterClass,
    interface,
};
use super::{instance, registration};

type GdextEntry = unsafe extern "C" fn(
    sys::GDExtensionInterfaceGetProcAddress,
    sys::GDExtensionClassLibraryPtr,
    *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool;

/// Loads gdext through the bridge.
///
/// # Safety
/// The arguments are those that Godot calls the library's entry symbol with; `gdext_entry` is the entry that gdext
/// has generated.
pub(crate) unsafe fn initialize(
    gdext_entry: GdextEntry,
    get_proc_address: sys::GDExtensionInterfaceGetProcAddress,
    library: sys::GDExtensionClassLibraryPtr,
    init: *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool {
    let Some(godot_functions) = get_proc_address else {
        return 0;
    };
    // SAFETY: Godot's get_proc_address, as the caller guarantees.
    if unsafe { interface::load(godot_functions) }.is_none() {
        return 0;
    }
    // SAFETY: The caller's guarantee; the replaced function keeps the contract of Godot's own.
    unsafe { gdext_entry(Some(bridge_proc_address), library, init) }
}

/// What gdext sees as Godot's get_proc_address.
unsafe extern "C" fn bridge_proc_address(
    name: *const c_char,
) -> sys::GDExtensionInterfaceFunctionPtr {
    use std::mem::transmute;
    // SAFETY: gdext passes a zero-terminated name.
    let requested = unsafe { CStr::from_ptr(name) };
    // SAFETY: Each replacement has the type of the function it replaces, so calling it through that type, as gdext
    // does, is sound.
    let replacement = unsafe {
        match requested.to_bytes() {
            b"classdb_register_extension_class4" => {
                transmute::<RegisterClass, Function>(registration::register_class)
            }
            b"classdb_unregister_extension_class" => {
                transmute::<UnregisterClass, Function>(registration::unregister_class)
            }
            b"classdb_register_extension_class_method" => {
                transmute::<RegisterMethod, Function>(registration::register_method)
            }
            b"classdb_register_extension_class_property" => {
                transmute::<RegisterProperty, Function>(registration::register_property)
            }
            b"object_set_instance" => {
                transmute::<SetInstance, Function>(instance::object_set_instance)
            }
            // SAFETY: Godot's own function, called as gdext would call it.
            _ => return (interface().get_proc_address)(name),
        }
    };
    Some(replacement)
}
