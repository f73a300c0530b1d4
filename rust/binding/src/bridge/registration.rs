//! The functions that gdext calls to register classes and methods. They apply the class trees.
//!
//! gdext calls [`register_class`] and [`register_method`] instead of Godot's functions. Registering
//! the base of a tree registers its subclasses too. A method of a tree is registered for the
//! subclass whose prefix its name has, or for the base. The method's row overrides its flags and
//! types. A property is registered as soon as its accessors are, in whatever order gdext
//! registers these. A class without a tree, which only the library uses, is registered unchanged.
//!
//! gdext registers classes in no fixed order, so a subclass is registered right after its base.

use std::ffi::c_void;
use std::sync::OnceLock;

use godot::builtin::{GString, StringName};
use godot::obj::{EngineBitfield, EngineEnum};
use godot::prelude::godot_error;
use godot::register::info::{PropertyHint, PropertyUsageFlags};
use godot::sys::{self, GodotFfi};

use super::class_tree::{Class, ClassTree};
use super::guard::guarded;
use super::instance;
use super::interface::{copied, interface, print_error, text};
use super::method_row::{MethodKind, Returned};
use super::property::Property;
use super::registered::{self, Function, Registered};
use super::{part_getter, trampoline};

/// The class trees that the classes are made from.
pub(super) type Trees = &'static [&'static ClassTree];

/// The flag of a method without an object.
const STATIC: u32 = sys::GDEXTENSION_METHOD_FLAG_STATIC as u32;

static TREES: OnceLock<Trees> = OnceLock::new();

static REGISTERED: Registered = Registered::new();

/// Sets the class trees, before gdext registers anything. Each load of the library sets the same
/// ones.
pub(super) fn set_trees(trees: Trees) {
    TREES.get_or_init(|| trees);
}

/// Ends the process of a debug build if the tables have [faults](registered::faults), with an error
/// for each. Called when gdext has registered all classes of the scene level.
pub(crate) fn check_tables() {
    if cfg!(debug_assertions)
        && let Some(trees) = TREES.get()
    {
        let faults = registered::faults(trees, &REGISTERED);
        for fault in &faults {
            print_error(fault);
        }
        if !faults.is_empty() {
            // gdext would catch a panic, and Godot would continue.
            std::process::abort();
        }
    }
}

/// The tree whose base is called `class_name`.
fn tree(class_name: &str) -> Option<&'static ClassTree> {
    let mut trees = TREES.get()?.iter().copied();
    trees.find(|tree| tree.base == class_name)
}

/// Called by gdext to register a class. Godot has several versions of this function; `VERSION`
/// selects one. The base of a tree becomes abstract, and its subclasses are registered right after
/// it.
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
        let Some(tree) = tree(&text(class_name)) else {
            register(library, class_name, parent_name, info);
            return;
        };
        let mut info = *info;
        if let Err(reason) = instance::hook(tree, copied(parent_name), &mut info) {
            godot_error!("register {}: {reason}", tree.base);
            return;
        }
        if let Some(virtuals) = tree.virtuals {
            info.get_virtual_call_data_func = virtuals.data;
            info.call_virtual_with_data_func = virtuals.call;
        }
        if let Some(class) = tree.single() {
            info.is_abstract = 0;
            info.class_userdata = userdata(class);
            register(library, class_name, parent_name, &info);
            register_enumerations(tree, library, class_name);
            part_getter::register(library, class_name);
            return;
        }
        info.is_abstract = 1;
        register(library, class_name, parent_name, &info);
        register_enumerations(tree, library, class_name);
        part_getter::register(library, class_name);
        info.is_abstract = 0;
        for class in tree.classes {
            info.class_userdata = userdata(class);
            let name = StringName::from(class.name);
            register(library, name.sys().cast(), class_name, &info);
        }
    });
}

/// The class data that Godot passes to the bridge's callbacks for objects of `class`.
fn userdata(class: &'static Class) -> *mut c_void {
    std::ptr::from_ref(class).cast_mut().cast()
}

/// # Safety
/// `class_name` is that of the tree's base, just registered by `library`.
unsafe fn register_enumerations(
    tree: &ClassTree,
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
) {
    let constants = tree.enumerations.iter().flat_map(|enumeration| {
        let constants = enumeration.constants.iter();
        constants.map(|(constant, value)| (enumeration.name, *constant, *value))
    });
    for (name, constant, value) in constants {
        let [name, constant] = [name, constant].map(StringName::from);
        // SAFETY: The caller's guarantee; Godot copies the names.
        unsafe {
            (interface().register_constant)(
                library,
                class_name,
                name.sys().cast(),
                constant.sys().cast(),
                value,
                0,
            );
        }
    }
}

/// Called by gdext to unregister a class. The subclasses of a tree are unregistered before their
/// base.
pub(super) unsafe extern "C" fn unregister_class(
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
) {
    // SAFETY: gdext passes the name of a class that it has registered through `register_class`.
    guarded((), || unsafe {
        let name = text(class_name);
        if let Some(tree) = tree(&name)
            && tree.single().is_none()
        {
            for class in tree.classes.iter().rev() {
                let name = StringName::from(class.name);
                (interface().unregister_class)(library, name.sys().cast());
            }
        }
        (interface().unregister_class)(library, class_name);
        REGISTERED.forget(&name);
    });
}

/// Called by gdext to register a method. A method of a tree is registered for its class.
pub(super) unsafe extern "C" fn register_method(
    library: sys::GDExtensionClassLibraryPtr,
    class_name: sys::GDExtensionConstStringNamePtr,
    info: *const sys::GDExtensionClassMethodInfo,
) {
    // SAFETY: gdext passes valid names and a valid method info, which Godot copies.
    guarded((), || unsafe {
        let class = text(class_name);
        let function = text((*info).name.cast_const().cast());
        let Some(tree) = tree(&class) else {
            (interface().register_method)(library, class_name, info);
            return;
        };
        let has_receiver = (*info).method_flags & STATIC == 0;
        let noted = Function {
            has_receiver,
            argument_count: (*info).argument_count as usize,
        };
        REGISTERED.note(&class, &function, noted);
        if has_receiver {
            return;
        }
        register_in_tree(tree, library, &function, *info);
        for property in tree.properties {
            let is_accessor = property.accessors().any(|accessor| accessor == function);
            if is_accessor && REGISTERED.has_accessors(&class, property) {
                register_property(tree, library, property);
            }
        }
    });
}

/// Registers a method of `tree` for its class: with the kind and the return type of the
/// method's row, and with the bridge's callbacks in front of gdext's.
///
/// # Safety
/// `library` and `info` are those that gdext registers `function` with.
unsafe fn register_in_tree(
    tree: &'static ClassTree,
    library: sys::GDExtensionClassLibraryPtr,
    function: &str,
    mut info: sys::GDExtensionClassMethodInfo,
) {
    let route = tree.route(function);
    let [class, method] = [route.class, route.method].map(StringName::from);
    info.name = method.sys().cast_mut().cast();
    set_kind(&mut info, route.kind);
    // The values that the changed info points to live to the end of this function.
    let class_name = route
        .returned
        .map(|returned| class_returned(tree, returned));
    let hint_string = GString::from(class_name.as_deref().unwrap_or_default());
    let class_name = class_name.as_deref().map(StringName::from);
    // SAFETY: gdext passes a valid method info.
    let mut return_info = unsafe { *info.return_value_info };
    if let (Some(returned), Some(class_name)) = (route.returned, &class_name) {
        return_info.class_name = class_name.sys().cast_mut().cast();
        match returned {
            Returned::OwnEnumeration(_) => {
                return_info.usage |= PropertyUsageFlags::CLASS_IS_ENUM.ord() as u32;
            }
            Returned::Class(_) => {
                return_info.hint = PropertyHint::RESOURCE_TYPE.ord() as u32;
                return_info.hint_string = hint_string.sys().cast_mut().cast();
            }
        }
        info.return_value_info = &mut return_info;
    }
    let mut arguments = Vec::new();
    let taken = route
        .taken
        .map(|(index, name)| (index, enumeration_name(tree, name)));
    if let Some((index, name)) = &taken {
        // SAFETY: gdext passes as many infos as there are arguments.
        arguments.extend_from_slice(unsafe {
            std::slice::from_raw_parts(info.arguments_info, info.argument_count as usize)
        });
        if let Some(argument) = arguments.get_mut(*index) {
            argument.class_name = name.sys().cast_mut().cast();
            argument.usage |= PropertyUsageFlags::CLASS_IS_ENUM.ord() as u32;
        }
        info.arguments_info = arguments.as_mut_ptr();
    }
    let parts = (route.kind != MethodKind::Static).then_some(&tree.parts);
    // SAFETY: gdext passes a valid method info.
    unsafe { trampoline::redirect(&mut info, parts) };
    if let Some(callbacks) = route.callbacks {
        info.call_func = Some(callbacks.call);
        info.ptrcall_func = Some(callbacks.ptrcall);
    }
    // SAFETY: The caller's guarantee; Godot copies the info and the names.
    unsafe { (interface().register_method)(library, class.sys().cast(), &info) }
}

/// The class name that ClassDB shows for a returned value: that of an object's class, or of the
/// enumeration.
fn class_returned(tree: &ClassTree, returned: Returned) -> String {
    match returned {
        Returned::Class(class) => class.into(),
        Returned::OwnEnumeration(name) => enumeration_name(tree, name).to_string(),
    }
}

/// The name of an enumeration of `tree`, as ClassDB shows it.
fn enumeration_name(tree: &ClassTree, name: &str) -> StringName {
    StringName::from(&format!("{}.{name}", tree.base))
}

/// Registers a property of `tree` for the class that its accessors belong to.
///
/// # Safety
/// `library` has registered the accessors.
unsafe fn register_property(
    tree: &ClassTree,
    library: sys::GDExtensionClassLibraryPtr,
    property: &Property,
) {
    let (setter, getter) = (
        property.setter.map(|setter| tree.route(setter)),
        tree.route(property.getter),
    );
    debug_assert!(
        setter
            .as_ref()
            .is_none_or(|setter| setter.class == getter.class),
        "both accessors of {} belong to one class",
        property.name
    );
    let (class, setter) = (
        StringName::from(getter.class),
        setter.map(|setter| setter.method),
    );
    // SAFETY: The caller's guarantee.
    unsafe { property.register(library, &class, setter, getter.method) }
}

/// Sets the flags of a method. For gdext it is a static function.
fn set_kind(info: &mut sys::GDExtensionClassMethodInfo, kind: MethodKind) {
    if kind != MethodKind::Static {
        info.method_flags &= !STATIC;
    }
    if kind == MethodKind::Const {
        info.method_flags |= sys::GDEXTENSION_METHOD_FLAG_CONST as u32;
    }
}
