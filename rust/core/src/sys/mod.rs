//! The platform layer: everything that the crate asks of the system goes through here, and through
//! [`sync`](crate::sync).
//!
//! Each platform module provides, with the same signatures:
//!
//! | what | for |
//! | --- | --- |
//! | `Socket`, `SocketAddress` | one stream socket, non-blocking and closed on exec; an address as the system takes it |
//! | `HAS_USER_TIMEOUT` | whether sockets have `Socket::set_user_timeout` |
//! | `descriptor_limit`, `count_free_descriptors`, `is_out_of_descriptors` | how many descriptors the process may have |
//! | `Interrupter` | ends another thread's `Socket::wait` |
//! | `Poller`, `Registry`, `Waker` | many sockets watched with one system call, edge-triggered |
//! | `now`, `ticks`, `SHORT` | the clock; a cheaper one for very short times |
//! | `process` | another number in a forked child than in its parent |
//! | `resolve` | the system's resolver, which blocks |
//! | `spawn` | a thread of the library's own |
//! | `interface_index` | the number of a network interface, for the scope of an address |
//! | `is_abstract`, `file_identity`, `remove_file`, `set_socket_mode`, `is_served` | files of Unix domain sockets |
//! | `lock_path`, `has_settled`, `remove_unless_replaced` | replacing such a file |
//! | `keep_library_mapped` | keeps the code of this library where it is until the process ends |
//! | `zero` | zeroes memory without touching pages that are zero already |
//!
//! What a platform does not have answers with [`unsupported`]. With `--cfg stream_socket_simulated`
//! the platform is a kernel in memory, which follows from a seed (`simulated/`).

use std::io;
use std::time::Duration;

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
    "stream-socket supports Unix systems and Windows; another one needs a module beside sys/unix"
);

pub(crate) mod descriptors;

// A simulation has its own clock, threads and resolver.
#[cfg(not(stream_socket_simulated))]
mod clock;
#[cfg(not(stream_socket_simulated))]
mod portable;

pub use imp::zero;
pub(crate) use imp::{
    FileIdentity, HAS_USER_TIMEOUT, Interrupter, Poller, Registry, Socket, SocketAddress, Waker,
    file_identity, has_settled, interface_index, is_abstract, is_served, keep_library_mapped,
    lock_path, process, remove_file, remove_unless_replaced, set_socket_mode,
};
#[cfg(stream_socket_simulated)]
pub(crate) use imp::{SHORT, now, resolve, spawn, ticks};
#[cfg(not(stream_socket_simulated))]
pub(crate) use {
    clock::{SHORT, now, ticks},
    portable::{resolve, spawn},
};

/// The one place that decides whether sockets are watched or asked: with this environment variable, set to anything, they are
/// not watched, as on a platform that cannot.
#[cfg(not(stream_socket_simulated))]
fn check_watching() -> io::Result<()> {
    match std::env::var_os("STREAM_SOCKET_DIRECT") {
        Some(_) => Err(unsupported("watching sockets")),
        None => Ok(()),
    }
}

/// Refuses the path of a Unix domain socket, `path` in bytes, if it cannot be one anywhere, or is longer than `longest`.
fn check_unix_path(path: &[u8], longest: usize) -> io::Result<()> {
    if path.is_empty() {
        return Err(invalid_path("the path is empty"));
    }
    if path.contains(&0) {
        return Err(invalid_path("the path holds a zero byte"));
    }
    if path.len() > longest {
        return Err(invalid_path("the path is too long for a socket"));
    }
    Ok(())
}

fn invalid_path(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// The answer of a platform that does not have `feature`.
#[cfg_attr(stream_socket_simulated, allow(dead_code, reason = "it has all"))]
pub(crate) fn unsupported(feature: &str) -> io::Error {
    let message = format!("{feature} is not supported on this platform");
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Whether `error` is that of a system, or of a sandbox, that withholds a call.
pub(crate) fn is_refused(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, Unsupported};
    matches!(error.kind(), PermissionDenied | Unsupported)
}

/// The kinds of stream socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressFamily {
    Ipv4,
    Ipv6,
    Unix,
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

/// What the system has measured of a TCP connection. `None` is what it does not measure, or not yet, and everything of a
/// Unix domain socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TcpInfo {
    /// The smoothed round-trip time (RFC 6298).
    pub(crate) round_trip_time: Option<Duration>,
    /// How many segments were sent again.
    pub(crate) retransmits: Option<u64>,
}

/// What to wait for, or to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interests {
    /// A read would not block.
    pub(crate) readable: bool,
    /// A write would not block.
    pub(crate) writable: bool,
}

impl Interests {
    pub(crate) const READABLE: Interests = Interests {
        readable: true,
        writable: false,
    };
    pub(crate) const WRITABLE: Interests = Interests {
        readable: false,
        writable: true,
    };
    pub(crate) const BOTH: Interests = Interests {
        readable: true,
        writable: true,
    };
}

/// What a first `connect` has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connect {
    /// It is connected.
    Done,
    /// The kernel goes on by itself (connect(2), EINPROGRESS).
    InProgress,
    /// A Unix domain listener's backlog is full. Nothing goes on; `connect` has to be called again (connect(2), EAGAIN).
    #[cfg_attr(windows, allow(dead_code, reason = "it refuses then"))]
    BacklogFull,
}
