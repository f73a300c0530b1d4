//! Registering the classes and their methods: what gdext asks of Godot, changed where a family says so.

use std::ffi::c_void;

use godot::builtin::{GString, StringName};
use godot::obj::{EngineBitfield, EngineEnum};
use godot::register::info::{PropertyHint, PropertyUsageFlags};
use godot::sys::{self, GodotFfi};

use super::family::{Class, Family, PEERS, Route};
use super::hot;
use super::instance::{self, Handle};
use super::interface::interface;

/// The text behind a pointer to a name.
///
/// # Safety
/// `name` points to a StringName of Godot's.
unsafe fn text(name: sys::GDExtensionConstStringNamePtr) -> String {
    // SAFETY: The caller's guarantee; the name is copied.
    unsafe { StringName::new_from_sys(name.cast()) }.to_string()
}

/// What gdext calls to register a class. A family's base becomes abstract and brings its subclasses along: gdext
/// registers classes in no fixed order, so here is the one moment at which they are sure to come after it.
pub(super) unsafe extern "C" fn register_class(
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
    parent_name: sys::GDExtensionConstStringNamePtr,
    info: *const sys::GDExtensionClassCreationInfo4,
) {
    // SAFETY: gdext passes valid names and a valid creation info, which Godot copies.
    unsafe {
        let Some(family) = Family::of_base(&text(class_name)) else {
            (interface().register_class)(library, class_name, parent_name, info);
            return;
        };
        let mut info = *info;
        instance::hook(family, &mut info);
        if std::ptr::eq(family, &PEERS) {
            info.get_virtual_func = Some(hot::get_virtual);
        }
        info.is_abstract = 1;
        (interface().register_class)(library, class_name, parent_name, &info);
        register_enumeration(family, library, class_name);
        info.is_abstract = 0;
        for class in &family.subclasses {
            info.class_userdata = std::ptr::from_ref::<Class>(class).cast_mut().cast();
            let name = StringName::from(class.name);
            (interface().register_class)(library, name.sys().cast(), class_name, &info);
        }
    }
}

/// # Safety
/// `class_name` is that of the family's base, just registered by `library`.
unsafe fn register_enumeration(
    family: &Family,
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
) {
    let Some((enumeration, constants)) = family.enumeration else {
        return;
    };
    let enumeration = StringName::from(enumeration);
    for (constant, value) in constants {
        let constant = StringName::from(*constant);
        // SAFETY: The caller's guarantee; Godot copies the names.
        unsafe {
            (interface().register_constant)(
                library,
                class_name,
                enumeration.sys().cast(),
                constant.sys().cast(),
                *value,
                0,
            );
        }
    }
}

/// What gdext calls to unregister a class: a family's subclasses go before their base.
pub(super) unsafe extern "C" fn unregister_class(
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
) {
    // SAFETY: gdext passes the name of a class that it has registered through `register_class`.
    unsafe {
        if let Some(family) = Family::of_base(&text(class_name)) {
            for class in family.subclasses.iter().rev() {
                let name = StringName::from(class.name);
                (interface().unregister_class)(library, name.sys().cast());
            }
        }
        (interface().unregister_class)(library, class_name);
    }
}

/// What gdext calls to register a method. A family's goes to its class, with the flags and the return type that
/// ClassDB shows for the engine's, and with the bridge's callbacks.
pub(super) unsafe extern "C" fn register_method(
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
    info: *const sys::GDExtensionClassMethodInfo,
) {
    // SAFETY: gdext passes valid names and a valid method info, which Godot copies. What the changed info points to
    // lives to the end of this function.
    unsafe {
        let Some(family) = Family::of_base(&text(class_name)) else {
            (interface().register_method)(library, class_name, info);
            return;
        };
        let mut info = *info;
        let function = text(info.name.cast_const().cast());
        let route = family.route(&function);
        let (class, method) = (
            StringName::from(route.class),
            StringName::from(route.method),
        );
        info.name = method.sys().cast_mut().cast();
        set_const(&mut info, route.is_const);
        let returned = route.returns.map(StringName::from);
        let mut return_info = *info.return_value_info;
        let hint_string = GString::from(route.returns.unwrap_or_default());
        if let Some(returned) = &returned {
            return_info.class_name = returned.sys().cast_mut().cast();
            if returned_is_enum(&route) {
                return_info.usage |= PropertyUsageFlags::CLASS_IS_ENUM.ord() as u32;
            } else {
                return_info.hint = PropertyHint::RESOURCE_TYPE.ord() as u32;
                return_info.hint_string = hint_string.sys().cast_mut().cast();
            }
            info.return_value_info = &mut return_info;
        }
        if !hot::replace(family, route.method, &mut info) {
            redirect(&mut info);
        }
        (interface().register_method)(library, class.sys().cast(), &info);
    }
}

/// What gdext calls to register a property. A family's goes to its class, as its accessors do.
pub(super) unsafe extern "C" fn register_property(
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
    info: *const sys::GDExtensionPropertyInfo,
    setter: sys::GDExtensionConstStringNamePtr,
    getter: sys::GDExtensionConstStringNamePtr,
) {
    // SAFETY: gdext passes valid names and a valid property info, which Godot copies. The names put in their place live
    // to the end of this function.
    unsafe {
        let Some(family) = Family::of_base(&text(class_name)) else {
            (interface().register_property)(library, class_name, info, setter, getter);
            return;
        };
        let mut info = *info;
        let names = [info.name.cast_const().cast(), setter, getter].map(|name| text(name));
        let [property, setter, getter] = names.each_ref().map(|name| family.route(name));
        let class = StringName::from(property.class);
        let [property, setter, getter] =
            [property, setter, getter].map(|route| StringName::from(route.method));
        info.name = property.sys().cast_mut().cast();
        (interface().register_property)(
            library,
            class.sys().cast(),
            &info,
            setter.sys().cast(),
            getter.sys().cast(),
        );
    }
}

fn returned_is_enum(route: &Route<'_>) -> bool {
    route.returns.is_some_and(|name| name.contains('.'))
}

/// gdext takes every method with `&self` for const.
fn set_const(info: &mut sys::GDExtensionClassMethodInfo, is_const: bool) {
    let flag = sys::GDEXTENSION_METHOD_FLAG_CONST as u32;
    if is_const {
        info.method_flags |= flag;
    } else {
        info.method_flags &= !flag;
    }
}

/// gdext's callbacks of a method, behind the trampoline.
struct GdextMethod {
    userdata: *mut c_void,
    call: sys::GDExtensionClassMethodCall,
    ptrcall: sys::GDExtensionClassMethodPtrCall,
}

/// Puts the trampoline in front of gdext's callbacks.
fn redirect(info: &mut sys::GDExtensionClassMethodInfo) {
    // Methods are registered once and stay for the life of the library.
    let method = Box::leak(Box::new(GdextMethod {
        userdata: info.method_userdata,
        call: info.call_func,
        ptrcall: info.ptrcall_func,
    }));
    info.method_userdata = std::ptr::from_mut(method).cast();
    info.call_func = Some(call);
    info.ptrcall_func = Some(ptrcall);
}

/// The instance as gdext's callbacks expect it. Static methods have none.
///
/// # Safety
/// As for [`Handle::from_instance`], or null.
unsafe fn storage(instance: sys::GDExtensionClassInstancePtr) -> sys::GDExtensionClassInstancePtr {
    if instance.is_null() {
        return instance;
    }
    // SAFETY: The caller's guarantee.
    unsafe { Handle::from_instance(instance) }.storage
}

unsafe extern "C" fn call(
    method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstVariantPtr,
    count: sys::GDExtensionInt,
    ret: sys::GDExtensionVariantPtr,
    error: *mut sys::GDExtensionCallError,
) {
    // SAFETY: Godot passes what `redirect` gave it, and an instance of the class; the rest goes to gdext's own
    // callback as it came. That one catches panics itself.
    unsafe {
        let method = &*method.cast::<GdextMethod>();
        if let Some(call) = method.call {
            call(method.userdata, storage(instance), args, count, ret, error);
        }
    }
}

unsafe extern "C" fn ptrcall(
    method: *mut c_void,
    instance: sys::GDExtensionClassInstancePtr,
    args: *const sys::GDExtensionConstTypePtr,
    ret: sys::GDExtensionTypePtr,
) {
    // SAFETY: As for `call`.
    unsafe {
        let method = &*method.cast::<GdextMethod>();
        if let Some(ptrcall) = method.ptrcall {
            ptrcall(method.userdata, storage(instance), args, ret);
        }
    }
}
