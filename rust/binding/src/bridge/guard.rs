//! Catches panics, because no panic may reach Godot.

use std::panic::{AssertUnwindSafe, catch_unwind};

use godot::prelude::godot_error;

/// Runs `body`. If it panics, prints an error and returns `fallback`.
#[inline]
pub(crate) fn guarded<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            godot_error!("panic in stream_peer_socket_rs, please report it: {message}");
            fallback
        }
    }
}
