//! Making objects of the bridged classes, and what Godot holds as their instance.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::{Arc, OnceLock};

use godot::builtin::StringName;
use godot::obj::{Base, Gd, GodotClass, bounds, cap};
use godot::sys::{self, GodotFfi};

use super::family::{Class, Family};
use super::interface::interface;
use crate::peer::Peer;
use crate::server::Server;

/// What Godot holds as the extension instance of an object, and hands to every callback.
pub(super) struct Handle {
    /// What the calls work on that do not go through gdext.
    pub(super) part: Part,
    /// The object, by its id.
    pub(super) object: u64,
    /// The object itself. It lives as long as the handle does.
    pointer: sys::GDExtensionObjectPtr,
    /// gdext's storage of the object, which is what its own callbacks expect.
    pub(super) storage: sys::GDExtensionClassInstancePtr,
}

impl Handle {
    /// # Safety
    /// `instance` is what Godot passes to a callback of a bridged class, and `'a` does not outlive that call.
    #[inline]
    pub(super) unsafe fn from_instance<'a>(
        instance: sys::GDExtensionClassInstancePtr,
    ) -> &'a Handle {
        // SAFETY: `object_set_instance` made every instance of a bridged class a leaked `Handle`, which lives until
        // `free`, and Godot does not free an object in a call.
        unsafe { &*instance.cast::<Handle>() }
    }

    /// Whether anything is connected to a signal of the object: what gdext would ask, without looking the object up and
    /// counting a reference to it.
    ///
    /// # Safety
    /// The object is alive.
    pub(super) unsafe fn has_connections(&self, signal: &StringName) -> bool {
        let mut answer: sys::GDExtensionBool = 0;
        let arguments = [signal.sys().cast()];
        // SAFETY: The method takes a StringName and returns a bool; the object is alive, as the caller guarantees.
        unsafe {
            (interface().call_method)(
                has_connections_method(),
                self.pointer,
                arguments.as_ptr(),
                (&raw mut answer).cast(),
            );
        }
        answer != 0
    }
}

/// `Object.has_connections`.
fn has_connections_method() -> sys::GDExtensionMethodBindPtr {
    /// What stands for its signature in Godot's extension_api.json.
    const HASH: i64 = 2619796661;
    static METHOD: OnceLock<usize> = OnceLock::new();
    let method = METHOD.get_or_init(|| {
        let (class, method) = (
            StringName::from("Object"),
            StringName::from("has_connections"),
        );
        // SAFETY: Both are names that Godot only reads.
        let found =
            unsafe { (interface().find_method)(class.sys().cast(), method.sys().cast(), HASH) };
        assert!(!found.is_null(), "Godot has no Object.has_connections");
        found as usize
    });
    *method as sys::GDExtensionMethodBindPtr
}

/// What an object consists of, apart from the object.
#[derive(Clone)]
pub(crate) enum Part {
    Peer(Arc<Peer>),
    Server(Arc<Server>),
}

/// The object that this thread is making: which class it is to be, and what it consists of, once that is known.
#[derive(Clone, Copy)]
struct Creation {
    class: &'static Class,
    part: Option<Announced>,
}

/// A [`Part`] that gdext's storage is about to hold.
#[derive(Clone, Copy)]
enum Announced {
    Peer(*const Peer),
    Server(*const Server),
}

thread_local! {
    // Copy types only: a destructor would keep the library from being unloaded.
    static CREATION: Cell<Option<Creation>> = const { Cell::new(None) };
}

/// gdext's create and free callbacks of a family's base.
pub(super) struct Callbacks {
    create: CreateInstance,
    free: FreeInstance,
}

type CreateInstance =
    unsafe extern "C" fn(*mut c_void, sys::GDExtensionBool) -> sys::GDExtensionObjectPtr;
type FreeInstance = unsafe extern "C" fn(*mut c_void, sys::GDExtensionClassInstancePtr);

/// Puts the bridge's create and free in front of gdext's in the creation info of a family.
pub(super) fn hook(family: &'static Family, info: &mut sys::GDExtensionClassCreationInfo4) {
    let create = info.create_instance_func.expect("gdext sets it");
    let free = info.free_instance_func.expect("gdext sets it");
    family.callbacks.get_or_init(|| Callbacks { create, free });
    info.create_instance_func = Some(create_instance);
    info.free_instance_func = Some(free_instance);
    // Not reloadable, so never recreated. Reference counting needs no word of ours: gdext's callbacks are empty.
    info.recreate_instance_func = None;
    info.reference_func = None;
    info.unreference_func = None;
    // These would be handed the bridge's handle where gdext expects its storage. The classes implement none.
    let instance_callbacks = [
        info.set_func.is_some(),
        info.get_func.is_some(),
        info.get_property_list_func.is_some(),
        info.property_can_revert_func.is_some(),
        info.property_get_revert_func.is_some(),
        info.validate_property_func.is_some(),
        info.notification_func.is_some(),
        info.to_string_func.is_some(),
    ];
    assert!(
        !instance_callbacks.contains(&true),
        "{} uses a callback that the bridge does not translate",
        family.base
    );
}

/// The class in the class data of a callback, and what gdext's callbacks for its family are. An abstract base has no
/// class data.
///
/// # Safety
/// `class` is the class data given to Godot at registration: a `&'static Class`, or null.
unsafe fn class_data(class: *mut c_void) -> Option<(&'static Class, &'static Callbacks)> {
    // SAFETY: The caller's guarantee.
    let class: &'static Class = unsafe { class.cast::<Class>().as_ref() }?;
    Some((class, class.family.callbacks.get()?))
}

unsafe extern "C" fn create_instance(
    class: *mut c_void,
    notify: sys::GDExtensionBool,
) -> sys::GDExtensionObjectPtr {
    // SAFETY: Godot passes the class data that registration gave it.
    let Some((class, callbacks)) = (unsafe { class_data(class) }) else {
        return std::ptr::null_mut();
    };
    begin(class);
    // SAFETY: gdext's own callback, called as Godot would; it ignores its first argument.
    unsafe { (callbacks.create)(std::ptr::null_mut(), notify) }
}

unsafe extern "C" fn free_instance(class: *mut c_void, instance: sys::GDExtensionClassInstancePtr) {
    // SAFETY: `object_set_instance` has leaked it as a `Handle`, Godot frees it once, and nobody uses it after this.
    let handle = unsafe { Box::from_raw(instance.cast::<Handle>()) };
    // SAFETY: Godot passes the class data that registration gave it, which an object's class always has. The callback is
    // gdext's own, called with the storage gdext gave; it ignores its first argument.
    unsafe {
        if let Some((_, callbacks)) = class_data(class) {
            (callbacks.free)(std::ptr::null_mut(), handle.storage);
        }
    }
}

fn begin(class: &'static Class) {
    CREATION.set(Some(Creation { class, part: None }));
}

/// Tells the bridge what the peer consists of that gdext is initialising on this thread.
pub(crate) fn announce_peer(peer: &Arc<Peer>) {
    announce(Announced::Peer(Arc::as_ptr(peer)));
}

/// Tells the bridge what the server consists of that gdext is initialising on this thread.
pub(crate) fn announce_server(server: &Arc<Server>) {
    announce(Announced::Server(Arc::as_ptr(server)));
}

fn announce(part: Announced) {
    if let Some(creation) = CREATION.get() {
        CREATION.set(Some(Creation {
            part: Some(part),
            ..creation
        }));
    }
}

/// Another handle to what `pointer` points into.
///
/// # Safety
/// The pointer comes from an `Arc` that is still alive.
unsafe fn share<T>(pointer: *const T) -> Arc<T> {
    // SAFETY: The caller's guarantee.
    unsafe {
        Arc::increment_strong_count(pointer);
        Arc::from_raw(pointer)
    }
}

/// Makes an object of `class` from Rust.
pub(crate) fn new_object<T>(class: &'static Class, init: impl FnOnce(Base<T::Base>) -> T) -> Gd<T>
where
    T: cap::GodotDefault + GodotClass + godot::obj::Bounds<Declarer = bounds::DeclUser>,
{
    begin(class);
    Gd::from_init_fn(init)
}

/// What gdext calls to make its storage the instance of a new object. The object becomes one of the subclass being
/// made, and its instance a handle.
pub(super) unsafe extern "C" fn object_set_instance(
    object: sys::GDExtensionObjectPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
    storage: sys::GDExtensionClassInstancePtr,
) {
    let Some(Creation {
        class,
        part: Some(part),
    }) = CREATION.take()
    else {
        // SAFETY: A class that is not bridged; passed on as it came.
        unsafe { (interface().set_instance)(object, class_name, storage) };
        return;
    };
    // SAFETY: The announced `Arc` is part of gdext's storage, which was made since and lives longer than this call.
    let part = unsafe {
        match part {
            Announced::Peer(peer) => Part::Peer(share(peer)),
            Announced::Server(server) => Part::Server(share(server)),
        }
    };
    let handle = Box::new(Handle {
        part,
        // SAFETY: gdext passes the object that Godot has just made.
        object: unsafe { (interface().object_id)(object.cast_const()) },
        pointer: object,
        storage,
    });
    let name = class.name();
    // SAFETY: The object and the class come from gdext and from registration; Godot copies the name. The handle is
    // given back to `free`.
    unsafe {
        (interface().set_instance)(object, name.sys().cast(), Box::into_raw(handle).cast());
    }
}
