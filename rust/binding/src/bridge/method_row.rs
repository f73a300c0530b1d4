//! The rows of the methods of a class tree: what ClassDB shows of a method that gdext cannot know,
//! and the callbacks of a direct method, which the bridge answers without gdext.
//!
//! gdext answers a method without a row. A method needs a row in four cases: it is a direct method;
//! its return type in Rust does not name the class or enumeration that ClassDB should show; its
//! name is misleading about whether it is const (`get_*` and `is_*` are const, all others are not);
//! or it is static. For gdext, every method is a static function; a row says which one really is. A
//! row that no `#[func]` matches is a fault: [`faults`](super::registered::faults) names it when a
//! debug build is loaded. A direct method is a `#[func]` like any other, whose body does the same
//! as its callbacks; the row only makes it faster.

use std::any::TypeId;

use godot::sys;

/// What the bridge knows of one method of a class tree.
pub(crate) struct MethodRow {
    /// The name of the `#[func]`, with the prefix of its class.
    pub(super) function: &'static str,
    pub(super) kind: MethodKind,
    /// The callbacks of a direct method, or `None` if gdext answers the method.
    pub(super) callbacks: Option<MethodCallbacks>,
    /// What the method returns, where its Rust type does not determine it.
    pub(super) returned: Option<Returned>,
    /// The argument that is a constant of an enumeration of the tree, and the enumeration.
    pub(super) taken: Option<(usize, &'static str)>,
}

/// Whether a method has an object, and changes it. ClassDB shows it, as for the methods of the
/// engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MethodKind {
    Const,
    Mutating,
    /// Without an object.
    Static,
}

/// What a method returns, where its Rust type does not determine it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Returned {
    /// An object of this class.
    Class(&'static str),
    /// A constant of this enumeration of the tree.
    OwnEnumeration(&'static str),
}

/// The two callbacks of a method: with Variants, and with arguments of the method's types.
#[derive(Clone, Copy)]
pub(crate) struct MethodCallbacks {
    /// The type of the part that they expect.
    pub(super) part: fn() -> TypeId,
    pub(super) call: CallFunction,
    pub(super) ptrcall: PtrcallFunction,
}

pub(super) type CallFunction = unsafe extern "C" fn(
    *mut std::ffi::c_void,
    sys::GDExtensionClassInstancePtr,
    *const sys::GDExtensionConstVariantPtr,
    sys::GDExtensionInt,
    sys::GDExtensionVariantPtr,
    *mut sys::GDExtensionCallError,
);
pub(super) type PtrcallFunction = unsafe extern "C" fn(
    *mut std::ffi::c_void,
    sys::GDExtensionClassInstancePtr,
    *const sys::GDExtensionConstTypePtr,
    sys::GDExtensionTypePtr,
);

impl MethodRow {
    /// A direct method, which `callbacks` answer.
    pub(crate) const fn direct(
        function: &'static str,
        kind: MethodKind,
        callbacks: MethodCallbacks,
    ) -> MethodRow {
        MethodRow {
            callbacks: Some(callbacks),
            ..MethodRow::by_gdext(function, kind)
        }
    }

    /// A method that gdext answers.
    pub(crate) const fn by_gdext(function: &'static str, kind: MethodKind) -> MethodRow {
        MethodRow {
            function,
            kind,
            callbacks: None,
            returned: None,
            taken: None,
        }
    }

    /// The same method, whose argument `index` is a constant of this enumeration of the tree.
    pub(crate) const fn taking(mut self, index: usize, enumeration: &'static str) -> MethodRow {
        self.taken = Some((index, enumeration));
        self
    }

    /// The same method, which returns `returned`.
    pub(crate) const fn returning(mut self, returned: Returned) -> MethodRow {
        self.returned = Some(returned);
        self
    }
}
