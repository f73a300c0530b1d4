//! The functions that gdext has registered, and a check of the tables against them.
//!
//! The tables name functions, accessors, classes and enumerations by strings. [`faults`] finds each
//! string that matches nothing, each row for another type of part, and each function that takes
//! `self` or `Gd<Self>`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::class_tree::ClassTree;
use super::method_row::Returned;
use super::property::Property;

/// The Rust functions that gdext has registered as methods, by the class that gdext knows and the
/// function.
pub(super) struct Registered(Mutex<BTreeMap<(String, String), Function>>);

/// What gdext registers of a function.
#[derive(Clone, Copy)]
pub(super) struct Function {
    /// Whether it takes `self` or the object.
    pub(super) has_receiver: bool,
    pub(super) argument_count: usize,
}

impl Registered {
    pub(super) const fn new() -> Registered {
        Registered(Mutex::new(BTreeMap::new()))
    }

    /// Notes that `name` is registered for `class`.
    pub(super) fn note(&self, class: &str, name: &str, function: Function) {
        let key = (class.to_owned(), name.to_owned());
        let before = self.lock().insert(key, function);
        debug_assert!(before.is_none(), "{class}.{name} is registered once");
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
        self.of(class).contains_key(function)
    }

    /// The functions of `class`.
    fn of(&self, class: &str) -> BTreeMap<String, Function> {
        let functions = self.lock();
        let of_class = functions
            .iter()
            .filter(|((registered, _), _)| registered == class);
        of_class
            .map(|((_, name), function)| (name.clone(), *function))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Function>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The faults of the tables, one sentence each: a name that matches no function, no class or no
/// enumeration, a function with two rows, callbacks that expect another part, a prefix that no
/// function has, or a function that takes `self` or `Gd<Self>`.
pub(super) fn faults(trees: &[&ClassTree], registered: &Registered) -> Vec<String> {
    let faults = trees.iter().flat_map(|tree| {
        let functions = registered.of(tree.base);
        let faults = [
            faults_of_functions(&functions),
            faults_of_classes(tree, &functions),
            faults_of_methods(trees, tree, &functions),
            faults_of_properties(tree, &functions),
        ];
        let faults = faults.into_iter().flatten();
        faults.map(|fault| format!("class tree {}: {fault}", tree.base))
    });
    faults.collect()
}

fn faults_of_functions(functions: &BTreeMap<String, Function>) -> Vec<String> {
    let with_receiver = functions
        .iter()
        .filter(|(_, function)| function.has_receiver);
    let fault = |(name, _)| {
        format!("the #[func] \"{name}\" takes `self` or `Gd<Self>`; its object is `Self::this()`")
    };
    with_receiver.map(fault).collect()
}

fn faults_of_classes(tree: &ClassTree, functions: &BTreeMap<String, Function>) -> Vec<String> {
    let mut faults = Vec::new();
    for class in tree.classes {
        let prefix = class.method_prefix;
        if !functions.keys().any(|name| name.starts_with(prefix)) {
            faults.push(format!(
                "no #[func] has the prefix \"{prefix}\" of the class {}",
                class.name
            ));
        }
    }
    let expected = tree.virtuals.map(|virtuals| (virtuals.part)());
    if expected.is_some_and(|part| part != (tree.parts.part)()) {
        faults.push("the virtual methods expect another part".into());
    }
    faults
}

fn faults_of_methods(
    trees: &[&ClassTree],
    tree: &ClassTree,
    functions: &BTreeMap<String, Function>,
) -> Vec<String> {
    let mut faults = Vec::new();
    let is_enumeration = |name| tree.enumerations.iter().any(|own| own.name == name);
    for (index, row) in tree.methods.iter().enumerate() {
        let name = row.function;
        let Some(function) = functions.get(name) else {
            faults.push(format!(
                "no #[func] matches the row of the method \"{name}\""
            ));
            continue;
        };
        if tree.methods[..index]
            .iter()
            .any(|other| other.function == name)
        {
            faults.push(format!("the method \"{name}\" has two rows"));
        }
        let mut wrong =
            |what: String| faults.push(format!("the row of the method \"{name}\" {what}"));
        if row
            .callbacks
            .is_some_and(|callbacks| (callbacks.part)() != (tree.parts.part)())
        {
            wrong("has callbacks that expect another part".into());
        }
        match row.returned {
            Some(Returned::Class(class)) if !is_class(trees, class) => {
                wrong(format!(
                    "returns the class \"{class}\", which no class tree has"
                ));
            }
            Some(Returned::OwnEnumeration(name)) if !is_enumeration(name) => wrong(format!(
                "returns a constant of {name}, which the class tree does not have"
            )),
            _ => {}
        }
        if let Some((index, name)) = row.taken {
            if !is_enumeration(name) {
                wrong(format!(
                    "takes a constant of {name}, which the class tree does not have"
                ));
            }
            if index >= function.argument_count {
                wrong(format!(
                    "describes argument {index}, which the #[func] does not have"
                ));
            }
        }
    }
    faults
}

fn faults_of_properties(tree: &ClassTree, functions: &BTreeMap<String, Function>) -> Vec<String> {
    let mut faults = Vec::new();
    for property in tree.properties {
        let name = property.name;
        for accessor in property.accessors() {
            if !functions.contains_key(accessor) {
                faults.push(format!(
                    "no #[func] matches \"{accessor}\", an accessor of the property \"{name}\""
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
    use super::super::method_row::{MethodKind, MethodRow};
    use super::super::part_kind::PartKind;
    use super::super::property::PropertyKind;
    use super::*;
    use crate::bridge::{poll, stream_virtuals};
    use crate::parts::{PeerPart, ServerPart};

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

    /// A function as it should be.
    const STATIC: Function = Function {
        has_receiver: false,
        argument_count: 1,
    };

    fn faults_with(functions: &[&str]) -> Vec<String> {
        let registered = Registered::new();
        for function in functions {
            registered.note("Shape", function, STATIC);
        }
        faults(&[&SHAPES], &registered)
    }

    const ALL: [&str; 5] = [
        "get_corner",
        "square_turn",
        "take",
        "round_get_radius",
        "round_set_radius",
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
    fn a_prefix_that_no_function_has_is_named() {
        let others = ALL.map(|name| name.trim_start_matches("square_"));
        assert_eq!(
            faults_with(&others),
            ["class tree Shape: no #[func] has the prefix \"square_\" of the class Square"]
        );
    }

    #[test]
    fn an_accessor_that_no_function_matches_is_named() {
        let found = faults_with(&ALL[..4]);
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
                .returning(Returned::OwnEnumeration("Kind"))
                .taking(1, "Knd"),
            MethodRow::by_gdext("kind", MethodKind::Const),
            MethodRow::direct("poll", MethodKind::Mutating, poll::<PeerPart>()),
        ],
        virtuals: Some(stream_virtuals::<PeerPart>()),
        parts: PartKind::of::<ServerPart>(),
        engine_class: OnceLock::new(),
    };

    #[test]
    fn rows_that_contradict_the_class_tree_are_named() {
        let registered = Registered::new();
        for function in ["near", "kind", "poll"] {
            registered.note("Point", function, STATIC);
        }
        assert_eq!(
            faults(&[&POINTS], &registered),
            [
                "class tree Point: the virtual methods expect another part",
                "class tree Point: the row of the method \"near\" returns the class \"Pont\", which no class tree has",
                "class tree Point: the row of the method \"kind\" returns a constant of Kind, which the class tree does not have",
                "class tree Point: the row of the method \"kind\" takes a constant of Knd, which the class tree does not have",
                "class tree Point: the row of the method \"kind\" describes argument 1, which the #[func] does not have",
                "class tree Point: the method \"kind\" has two rows",
                "class tree Point: the row of the method \"poll\" has callbacks that expect another part",
            ]
        );
    }

    #[test]
    fn a_function_that_takes_the_object_is_named() {
        let registered = Registered::new();
        for function in ALL {
            let has_receiver = function == "take";
            let noted = Function {
                has_receiver,
                ..STATIC
            };
            registered.note("Shape", function, noted);
        }
        assert_eq!(
            faults(&[&SHAPES], &registered),
            [
                "class tree Shape: the #[func] \"take\" takes `self` or `Gd<Self>`; its object is `Self::this()`"
            ]
        );
    }
}
