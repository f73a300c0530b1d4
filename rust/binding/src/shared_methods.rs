//! The methods that several classes have: the methods of the last error, and the accessors of
//! `auto_poll`.
//!
//! gdext has no inheritance between the classes of a library, and a class tree has it only within
//! itself. So each class gets these methods from a macro.

use std::fmt::Display;

use godot::global::Error;
use godot::prelude::godot_error;

use crate::bridge::{Property, PropertyKind};
use crate::parts::{Details, LastError};

/// The part of an object that keeps the last of its calls that failed.
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

    /// The argument that was `checked`, or the code of the refusal with its message.
    fn accept<T>(&self, checked: Result<T, String>) -> Result<T, Error> {
        checked.map_err(|message| self.refuse(&message))
    }
}

/// The value that was `checked`, for a class without a last error. A message is printed.
pub(crate) fn accept_or_print<T>(checked: Result<T, String>) -> Option<T> {
    checked.map_err(|message| godot_error!("{message}")).ok()
}

/// Gives a class whose part is [`Failing`] the methods `get_last_error` and
/// `get_last_error_message`.
macro_rules! last_error_methods {
    ($class:ident) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn get_last_error() -> godot::global::Error {
                let this = <$class as $crate::bridge::Bridged>::this();
                $crate::shared_methods::Failing::details(&*this).code
            }

            #[func]
            fn get_last_error_message() -> godot::builtin::GString {
                let this = <$class as $crate::bridge::Bridged>::this();
                let details = $crate::shared_methods::Failing::details(&*this);
                godot::builtin::GString::from(&details.message)
            }
        }
    };
}

/// Gives a class the method `get_last_os_error`, as [`last_error_methods`] does.
macro_rules! last_os_error_method {
    ($class:ident) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn get_last_os_error() -> i64 {
                let this = <$class as $crate::bridge::Bridged>::this();
                $crate::shared_methods::Failing::details(&*this)
                    .os_code
                    .into()
            }
        }
    };
}

/// A property of each class whose objects are polled.
pub(crate) const AUTO_POLL: Property = Property::new(
    "auto_poll",
    PropertyKind::Bool,
    "set_auto_poll",
    "is_auto_polling",
);

/// Gives a class the accessors of [`AUTO_POLL`]. Its part has a field `frame_poll`, and the
/// function `$poll` polls it.
macro_rules! auto_poll_methods {
    ($class:ident, $poll:path) => {
        impl $crate::parts::FramePolled for <$class as $crate::bridge::Bridged>::Part {
            fn object(&self) -> &$crate::parts::Presence {
                $crate::parts::Part::presence(self)
            }

            fn frame_poll(&self) -> &$crate::parts::FramePoll {
                &self.frame_poll
            }

            fn poll_object(self: std::sync::Arc<Self>) {
                let _ = $poll(&self);
            }
        }

        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn set_auto_poll(enabled: bool) {
                $crate::frame_poll::set(&<$class as $crate::bridge::Bridged>::this(), enabled);
            }

            #[func]
            fn is_auto_polling() -> bool {
                <$class as $crate::bridge::Bridged>::this()
                    .frame_poll
                    .is_wanted()
            }
        }
    };
}

pub(crate) use {auto_poll_methods, last_error_methods, last_os_error_method};
