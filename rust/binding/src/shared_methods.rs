//! The methods that several classes have: the methods of the last error, and the accessors of
//! `auto_poll`.
//!
//! gdext has no inheritance between the classes of a library, and a class tree has it only within
//! itself. So each class gets these methods from a macro. The property `auto_poll` is in
//! [`class_trees`](crate::class_trees).

use std::fmt::Display;

use godot::global::Error;

use crate::parts::{Details, LastError};

/// An object that keeps the last of its calls that failed.
pub(crate) trait Failing {
    fn last_error(&self) -> &LastError;

    /// The error that `get_last_error` and similar methods return.
    fn details(&self) -> Details {
        self.last_error().get()
    }

    /// Refuses a call with an argument that is never valid: prints and records `message`.
    fn refuse(&self, message: &dyn Display) -> Error {
        self.last_error()
            .refuse(Error::ERR_INVALID_PARAMETER, message)
    }
}

/// Gives a class that is [`Failing`] the methods `get_last_error` and `get_last_error_message`.
macro_rules! last_error_methods {
    ($class:ident) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn get_last_error(&self) -> godot::global::Error {
                $crate::shared_methods::Failing::details(self).code
            }

            #[func]
            fn get_last_error_message(&self) -> godot::builtin::GString {
                let details = $crate::shared_methods::Failing::details(self);
                godot::builtin::GString::from(&details.message)
            }
        }
    };
}

/// Gives a class that is [`Failing`] the method `get_last_os_error`.
macro_rules! last_os_error_method {
    ($class:ident) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn get_last_os_error(&self) -> i64 {
                $crate::shared_methods::Failing::details(self)
                    .os_code
                    .into()
            }
        }
    };
}

/// Gives a class with a [`FramePoll`](crate::frame_poll::FramePoll) the accessors of `auto_poll`.
macro_rules! auto_poll_methods {
    ($class:ident) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn set_auto_poll(&self, enabled: bool) {
                self.frame_poll.set(self, enabled);
            }

            #[func]
            fn is_auto_polling(&self) -> bool {
                self.frame_poll.is_wanted()
            }
        }
    };
}

pub(crate) use {auto_poll_methods, last_error_methods, last_os_error_method};
