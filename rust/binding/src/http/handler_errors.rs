//! Errors about handlers that do not answer, one for each handler, so that untrusted clients
//! cannot fill the log.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use godot::prelude::godot_error;

/// The handlers whose error was printed.
#[derive(Default)]
pub(super) struct HandlerErrors(Mutex<HashSet<String>>);

impl HandlerErrors {
    /// Prints that `handler` did not answer. `why` says how that was found.
    pub(super) fn print(&self, handler: &str, why: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = known.insert(String::from(handler));
        drop(known);
        if is_new {
            godot_error!("HTTPServerRs: {handler} {why}; the client got 500");
        }
    }
}
