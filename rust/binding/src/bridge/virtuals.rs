//! How Godot finds the virtual methods of an object, and calls them.
//!
//! The methods themselves are rows in [`stream_virtuals`](super::stream_virtuals) and
//! [`packet_virtuals`](super::packet_virtuals).

use std::any::TypeId;
use std::ffi::c_void;

use godot::builtin::StringName;
use godot::sys::{self, GodotFfi};

use super::guard::guarded;
use crate::parts::Part;

/// The callbacks of a class that find and call its virtual methods.
#[derive(Clone, Copy)]
pub(crate) struct Virtuals {
    /// The type of the part that they expect.
    pub(super) part: fn() -> TypeId,
    pub(super) data: sys::GDExtensionClassGetVirtualCallData2,
    pub(super) call: sys::GDExtensionClassCallVirtualWithData,
}

/// A virtual method, as Godot calls it.
pub(super) type Virtual = unsafe extern "C" fn(
    sys::GDExtensionClassInstancePtr,
    *const sys::GDExtensionConstTypePtr,
    sys::GDExtensionTypePtr,
);

/// A virtual method: its name in the engine's class, and the function that answers it.
pub(super) struct VirtualRow {
    pub(super) name: &'static str,
    pub(super) answer: Virtual,
}

/// The virtual methods of a class. Each function has the parameters of Godot's method of that name.
pub(super) trait VirtualMethods {
    /// The part of the objects that have them.
    type Part: Part;

    const ROWS: &'static [VirtualRow];
}

impl Virtuals {
    pub(super) const fn of<M: VirtualMethods>() -> Virtuals {
        Virtuals {
            part: TypeId::of::<M::Part>,
            data: Some(get_data::<M>),
            call: Some(call::<M>),
        }
    }
}

/// # Safety
/// `name` points to a StringName of Godot's.
unsafe fn find<M: VirtualMethods>(name: sys::GDExtensionConstStringNamePtr) -> Option<Virtual> {
    // SAFETY: The caller's guarantee; the name is copied.
    let name = unsafe { StringName::new_from_sys(name.cast()) }.to_string();
    let row = M::ROWS.iter().find(|row| row.name == name)?;
    Some(row.answer)
}

/// Returns the data that Godot passes back to [`call`], or null for a missing method.
/// Godot calls this at the first call of a method of an object, and keeps the result in the object.
unsafe extern "C" fn get_data<M: VirtualMethods>(
    _class: *mut c_void,
    name: sys::GDExtensionConstStringNamePtr,
    _hash: u32,
) -> *mut c_void {
    guarded(std::ptr::null_mut(), || {
        // SAFETY: Godot passes a valid name.
        let found = unsafe { find::<M>(name) };
        found.map_or(std::ptr::null_mut(), |found| found as *mut c_void)
    })
}

/// Calls a virtual method. Godot keeps the data without a lock: if two threads make the first call
/// of a method at the same time, one of them may read null. (Without this function, Godot would
/// call the null pointer.)
unsafe extern "C" fn call<M: VirtualMethods>(
    instance: sys::GDExtensionClassInstancePtr,
    name: sys::GDExtensionConstStringNamePtr,
    data: *mut c_void,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: Godot passes the name of a method that it has data for. The data is null or what
    // `get_data` has returned, and the arguments are the method's.
    unsafe {
        let method = if data.is_null() {
            guarded(None, || find::<M>(name))
        } else {
            Some(std::mem::transmute::<*mut c_void, Virtual>(data))
        };
        if let Some(method) = method {
            method(instance, args, ret);
        }
    }
}
