//! What `get_last_error` and its kin tell: the last call on an object that has failed or was refused.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use godot::global::Error;
use godot::prelude::godot_error;
use stream_socket::{Connection, os_code};

use super::codes::Code;

/// The last thing that went wrong on an object.
#[derive(Debug, Default)]
pub(crate) struct LastError {
    is_set: AtomicBool,
    /// Boxed, since most objects have none.
    details: Mutex<Option<Box<(Instant, Details)>>>,
}

/// What is known about it.
#[derive(Clone, Debug)]
pub(crate) struct Details {
    pub(crate) code: Error,
    pub(crate) message: String,
    pub(crate) os_code: i32,
}

impl Default for Details {
    fn default() -> Details {
        Details {
            code: Error::OK,
            message: String::new(),
            os_code: 0,
        }
    }
}

impl LastError {
    /// Remembers `error`, and gives the code to return.
    #[cold]
    pub(crate) fn record(&self, error: &impl Code) -> Error {
        let os_code = os_code(error).unwrap_or(0);
        self.set(error.exact(), error.to_string(), os_code);
        error.returned()
    }

    /// Remembers a failure that no call of the core has had.
    #[cold]
    pub(crate) fn record_message(&self, code: Error, message: String) -> Error {
        self.set(code, message, 0);
        code
    }

    /// Prints and remembers what a call was wrong about, and gives the code to return. The engine prints misuse too.
    #[cold]
    pub(crate) fn refuse(&self, code: Error, what: &dyn Display) -> Error {
        let message = what.to_string();
        godot_error!("{message}");
        self.record_message(code, message)
    }

    /// The code to return for `outcome`, which is remembered if it is an error. Success clears the last error.
    pub(crate) fn note(&self, outcome: Result<(), impl Code>) -> Error {
        match outcome {
            Ok(()) => {
                self.clear();
                Error::OK
            }
            Err(error) => self.record(&error),
        }
    }

    /// An operation has begun or succeeded: what was before is forgotten.
    #[inline]
    pub(crate) fn clear(&self) {
        if self.is_set.load(Ordering::Relaxed) {
            self.is_set.store(false, Ordering::Relaxed);
            *self.details() = None;
        }
    }

    fn set(&self, code: Error, message: String, os_code: i32) {
        let details = Details {
            code,
            message,
            os_code,
        };
        *self.details() = Some(Box::new((Instant::now(), details)));
        self.is_set.store(true, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Details {
        let details = self.details();
        let details = details.as_deref().map(|(_, details)| details.clone());
        details.unwrap_or_default()
    }

    /// The same for an object with a connection: why that has ended, if nothing has gone wrong since. However it has ended,
    /// and whoever was notified, the connection has the reason.
    pub(crate) fn of(&self, connection: &Connection) -> Details {
        let Some(ended) = connection.ended() else {
            return self.get();
        };
        match self.details().as_deref() {
            Some((at, details)) if *at >= ended.at => details.clone(),
            _ => Details {
                code: ended.error.exact(),
                message: ended.error.to_string(),
                os_code: os_code(&*ended.error).unwrap_or(0),
            },
        }
    }

    fn details(&self) -> MutexGuard<'_, Option<Box<(Instant, Details)>>> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
