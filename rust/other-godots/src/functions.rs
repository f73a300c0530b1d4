//! The functions that differ, and loading the extension's library with them.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::transmute;
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::real::{Function, GetProcAddress, Pointer, build, find, function, text};

type Entry = unsafe extern "C" fn(GetProcAddress, Pointer, Pointer) -> u8;
type AtLevel = unsafe extern "C" fn(Pointer, u32);
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

/// `GDExtensionInitialization` of gdextension_interface.h.
#[repr(C)]
struct Initialization {
    minimum: u32,
    userdata: Pointer,
    initialize: AtLevel,
    deinitialize: AtLevel,
}

/// `GDEXTENSION_INITIALIZATION_EDITOR`. A Godot that was built with its editor calls an extension
/// at this level, also while the editor does not run.
const EDITOR: u32 = 3;

/// The extension's functions for the levels.
static AT_LEVELS: OnceLock<(AtLevel, AtLevel)> = OnceLock::new();

/// OS.has_feature, once the extension has looked it up.
static HAS_FEATURE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Loads the extension's library into the other Godot.
///
/// # Safety
/// The arguments are those of a library's entry.
pub(crate) unsafe fn load(library: Pointer, init: Pointer) -> u8 {
    let file = format!("{DLL_PREFIX}stream_peer_socket_rs{DLL_SUFFIX}");
    let path = beside(&file).expect("this library has a path");
    // SAFETY: The extension's library is made to be loaded, and its entry has this type. The
    // arguments are passed on.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!handle.is_null(), "cannot load {path:?}");
        let entry = libc::dlsym(handle, c"stream_peer_socket_rs_init".as_ptr());
        assert!(!entry.is_null(), "{path:?} has no entry");
        let is_loaded = transmute::<Pointer, Entry>(entry)(get_proc_address, library, init);
        if is_loaded != 0 && (build().lacks_class)("EditorPlugin") {
            // The extension has filled this in.
            let extension = &mut *init.cast::<Initialization>();
            AT_LEVELS.get_or_init(|| (extension.initialize, extension.deinitialize));
            (extension.initialize, extension.deinitialize) = (initialize, deinitialize);
        }
        is_loaded
    }
}

/// The path of `file` in the folder of this library.
fn beside(file: &str) -> Option<CString> {
    // SAFETY: The address is that of a function, and its path lives as long as this library.
    let path = unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if libc::dladdr(beside as *const c_void, &mut info) == 0 {
            return None;
        }
        CStr::from_ptr(info.dli_fname)
    };
    let path = PathBuf::from(path.to_str().ok()?).with_file_name(file);
    CString::new(path.to_str()?).ok()
}

unsafe extern "C" fn initialize(userdata: Pointer, level: u32) {
    if let (Some((initialize, _)), true) = (AT_LEVELS.get(), level != EDITOR) {
        // SAFETY: The arguments are passed on.
        unsafe { initialize(userdata, level) };
    }
}

unsafe extern "C" fn deinitialize(userdata: Pointer, level: u32) {
    if let (Some((_, deinitialize)), true) = (AT_LEVELS.get(), level != EDITOR) {
        // SAFETY: The arguments are passed on.
        unsafe { deinitialize(userdata, level) };
    }
}

/// The `get_proc_address` of the other Godot.
unsafe extern "C" fn get_proc_address(name: *const c_char) -> Option<Function> {
    // SAFETY: The name is zero-terminated. Each function has the type that gdextension_interface.h
    // gives for its name.
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
            _ => find(name),
        }
    }
}

unsafe extern "C" fn get_version(version: *mut Version) {
    // SAFETY: Godot's function fills in the whole of the extension's version.
    unsafe {
        function::<GetVersion>(c"get_godot_version")(version);
        if let Some(numbers) = build().version {
            (*version).numbers = numbers;
        }
    }
}

unsafe extern "C" fn get_tag(class: Pointer) -> Pointer {
    // SAFETY: The extension passes a name, which goes to Godot's function.
    unsafe {
        match (build().lacks_class)(&text(class)) {
            true => ptr::null_mut(),
            false => function::<GetTag>(c"classdb_get_class_tag")(class),
        }
    }
}

/// Godot prints an error for a method that it does not have.
unsafe extern "C" fn get_method(class: Pointer, method: Pointer, hash: i64) -> Pointer {
    // SAFETY: The extension passes two names, which go to Godot's function.
    unsafe {
        let (class_name, method_name) = (text(class), text(method));
        if (build().lacks_class)(&class_name) || (build().lacks_method)(&class_name, &method_name) {
            eprintln!("ERROR: this Godot was asked for {class_name}.{method_name}");
            return ptr::null_mut();
        }
        let find = function::<GetMethod>(c"classdb_get_method_bind");
        let found = find(class, method, hash);
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
    // SAFETY: The arguments are passed on, and OS.has_feature returns a bool.
    unsafe {
        if build().is_double && method == HAS_FEATURE.load(Ordering::Relaxed) {
            // Any other feature exists, too.
            *returned.cast::<u8>() = 1;
            return;
        }
        function::<CallMethod>(c"object_method_bind_ptrcall")(method, object, arguments, returned);
    }
}
