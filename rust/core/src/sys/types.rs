//! What all platforms share: the types in their functions, and the errors for features that a
//! platform lacks.

use std::io;
use std::time::Duration;

/// Fails unless `path`, in bytes, can be the path of a Unix domain socket of at most `longest`
/// bytes.
pub(crate) fn check_unix_path(path: &[u8], longest: usize) -> io::Result<()> {
    if path.is_empty() {
        return Err(invalid_path("path is empty"));
    }
    if path.contains(&0) {
        return Err(invalid_path("path contains a zero byte"));
    }
    if path.len() > longest {
        return Err(invalid_path("path is too long for a socket"));
    }
    Ok(())
}

pub(crate) fn invalid_path(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// The error of a call on the file of a socket that another file has replaced.
#[cfg_attr(windows, allow(dead_code, reason = "Windows has no such call"))]
pub(crate) fn replaced_file() -> io::Error {
    io::Error::other("another file has replaced the socket file")
}

/// The error of a platform that does not have `feature`.
#[cfg_attr(
    stream_socket_simulated,
    allow(dead_code, reason = "the simulation has all features")
)]
pub(crate) fn unsupported(feature: &str) -> io::Error {
    let message = format!("{feature} is not supported on this platform");
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Whether `error` means that the system, or a sandbox, withholds a call.
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

/// The process at the other end of a Unix domain socket, as the system knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The process id.
    pub pid: i64,
    /// The id of the user that the process ran as when it connected.
    pub uid: i64,
    /// The id of the group that the process ran as when it connected.
    pub gid: i64,
}

/// The system's measurements of a TCP connection. A field is `None` if the system does not measure
/// it or has not yet. All fields of a Unix domain socket are `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TcpInfo {
    /// The smoothed round-trip time (RFC 6298).
    pub(crate) round_trip_time: Option<Duration>,
    /// How many segments were retransmitted.
    pub(crate) retransmits: Option<u64>,
    /// The time since the peer's host last acknowledged something.
    pub(crate) since_acknowledged: Option<Duration>,
}

/// What to wait for, or what to report.
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

/// The outcome of a `connect` that has not failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connect {
    /// The socket is connected.
    Done,
    /// The kernel continues by itself (connect(2), EINPROGRESS).
    InProgress,
    /// The backlog of a Unix domain listener is full. The kernel does not continue: the caller has
    /// to call `connect` again (connect(2), EAGAIN).
    #[cfg_attr(windows, allow(dead_code, reason = "Windows refuses instead"))]
    BacklogFull,
}
