//! The properties of class trees. gdext cannot register them: for a `#[var]`, it wants accessors
//! that take `self`, and all of them in the first of the class's impl blocks.

use godot::builtin::{GString, StringName};
use godot::obj::{EngineBitfield, EngineEnum};
use godot::register::info::{PropertyHint, PropertyUsageFlags};
use godot::sys::{self, GodotFfi};

use super::interface::interface;

/// A property, with the Rust functions that are its accessors. It is registered after them.
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) kind: PropertyKind,
    /// `None`: the property cannot be set.
    pub(crate) setter: Option<&'static str>,
    pub(crate) getter: &'static str,
    /// The range of a property that the inspector shows, as in a hint of Godot's. Such a property
    /// is stored with its object.
    pub(crate) exported: Option<&'static str>,
}

/// The type of a property.
#[derive(Clone, Copy)]
pub(crate) enum PropertyKind {
    Bool,
    Int,
    Float,
    String,
    Dictionary,
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
            setter: Some(setter),
            getter,
            exported: None,
        }
    }

    /// A property that cannot be set.
    pub(crate) const fn read_only(
        name: &'static str,
        kind: PropertyKind,
        getter: &'static str,
    ) -> Property {
        Property {
            name,
            kind,
            setter: None,
            getter,
            exported: None,
        }
    }

    /// The same property, shown in the inspector and stored. `range` is empty or a range as in a
    /// hint of Godot's.
    pub(crate) const fn exported(mut self, range: &'static str) -> Property {
        self.exported = Some(range);
        self
    }

    /// The Rust functions.
    pub(super) fn accessors(&self) -> impl Iterator<Item = &'static str> {
        self.setter.into_iter().chain([self.getter])
    }

    /// Registers the property for `class`, which has the methods `setter` and `getter`.
    ///
    /// # Safety
    /// `library` is the one that has registered the class and both methods.
    pub(super) unsafe fn register(
        &self,
        library: sys::GDExtensionClassLibraryPtr,
        class: &StringName,
        setter: Option<&str>,
        getter: &str,
    ) {
        let names = [self.name, setter.unwrap_or_default(), getter];
        let [name, setter, getter] = names.map(StringName::from);
        let (class_name, hint, hint_string) = match (self.kind, self.exported) {
            (PropertyKind::Object(class), _) => (class, PropertyHint::NONE, ""),
            (PropertyKind::Enumeration(names), _) => ("", PropertyHint::ENUM, names),
            (_, None | Some("")) => ("", PropertyHint::NONE, ""),
            (_, Some(range)) => ("", PropertyHint::RANGE, range),
        };
        let (class_name, hint_string) = (StringName::from(class_name), GString::from(hint_string));
        let info = sys::GDExtensionPropertyInfo {
            type_: match self.kind {
                PropertyKind::Bool => sys::GDEXTENSION_VARIANT_TYPE_BOOL,
                PropertyKind::Int | PropertyKind::Enumeration(_) => {
                    sys::GDEXTENSION_VARIANT_TYPE_INT
                }
                PropertyKind::Float => sys::GDEXTENSION_VARIANT_TYPE_FLOAT,
                PropertyKind::String => sys::GDEXTENSION_VARIANT_TYPE_STRING,
                PropertyKind::Dictionary => sys::GDEXTENSION_VARIANT_TYPE_DICTIONARY,
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
            // As gdext does for a `#[var]` and an `#[export]`.
            usage: match self.exported {
                None => PropertyUsageFlags::NONE.ord() as u32,
                Some(_) => PropertyUsageFlags::DEFAULT.ord() as u32,
            },
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
