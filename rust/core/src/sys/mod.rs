//! The platform layer: everything that the crate asks of the operating system goes through here,
//! and through [`sync`](crate::sync). Only [`sync`](crate::sync) is below it.
//!
//! A platform is a module `imp` that provides the following, with the signatures of the other
//! platforms. What it cannot do fails with [`unsupported`].
//!
//! - `Socket`: one stream socket, non-blocking and close-on-exec, with all of its system calls.
//! - `SocketAddress`, `is_abstract`: an address in the form of the system, and whether a path is an
//!   abstract name.
//! - `ENDS_COUNT`: whether `Socket::unacknowledged_bytes` counts the end of the stream as one byte.
//! - `HAS_USER_TIMEOUT`: whether `Socket::set_user_timeout` is supported.
//! - `Interrupter`: ends a `Socket::wait` of another thread.
//! - `Poller`, `Registry`, `Waker`: watch many sockets with one system call, edge-triggered. Each
//!   change is reported once.
//! - `descriptor_limit`, `count_free_descriptors`, `is_out_of_descriptors`: how many descriptors
//!   the process may have open, how many more it may open, and whether an error means that none is
//!   left.
//! - `count_processors`: how many processors the machine has.
//! - `process`: a number that differs between a process and its forked children.
//! - `interface_index`: the index of a network interface, for the scope of an address.
//! - `FileIdentity`, `file_identity`, `remove_file`, `set_socket_mode`, `is_served`: the files of
//!   Unix domain sockets.
//! - `lock_path`, `has_settled`, `remove_unless_replaced`: replacing such a file safely.
//! - `keep_library_mapped`: prevents the unloading of this library.
//! - `zero`: zeroes memory without touching pages that were never used.
//!
//! The real platforms share `now`, `ticks` and `SHARED_POLL_TICKS` (`clock`), and `spawn`,
//! `resolve`, `has_several_cores` and `check_watching` (`portable`). The simulated platform, a
//! kernel in memory, has its own; it is chosen with `--cfg stream_socket_simulated`.

#[cfg(all(unix, not(stream_socket_simulated)))]
#[path = "unix/mod.rs"]
mod imp;
#[cfg(stream_socket_simulated)]
#[path = "simulated/mod.rs"]
pub mod imp;

#[cfg(all(windows, not(stream_socket_simulated)))]
#[path = "windows/mod.rs"]
mod imp;

#[cfg(not(any(unix, windows, stream_socket_simulated)))]
compile_error!(
    "stream-socket supports Unix systems and Windows; another system needs a module beside sys/unix"
);

pub(crate) mod descriptors;
mod types;

#[cfg(not(stream_socket_simulated))]
mod clock;
#[cfg(not(stream_socket_simulated))]
mod portable;

pub use imp::zero;
pub(crate) use imp::{
    ENDS_COUNT, FileIdentity, HAS_USER_TIMEOUT, Interrupter, Poller, Registry, Socket,
    SocketAddress, Waker, file_identity, has_settled, interface_index, is_abstract, is_served,
    keep_library_mapped, lock_path, process, remove_file, remove_unless_replaced, set_socket_mode,
};
#[cfg(stream_socket_simulated)]
pub(crate) use imp::{SHARED_POLL_TICKS, has_several_cores, now, resolve, spawn, ticks};
pub use types::Credentials;
pub(crate) use types::{AddressFamily, Connect, Interests, TcpInfo, is_refused, unsupported};
#[cfg(not(stream_socket_simulated))]
pub(crate) use {
    clock::{SHARED_POLL_TICKS, now, ticks},
    portable::{has_several_cores, resolve, spawn},
};
