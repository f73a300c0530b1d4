//! Reading Godot's names.

use std::ffi::{CStr, c_char};
use std::mem::transmute;

use crate::{Function, Pointer, real};

// As in gdextension_interface.h.
const STRING: u32 = 4;
const STRING_NAME: u32 = 21;
/// More than a Variant takes.
type Room = [u64; 8];

type ToVariant = unsafe extern "C" fn(*mut Room, Pointer);
type GetToVariant = unsafe extern "C" fn(u32) -> ToVariant;
type Stringify = unsafe extern "C" fn(*const Room, *mut Room);
type DestroyVariant = unsafe extern "C" fn(*mut Room);
type Destroy = unsafe extern "C" fn(*mut Room);
type GetDestroy = unsafe extern "C" fn(u32) -> Destroy;
type ToUtf8 = unsafe extern "C" fn(*const Room, *mut c_char, i64) -> i64;

/// The text of a name of Godot's.
///
/// # Safety
/// `name` points to a StringName.
pub(crate) unsafe fn text(name: Pointer) -> String {
    let find = |name: &CStr| real::function(name).expect("Godot has a function of its first days");
    // SAFETY: The types are those of gdextension_interface.h. There is room for a Variant and for a String, and both are
    // destroyed once.
    unsafe {
        let get_to_variant =
            transmute::<Function, GetToVariant>(find(c"get_variant_from_type_constructor"));
        let stringify = transmute::<Function, Stringify>(find(c"variant_stringify"));
        let destroy_variant = transmute::<Function, DestroyVariant>(find(c"variant_destroy"));
        let get_destroy = transmute::<Function, GetDestroy>(find(c"variant_get_ptr_destructor"));
        let to_utf8 = transmute::<Function, ToUtf8>(find(c"string_to_utf8_chars"));

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
