//! The class bridge: real ClassDB inheritance between classes of this library, and a short way for the hot calls.
//!
//! gdext registers classes whose base is an engine class, gives each its own storage type, and guards every call
//! with a cell. The addon needs base classes of its own, and calls that cost little more than the work they do
//! and that block no other thread. So the bridge stands between gdext and Godot, at Godot's C interface: gdext is
//! handed a [`get_proc_address`](entry::initialize) that answers five names with functions of the bridge, and
//! passes all others through. What these do:
//!
//! - [`registration`]: when gdext registers the base of a [`family`], it is made abstract, and its subclasses are
//!   registered with it; when gdext registers a method or a property, it goes to the class it belongs to.
//! - [`instance`]: an object of a subclass is told its class, and gets a [`Handle`](instance::Handle) as its
//!   instance: what the hot calls need, and what gdext made.
//! - [`hot`]: the calls that matter go from Godot straight to the core object. All others go through one
//!   trampoline to gdext's own callback.
//!
//! All classes of a family are one Rust struct, which is what makes a base's methods sound on any of them.

pub(crate) mod entry;
pub(crate) mod family;
mod hot;
pub(crate) mod instance;
mod interface;
mod registration;

use std::panic::{AssertUnwindSafe, catch_unwind};

use godot::prelude::godot_error;

/// Runs `body`; a panic in it ends here with an error message and `fallback`, since it must not reach Godot.
fn guarded<R>(fallback: R, body: impl FnOnce() -> R) -> R {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(payload) => {
            let message = payload
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            godot_error!("Panic in stream_peer_socket_rs, please report it: {message}");
            fallback
        }
    }
}
