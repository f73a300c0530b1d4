//! Registering the classes and their methods: what gdext asks of Godot, changed where a family says so.

use std::ffi::c_void;
use std::sync::OnceLock;

use godot::builtin::{GString, StringName};
use godot::obj::{EngineBitfield, EngineEnum};
use godot::prelude::godot_error;
use godot::register::info::{PropertyHint, PropertyUsageFlags};
use godot::sys::{self, GodotFfi};

use super::family::{Class, Family, Property, Route};
use super::guard::guarded;
use super::instance;
use super::interface::interface;
use super::trampoline;

/// All families.
static FAMILIES: OnceLock<&'static [&'static Family]> = OnceLock::new();

/// Tells which families there are, once and before gdext registers anything.
pub(super) fn set_families(families: &'static [&'static Family]) {
    FAMILIES.get_or_init(|| families);
}

/// The family whose base is called `class_name`.
///
/// # Safety
/// `class_name` points to a StringName of Godot's.
unsafe fn family(class_name: sys::GDExtensionConstStringNamePtr) -> Option<&'static Family> {
    // SAFETY: The caller's guarantee.
    let class_name = unsafe { text(class_name) };
    let families = FAMILIES.get()?;
    families
        .iter()
        .copied()
        .find(|family| family.base == class_name)
}

/// The text behind a pointer to a name.
///
/// # Safety
/// `name` points to a StringName of Godot's.
unsafe fn text(name: sys::GDExtensionConstStringNamePtr) -> String {
    // SAFETY: The caller's guarantee; the name is copied.
    unsafe { StringName::new_from_sys(name.cast()) }.to_string()
}

/// What gdext calls to register a class, one of the functions with a `VERSION`. A family's base becomes abstract and
/// brings its subclasses along: gdext registers classes in no fixed order, so here is the one moment at which they are
/// sure to come after it.
pub(super) unsafe extern "C" fn register_class<const VERSION: usize>(
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
    parent_name: sys::GDExtensionConstStringNamePtr,
    info: *const sys::GDExtensionClassCreationInfo4,
) {
    // SAFETY: gdext passes valid names and a valid creation info, which Godot copies.
    guarded((), || unsafe {
        let Some(register) = interface().register_class(VERSION) else {
            return;
        };
        let Some(family) = family(class_name) else {
            register(library, class_name, parent_name, info);
            return;
        };
        let mut info = *info;
        if let Err(reason) = instance::hook(family, &mut info) {
            godot_error!("{} is not registered: {reason}", family.base);
            return;
        }
        if let Some(virtuals) = family.calls.virtuals {
            info.get_virtual_func = None;
            info.get_virtual_call_data_func = virtuals.data;
            info.call_virtual_with_data_func = virtuals.call;
        }
        if let Some(class) = family.alone() {
            info.class_userdata = userdata(class);
            register(library, class_name, parent_name, &info);
            register_enumeration(family, library, class_name);
            return;
        }
        info.is_abstract = 1;
        register(library, class_name, parent_name, &info);
        register_enumeration(family, library, class_name);
        info.is_abstract = 0;
        for class in family.classes {
            info.class_userdata = userdata(class);
            let name = StringName::from(class.name);
            register(library, name.sys().cast(), class_name, &info);
        }
    });
}

/// What the bridge's callbacks for the objects of a class are called with.
fn userdata(class: &'static Class) -> *mut c_void {
    std::ptr::from_ref(class).cast_mut().cast()
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
    guarded((), || unsafe {
        if let Some(family) = family(class_name)
            && family.alone().is_none()
        {
            for class in family.classes.iter().rev() {
                let name = StringName::from(class.name);
                (interface().unregister_class)(library, name.sys().cast());
            }
        }
        (interface().unregister_class)(library, class_name);
    });
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
    guarded((), || unsafe {
        let Some(family) = family(class_name) else {
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
        if let Some(method) = family.calls.method(route.method) {
            (info.call_func, info.ptrcall_func) = (method.call, method.ptrcall);
        } else {
            trampoline::redirect(&mut info);
            if let Some(method) = family.calls.short_way(route.method) {
                (info.call_func, info.ptrcall_func) = (method.call, method.ptrcall);
            }
        }
        (interface().register_method)(library, class.sys().cast(), &info);
        for property in family.properties {
            if property.getter == function {
                register_property(family, library, property);
            }
        }
    });
}

/// # Safety
/// `library` is the one that has registered the accessors of the property.
unsafe fn register_property(
    family: &Family,
    library: sys::GDExtensionClassLibraryPtr,
    property: &Property,
) {
    let (setter, getter) = (family.route(property.setter), family.route(property.getter));
    let [class, name, setter, getter] =
        [getter.class, property.name, setter.method, getter.method].map(StringName::from);
    let (no_class, no_hint) = (StringName::default(), GString::new());
    let info = sys::GDExtensionPropertyInfo {
        type_: sys::GDEXTENSION_VARIANT_TYPE_INT,
        name: name.sys().cast_mut().cast(),
        class_name: no_class.sys().cast_mut().cast(),
        hint: PropertyHint::NONE.ord() as u32,
        hint_string: no_hint.sys().cast_mut().cast(),
        // As of gdext's own properties: nothing is stored, and nothing shown in the inspector.
        usage: PropertyUsageFlags::NONE.ord() as u32,
    };
    // SAFETY: The caller's guarantee; Godot copies the info and the names.
    unsafe {
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
