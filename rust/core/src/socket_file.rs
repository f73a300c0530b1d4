//! The file that a bound Unix domain socket leaves in the file system: whose it is, and when it may go.

use std::io;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::address::BindAddress;
use crate::error::BindError;
use crate::sys;

/// A socket file this process has created. Dropping it removes the file, but never one that somebody else has
/// put in its place meanwhile.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: sys::FileIdentity,
}

impl SocketFile {
    /// Binds `socket` to `path`. A file there that nobody serves any more, left behind by a process that
    /// ended without removing it, is replaced; every other one is left alone. An abstract name makes no file.
    pub(crate) fn bind(socket: &Socket, path: &Path) -> Result<Option<SocketFile>, BindError> {
        let address = || BindAddress::Unix(path.to_owned());
        let failed = |source| BindError::Os {
            address: address(),
            source,
        };
        let socket_address = sys::unix_address(path).map_err(|source| BindError::InvalidPath {
            address: address(),
            source,
        })?;
        if sys::is_abstract(path) {
            socket.bind(&socket_address).map_err(failed)?;
            return Ok(None);
        }
        if let Err(error) = socket.bind(&socket_address) {
            if error.kind() != io::ErrorKind::AddrInUse {
                return Err(failed(error));
            }
            match sys::file_identity(path) {
                Ok(file) if !file.is_socket => {
                    return Err(BindError::NotASocket { address: address() });
                }
                Ok(file) if is_stale(&socket_address) => remove(path, file).map_err(failed)?,
                Ok(_) => return Err(failed(error)),
                // Its owner has removed it meanwhile.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
            socket.bind(&socket_address).map_err(failed)?;
        }
        let identity = sys::file_identity(path).map_err(failed)?;
        Ok(Some(SocketFile {
            path: path.to_owned(),
            identity,
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that cannot be removed stays behind as after a crash, and the next bind replaces it.
        let _ = remove(&self.path, self.identity);
    }
}

/// Removes the file at `path` if it is still the one described.
fn remove(path: &Path, identity: sys::FileIdentity) -> io::Result<()> {
    if sys::file_identity(path)? == identity {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// Whether the socket file at `address` belongs to no socket any more. A datagram socket asks: a live stream socket
/// answers it with "wrong type" and does not notice, only a path without a socket refuses (unix(7),
/// ECONNREFUSED).
fn is_stale(address: &SockAddr) -> bool {
    Socket::new(Domain::UNIX, Type::DGRAM, None)
        .and_then(|probe| probe.connect(address))
        .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
