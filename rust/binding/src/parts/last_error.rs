//! The last error of an object, which `get_last_error` and similar methods return: the error of the
//! last call that failed or was refused, or the reason why the connection has ended.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use godot::global::Error;
use godot::prelude::godot_error;
use stream_socket::{Connection, os_code};

use super::codes::Code;

/// The error of the last failed call of an object. Most objects never have one, so it is boxed, and
/// made for the first error.
#[derive(Debug, Default)]
pub(crate) struct LastError(OnceLock<Box<Failure>>);

/// The last failure, if there was one since the last success.
#[derive(Debug, Default)]
struct Failure {
    is_set: AtomicBool,
    details: Mutex<Option<(Instant, Details)>>,
}

/// The failure in detail.
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
    /// Records `error`, and returns its code.
    #[cold]
    pub(crate) fn record(&self, error: &impl Code) -> Error {
        let os_code = os_code(error).unwrap_or(0);
        self.set(error.exact(), error.to_string(), os_code);
        error.returned()
    }

    /// Like [`record`](Self::record), for an error of a call of `connection`. If the connection has
    /// ended, its reason explains the error, and nothing is recorded.
    #[cold]
    pub(crate) fn record_of(&self, connection: &Connection, error: &impl Code) -> Error {
        if error.follows_from_end() && connection.ended().is_some() {
            return error.returned();
        }
        self.record(error)
    }

    /// Records a failure that did not occur in the core, and returns `code`.
    #[cold]
    pub(crate) fn record_message(&self, code: Error, message: String) -> Error {
        self.set(code, message, 0);
        code
    }

    /// Refuses a call: prints and records why, and returns `code`. The engine prints misuse too.
    #[cold]
    pub(crate) fn refuse(&self, code: Error, what: &dyn Display) -> Error {
        let message = what.to_string();
        godot_error!("{message}");
        self.record_message(code, message)
    }

    /// The code of `outcome`. An error is recorded. Success clears the last error.
    pub(crate) fn note(&self, outcome: Result<(), impl Code>) -> Error {
        match outcome {
            Ok(()) => {
                self.clear();
                Error::OK
            }
            Err(error) => self.record(&error),
        }
    }

    /// Like [`note`](Self::note), for a call of `connection`; see [`record_of`](Self::record_of).
    pub(crate) fn note_of(&self, connection: &Connection, outcome: Result<(), impl Code>) -> Error {
        match outcome {
            Ok(()) => {
                self.clear();
                Error::OK
            }
            Err(error) => self.record_of(connection, &error),
        }
    }

    /// Clears the last error, when an operation has begun or succeeded.
    #[inline]
    pub(crate) fn clear(&self) {
        if let Some(failure) = self.0.get()
            && failure.is_set.load(Ordering::Relaxed)
        {
            failure.is_set.store(false, Ordering::Relaxed);
            *failure.details() = None;
        }
    }

    fn set(&self, code: Error, message: String, os_code: i32) {
        let details = Details {
            code,
            message,
            os_code,
        };
        let failure = self.0.get_or_init(Box::default);
        *failure.details() = Some((Instant::now(), details));
        failure.is_set.store(true, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Details {
        self.timed().map(|(_, details)| details).unwrap_or_default()
    }

    /// The newer one of the last errors of two objects.
    pub(crate) fn newer(&self, other: &LastError) -> Details {
        let at = |error: &LastError| error.timed().map(|(at, _)| at);
        match at(self) > at(other) {
            true => self.get(),
            false => other.get(),
        }
    }

    /// The last error of an object with a connection: the reason why the connection has ended,
    /// unless a call has failed since. The connection keeps that reason, even after it was
    /// reported.
    pub(crate) fn of(&self, connection: &Connection) -> Details {
        let Some(ended) = connection.ended() else {
            return self.get();
        };
        match self.timed() {
            Some((at, details)) if at >= ended.at => details,
            _ => Details {
                code: ended.error.exact(),
                message: ended.error.to_string(),
                os_code: os_code(&*ended.error).unwrap_or(0),
            },
        }
    }

    /// The last failure, with its time.
    fn timed(&self) -> Option<(Instant, Details)> {
        self.0.get()?.details().clone()
    }
}

impl Failure {
    fn details(&self) -> MutexGuard<'_, Option<(Instant, Details)>> {
        self.details.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
