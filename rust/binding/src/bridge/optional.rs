//! Arguments that may be left out, of types for which gdext has no defaults.

use godot::meta::conv::ByValue;
use godot::meta::error::ConvertError;
use godot::meta::shape::GodotShape;
use godot::meta::{FromGodot, GodotConvert, GodotImmutable, ToGodot};

/// An argument with a default. That is one value for all calls, so nothing may change it: null, or an array that is read-only.
#[derive(Clone, Debug)]
pub(crate) struct Optional<T>(pub(crate) T);

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

// SAFETY: The defaults that are made of it are null or read-only, as its documentation demands.
unsafe impl<T: ToGodot + FromGodot> GodotImmutable for Optional<T> {}
