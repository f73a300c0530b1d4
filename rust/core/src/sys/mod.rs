//! The platform seam. Each platform module provides, with the same signatures:
//!
//! - `stream_socket`: a new stream socket, non-blocking and closed on exec from its creation on.
//! - `accept`: a waiting connection, with the same properties, and its address.
//! - `receive`, `send`: one transfer, retried when a signal interrupts it, never raising one itself.
//! - `unread_bytes`: how many received bytes the kernel holds.
//! - `wait`: sleeps until the socket is ready, has ended, or the time is over.
//! - `is_in_progress`, `is_backlog_full`: what the outcome of a `connect` means.
//! - `allow_address_reuse`: what lets a server listen again on the port it has just left.
//! - `unix_address`, `file_identity`: Unix domain socket paths.
//!
//! Everything else that touches the system goes through socket2 and std, which are the same everywhere.

#[cfg(unix)]
#[path = "unix.rs"]
mod imp;

pub(crate) use imp::*;

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Until a read would not block.
    Readable,
    /// Until a write would not block.
    Writable,
}
