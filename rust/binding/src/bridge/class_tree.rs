//! Class trees: an abstract base class with its subclasses, and the class that each method belongs
//! to.
//!
//! gdext registers one class for each tree, the base, with all methods of the tree. A prefix of the
//! Rust function determines the class that a method belongs to: `tcp_listen` is
//! `TCPServerRs.listen`. The bridge registers the subclasses with the base, and each method for the
//! class that the method belongs to ([`registration`](super::registration)). All objects of a tree
//! have one type of part. So a method of the base is sound on an object of any subclass.

use std::sync::OnceLock;

use godot::builtin::StringName;

use super::method_row::{MethodCallbacks, MethodKind, MethodRow, Returned};
use super::part_kind::PartKind;
use super::property::Property;
use super::virtuals::Virtuals;

/// An abstract base class with its subclasses, or a single class.
pub(crate) struct ClassTree {
    pub(crate) base: &'static str,
    /// The classes that can have objects: the subclasses, or a single class.
    pub(crate) classes: &'static [Class],
    /// The enumerations of the base.
    pub(crate) enumerations: &'static [Enumeration],
    /// The properties of the base and of subclasses.
    pub(crate) properties: &'static [Property],
    /// The methods that gdext cannot register with the right flags, types or callbacks.
    pub(crate) methods: &'static [MethodRow],
    /// The virtual methods of the engine's class that the base inherits from.
    pub(crate) virtuals: Option<Virtuals>,
    /// The parts of the tree's objects.
    pub(crate) parts: PartKind,
    /// The engine's class that the base inherits from. Set when gdext registers the base.
    pub(crate) engine_class: OnceLock<StringName>,
}

/// An enumeration: its name, and its constants with their values.
pub(crate) struct Enumeration {
    pub(crate) name: &'static str,
    pub(crate) constants: &'static [(&'static str, i64)],
}

/// A class that can have objects. Its methods are the Rust functions whose names start with its
/// prefix.
pub(crate) struct Class {
    pub(super) name: &'static str,
    pub(super) tree: &'static ClassTree,
    pub(super) method_prefix: &'static str,
    godot_name: OnceLock<StringName>,
}

/// The class of a method, and how ClassDB shows the method.
pub(super) struct MethodRoute<'a> {
    pub(super) class: &'static str,
    pub(super) method: &'a str,
    pub(super) kind: MethodKind,
    pub(super) returned: Option<Returned>,
    /// The argument that is a constant of an enumeration, and the enumeration.
    pub(super) taken: Option<(usize, &'static str)>,
    /// The callbacks of a direct method.
    pub(super) callbacks: Option<MethodCallbacks>,
}

impl Class {
    pub(crate) const fn new(
        name: &'static str,
        method_prefix: &'static str,
        tree: &'static ClassTree,
    ) -> Class {
        Class {
            name,
            tree,
            method_prefix,
            godot_name: OnceLock::new(),
        }
    }

    /// The name as a StringName, made once, because each new object needs it.
    pub(super) fn name(&self) -> &StringName {
        self.godot_name.get_or_init(|| StringName::from(self.name))
    }
}

impl ClassTree {
    /// The single class of a tree without subclasses.
    pub(super) fn single(&self) -> Option<&'static Class> {
        let [class] = self.classes else { return None };
        (class.name == self.base).then_some(class)
    }

    /// Routes the Rust function `function`: to the subclass whose prefix it has, under the name
    /// without the prefix, or to the base.
    pub(super) fn route<'a>(&self, function: &'a str) -> MethodRoute<'a> {
        let (class, method) = self
            .classes
            .iter()
            .find_map(|class| Some((class.name, function.strip_prefix(class.method_prefix)?)))
            .unwrap_or((self.base, function));
        let row = self.methods.iter().find(|row| row.function == function);
        MethodRoute {
            class,
            method,
            kind: row.map_or_else(|| kind_of(method), |row| row.kind),
            returned: row.and_then(|row| row.returned),
            taken: row.and_then(|row| row.taken),
            callbacks: row.and_then(|row| row.callbacks),
        }
    }
}

/// The kind of a method with this name, by the convention of the engine's classes.
fn kind_of(method: &str) -> MethodKind {
    if method.starts_with("get_") || method.starts_with("is_") {
        MethodKind::Const
    } else {
        MethodKind::Mutating
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::ServerPart;

    static SHAPE_CLASSES: [Class; 2] = [
        Class::new("Round", "round_", &SHAPES),
        Class::new("Square", "square_", &SHAPES),
    ];

    static SHAPES: ClassTree = ClassTree {
        base: "Shape",
        classes: &SHAPE_CLASSES,
        enumerations: &[],
        properties: &[],
        methods: &[
            MethodRow::by_gdext("square_take", MethodKind::Mutating)
                .returning(Returned::Class("Round")),
            MethodRow::by_gdext("get_corner", MethodKind::Mutating),
        ],
        virtuals: None,
        parts: PartKind::of::<ServerPart>(),
        engine_class: OnceLock::new(),
    };

    #[test]
    fn a_prefix_routes_a_method_to_its_subclass() {
        let route = SHAPES.route("round_get_radius");
        assert_eq!((route.class, route.method), ("Round", "get_radius"));
        assert_eq!(route.kind, MethodKind::Const);
        let route = SHAPES.route("square_take");
        assert_eq!((route.class, route.method), ("Square", "take"));
        assert_eq!(route.returned, Some(Returned::Class("Round")));
    }

    static POINT_CLASSES: [Class; 1] = [Class::new("Point", "", &POINTS)];

    static POINTS: ClassTree = ClassTree {
        base: "Point",
        classes: &POINT_CLASSES,
        enumerations: &[],
        properties: &[],
        methods: &[],
        virtuals: None,
        parts: PartKind::of::<ServerPart>(),
        engine_class: OnceLock::new(),
    };

    #[test]
    fn a_single_class_has_all_methods() {
        let route = POINTS.route("round_up");
        assert_eq!((route.class, route.method), ("Point", "round_up"));
        assert!(POINTS.single().is_some());
        assert!(SHAPES.single().is_none());
    }

    #[test]
    fn a_method_without_a_prefix_belongs_to_the_base() {
        let route = SHAPES.route("is_empty");
        assert_eq!((route.class, route.method), ("Shape", "is_empty"));
        assert_eq!(route.kind, MethodKind::Const);
        assert_eq!(SHAPES.route("poll").kind, MethodKind::Mutating);
        assert_eq!(SHAPES.route("get_corner").kind, MethodKind::Mutating);
        assert_eq!(SHAPES.route("round").class, "Shape");
    }
}
