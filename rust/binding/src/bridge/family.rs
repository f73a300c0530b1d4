//! Families of classes: which class a method belongs to, and how ClassDB shows it.

use std::ffi::c_void;
use std::sync::OnceLock;

use godot::builtin::StringName;
use godot::sys;

use super::calls::Calls;

/// An abstract base class with its subclasses, or a class alone. gdext knows the base only, and methods by their Rust
/// functions.
pub(crate) struct Family {
    pub(crate) base: &'static str,
    /// The classes that objects are of: the subclasses, or the base itself.
    pub(crate) classes: &'static [Class],
    /// The enum of the base: its name and its constants.
    pub(crate) enumeration: Option<(&'static str, &'static [(&'static str, i64)])>,
    /// The properties of subclasses. gdext cannot register them: it wants a property's accessors in the property's class.
    pub(crate) properties: &'static [Property],
    /// The class or enum that a function returns, where Rust's type does not say it.
    pub(crate) returns: &'static [(&'static str, &'static str)],
    /// The functions that change something although their names begin like those of getters.
    pub(crate) taking: &'static [&'static str],
    /// What the bridge answers itself.
    pub(crate) calls: Calls,
    /// gdext's own callbacks for the base, known once it has registered it.
    pub(crate) callbacks: OnceLock<Callbacks>,
}

/// A class that objects are of. Its methods are the Rust functions of the family's struct whose name starts with its
/// prefix.
pub(crate) struct Class {
    pub(super) name: &'static str,
    pub(super) family: &'static Family,
    method_prefix: &'static str,
    godot_name: OnceLock<StringName>,
}

/// An int that is a property of a subclass, with the Rust functions that are its accessors. The setter stands before the
/// getter in the code: the property is registered with its getter.
pub(crate) struct Property {
    pub(crate) name: &'static str,
    pub(crate) setter: &'static str,
    pub(crate) getter: &'static str,
}

/// gdext's create and free callbacks of a family's base.
pub(crate) struct Callbacks {
    pub(super) create: CreateInstance,
    pub(super) free: FreeInstance,
}

type CreateInstance =
    unsafe extern "C" fn(*mut c_void, sys::GDExtensionBool) -> sys::GDExtensionObjectPtr;
type FreeInstance = unsafe extern "C" fn(*mut c_void, sys::GDExtensionClassInstancePtr);

/// Where a method goes, and how ClassDB shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) class: &'static str,
    pub(super) method: &'a str,
    /// Whether it changes nothing. The engine's naming tells.
    pub(super) is_const: bool,
    /// The class or enum it returns, where Rust's type does not say it.
    pub(super) returns: Option<&'static str>,
}

impl Class {
    pub(crate) const fn new(
        name: &'static str,
        method_prefix: &'static str,
        family: &'static Family,
    ) -> Class {
        Class {
            name,
            family,
            method_prefix,
            godot_name: OnceLock::new(),
        }
    }

    /// The name as Godot wants it, for each new object.
    pub(super) fn name(&self) -> &StringName {
        self.godot_name.get_or_init(|| StringName::from(self.name))
    }
}

impl Family {
    /// The base, if it has no subclasses and objects are of it.
    pub(super) fn alone(&self) -> Option<&'static Class> {
        let [class] = self.classes else { return None };
        (class.name == self.base).then_some(class)
    }

    /// Routes the Rust function `function`: to the subclass whose prefix it has, without it, or to the base.
    pub(super) fn route<'a>(&self, function: &'a str) -> Route<'a> {
        let (class, method) = self
            .classes
            .iter()
            .find_map(|class| Some((class.name, function.strip_prefix(class.method_prefix)?)))
            .unwrap_or((self.base, function));
        Route {
            class,
            method,
            is_const: (method.starts_with("get_") || method.starts_with("is_"))
                && !self.taking.contains(&function),
            returns: self
                .returns
                .iter()
                .find_map(|&(returning, class)| (returning == function).then_some(class)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::Server;

    static SHAPE_CLASSES: [Class; 2] = [
        Class::new("Round", "round_", &SHAPES),
        Class::new("Square", "square_", &SHAPES),
    ];

    static SHAPES: Family = Family {
        base: "Shape",
        classes: &SHAPE_CLASSES,
        enumeration: None,
        properties: &[],
        returns: &[("square_take", "Round")],
        taking: &["get_corner"],
        calls: Calls::of_part::<Server>(),
        callbacks: OnceLock::new(),
    };

    #[test]
    fn a_prefix_routes_a_method_to_its_subclass() {
        let route = SHAPES.route("round_get_radius");
        assert_eq!((route.class, route.method), ("Round", "get_radius"));
        assert!(route.is_const);
        let route = SHAPES.route("square_take");
        assert_eq!((route.class, route.method), ("Square", "take"));
        assert_eq!(route.returns, Some("Round"));
    }

    static POINT_CLASSES: [Class; 1] = [Class::new("Point", "", &POINTS)];

    static POINTS: Family = Family {
        base: "Point",
        classes: &POINT_CLASSES,
        enumeration: None,
        properties: &[],
        returns: &[],
        taking: &[],
        calls: Calls::of_part::<Server>(),
        callbacks: OnceLock::new(),
    };

    #[test]
    fn a_class_alone_has_all_methods() {
        let route = POINTS.route("round_up");
        assert_eq!((route.class, route.method), ("Point", "round_up"));
        assert!(POINTS.alone().is_some());
        assert!(SHAPES.alone().is_none());
    }

    #[test]
    fn a_method_without_a_prefix_is_the_base_s() {
        let route = SHAPES.route("is_empty");
        assert_eq!((route.class, route.method), ("Shape", "is_empty"));
        assert!(route.is_const);
        assert!(!SHAPES.route("poll").is_const);
        assert!(!SHAPES.route("get_corner").is_const);
        assert_eq!(SHAPES.route("round").class, "Shape");
    }
}
