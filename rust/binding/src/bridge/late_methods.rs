//! The engine's methods as gdext gets them.
//!
//! gdext asks for all methods of all classes when it is loaded, and panics at the first that Godot does not have. But an
//! engine may be built without 3D, without XR, without any of its modules. So it gets what Godot answers for the methods
//! that are needed only (see [`engine_methods`](super::engine_methods)), and a token for every other one. If it ever calls
//! a token, the method is looked for then, and called if Godot has it; otherwise the call is an error with its name.

use std::sync::{Mutex, PoisonError};

use godot::builtin::StringName;
use godot::sys::{self, GodotFfi};

use super::engine_methods::{find, is_needed, may_be_late};
use super::guard::guarded;
use super::interface::{interface, print_error};

/// A method that was asked for and not looked for.
#[derive(Clone)]
struct LateMethod {
    class: StringName,
    name: StringName,
    hash: i64,
}

/// Those with a token, which is the place here.
static LATE: Mutex<Vec<LateMethod>> = Mutex::new(Vec::new());

/// Forgets them all, so that Godot has its names back. gdext calls nothing after this.
pub(crate) fn forget_late_methods() {
    let methods = std::mem::take(&mut *LATE.lock().unwrap_or_else(PoisonError::into_inner));
    drop(methods);
}

/// The token for the place `index`: an odd number, which no pointer to a method of Godot's is.
fn token(index: usize) -> sys::GDExtensionMethodBindPtr {
    std::ptr::without_provenance_mut(index << 1 | 1)
}

/// The place that `method` is the token of, if it is one.
#[inline]
fn index(method: sys::GDExtensionMethodBindPtr) -> Option<usize> {
    let address = method.addr();
    (address & 1 == 1).then_some(address >> 1)
}

/// What gdext calls to find a method.
pub(super) unsafe extern "C" fn get_method_bind(
    class: sys::GDExtensionConstStringNamePtr,
    name: sys::GDExtensionConstStringNamePtr,
    hash: sys::GDExtensionInt,
) -> sys::GDExtensionMethodBindPtr {
    guarded(std::ptr::null_mut(), || {
        // SAFETY: gdext passes two valid names, which are copied.
        let copy = |name: sys::GDExtensionConstStringNamePtr| unsafe {
            StringName::new_from_sys(name.cast())
        };
        let (class, name) = (copy(class), copy(name));
        if is_needed(hash, || class.to_string(), || name.to_string()) {
            return find(&class, &name, hash);
        }
        let mut late = LATE.lock().unwrap_or_else(PoisonError::into_inner);
        late.push(LateMethod { class, name, hash });
        token(late.len() - 1)
    })
}

/// What gdext calls to call a method with arguments of the method's types.
pub(super) unsafe extern "C" fn ptrcall(
    method: sys::GDExtensionMethodBindPtr,
    object: sys::GDExtensionObjectPtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    if let Some(method) = resolve(method) {
        // SAFETY: Passed on as it came, with Godot's own method. Without one nothing is returned, and gdext has put the
        // type's default there.
        unsafe { (interface().call_method)(method, object, args, ret) }
    }
}

/// What gdext calls to call a method with Variants.
pub(super) unsafe extern "C" fn call(
    method: sys::GDExtensionMethodBindPtr,
    object: sys::GDExtensionObjectPtr,
    args: *const sys::GDExtensionConstVariantPtr,
    count: sys::GDExtensionInt,
    ret: sys::GDExtensionUninitializedVariantPtr,
    error: *mut sys::GDExtensionCallError,
) {
    // SAFETY: Passed on as it came, with Godot's own method. Without one there is room for a Variant and for an error, as
    // gdext guarantees.
    unsafe {
        match resolve(method) {
            Some(method) => {
                (interface().call_method_with_variants)(method, object, args, count, ret, error)
            }
            None => {
                (interface().variant_new_nil)(ret);
                (*error).error = sys::GDEXTENSION_CALL_ERROR_INVALID_METHOD;
            }
        }
    }
}

/// The method of Godot's that `method` is, or that it is the token of.
#[inline]
fn resolve(method: sys::GDExtensionMethodBindPtr) -> Option<sys::GDExtensionMethodBindPtr> {
    match index(method) {
        None => Some(method),
        Some(index) => guarded(None, || look_for(index)),
    }
}

/// Looks for the method with the token for `index`. That there is none is an error. So is, in a debug build, that there is
/// one which nobody has listed: it is needed then.
#[cold]
fn look_for(index: usize) -> Option<sys::GDExtensionMethodBindPtr> {
    let methods = LATE.lock().unwrap_or_else(PoisonError::into_inner);
    let method = methods.get(index).cloned();
    drop(methods);
    // Not by gdext's macro, which calls methods itself.
    let Some(LateMethod { class, name, hash }) = method else {
        print_error("a method of the engine is called while the library is unloaded");
        return None;
    };
    if cfg!(debug_assertions) && !may_be_late(&class.to_string(), &name.to_string()) {
        print_error(&format!(
            "{class}.{name} is called, and not in the list of methods that are needed (engine_methods.rs): hash {hash}"
        ));
    }
    let found = find(&class, &name, hash);
    if found.is_null() {
        print_error(&format!("this Godot has no method {class}.{name}"));
        return None;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_pointers() {
        for place in [0, 1, 12_782] {
            assert_eq!(index(token(place)), Some(place));
        }
        let method: *mut u64 = &mut 0;
        assert_eq!(index(method.cast()), None);
        assert_eq!(index(std::ptr::null_mut()), None);
    }
}
