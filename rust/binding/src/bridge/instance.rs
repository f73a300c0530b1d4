//! Making and freeing the objects of class trees.
//!
//! Godot asks for an object of a class; gdext makes its storage for the base; [`announce`] takes
//! the part out of that, and [`object_set_instance`] gives Godot a handle with both. All of this
//! happens on one thread, one object at a time.

use std::any::TypeId;
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;

use godot::builtin::StringName;
use godot::obj::{Base, Gd, GodotClass, bounds, cap};
use godot::sys::{self, GodotFfi};

use super::class_tree::{Class, ClassTree, StorageCallbacks};
use super::guard::guarded;
use super::handle::Head;
use super::interface::interface;
use crate::parts::Part;

/// The object that this thread is making: its class, and the address of its part once that is
/// announced.
#[derive(Clone, Copy)]
struct Creation {
    class: &'static Class,
    part: Option<*const c_void>,
}

thread_local! {
    // Only a type without a destructor: a destructor would keep the library from being unloaded.
    static CREATION: Cell<Option<Creation>> = const { Cell::new(None) };
}

/// Puts the bridge's create and free callbacks in front of gdext's, in the creation info of a
/// tree's base. The error is the reason why that is not enough to make the tree's objects.
pub(super) fn hook(
    tree: &'static ClassTree,
    info: &mut sys::GDExtensionClassCreationInfo4,
) -> Result<(), &'static str> {
    let (Some(create), Some(free)) = (info.create_instance_func, info.free_instance_func) else {
        return Err("gdext has no callbacks for making and freeing its objects");
    };
    // Godot would pass the bridge's handle to these callbacks, which expect gdext's storage. No
    // class implements any of them.
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
    if instance_callbacks.contains(&true) {
        return Err("gdext has a callback for it that the class bridge does not translate");
    }
    tree.storage_callbacks
        .get_or_init(|| StorageCallbacks { create, free });
    info.create_instance_func = Some(create_instance);
    info.free_instance_func = Some(free_instance);
    // The extension is not reloadable, so no object is recreated. gdext's callbacks for reference
    // counting are empty.
    info.recreate_instance_func = None;
    info.reference_func = None;
    info.unreference_func = None;
    Ok(())
}

/// The class in the class data of a callback, and gdext's callbacks for its tree. An abstract base
/// has no class data.
///
/// # Safety
/// `class` is the class data given to Godot at registration: a `&'static Class`, or null.
unsafe fn class_data(class: *mut c_void) -> Option<(&'static Class, &'static StorageCallbacks)> {
    // SAFETY: The caller's guarantee.
    let class: &'static Class = unsafe { class.cast::<Class>().as_ref() }?;
    Some((class, class.tree.storage_callbacks.get()?))
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
    // SAFETY: gdext's own callback, called as Godot would call it. It ignores its first argument.
    let object = unsafe { (callbacks.create)(std::ptr::null_mut(), notify) };
    end();
    object
}

unsafe extern "C" fn free_instance(class: *mut c_void, instance: sys::GDExtensionClassInstancePtr) {
    // SAFETY: Godot passes the class data that registration gave it, which the class of an object
    // always has. It frees an instance once, after its last use. The tree has made the instance.
    // The callback is gdext's own; it gets the storage that gdext made, and ignores its first
    // argument.
    guarded((), || unsafe {
        if let Some((class, callbacks)) = class_data(class) {
            let storage = (class.tree.handles.free)(instance);
            (callbacks.free)(std::ptr::null_mut(), storage);
        }
    });
}

fn begin(class: &'static Class) {
    debug_assert!(
        CREATION.get().is_none(),
        "a thread makes one object at a time"
    );
    CREATION.set(Some(Creation { class, part: None }));
}

/// The object is made, or making it has failed. The next object is another one.
fn end() {
    CREATION.set(None);
}

/// Gives the bridge the part of the object that gdext is making on this thread. Returns the name of
/// the object's class. The object keeps the part as long as it lives.
pub(crate) fn announce<P: Part>(part: &Arc<P>) -> &'static str {
    let Some(creation) = CREATION.get() else {
        return "";
    };
    let is_of_tree = (creation.class.tree.handles.part)() == TypeId::of::<P>();
    debug_assert!(is_of_tree, "the part of {}", creation.class.name);
    if is_of_tree {
        CREATION.set(Some(Creation {
            part: Some(Arc::as_ptr(part).cast()),
            ..creation
        }));
    }
    creation.class.name
}

/// Makes an object of `class` from Rust.
pub(crate) fn new_object<T>(class: &'static Class, init: impl FnOnce(Base<T::Base>) -> T) -> Gd<T>
where
    T: cap::GodotDefault + GodotClass + godot::obj::Bounds<Declarer = bounds::DeclUser>,
{
    begin(class);
    let object = Gd::from_init_fn(init);
    end();
    object
}

/// What gdext calls to make its storage the instance of a new object. The object gets the class
/// that is being made, and a handle as its instance.
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
        // SAFETY: The class has no tree. The arguments are gdext's.
        unsafe { (interface().set_instance)(object, class_name, storage) };
        return;
    };
    debug_assert_eq!(
        // SAFETY: gdext passes a valid name, which is copied.
        unsafe { StringName::new_from_sys(class_name.cast()) }.to_string(),
        class.tree.base,
        "gdext knows the base only"
    );
    let head = Head {
        // SAFETY: gdext passes the object that Godot has just made.
        object: unsafe { (interface().object_id)(object.cast_const()) },
        pointer: object,
        storage,
    };
    // SAFETY: The announced `Arc` is in gdext's storage, which lives longer than this call, and its
    // type is the tree's. The object and the class come from gdext and from registration. Godot
    // copies the name, and gives the instance back to `free_instance`.
    unsafe {
        let instance = (class.tree.handles.make)(part, head);
        (interface().set_instance)(object, class.name().sys().cast(), instance);
    }
}
