//! Checks the arguments of a call from a script before gdext does.
//!
//! Godot tells a script what is wrong with a call: the number of the arguments, or the type of one
//! of them. gdext prints its own message, and returns a code that Godot reports as a bug in itself.

use godot::builtin::Variant;
use godot::classes::Object;
use godot::obj::Gd;
use godot::sys::{self, GodotFfi};

use super::interface::{interface, text};

/// What a method takes.
pub(super) struct Arguments {
    parameters: Box<[Parameter]>,
    /// The number of arguments without a default value.
    required: usize,
}

struct Parameter {
    kind: sys::GDExtensionVariantType,
    /// The class of an object; empty for any other type.
    class: String,
}

/// What is wrong with a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooFew {
        required: usize,
    },
    TooMany {
        allowed: usize,
    },
    WrongType {
        argument: usize,
        expected: sys::GDExtensionVariantType,
    },
}

impl Arguments {
    /// # Safety
    /// `info` is one that gdext registers a method with.
    pub(super) unsafe fn of(info: &sys::GDExtensionClassMethodInfo) -> Arguments {
        let count = info.argument_count as usize;
        let parameters = (0..count).map(|index| {
            // SAFETY: gdext passes as many infos as there are arguments, each with a valid name.
            let (kind, class) = unsafe {
                let parameter = *info.arguments_info.add(index);
                let class = parameter.class_name.cast_const();
                (parameter.type_, text(class.cast()))
            };
            Parameter { kind, class }
        });
        Arguments {
            parameters: parameters.collect(),
            required: count.saturating_sub(info.default_argument_count as usize),
        }
    }

    /// Checks the number and the types of the arguments. Converts as strictly as the engine's own
    /// methods do.
    ///
    /// # Safety
    /// There are `count` arguments.
    pub(super) unsafe fn check(
        &self,
        arguments: *const sys::GDExtensionConstVariantPtr,
        count: sys::GDExtensionInt,
    ) -> Result<(), Fault> {
        let count = self.check_count(count as usize)?;
        for (index, parameter) in self.parameters[..count].iter().enumerate() {
            let expected = parameter.kind;
            // SAFETY: The caller's guarantee.
            let converts = unsafe {
                let given = (interface().variant_type)(*arguments.add(index));
                given == expected || (interface().can_convert)(given, expected) != 0
            };
            if !converts {
                let argument = index;
                return Err(Fault::WrongType { argument, expected });
            }
        }
        Ok(())
    }

    fn check_count(&self, count: usize) -> Result<usize, Fault> {
        let (required, allowed) = (self.required, self.parameters.len());
        if count < required {
            return Err(Fault::TooFew { required });
        }
        if count > allowed {
            return Err(Fault::TooMany { allowed });
        }
        Ok(count)
    }

    /// The first argument that is an object of another class than the method takes. Called after
    /// gdext has refused arguments that [`check`](Self::check) found right.
    ///
    /// # Safety
    /// There are `count` arguments.
    pub(super) unsafe fn wrong_object(
        &self,
        arguments: *const sys::GDExtensionConstVariantPtr,
        count: sys::GDExtensionInt,
    ) -> Option<Fault> {
        let given = self.parameters.iter().take(count as usize).enumerate();
        let mut objects =
            given.filter(|(_, taken)| taken.kind == sys::GDEXTENSION_VARIANT_TYPE_OBJECT);
        let (argument, taken) = objects.find(|&(index, taken)| {
            // SAFETY: The caller's guarantee; the Variant is copied.
            let value = unsafe { Variant::new_from_sys((*arguments.add(index)).cast()) };
            let object = value.try_to::<Gd<Object>>();
            !value.is_nil() && !object.is_ok_and(|object| object.is_class(taken.class.as_str()))
        })?;
        let expected = taken.kind;
        Some(Fault::WrongType { argument, expected })
    }
}

impl Fault {
    /// Tells Godot.
    pub(super) fn report(&self, error: &mut sys::GDExtensionCallError) {
        let (code, argument, expected) = match *self {
            Fault::TooFew { required } => (
                sys::GDEXTENSION_CALL_ERROR_TOO_FEW_ARGUMENTS,
                0,
                required as i32,
            ),
            Fault::TooMany { allowed } => (
                sys::GDEXTENSION_CALL_ERROR_TOO_MANY_ARGUMENTS,
                0,
                allowed as i32,
            ),
            Fault::WrongType { argument, expected } => (
                sys::GDEXTENSION_CALL_ERROR_INVALID_ARGUMENT,
                argument as i32,
                expected,
            ),
        };
        error.error = code;
        error.argument = argument;
        error.expected = expected;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_arguments_is_checked() {
        let parameter = || Parameter {
            kind: sys::GDEXTENSION_VARIANT_TYPE_INT,
            class: String::new(),
        };
        let arguments = Arguments {
            parameters: Box::new([parameter(), parameter(), parameter()]),
            required: 2,
        };
        assert_eq!(arguments.check_count(1), Err(Fault::TooFew { required: 2 }));
        assert_eq!(arguments.check_count(2), Ok(2));
        assert_eq!(arguments.check_count(3), Ok(3));
        assert_eq!(arguments.check_count(4), Err(Fault::TooMany { allowed: 3 }));
    }
}
