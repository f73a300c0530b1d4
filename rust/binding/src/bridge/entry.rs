//! The library's entry point: loads gdext through the bridge, and refuses a Godot in which the
//! library would not work.
//!
//! The bridge replaces each version of `classdb_register_extension_class` that gdext may use. If
//! gdext asks for a newer one, the library does not load: a class whose registration bypassed the
//! bridge would look right and not work.

use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicUsize, Ordering};

use godot::builtin::StringName;
use godot::init::GdextBuild;
use godot::sys;

use super::engine_methods::{BASE_CLASSES, has_class, needed};
use super::interface::{
    self, CallMethod, CallMethodWithVariants, FindMethod, Function, GetProcAddress, RegisterClass,
    RegisterMethod, UnregisterClass, interface,
};
use super::object_methods::{has_feature, loaded_library, note_library};
use super::registration::Trees;
use super::requirements::{self, Version};
use super::{late_methods, registration};

type GdextEntry = unsafe extern "C" fn(
    sys::GDExtensionInterfaceGetProcAddress,
    sys::GDExtensionClassLibraryPtr,
    *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool;

/// The newest version of the function that registers classes which gdext has asked for.
static NEWEST_VERSION: AtomicUsize = AtomicUsize::new(0);

/// Loads gdext through the bridge, which makes the classes of `trees`. Prints the reason if the
/// library cannot be loaded.
///
/// # Safety
/// The last three arguments are those that Godot passes to the library's entry symbol.
/// `gdext_entry` is the entry that gdext has generated.
pub(crate) unsafe fn initialize(
    trees: Trees,
    gdext_entry: GdextEntry,
    get_proc_address: sys::GDExtensionInterfaceGetProcAddress,
    library: sys::GDExtensionClassLibraryPtr,
    init: *mut sys::GDExtensionInitialization,
) -> sys::GDExtensionBool {
    let Some(godot_functions) = get_proc_address else {
        return 0;
    };
    // SAFETY: The caller's guarantee.
    if unsafe { interface::is_of_godot_4_0(godot_functions) } {
        // In Godot 4.0, the function that prints errors cannot be looked up.
        eprintln!(
            "stream_peer_socket_rs cannot be loaded: it needs Godot 4.4 or later, and this is 4.0"
        );
        return 0;
    }
    // SAFETY: The caller's guarantee.
    let outcome = unsafe { load(trees, gdext_entry, godot_functions, library, init) };
    if let Err(reason) = outcome {
        // SAFETY: Godot's get_proc_address, as the caller guarantees.
        unsafe { interface::print_load_error(godot_functions, &reason) };
        return 0;
    }
    1
}

/// As [`initialize`]. The error is the reason why the library cannot be loaded.
///
/// # Safety
/// As for [`initialize`].
unsafe fn load(
    trees: Trees,
    gdext_entry: GdextEntry,
    godot_functions: GetProcAddress,
    library: sys::GDExtensionClassLibraryPtr,
    init: *mut sys::GDExtensionInitialization,
) -> Result<(), String> {
    // gdext panics in a Godot that it does not support, so everything that can be checked
    // beforehand is checked here.
    // SAFETY: Godot's get_proc_address, as the caller guarantees.
    let version = unsafe { interface::version(godot_functions) };
    let (major, minor, patch) = GdextBuild::godot_static_version_triple();
    let oldest = Version(major.into(), minor.into(), patch.into());
    none_or_error(requirements::refuse_version(version, oldest))?;
    // SAFETY: As above.
    unsafe { interface::load(godot_functions) }
        .map_err(|name| requirements::refuse_function(&name.to_string_lossy()))?;
    registration::set_trees(trees);
    // SAFETY: The caller's guarantee; the replaced function keeps the contract of Godot's own.
    if unsafe { gdext_entry(Some(bridge_proc_address), library, init) } == 0 {
        return Err("gdext does not load in this Godot, see its own error".into());
    }
    // gdext looks up all of its functions now, and later uses the newest version that it found or
    // an older one. With a version that the bridge does not know, the registration of a base would
    // bypass the bridge.
    let newest = NEWEST_VERSION.load(Ordering::Relaxed);
    if interface().register_class(newest).is_none() {
        return Err(format!(
            "gdext registers classes by classdb_register_extension_class{newest}, which the class bridge does not know"
        ));
    }
    // These checks need Godot's names and strings, which gdext has loaded by now.
    let mut classes = BASE_CLASSES.into_iter();
    let missing_class = classes.find(|class| !has_class(&StringName::from(*class)));
    let missing_method = needed().find(|method| method.find().is_null());
    let is_double = missing_method.is_none() && has_feature("double");
    none_or_error(requirements::refuse_build(
        is_double,
        missing_class,
        missing_method.map(|method| method as &dyn std::fmt::Display),
    ))?;
    // A copy of the library that is already loaded has left a note; its classes may not be
    // registered yet. An older version leaves no note, so its classes are checked too.
    let has_classes = trees
        .iter()
        .any(|tree| has_class(&StringName::from(tree.base)));
    let loaded = loaded_library().or_else(|| has_classes.then(String::new));
    none_or_error(loaded.map(|path| requirements::refuse_second_copy(&path)))?;
    // SAFETY: The caller's guarantee.
    note_library(&unsafe { interface::library_path(godot_functions, library) });
    Ok(())
}

fn none_or_error(reason: Option<String>) -> Result<(), String> {
    reason.map_or(Ok(()), Err)
}

/// What gdext calls as Godot's get_proc_address.
unsafe extern "C" fn bridge_proc_address(
    name: *const c_char,
) -> sys::GDExtensionInterfaceFunctionPtr {
    // SAFETY: gdext passes a zero-terminated name.
    let requested = unsafe { CStr::from_ptr(name) }.to_bytes();
    // SAFETY: Godot's own function, called as gdext would call it.
    let found = unsafe { (interface().get_proc_address)(name) }?;
    if let Some(version) = interface::register_class_version(requested) {
        NEWEST_VERSION.fetch_max(version, Ordering::Relaxed);
        // SAFETY: Godot has returned it for this name.
        unsafe { interface().set_register_class(version, found) };
    }
    Some(replacement(requested).unwrap_or(found))
}

/// The function of the bridge that gdext gets instead of the one of Godot with this name.
fn replacement(name: &[u8]) -> Option<Function> {
    use std::mem::transmute;
    // SAFETY: Each replacement has the type of the function it replaces, so calling it through that
    // type, as gdext does, is sound. The creation infos of all versions have the same layout.
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
            b"classdb_get_method_bind" => {
                transmute::<FindMethod, Function>(late_methods::get_method_bind)
            }
            b"object_method_bind_ptrcall" => {
                transmute::<CallMethod, Function>(late_methods::ptrcall)
            }
            b"object_method_bind_call" => {
                transmute::<CallMethodWithVariants, Function>(late_methods::call)
            }
            _ => return None,
        }
    };
    Some(replacement)
}

#[cfg(test)]
mod tests {
    use std::mem::transmute;
    use std::ptr;
    use std::sync::Mutex;

    use super::*;

    static PRINTED: Mutex<String> = Mutex::new(String::new());

    unsafe extern "C" fn version_4_3(version: *mut sys::GDExtensionGodotVersion) {
        // SAFETY: The bridge passes room for a version.
        unsafe { (*version).major = 4 };
        // SAFETY: As above.
        unsafe { (*version).minor = 3 };
    }

    unsafe extern "C" fn print_error(
        message: *const c_char,
        _function: *const c_char,
        _file: *const c_char,
        _line: i32,
        _notify: sys::GDExtensionBool,
    ) {
        // SAFETY: The bridge passes a zero-terminated text.
        let message = unsafe { CStr::from_ptr(message) };
        PRINTED.lock().unwrap().push_str(message.to_str().unwrap());
    }

    unsafe extern "C" fn get_proc_address_of_4_3(
        name: *const c_char,
    ) -> sys::GDExtensionInterfaceFunctionPtr {
        type GetVersion = unsafe extern "C" fn(*mut sys::GDExtensionGodotVersion);
        type PrintError = unsafe extern "C" fn(
            *const c_char,
            *const c_char,
            *const c_char,
            i32,
            sys::GDExtensionBool,
        );
        // SAFETY: The bridge passes a zero-terminated name, and calls the result with the type of
        // Godot's function.
        unsafe {
            match CStr::from_ptr(name).to_bytes() {
                b"get_godot_version" => {
                    Some(transmute::<GetVersion, Function>(version_4_3 as GetVersion))
                }
                b"print_error" => {
                    Some(transmute::<PrintError, Function>(print_error as PrintError))
                }
                name => panic!("asked for {}", name.escape_ascii()),
            }
        }
    }

    unsafe extern "C" fn no_gdext(
        _get_proc_address: sys::GDExtensionInterfaceGetProcAddress,
        _library: sys::GDExtensionClassLibraryPtr,
        _init: *mut sys::GDExtensionInitialization,
    ) -> sys::GDExtensionBool {
        panic!("gdext is not to be loaded")
    }

    fn initialize_in(get_proc_address: sys::GDExtensionInterfaceGetProcAddress) -> u8 {
        // SAFETY: The null pointers are not used before gdext is loaded, and no test gets that far.
        unsafe {
            initialize(
                &[],
                no_gdext,
                get_proc_address,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        }
    }

    #[test]
    fn an_older_godot_prints_the_reason_before_gdext_is_loaded() {
        assert_eq!(initialize_in(Some(get_proc_address_of_4_3)), 0);
        let printed = PRINTED.lock().unwrap();
        assert!(printed.starts_with("stream_peer_socket_rs cannot be loaded: it needs Godot 4.4"));
    }

    #[test]
    fn the_oldest_godot_passes_no_function_and_none_is_called() {
        static INTERFACE: [u32; 4] = [4, 0, 3, 0];
        // SAFETY: Godot 4.0 passes such an address. It is read and not called.
        let table = unsafe { transmute::<&[u32; 4], GetProcAddress>(&INTERFACE) };
        assert_eq!(initialize_in(Some(table)), 0);
        assert_eq!(initialize_in(None), 0);
    }
}
