//! The Godot that is there, and the library of the extension.

use std::env;
use std::ffi::{CStr, CString};
use std::mem::transmute;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::{Build, Entry, Function, GetProcAddress, Pointer, functions, levels};

struct Real {
    get_proc_address: GetProcAddress,
    build: &'static Build,
}

static REAL: OnceLock<Real> = OnceLock::new();

fn real() -> &'static Real {
    REAL.get().expect("Godot has called an entry")
}

/// The Godot that is played.
pub(crate) fn build() -> &'static Build {
    real().build
}

/// The function `name` of the Godot that is there.
pub(crate) fn function(name: &CStr) -> Option<Function> {
    // SAFETY: Godot takes any zero-terminated name.
    unsafe { (real().get_proc_address)(name.as_ptr()) }
}

/// Hands the library of the extension on to Godot, and plays `build` to it.
///
/// # Safety
/// The arguments are those that Godot calls an entry with.
pub(crate) unsafe fn load(
    build: &'static Build,
    get_proc_address: GetProcAddress,
    library: Pointer,
    init: Pointer,
) -> u8 {
    REAL.get_or_init(|| Real {
        get_proc_address,
        build,
    });
    let (prefix, suffix) = (env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let library_name = format!("{prefix}stream_peer_socket_rs{suffix}");
    let path = beside(&library_name).expect("the path of this library is known");
    // SAFETY: The library of the extension is made to be loaded, and its entry has this type. The arguments are passed on
    // as they came, but for the function that plays the other Godot.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!handle.is_null(), "cannot load {path:?}");
        let entry = libc::dlsym(handle, c"stream_peer_socket_rs_init".as_ptr());
        assert!(!entry.is_null(), "{path:?} has no entry");
        let entry = transmute::<Pointer, Entry>(entry);
        let is_loaded = entry(functions::get_proc_address, library, init);
        if is_loaded != 0 && (build.lacks_class)("EditorPlugin") {
            levels::leave_out_the_editor(init.cast());
        }
        is_loaded
    }
}

/// The path of `file` in the folder of this library.
fn beside(file: &str) -> Option<CString> {
    // SAFETY: The address is that of a function, and the path that is told of it stays as long as this library.
    let path = unsafe {
        let mut info = std::mem::zeroed::<libc::Dl_info>();
        if libc::dladdr(beside as *const libc::c_void, &mut info) == 0 {
            return None;
        }
        CStr::from_ptr(info.dli_fname)
    };
    let path = PathBuf::from(path.to_str().ok()?).with_file_name(file);
    CString::new(path.to_str()?).ok()
}
