//! Properties that gdext cannot register. For a `#[var]`, gdext wants both accessors in the class
//! of the property, and in the first of the class's impl blocks.

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
    PackedStringArray,
}

impl Property {
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
        let (no_class, no_hint) = (StringName::default(), GString::new());
        let info = sys::GDExtensionPropertyInfo {
            type_: match self.kind {
                PropertyKind::Bool => sys::GDEXTENSION_VARIANT_TYPE_BOOL,
                PropertyKind::Int => sys::GDEXTENSION_VARIANT_TYPE_INT,
                PropertyKind::Float => sys::GDEXTENSION_VARIANT_TYPE_FLOAT,
                PropertyKind::PackedStringArray => {
                    sys::GDEXTENSION_VARIANT_TYPE_PACKED_STRING_ARRAY
                }
            },
            name: name.sys().cast_mut().cast(),
            class_name: no_class.sys().cast_mut().cast(),
            hint: PropertyHint::NONE.ord() as u32,
            hint_string: no_hint.sys().cast_mut().cast(),
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
