//! The functions that gdext has registered, and a check of the tables against them.
//!
//! The tables name functions, accessors and classes by strings. [`faults`] finds each string that
//! matches nothing.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::class_tree::ClassTree;
use super::method_row::Returned;
use super::property::Property;

/// The Rust functions that gdext has registered as methods, each with the class that gdext knows.
pub(super) struct Registered(Mutex<BTreeSet<(String, String)>>);

impl Registered {
    pub(super) const fn new() -> Registered {
        Registered(Mutex::new(BTreeSet::new()))
    }

    /// Notes that `function` is registered for `class`.
    pub(super) fn note(&self, class: &str, function: &str) {
        let is_new = self.lock().insert((class.to_owned(), function.to_owned()));
        debug_assert!(is_new, "{class}.{function} is registered once");
    }

    /// Forgets the functions of `class`, which is being unregistered. If the system keeps the
    /// library in memory, the next load registers them again.
    pub(super) fn forget(&self, class: &str) {
        self.lock().retain(|(registered, _)| registered != class);
    }

    /// Whether both accessors of `property` are registered for `class`.
    pub(super) fn has_accessors(&self, class: &str, property: &Property) -> bool {
        let functions = self.lock();
        [property.setter, property.getter]
            .iter()
            .all(|function| functions.contains(&(class.to_owned(), (*function).to_owned())))
    }

    fn has(&self, class: &str, function: &str) -> bool {
        self.lock()
            .contains(&(class.to_owned(), function.to_owned()))
    }

    fn has_in_any_class(&self, function: &str) -> bool {
        self.lock()
            .iter()
            .any(|(_, registered)| registered == function)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The faults of the tables, one sentence each: a name that matches no function or no class, or a
/// function with two rows.
pub(super) fn faults(
    trees: &[&ClassTree],
    shared_properties: &[Property],
    registered: &Registered,
) -> Vec<String> {
    let mut faults = Vec::new();
    for tree in trees {
        let base = tree.base;
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
            for accessor in [property.setter, property.getter] {
                if !registered.has(base, accessor) {
                    faults.push(format!(
                        "class tree {base}: no #[func] matches \"{accessor}\", an accessor of the property \"{name}\""
                    ));
                }
            }
        }
    }
    for property in shared_properties {
        let name = property.name;
        for accessor in [property.setter, property.getter] {
            if !registered.has_in_any_class(accessor) {
                faults.push(format!(
                    "no #[func] matches \"{accessor}\", an accessor of the shared property \"{name}\""
                ));
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
    use super::super::handle::HandleKind;
    use super::super::method_row::{Constness, MethodRow};
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
        properties: &[Property {
            name: "radius",
            kind: PropertyKind::Int,
            setter: "round_set_radius",
            getter: "round_get_radius",
        }],
        methods: &[
            MethodRow::by_gdext("get_corner", Constness::Mutating),
            MethodRow::by_gdext("take", Constness::Mutating).returning(Returned::Class("Square")),
        ],
        virtuals: None,
        handles: HandleKind::of::<ServerPart>(),
        storage_callbacks: OnceLock::new(),
    };

    static SHARED: [Property; 1] = [Property {
        name: "polled",
        kind: PropertyKind::Bool,
        setter: "set_polled",
        getter: "is_polled",
    }];

    fn faults_with(functions: &[&str]) -> Vec<String> {
        let registered = Registered::new();
        for function in functions {
            registered.note("Shape", function);
        }
        faults(&[&SHAPES], &SHARED, &registered)
    }

    const ALL: [&str; 6] = [
        "get_corner",
        "take",
        "round_get_radius",
        "round_set_radius",
        "set_polled",
        "is_polled",
    ];

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
        let found = faults_with(&["get_corner", "take", "round_get_radius", "set_polled"]);
        assert_eq!(
            found,
            [
                "class tree Shape: no #[func] matches \"round_set_radius\", an accessor of the property \"radius\"",
                "no #[func] matches \"is_polled\", an accessor of the shared property \"polled\"",
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
            MethodRow::by_gdext("near", Constness::Const).returning(Returned::Class("Pont")),
            MethodRow::by_gdext("kind", Constness::Const)
                .returning(Returned::OwnEnumeration("Kind")),
            MethodRow::by_gdext("kind", Constness::Const),
        ],
        virtuals: None,
        handles: HandleKind::of::<ServerPart>(),
        storage_callbacks: OnceLock::new(),
    };

    #[test]
    fn rows_that_contradict_the_class_tree_are_named() {
        let registered = Registered::new();
        registered.note("Point", "near");
        registered.note("Point", "kind");
        assert_eq!(
            faults(&[&POINTS], &[], &registered),
            [
                "class tree Point: the row of the method \"near\" returns the class \"Pont\", which no class tree has",
                "class tree Point: the row of the method \"kind\" returns a constant of Kind, which the class tree does not have",
                "class tree Point: the method \"kind\" has two rows",
            ]
        );
    }
}
