//! Making and freeing the objects of class trees.
//!
//! An object is one of the engine's class, made by Godot, with a part as its extension instance.
//! gdext makes nothing, and has no storage for these objects.

use std::ffi::c_void;
use std::sync::Arc;

use godot::builtin::StringName;
use godot::obj::{Gd, GodotClass, InstanceId};
use godot::sys::{self, GodotFfi};

use super::class_tree::{Class, ClassTree};
use super::guard::guarded;
use super::interface::interface;
use super::object_methods::{notify_postinitialize, release};
use super::part_kind::instance_of;
use crate::parts::{ObjectAddress, Part};

/// Puts the bridge's create and free callbacks into the creation info of a tree's base, which
/// inherits from the engine's class `engine_class`. The error is the reason why these callbacks are
/// not enough to create the tree's objects.
pub(super) fn hook(
    tree: &'static ClassTree,
    engine_class: StringName,
    info: &mut sys::GDExtensionClassCreationInfo4,
) -> Result<(), &'static str> {
    // Godot would pass the part to these callbacks, which expect gdext's storage. No class
    // implements any of them.
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
    tree.engine_class.get_or_init(|| engine_class);
    info.create_instance_func = None;
    if tree.parts.make.is_some() {
        info.create_instance_func = Some(create_instance);
    }
    info.free_instance_func = Some(free_instance);
    // The extension is not reloadable, so no object is recreated. gdext's callbacks for reference
    // counting are empty, and its virtual methods would expect its storage.
    info.recreate_instance_func = None;
    info.reference_func = None;
    info.unreference_func = None;
    info.get_virtual_func = None;
    Ok(())
}

/// The class in the class data of a callback. An abstract base has no class data.
///
/// # Safety
/// `class` is the class data given to Godot at registration: a `&'static Class`, or null.
unsafe fn class_data(class: *mut c_void) -> Option<&'static Class> {
    // SAFETY: The caller's guarantee.
    unsafe { class.cast::<Class>().as_ref() }
}

unsafe extern "C" fn create_instance(
    class: *mut c_void,
    notifies: sys::GDExtensionBool,
) -> sys::GDExtensionObjectPtr {
    guarded(std::ptr::null_mut(), || {
        // SAFETY: Godot passes the class data that registration gave it.
        let class = unsafe { class_data(class) };
        match class.and_then(|class| Some((class, class.tree.parts.make?))) {
            Some((class, new_part)) => {
                make(class, notifies != 0, |object| new_part(object, class.name))
            }
            None => std::ptr::null_mut(),
        }
    })
}

unsafe extern "C" fn free_instance(class: *mut c_void, instance: sys::GDExtensionClassInstancePtr) {
    // SAFETY: Godot passes the class data that registration gave it, which the class of an object
    // always has. It frees an instance once, after its last use. The tree has made the instance.
    guarded((), || unsafe {
        if let Some(class) = class_data(class) {
            (class.tree.parts.free)(instance);
        }
    });
}

/// Makes an object of `class` with the instance that `new_instance` returns. As for Godot's own
/// objects, the caller takes the first reference. `notifies`: whether the object is notified that
/// it is made.
fn make(
    class: &'static Class,
    notifies: bool,
    new_instance: impl FnOnce(ObjectAddress) -> sys::GDExtensionClassInstancePtr,
) -> sys::GDExtensionObjectPtr {
    let engine_class = class.tree.engine_class.get();
    let engine_class = engine_class.expect("the class is registered");
    // SAFETY: Godot only reads the name of the class, which it has.
    let object = NewObject(unsafe { (interface().construct_object)(engine_class.sys().cast()) });
    let address = ObjectAddress::of(object.0).expect("Godot makes an object of its class");
    let instance = new_instance(address);
    let object = object.finish();
    // SAFETY: Godot has just made the object. It copies the name of the class, and gives the
    // instance back to `free_instance`.
    unsafe {
        (interface().set_instance)(object, class.name().sys().cast(), instance);
        if notifies {
            notify_postinitialize(object);
        }
    }
    object
}

/// An object without an instance. It is destroyed if making its part panics.
struct NewObject(sys::GDExtensionObjectPtr);

impl NewObject {
    fn finish(self) -> sys::GDExtensionObjectPtr {
        let object = self.0;
        std::mem::forget(self);
        object
    }
}

impl Drop for NewObject {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: Nobody else knows the object.
            unsafe { (interface().destroy_object)(self.0) };
        }
    }
}

/// Makes an object of `class`, a class of the tree of `T`, with the part that `new_part` returns.
pub(crate) fn new_object<T: Bridged>(
    class: &'static Class,
    new_part: impl FnOnce(ObjectAddress) -> T::Part,
) -> (Gd<T>, Arc<T::Part>) {
    debug_assert!(std::ptr::eq(class.tree, T::tree()));
    let mut part = None;
    let object = make(class, true, |object| {
        let part = part.insert(Arc::new(new_part(object)));
        instance_of(part.clone(), class.name)
    });
    // SAFETY: The object was just made.
    let id = unsafe { (interface().object_id)(object.cast_const()) };
    let gd = Gd::from_instance_id(InstanceId::from_i64(id as i64));
    if cfg!(feature = "api-4-7") {
        // Godot 4.7 makes an object with its first reference, so there are two.
        // SAFETY: The reference is given back.
        unsafe { release(object) };
    }
    (gd, part.expect("`make` has called the closure"))
}

/// A class of a class tree. Its objects have a part, and no value of the struct.
pub(crate) trait Bridged: GodotClass {
    type Part: Part;

    /// The class tree, whose parts are the same.
    fn tree() -> &'static ClassTree;

    /// The part of the object whose method is being called on this thread.
    fn this() -> Arc<Self::Part> {
        super::this::part()
    }
}
