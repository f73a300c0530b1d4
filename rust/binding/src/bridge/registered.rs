//! The functions that gdext has registered, and a check of the tables against them.
//!
//! The tables name functions, accessors and classes by strings. [`faults`] finds each string that
//! matches nothing, and each function that expects an object of gdext's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::class_tree::ClassTree;
use super::method_row::Returned;
use super::property::Property;

/// The Rust functions that gdext has registered as methods: the class that gdext knows and the
/// function, with whether the function takes `self` or the object.
pub(super) struct Registered(Mutex<BTreeMap<(String, String), bool>>);

impl Registered {
    pub(super) const fn new() -> Registered {
        Registered(Mutex::new(BTreeMap::new()))
    }

    /// Notes that `function` is registered for `class`.
    pub(super) fn note(&self, class: &str, function: &str, has_receiver: bool) {
        let key = (class.to_owned(), function.to_owned());
        let before = self.lock().insert(key, has_receiver);
        debug_assert!(before.is_none(), "{class}.{function} is registered once");
    }

    /// Forgets the functions of `class`, which is being unregistered. If the system keeps the
    /// library in memory, the next load registers them again.
    pub(super) fn forget(&self, class: &str) {
        self.lock().retain(|(registered, _), _| registered != class);
    }

    /// Whether the accessors of `property` are registered for `class`.
    pub(super) fn has_accessors(&self, class: &str, property: &Property) -> bool {
        property
            .accessors()
            .all(|function| self.has(class, function))
    }

    fn has(&self, class: &str, function: &str) -> bool {
        self.lock()
            .contains_key(&(class.to_owned(), function.to_owned()))
    }

    /// The functions of `class` that take `self` or the object.
    fn with_receiver(&self, class: &str) -> Vec<String> {
        let functions = self.lock();
        let of_class = functions
            .iter()
            .filter(|((registered, _), has_receiver)| registered == class && **has_receiver);
        of_class
            .map(|((_, function), _)| function.clone())
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The faults of the tables, one sentence each: a name that matches no function or no class, a
/// function with two rows, or a function that takes an object of gdext's.
pub(super) fn faults(trees: &[&ClassTree], registered: &Registered) -> Vec<String> {
    let mut faults = Vec::new();
    for tree in trees {
        let base = tree.base;
        for function in registered.with_receiver(base) {
            faults.push(format!(
                "class tree {base}: the #[func] \"{function}\" takes `self` or `Gd<Self>`; its object is `Self::this()`"
            ));
        }
        for (index, row) in tree.methods.iter().enumerate() {
            let function = row.function;
            if !registered.has(base, function) {
                faults.push(format!(
                    "class tree {base}: no #[func] matches the row of the method \"{function}\""
                ));
            }
            if tree.methods[..index]
                .iter()
                .any(|other| other.function == function)
            {
                faults.push(format!(
                    "class tree {base}: the method \"{function}\" has two rows"
                ));
            }
            let fault = match row.returned {
                Some(Returned::Class(class)) if !is_class(trees, class) => {
                    format!("the class \"{class}\", which no class tree has")
                }
                Some(Returned::OwnEnumeration(name))
                    if !tree.enumerations.iter().any(|own| own.name == name) =>
                {
                    format!("a constant of {name}, which the class tree does not have")
                }
                _ => continue,
            };
            faults.push(format!(
                "class tree {base}: the row of the method \"{function}\" returns {fault}"
            ));
        }
        for property in tree.properties {
            let name = property.name;
            for accessor in property.accessors() {
                if !registered.has(base, accessor) {
                    faults.push(format!(
                        "class tree {base}: no #[func] matches \"{accessor}\", an accessor of the property \"{name}\""
                    ));
                }
            }
        }
    }
    faults
}

fn is_class(trees: &[&ClassTree], name: &str) -> bool {
    trees
        .iter()
        .any(|tree| tree.base == name || tree.classes.iter().any(|class| class.name == name))
}

#[cfg(test)]
mod tests {
    use std::sync::OnceLock;

    use super::super::class_tree::Class;
    use super::super::method_row::{MethodKind, MethodRow};
    use super::super::part_kind::PartKind;
    use super::super::property::PropertyKind;
    use super::*;
    use crate::parts::ServerPart;

    static CLASSES: [Class; 2] = [
        Class::new("Round", "round_", &SHAPES),
        Class::new("Square", "square_", &SHAPES),
    ];

    static SHAPES: ClassTree = ClassTree {
        base: "Shape",
        classes: &CLASSES,
        enumerations: &[],
        properties: &[Property::new(
            "radius",
            PropertyKind::Int,
            "round_set_radius",
            "round_get_radius",
        )],
        methods: &[
            MethodRow::by_gdext("get_corner", MethodKind::Mutating),
            MethodRow::by_gdext("take", MethodKind::Mutating).returning(Returned::Class("Square")),
        ],
        virtuals: None,
        parts: PartKind::of::<ServerPart>(),
        engine_class: OnceLock::new(),
    };

    fn faults_with(functions: &[&str]) -> Vec<String> {
        let registered = Registered::new();
        for function in functions {
            registered.note("Shape", function, false);
        }
        faults(&[&SHAPES], &registered)
    }

    const ALL: [&str; 4] = ["get_corner", "take", "round_get_radius", "round_set_radius"];

    #[test]
    fn tables_that_fit_have_no_fault() {
        assert_eq!(faults_with(&ALL), Vec::<String>::new());
    }

    #[test]
    fn a_row_that_no_function_matches_is_named() {
        assert_eq!(
            faults_with(&ALL[1..]),
            ["class tree Shape: no #[func] matches the row of the method \"get_corner\""]
        );
    }

    #[test]
    fn an_accessor_that_no_function_matches_is_named() {
        let found = faults_with(&ALL[..3]);
        assert_eq!(
            found,
            [
                "class tree Shape: no #[func] matches \"round_set_radius\", an accessor of the property \"radius\"",
            ]
        );
    }

    static WRONG_CLASSES: [Class; 1] = [Class::new("Point", "", &POINTS)];

    static POINTS: ClassTree = ClassTree {
        base: "Point",
        classes: &WRONG_CLASSES,
        enumerations: &[],
        properties: &[],
        methods: &[
            MethodRow::by_gdext("near", MethodKind::Const).returning(Returned::Class("Pont")),
            MethodRow::by_gdext("kind", MethodKind::Const)
                .returning(Returned::OwnEnumeration("Kind")),
            MethodRow::by_gdext("kind", MethodKind::Const),
        ],
        virtuals: None,
        parts: PartKind::of::<ServerPart>(),
        engine_class: OnceLock::new(),
    };

    #[test]
    fn rows_that_contradict_the_class_tree_are_named() {
        let registered = Registered::new();
        registered.note("Point", "near", false);
        registered.note("Point", "kind", false);
        assert_eq!(
            faults(&[&POINTS], &registered),
            [
                "class tree Point: the row of the method \"near\" returns the class \"Pont\", which no class tree has",
                "class tree Point: the row of the method \"kind\" returns a constant of Kind, which the class tree does not have",
                "class tree Point: the method \"kind\" has two rows",
            ]
        );
    }

    #[test]
    fn a_function_that_takes_the_object_is_named() {
        let registered = Registered::new();
        for function in ALL {
            registered.note("Shape", function, function == "take");
        }
        assert_eq!(
            faults(&[&SHAPES], &registered),
            [
                "class tree Shape: the #[func] \"take\" takes `self` or `Gd<Self>`; its object is `Self::this()`"
            ]
        );
    }
}
