//! Looks up the engine's methods for gdext.
//!
//! gdext looks up all methods of all classes when it is loaded, and panics at the first that Godot
//! does not have. But an engine may be built without 3D, without XR, or without any of its modules.
//! So the bridge looks up the methods that are needed ([`engine_methods`](super::engine_methods)),
//! and gives gdext a token for every other one. When gdext calls a token, the bridge looks up the
//! method and calls it if Godot has it. Otherwise the bridge prints an error with the method's
//! name.
//!
//! gdext has a lazy lookup of its own, but does not combine it with calls from other threads.

use std::sync::{Mutex, PoisonError};

use godot::builtin::StringName;
use godot::sys::{self, GodotFfi};

use super::engine_methods::{find, is_needed, may_be_late};
use super::guard::guarded;
use super::interface::{interface, print_error};

/// A method that gdext has asked for and the bridge has not looked up.
#[derive(Clone)]
struct LateMethod {
    class: StringName,
    name: StringName,
    hash: i64,
}

/// The methods with a token. The token is the index here.
static TOKENS: Mutex<Vec<LateMethod>> = Mutex::new(Vec::new());

/// Forgets all tokens, which gives their names back to Godot. gdext calls nothing after this.
pub(crate) fn forget_late_methods() {
    let methods = std::mem::take(&mut *TOKENS.lock().unwrap_or_else(PoisonError::into_inner));
    drop(methods);
}

/// The token for `index`: an odd number. A pointer to a method of Godot is always even.
fn token(index: usize) -> sys::GDExtensionMethodBindPtr {
    std::ptr::without_provenance_mut(index << 1 | 1)
}

/// The index that `method` is the token for, or `None` if it is a pointer.
#[inline]
fn index(method: sys::GDExtensionMethodBindPtr) -> Option<usize> {
    let address = method.addr();
    (address & 1 == 1).then_some(address >> 1)
}

/// What gdext calls to look up a method.
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
            let found = find(&class, &name, hash);
            debug_assert!(index(found).is_none(), "a pointer to a method is even");
            return found;
        }
        let mut late = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
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
        // SAFETY: The arguments are gdext's, and the method is Godot's. Without a method, `ret`
        // keeps the default of its type, which gdext has stored there.
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
    // SAFETY: The arguments are gdext's, and the method is Godot's. Without a method, `ret` has
    // room for a Variant and `error` for an error, as gdext guarantees.
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

/// The pointer to Godot's method: `method` itself, or what the token stands for.
#[inline]
fn resolve(method: sys::GDExtensionMethodBindPtr) -> Option<sys::GDExtensionMethodBindPtr> {
    match index(method) {
        None => Some(method),
        Some(index) => guarded(None, || look_up(index)),
    }
}

/// Looks up the method with the token for `index`. Prints an error if Godot does not have it. A
/// debug build also prints one if no list names the method: a call shows that the library needs it.
#[cold]
fn look_up(index: usize) -> Option<sys::GDExtensionMethodBindPtr> {
    let methods = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
    let method = methods.get(index).cloned();
    drop(methods);
    // gdext's own macro for errors would call methods.
    let Some(LateMethod { class, name, hash }) = method else {
        print_error("call an engine method: the library is being unloaded");
        return None;
    };
    if cfg!(debug_assertions) && !may_be_late(&class.to_string(), &name.to_string()) {
        print_error(&format!(
            "call {class}.{name}: not listed in engine_methods.rs: of(\"{class}\", \"{name}\", {hash}),"
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
    fn tokens_are_distinct_from_pointers() {
        for place in [0, 1, 12_782] {
            assert_eq!(index(token(place)), Some(place));
        }
        let method: *mut u64 = &mut 0;
        assert_eq!(index(method.cast()), None);
        assert_eq!(index(std::ptr::null_mut()), None);
    }
}
