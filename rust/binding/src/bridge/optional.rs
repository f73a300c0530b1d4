//! Arguments with a default value, of types that gdext has no defaults for.

use godot::builtin::{AnyArray, PackedStringArray, VarArray, VarDictionary, Variant};
use godot::meta::conv::ByValue;
use godot::meta::error::ConvertError;
use godot::meta::shape::GodotShape;
use godot::meta::{FromGodot, GodotConvert, GodotImmutable, ToGodot};

/// An argument with a default value. All calls share that value, so nothing may change it: it is
/// null, a read-only container, or a packed array, which is copied when it is changed.
#[derive(Clone, Debug)]
pub(crate) struct Optional<T>(T);

impl<T> Optional<Option<T>> {
    /// An argument whose default is null.
    pub(crate) const NULL: Self = Optional(None);
}

impl Optional<Variant> {
    /// An argument whose default is null.
    pub(crate) fn nil() -> Self {
        Optional(Variant::nil())
    }
}

impl Optional<AnyArray> {
    /// An argument whose default is an empty array.
    pub(crate) fn empty_array() -> Self {
        Optional(VarArray::new().into_read_only().upcast_any_array())
    }
}

impl Optional<VarDictionary> {
    /// An argument whose default is an empty dictionary.
    pub(crate) fn empty_dictionary() -> Self {
        Optional(VarDictionary::new().into_read_only())
    }
}

impl Optional<PackedStringArray> {
    /// An argument whose default is an empty array.
    pub(crate) fn no_strings() -> Self {
        Optional(PackedStringArray::new())
    }
}

impl<T> Optional<T> {
    /// The argument.
    pub(crate) fn into_inner(self) -> T {
        self.0
    }
}

impl<T: GodotConvert> GodotConvert for Optional<T> {
    type Via = T::Via;

    fn godot_shape() -> GodotShape {
        T::godot_shape()
    }
}

impl<T: ToGodot> ToGodot for Optional<T> {
    type Pass = ByValue;

    fn to_godot(&self) -> T::Via {
        self.0.to_godot_owned()
    }
}

impl<T: FromGodot> FromGodot for Optional<T> {
    fn try_from_godot(via: T::Via) -> Result<Self, ConvertError> {
        T::try_from_godot(via).map(Optional)
    }
}

// SAFETY: A default is made by one of the constructors: null, a read-only container, or a packed
// array, of which each call gets its own.
unsafe impl<T: ToGodot + FromGodot> GodotImmutable for Optional<T> {}
