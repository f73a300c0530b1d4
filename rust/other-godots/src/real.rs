//! The installed Godot: its functions and its names.

use std::ffi::{CStr, c_char, c_void};
use std::mem::transmute_copy;
use std::sync::OnceLock;

use crate::builds::Build;

/// Godot's function that finds the other functions by their names.
pub(crate) type GetProcAddress = unsafe extern "C" fn(*const c_char) -> Option<Function>;
pub(crate) type Function = unsafe extern "C" fn();
/// A pointer that this library only passes on.
pub(crate) type Pointer = *mut c_void;

struct Real {
    build: &'static Build,
    get_proc_address: GetProcAddress,
}

static REAL: OnceLock<Real> = OnceLock::new();

/// Sets the installed Godot, and how the imitated Godot differs.
pub(crate) fn set(build: &'static Build, get_proc_address: GetProcAddress) {
    let real = Real {
        build,
        get_proc_address,
    };
    REAL.get_or_init(|| real);
}

fn real() -> &'static Real {
    REAL.get().expect("Godot has called an entry")
}

/// How the imitated Godot differs.
pub(crate) fn build() -> &'static Build {
    real().build
}

/// The function `name` of the installed Godot.
pub(crate) fn find(name: &CStr) -> Option<Function> {
    // SAFETY: Godot accepts any zero-terminated name.
    unsafe { (real().get_proc_address)(name.as_ptr()) }
}

/// The same as a function of type `F`.
///
/// # Safety
/// `F` is the type that gdextension_interface.h gives for the name.
pub(crate) unsafe fn function<F: Copy>(name: &CStr) -> F {
    let function = find(name).expect("every Godot has this function");
    assert_eq!(size_of::<F>(), size_of::<Function>());
    // SAFETY: The caller's guarantee. Both are pointers to functions.
    unsafe { transmute_copy(&function) }
}

// As in gdextension_interface.h.
const STRING: u32 = 4;
const STRING_NAME: u32 = 21;
/// More than a Variant takes.
type Room = [u64; 8];
type ToVariant = unsafe extern "C" fn(*mut Room, Pointer);
type Destroy = unsafe extern "C" fn(*mut Room);

/// The text of a name of Godot's.
///
/// # Safety
/// `name` points to a StringName.
pub(crate) unsafe fn text(name: Pointer) -> String {
    // SAFETY: The types are those of gdextension_interface.h. There is room for a Variant and for a
    // String, and both are destroyed once.
    unsafe {
        let get_to_variant: unsafe extern "C" fn(u32) -> ToVariant =
            function(c"get_variant_from_type_constructor");
        let stringify: unsafe extern "C" fn(*const Room, *mut Room) =
            function(c"variant_stringify");
        let destroy_variant: Destroy = function(c"variant_destroy");
        let get_destroy: unsafe extern "C" fn(u32) -> Destroy =
            function(c"variant_get_ptr_destructor");
        let to_utf8: unsafe extern "C" fn(*const Room, *mut c_char, i64) -> i64 =
            function(c"string_to_utf8_chars");

        let (mut variant, mut string) = (Room::default(), Room::default());
        get_to_variant(STRING_NAME)(&mut variant, name);
        stringify(&variant, &mut string);
        destroy_variant(&mut variant);
        let mut utf8 = [0_u8; 256];
        let length = to_utf8(&string, utf8.as_mut_ptr().cast(), utf8.len() as i64);
        get_destroy(STRING)(&mut string);
        let length = usize::try_from(length).unwrap_or(0).min(utf8.len());
        String::from_utf8_lossy(&utf8[..length]).into_owned()
    }
}
