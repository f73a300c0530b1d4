//! Making objects of the bridged classes.

use std::any::TypeId;
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;

use godot::obj::{Base, Gd, GodotClass, bounds, cap};
use godot::sys::{self, GodotFfi};

use super::class_tree::{Class, ClassTree, StorageCallbacks};
use super::guard::guarded;
use super::handle::Head;
use super::interface::interface;
use crate::parts::Part;

/// The object that this thread is making: which class it is to be, and the address of its part, once that is known.
#[derive(Clone, Copy)]
struct Creation {
    class: &'static Class,
    part: Option<*const c_void>,
}

thread_local! {
    // Copy types only: a destructor would keep the library from being unloaded.
    static CREATION: Cell<Option<Creation>> = const { Cell::new(None) };
}

/// Puts the bridge's create and free in front of gdext's in the creation info of a family. If that is not enough to make
/// its objects, the answer is why.
pub(super) fn hook(
    tree: &'static ClassTree,
    info: &mut sys::GDExtensionClassCreationInfo4,
) -> Result<(), &'static str> {
    let (Some(create), Some(free)) = (info.create_instance_func, info.free_instance_func) else {
        return Err("gdext has no callbacks for making and freeing its objects");
    };
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
    if instance_callbacks.contains(&true) {
        return Err("gdext has a callback for it that the class bridge does not translate");
    }
    tree.storage_callbacks
        .get_or_init(|| StorageCallbacks { create, free });
    info.create_instance_func = Some(create_instance);
    info.free_instance_func = Some(free_instance);
    // Not reloadable, so never recreated. Reference counting needs no word of ours: gdext's callbacks are empty.
    info.recreate_instance_func = None;
    info.reference_func = None;
    info.unreference_func = None;
    Ok(())
}

/// The class in the class data of a callback, and what gdext's callbacks for its family are. An abstract base has no
/// class data.
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
    // SAFETY: gdext's own callback, called as Godot would; it ignores its first argument.
    let object = unsafe { (callbacks.create)(std::ptr::null_mut(), notify) };
    end();
    object
}

unsafe extern "C" fn free_instance(class: *mut c_void, instance: sys::GDExtensionClassInstancePtr) {
    // SAFETY: Godot passes the class data that registration gave it, which an object's class always has, and frees an
    // instance once, after its last use. The family has made it. The callback is gdext's own, called with the storage gdext
    // gave; it ignores its first argument.
    guarded((), || unsafe {
        if let Some((class, callbacks)) = class_data(class) {
            let storage = (class.tree.handles.free)(instance);
            (callbacks.free)(std::ptr::null_mut(), storage);
        }
    });
}

fn begin(class: &'static Class) {
    CREATION.set(Some(Creation { class, part: None }));
}

/// The object is made, or will not be: the next one is not to be taken for it.
fn end() {
    CREATION.set(None);
}

/// Tells the bridge the part of the object that gdext is initialising on this thread, which keeps it as long as it lives. The
/// name of the object's class.
pub(crate) fn announce<P: Part>(part: &Arc<P>) -> &'static str {
    let Some(creation) = CREATION.get() else {
        return "";
    };
    if (creation.class.tree.handles.part)() == TypeId::of::<P>() {
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
    let head = Head {
        // SAFETY: gdext passes the object that Godot has just made.
        object: unsafe { (interface().object_id)(object.cast_const()) },
        pointer: object,
        storage,
    };
    // SAFETY: The announced `Arc` is in gdext's storage, which was made since and lives longer than this call, and
    // its type is that of the family. The object and the class come from gdext and from registration; Godot copies the
    // name, and gives the instance back to `free_instance`.
    unsafe {
        let instance = (class.tree.handles.make)(part, head);
        (interface().set_instance)(object, class.name().sys().cast(), instance);
    }
}
