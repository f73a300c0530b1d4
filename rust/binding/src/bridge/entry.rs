//! The library's entry: puts the bridge between gdext and Godot.

use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicUsize, Ordering};

use godot::sys;

use super::family::Family;
use super::interface::{
    self, Function, RegisterClass, RegisterMethod, SetInstance, UnregisterClass, interface,
};
use super::{instance, registration};

type GdextEntry = unsafe extern "C" fn(
    sys::GDExtensionInterfaceGetProcAddress,
    sys::GDExtensionClassLibraryPtr,
    *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool;

/// The newest function for registering classes that gdext has asked for.
static NEWEST_VERSION: AtomicUsize = AtomicUsize::new(0);

/// Loads gdext through the bridge, which makes the classes of `families`. If that cannot be, it says why.
///
/// # Safety
/// The last three arguments are those that Godot calls the library's entry symbol with; `gdext_entry` is the entry that
/// gdext has generated.
pub(crate) unsafe fn initialize(
    families: &'static [&'static Family],
    gdext_entry: GdextEntry,
    get_proc_address: sys::GDExtensionInterfaceGetProcAddress,
    library: sys::GDExtensionClassLibraryPtr,
    init: *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool {
    let Some(godot_functions) = get_proc_address else {
        return 0;
    };
    // SAFETY: Godot's get_proc_address, as the caller guarantees.
    let loaded = unsafe { interface::load(godot_functions) };
    if loaded.is_none() {
        let reason = "it needs Godot 4.4 or later";
        // SAFETY: As above.
        unsafe { interface::print_load_error(godot_functions, reason) };
        return 0;
    }
    registration::set_families(families);
    // SAFETY: The caller's guarantee; the replaced function keeps the contract of Godot's own.
    let is_loaded = unsafe { gdext_entry(Some(bridge_proc_address), library, init) };
    // gdext asks for its functions at once, and uses the newest or one before it. One that the bridge does not know would
    // register the base of a family past it.
    let newest = NEWEST_VERSION.load(Ordering::Relaxed);
    if is_loaded != 0 && interface().register_class(newest).is_none() {
        let reason = format!(
            "gdext registers classes by classdb_register_extension_class{newest}, which the class bridge does not know"
        );
        // SAFETY: As above.
        unsafe { interface::print_load_error(godot_functions, &reason) };
        return 0;
    }
    is_loaded
}

/// What gdext sees as Godot's get_proc_address.
unsafe extern "C" fn bridge_proc_address(
    name: *const c_char,
) -> sys::GDExtensionInterfaceFunctionPtr {
    // SAFETY: gdext passes a zero-terminated name.
    let requested = unsafe { CStr::from_ptr(name) }.to_bytes();
    // SAFETY: Godot's own function, called as gdext would call it.
    let found = unsafe { (interface().get_proc_address)(name) }?;
    if let Some(version) = interface::register_class_version(requested) {
        NEWEST_VERSION.fetch_max(version, Ordering::Relaxed);
        // SAFETY: Godot has answered it to this name.
        unsafe { interface().set_register_class(version, found) };
    }
    Some(replacement(requested).unwrap_or(found))
}

/// The function of the bridge that gdext gets in place of Godot's.
fn replacement(name: &[u8]) -> Option<Function> {
    use std::mem::transmute;
    // SAFETY: Each replacement has the type of the function it replaces, so calling it through that type, as gdext
    // does, is sound. The creation infos of all versions look the same.
    let replacement = unsafe {
        match name {
            b"classdb_register_extension_class4" => {
                transmute::<RegisterClass, Function>(registration::register_class::<4>)
            }
            b"classdb_register_extension_class5" => {
                transmute::<RegisterClass, Function>(registration::register_class::<5>)
            }
            b"classdb_register_extension_class6" => {
                transmute::<RegisterClass, Function>(registration::register_class::<6>)
            }
            b"classdb_unregister_extension_class" => {
                transmute::<UnregisterClass, Function>(registration::unregister_class)
            }
            b"classdb_register_extension_class_method" => {
                transmute::<RegisterMethod, Function>(registration::register_method)
            }
            b"object_set_instance" => {
                transmute::<SetInstance, Function>(instance::object_set_instance)
            }
            _ => return None,
        }
    };
    Some(replacement)
}
