//! The methods that several classes have: the methods of the last error, and the accessors of
//! `auto_poll`.
//!
//! gdext has no inheritance between the classes of a library, and a class tree has it only within
//! itself. So each class gets these methods from a macro. The property `auto_poll` is in
//! [`class_trees`](crate::class_trees).

use std::fmt::Display;

use godot::global::Error;

use crate::parts::{Details, LastError};

/// The part or the struct of an object that keeps the last of its calls that failed.
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

/// Gives a class the methods `get_last_error` and `get_last_error_message`: a class that is
/// [`Failing`], or a class of a class tree whose part is.
macro_rules! last_error_methods {
    ($class:ident) => {
        last_error_methods!(@ $class, (&self), self);
    };
    (part of $class:ident) => {
        last_error_methods!(@ $class, (), <$class as $crate::bridge::Bridged>::this());
    };
    (@ $class:ident, ($($receiver:tt)*), $this:expr) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn get_last_error($($receiver)*) -> godot::global::Error {
                $crate::shared_methods::Failing::details(&*$this).code
            }

            #[func]
            fn get_last_error_message($($receiver)*) -> godot::builtin::GString {
                let details = $crate::shared_methods::Failing::details(&*$this);
                godot::builtin::GString::from(&details.message)
            }
        }
    };
}

/// Gives a class the method `get_last_os_error`, as [`last_error_methods`] does.
macro_rules! last_os_error_method {
    ($class:ident) => {
        last_os_error_method!(@ $class, (&self), self);
    };
    (part of $class:ident) => {
        last_os_error_method!(@ $class, (), <$class as $crate::bridge::Bridged>::this());
    };
    (@ $class:ident, ($($receiver:tt)*), $this:expr) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn get_last_os_error($($receiver)*) -> i64 {
                $crate::shared_methods::Failing::details(&*$this)
                    .os_code
                    .into()
            }
        }
    };
}

/// Gives a class the accessors of `auto_poll`: a class with a
/// [`FramePoll`](crate::parts::FramePoll), or a class of a class tree whose part has one and is
/// polled by the function `$poll`.
macro_rules! auto_poll_methods {
    ($class:ident) => {
        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn set_auto_poll(&self, enabled: bool) {
                let id = godot::obj::WithBaseField::base(self).instance_id();
                if let Some(object) = $crate::parts::ObjectAddress::of_id(id) {
                    self.frame_poll.set(object, None, enabled);
                }
            }

            #[func]
            fn is_auto_polling(&self) -> bool {
                self.frame_poll.is_wanted()
            }
        }
    };
    (part of $class:ident, $poll:path) => {
        impl $crate::parts::FramePolled for <$class as $crate::bridge::Bridged>::Part {
            fn poll_object(self: std::sync::Arc<Self>) {
                let _ = $poll(&self);
            }
        }

        #[godot::prelude::godot_api(secondary)]
        impl $class {
            #[func]
            fn set_auto_poll(enabled: bool) {
                let this = <$class as $crate::bridge::Bridged>::this();
                // The object is not freed before it is in the list of those that are polled.
                $crate::parts::Part::presence(&*this).with(|object| {
                    let part: std::sync::Arc<dyn $crate::parts::FramePolled> = this.clone();
                    let part = Some(std::sync::Arc::downgrade(&part));
                    this.frame_poll.set(object, part, enabled);
                });
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
