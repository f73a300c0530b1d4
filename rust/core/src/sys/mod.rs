//! The platform seam. Each platform module provides, with the same signatures:
//!
//! - `stream_socket`: a new stream socket, non-blocking and closed on exec from its creation on.
//! - `accept`: a waiting connection, with the same properties, and its address.
//! - `receive`, `send`: one transfer, retried when a signal interrupts it, never raising one itself.
//! - `unread_bytes`: how many received bytes the kernel holds.
//! - `wait`: sleeps until the socket is ready, has ended, or the time is over.
//! - `is_in_progress`, `is_backlog_full`: what the outcome of a `connect` means.
//! - `allow_address_reuse`: what lets a server listen again on the port it has just left.
//! - `unix_address`, `is_abstract`, `file_identity`, `set_file_mode`: Unix domain socket paths.
//! - `socket_pair`, `peer_credentials`: what only Unix domain sockets have.
//! - `set_user_timeout`: the one TCP option that is not everywhere.
//! - `interface_index`: the number of a network interface, for the scope of an address.
//! - `Selector`, `Registrar`, `Waker`: many sockets watched with one system call.
//! - `forks`: how many forks away this process is from the one that has loaded the library.
//! - `keep_library_mapped`: keeps the code of this library where it is until the process ends.
//!
//! What a platform does not have answers with [`unsupported`].
//!
//! Everything else that touches the system goes through socket2 and std, which are the same everywhere.

use std::io;

#[cfg(unix)]
#[path = "unix.rs"]
mod imp;
#[cfg(unix)]
mod selector;
mod ticks;

#[cfg(not(unix))]
compile_error!(
    "stream-socket supports Unix systems only so far; another one needs a module beside sys/unix.rs"
);

pub(crate) use imp::*;
pub(crate) use selector::{Registrar, Selector, Waker};
pub(crate) use ticks::{SHORT, ticks};

/// The answer of a platform that does not have `feature`.
fn unsupported(feature: &str) -> io::Error {
    let message = format!("{feature} is not supported on this platform");
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Who is at the other end of a Unix domain socket, as the system knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The process.
    pub pid: i64,
    /// The user it ran as when it connected.
    pub uid: i64,
    /// The group it ran as when it connected.
    pub gid: i64,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Until a read would not block.
    Readable,
    /// Until a write would not block.
    Writable,
}
