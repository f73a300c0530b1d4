//! Methods of Godot's objects, past gdext, which would look the object up and count a reference to it.

use std::sync::OnceLock;

use godot::builtin::StringName;
use godot::sys::{self, GodotFfi};

use super::interface::interface;

/// A method of the engine's, found when it is first called.
struct Method {
    class: &'static str,
    name: &'static str,
    /// What stands for the method's signature in Godot's extension_api.json.
    hash: i64,
    found: OnceLock<usize>,
}

static HAS_CONNECTIONS: Method = Method {
    class: "Object",
    name: "has_connections",
    hash: 2619796661,
    found: OnceLock::new(),
};

static GET_REFERENCE_COUNT: Method = Method {
    class: "RefCounted",
    name: "get_reference_count",
    hash: 3905245786,
    found: OnceLock::new(),
};

impl Method {
    /// What Godot calls the method by, or null if it has none.
    fn find(&self) -> sys::GDExtensionMethodBindPtr {
        let found = self.found.get_or_init(|| {
            let (class, name) = (StringName::from(self.class), StringName::from(self.name));
            // SAFETY: Both are names that Godot only reads.
            let found = unsafe {
                (interface().find_method)(class.sys().cast(), name.sys().cast(), self.hash)
            };
            found as usize
        });
        *found as sys::GDExtensionMethodBindPtr
    }
}

/// Whether anything is connected to `signal` of `object`. A Godot that cannot say is taken to say yes.
///
/// # Safety
/// The object is alive.
pub(super) unsafe fn has_connections(
    object: sys::GDExtensionObjectPtr,
    signal: &StringName,
) -> bool {
    let method = HAS_CONNECTIONS.find();
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

/// Whether somebody holds `object`, which is RefCounted: nobody does while it is being freed and its script hears of that.
///
/// # Safety
/// The object is there.
pub(super) unsafe fn is_alive(object: sys::GDExtensionObjectPtr) -> bool {
    let method = GET_REFERENCE_COUNT.find();
    if method.is_null() {
        return true;
    }
    let mut count: i64 = 0;
    // SAFETY: The method takes nothing and returns an int, which is passed as 8 bytes; the object is there, as the caller
    // guarantees.
    unsafe {
        (interface().call_method)(method, object, std::ptr::null(), (&raw mut count).cast());
    }
    count > 0
}
