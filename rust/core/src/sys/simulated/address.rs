//! The addresses of sockets, and what is where in the network.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::sys::check_unix_path;

/// The longest path of a Unix domain socket in bytes.
const MAX_UNIX_PATH: usize = 106;

/// An address as the system takes it.
#[derive(Clone, Debug)]
pub(crate) enum SocketAddress {
    Inet(SocketAddr),
    Unix(PathBuf),
}

impl SocketAddress {
    /// The address of a Unix domain socket, if `path` can name one.
    pub(crate) fn unix(path: &Path) -> io::Result<SocketAddress> {
        let bytes = path.as_os_str().as_encoded_bytes();
        check_unix_path(bytes, MAX_UNIX_PATH)?;
        Ok(SocketAddress::Unix(path.to_owned()))
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> SocketAddress {
        SocketAddress::Inet(address)
    }
}

/// Whether `path` is a name without a file.
pub(crate) fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(b"@")
}

/// An address at which no system is, so that nobody answers (RFC 5737, TEST-NET-1).
pub(super) fn is_silent(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[..3] == [192, 0, 2])
}

/// An address to which there is no way (RFC 5737, TEST-NET-2).
pub(super) fn is_unreachable(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.octets()[..3] == [198, 51, 100])
}
