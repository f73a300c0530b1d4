//! The properties of class trees. gdext cannot register them: for a `#[var]`, it wants accessors
//! that take `self`, and both of them in the first of the class's impl blocks.

use godot::builtin::{GString, StringName};
use godot::obj::{EngineBitfield, EngineEnum};
use godot::register::info::{PropertyHint, PropertyUsageFlags};
use godot::sys::{self, GodotFfi};

use super::interface::interface;

/// A property, with the Rust functions that are its accessors. It is registered after both
/// accessors.
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) kind: PropertyKind,
    pub(crate) setter: &'static str,
    pub(crate) getter: &'static str,
}

/// The type of a property.
#[derive(Clone, Copy)]
pub(crate) enum PropertyKind {
    Bool,
    Int,
    Float,
    PackedByteArray,
    PackedStringArray,
    /// An int, with the names of its values from 0 on.
    Enumeration(&'static str),
    /// An object of this class.
    Object(&'static str),
}

impl Property {
    pub(crate) const fn new(
        name: &'static str,
        kind: PropertyKind,
        setter: &'static str,
        getter: &'static str,
    ) -> Property {
        Property {
            name,
            kind,
            setter,
            getter,
        }
    }

    /// Whether `function` is one of the accessors.
    pub(super) fn has_accessor(&self, function: &str) -> bool {
        [self.setter, self.getter].contains(&function)
    }

    /// Registers the property for `class`, which has the methods `setter` and `getter`.
    ///
    /// # Safety
    /// `library` is the one that has registered the class and both methods.
    pub(super) unsafe fn register(
        &self,
        library: sys::GDExtensionClassLibraryPtr,
        class: &StringName,
        setter: &str,
        getter: &str,
    ) {
        let [name, setter, getter] = [self.name, setter, getter].map(StringName::from);
        let (class_name, hint, hint_string) = match self.kind {
            PropertyKind::Object(class) => (class, PropertyHint::NONE, ""),
            PropertyKind::Enumeration(names) => ("", PropertyHint::ENUM, names),
            _ => ("", PropertyHint::NONE, ""),
        };
        let (class_name, hint_string) = (StringName::from(class_name), GString::from(hint_string));
        let info = sys::GDExtensionPropertyInfo {
            type_: match self.kind {
                PropertyKind::Bool => sys::GDEXTENSION_VARIANT_TYPE_BOOL,
                PropertyKind::Int | PropertyKind::Enumeration(_) => {
                    sys::GDEXTENSION_VARIANT_TYPE_INT
                }
                PropertyKind::Float => sys::GDEXTENSION_VARIANT_TYPE_FLOAT,
                PropertyKind::PackedByteArray => sys::GDEXTENSION_VARIANT_TYPE_PACKED_BYTE_ARRAY,
                PropertyKind::PackedStringArray => {
                    sys::GDEXTENSION_VARIANT_TYPE_PACKED_STRING_ARRAY
                }
                PropertyKind::Object(_) => sys::GDEXTENSION_VARIANT_TYPE_OBJECT,
            },
            name: name.sys().cast_mut().cast(),
            class_name: class_name.sys().cast_mut().cast(),
            hint: hint.ord() as u32,
            hint_string: hint_string.sys().cast_mut().cast(),
            // As gdext does for a `#[var]`: not stored, and not shown in the inspector.
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
}
