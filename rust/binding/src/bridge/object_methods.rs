//! Methods of Godot's objects, called without gdext, which would look up the object and count a
//! reference to it for each call.

use std::sync::OnceLock;

use godot::builtin::{AnyArray, GString, StringName, Variant};
use godot::classes::notify::ObjectNotification;
use godot::meta::ToGodot;
use godot::sys::{self, GodotFfi};

use super::engine_methods::{self, EngineMethod};
use super::interface::interface;
use crate::parts::Signal;

/// A method of the engine, looked up when it is first called.
struct CachedMethod {
    method: EngineMethod,
    found: OnceLock<usize>,
}

static HAS_CONNECTIONS: CachedMethod = CachedMethod::new(engine_methods::HAS_CONNECTIONS);
static REFERENCE: CachedMethod = CachedMethod::new(engine_methods::REFERENCE);
static EMIT_SIGNAL: CachedMethod = CachedMethod::new(engine_methods::EMIT_SIGNAL);
static CALL: CachedMethod = CachedMethod::new(engine_methods::CALL);
static NOTIFICATION: CachedMethod = CachedMethod::new(engine_methods::NOTIFICATION);
static UNREFERENCE: CachedMethod = CachedMethod::new(engine_methods::UNREFERENCE);

impl CachedMethod {
    const fn new(method: EngineMethod) -> CachedMethod {
        CachedMethod {
            method,
            found: OnceLock::new(),
        }
    }

    /// The pointer that Godot calls the method by, or null if Godot does not have the method.
    fn find(&self) -> sys::GDExtensionMethodBindPtr {
        let found = self.found.get_or_init(|| self.method.find() as usize);
        *found as sys::GDExtensionMethodBindPtr
    }
}

/// Whether anything is connected to `signal` of `object`; true if Godot does not have the method.
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
    // SAFETY: The method takes a StringName and returns a bool; the object is alive, as the caller
    // guarantees.
    unsafe {
        (interface().call_method)(method, object, arguments.as_ptr(), (&raw mut answer).cast());
    }
    answer != 0
}

/// The number of connections to `signal` of `object`, which may be being freed. An object that is
/// being freed has lost its class, and `has_connections` would print that there is no such signal.
///
/// # Safety
/// The memory of the object is still valid, and Godot has not freed its connections.
pub(super) unsafe fn connections(object: sys::GDExtensionObjectPtr, signal: &str) -> usize {
    const CONNECTIONS: &str = "get_signal_connection_list";
    let (method, signal) = (CONNECTIONS.to_variant(), signal.to_variant());
    // SAFETY: The caller's guarantee.
    let connections = unsafe { call_with(object, &[&method, &signal]) };
    let connections = connections.try_to::<AnyArray>();
    connections.map_or(0, |connections| connections.len())
}

/// Notifies `object` that it was created, as Godot notifies its own objects.
///
/// # Safety
/// The object was just made.
pub(super) unsafe fn notify_postinitialize(object: sys::GDExtensionObjectPtr) {
    let method = NOTIFICATION.find();
    let (what, is_reversed) = (
        i64::from(i32::from(ObjectNotification::POSTINITIALIZE)),
        0_u8,
    );
    let arguments = [(&raw const what).cast(), (&raw const is_reversed).cast()];
    // SAFETY: The method takes an int, which is passed as 8 bytes, and a bool. The object is alive.
    unsafe {
        (interface().call_method)(method, object, arguments.as_ptr(), std::ptr::null_mut());
    }
}

/// Adds a reference to `object`, which is RefCounted. Returns false for an object without
/// references, which is being freed.
///
/// # Safety
/// The object is alive or being freed.
pub(super) unsafe fn take_hold(object: sys::GDExtensionObjectPtr) -> bool {
    // SAFETY: The caller's guarantee.
    unsafe { call_bool(&REFERENCE, object) }
}

/// Gives back a reference that [`take_hold`] has added, and frees the object if that was the last
/// one.
///
/// # Safety
/// The caller owns the reference, and does not use it after this.
pub(super) unsafe fn release(object: sys::GDExtensionObjectPtr) {
    // SAFETY: The caller's guarantee. The object is freed by the caller that gives back the last
    // reference.
    unsafe {
        if call_bool(&UNREFERENCE, object) {
            (interface().destroy_object)(object);
        }
    }
}

/// Calls the method `name` of `object` without arguments, as `Object.call` does.
///
/// # Safety
/// The object is alive until the call returns.
pub(super) unsafe fn call(object: sys::GDExtensionObjectPtr, name: &Variant) {
    // SAFETY: The caller's guarantee.
    drop(unsafe { call_with(object, &[name]) });
}

/// Calls the method of `object` that the first argument names, with the other arguments, as
/// `Object.call` does.
///
/// # Safety
/// As for [`call`].
pub(super) unsafe fn call_with(
    object: sys::GDExtensionObjectPtr,
    arguments: &[&Variant],
) -> Variant {
    let method = CALL.find();
    if method.is_null() {
        return Variant::nil();
    }
    let arguments: Vec<_> = arguments
        .iter()
        .map(|argument| argument.sys().cast())
        .collect();
    let mut error = sys::default_call_error();
    // SAFETY: The caller's guarantee. The method takes a name and arguments, and returns a Variant,
    // which `ret` has room for.
    unsafe {
        Variant::new_with_uninit(|ret| {
            let (count, arguments) = (arguments.len() as i64, arguments.as_ptr());
            let call = interface().call_method_with_variants;
            call(method, object, arguments, count, ret.cast(), &mut error);
        })
    }
}

/// The largest number of arguments that `emit_signal` is called with, the name of the signal among
/// them.
const MAX_ARGUMENTS: usize = 3;

/// Emits the signal `name` of `object`.
///
/// # Safety
/// The object is alive until the call returns.
pub(super) unsafe fn emit_signal(
    object: sys::GDExtensionObjectPtr,
    name: &Variant,
    arguments: &[&Variant],
) {
    let method = EMIT_SIGNAL.find();
    if method.is_null() {
        return;
    }
    let mut pointers = [name.sys().cast(); MAX_ARGUMENTS];
    let count = 1 + arguments.len();
    debug_assert!(count <= MAX_ARGUMENTS, "a signal with {count} arguments");
    for (pointer, argument) in pointers[1..count].iter_mut().zip(arguments) {
        *pointer = argument.sys().cast();
    }
    let mut error = sys::default_call_error();
    // SAFETY: The caller's guarantee. The method takes a name and arguments, and returns a Variant,
    // which `ret` has room for.
    drop(unsafe {
        Variant::new_with_uninit(|ret| {
            let (pointers, count, ret) = (pointers.as_ptr(), count as i64, ret.cast());
            (interface().call_method_with_variants)(
                method, object, pointers, count, ret, &mut error,
            );
        })
    });
}

/// Emits `signal` of `object`, if anything is connected to it: checking for connections costs less
/// than emitting a signal without connections.
///
/// # Safety
/// The object is alive until the call returns.
pub(super) unsafe fn emit(object: sys::GDExtensionObjectPtr, signal: &Signal) {
    // SAFETY: The caller's guarantee.
    unsafe {
        if has_connections(object, signal.name()) {
            let name = signal.name().to_variant();
            match signal.arguments() {
                [Some(first), Some(second)] => emit_signal(object, &name, &[&first, &second]),
                [first, _] => emit_signal(object, &name, first.as_ref().as_slice()),
            }
        }
    }
}

/// Calls `method`, which takes nothing and returns a bool; false if Godot does not have the method.
///
/// # Safety
/// The object is alive or being freed, and its class has the method.
unsafe fn call_bool(method: &CachedMethod, object: sys::GDExtensionObjectPtr) -> bool {
    let method = method.find();
    if method.is_null() {
        return false;
    }
    let mut answer: sys::GDExtensionBool = 0;
    // SAFETY: The caller's guarantee.
    unsafe {
        (interface().call_method)(method, object, std::ptr::null(), (&raw mut answer).cast());
    }
    answer != 0
}

/// Whether this Godot has the feature `tag`.
pub(crate) fn has_feature(tag: &str) -> bool {
    let (class, tag) = (StringName::from("OS"), GString::from(tag));
    let mut answer: sys::GDExtensionBool = 0;
    let arguments = [tag.sys()];
    // SAFETY: The method takes a String and returns a bool. The singleton lives from the start of
    // Godot to its end.
    unsafe {
        let os = (interface().singleton)(class.sys().cast());
        let method = engine_methods::HAS_FEATURE.find();
        (interface().call_method)(method, os, arguments.as_ptr(), (&raw mut answer).cast());
    }
    answer != 0
}

/// The path of the copy of the library that is already loaded, if there is one. Each copy leaves a
/// note in the engine, which all copies share.
pub(super) fn loaded_library() -> Option<String> {
    let noted = call_engine(&["has_meta", NOTE]);
    noted
        .booleanize()
        .then(|| call_engine(&["get_meta", NOTE]).stringify().to_string())
}

/// Notes that the library at `path` is loaded.
pub(super) fn note_library(path: &str) {
    call_engine(&["set_meta", NOTE, path]);
}

/// Removes the note.
pub(crate) fn forget_library() {
    call_engine(&["remove_meta", NOTE]);
}

const NOTE: &str = "stream_peer_socket_rs";

fn call_engine(arguments: &[&str]) -> Variant {
    let class = StringName::from("Engine");
    let arguments: Vec<_> = arguments.iter().map(|text| text.to_variant()).collect();
    // SAFETY: The singleton lives from the start of Godot to its end.
    unsafe {
        let engine = (interface().singleton)(class.sys().cast());
        call_with(engine, &arguments.iter().collect::<Vec<_>>())
    }
}
