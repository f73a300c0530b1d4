//! `Object.has_connections`, past gdext, which would look the object up and count a reference to it.

use std::sync::OnceLock;

use godot::builtin::StringName;
use godot::sys::{self, GodotFfi};

use super::interface::interface;

/// What stands for the method's signature in Godot's extension_api.json.
const HASH: i64 = 2619796661;

/// Whether anything is connected to `signal` of `object`. A Godot that cannot say is taken to say yes.
///
/// # Safety
/// The object is alive.
pub(super) unsafe fn has_connections(
    object: sys::GDExtensionObjectPtr,
    signal: &StringName,
) -> bool {
    let method = method();
    if method.is_null() {
        return true;
    }
    let mut answer: sys::GDExtensionBool = 0;
    let arguments = [signal.sys().cast()];
    // SAFETY: The method takes a StringName and returns a bool; the object is alive, as the caller guarantees.
    unsafe {
        (interface().call_method)(method, object, arguments.as_ptr(), (&raw mut answer).cast());
    }
    answer != 0
}

/// What Godot calls the method by, or null if it has none.
fn method() -> sys::GDExtensionMethodBindPtr {
    static METHOD: OnceLock<usize> = OnceLock::new();
    let method = METHOD.get_or_init(|| {
        let (class, method) = (
            StringName::from("Object"),
            StringName::from("has_connections"),
        );
        // SAFETY: Both are names that Godot only reads.
        unsafe { (interface().find_method)(class.sys().cast(), method.sys().cast(), HASH) as usize }
    });
    *method as sys::GDExtensionMethodBindPtr
}
