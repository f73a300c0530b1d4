//! What a Unix domain socket is bound to, above all its file: whose it is, and when it may go.

use std::io;
use std::path::{Path, PathBuf};

use crate::address::BindAddress;
use crate::error::{BindError, copy_of};
use crate::sys::{self, FileIdentity, Socket, SocketAddress};

/// What a Unix domain socket is bound to.
#[derive(Debug)]
pub(crate) enum BoundName {
    /// A path, with a file.
    File(SocketFile),
    /// An abstract name, which makes no file and is free again when the socket is closed.
    Abstract,
}

/// A socket file this process has created. Dropping it removes the file, but never one that somebody else has put in its
/// place meanwhile. It has to be dropped before its socket: until that is closed nobody replaces the file.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: FileIdentity,
    /// The process that has made it.
    process: u64,
}

impl BoundName {
    /// Binds `socket` to `path`. A file there that nobody serves any more, left behind by a process that
    /// ended without removing it, is replaced; every other one is left alone.
    pub(crate) fn bind(socket: &Socket, path: &Path) -> Result<BoundName, BindError> {
        let address = || BindAddress::Unix(path.to_owned());
        let failed = |source| BindError::Os {
            address: address(),
            source,
        };
        let socket_address =
            SocketAddress::unix(path).map_err(|source| BindError::InvalidPath {
                address: address(),
                source,
            })?;
        if sys::is_abstract(path) {
            socket.bind(&socket_address).map_err(failed)?;
            return Ok(BoundName::Abstract);
        }
        // Between the moment at which the kernel makes the file and that at which the socket can be found by it, it looks
        // stale. So whoever binds locks the path, not only those who replace a file.
        let mut lock = sys::lock_path(path);
        if let Err(error) = &lock
            && error.kind() == io::ErrorKind::AddrInUse
        {
            return Err(failed(copy_of(error)));
        }
        match bind_or_unlock(socket, &socket_address, &mut lock) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                make_room(path, &socket_address, error, lock.is_ok())?;
                bind_or_unlock(socket, &socket_address, &mut lock).map_err(failed)?;
            }
            outcome => outcome.map_err(failed)?,
        }
        let identity = sys::file_identity(path).map_err(failed)?;
        Ok(BoundName::File(SocketFile {
            path: path.to_owned(),
            identity,
            process: sys::process(),
        }))
    }

    /// Whether nobody else can be bound to the same as long as the socket is open.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self, BoundName::Abstract)
    }
}

impl SocketFile {
    /// Sets the permissions of the file.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        sys::set_socket_mode(&self.path, self.identity, mode)
    }
}

/// Binds `socket`. If its file finds no room, the lock's file may have taken the last: then `lock`
/// is given back, and the socket bound without.
fn bind_or_unlock<L>(
    socket: &Socket,
    address: &SocketAddress,
    lock: &mut io::Result<L>,
) -> io::Result<()> {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    match socket.bind(address) {
        Err(full) if lock.is_ok() && matches!(full.kind(), StorageFull | QuotaExceeded) => {
            *lock = Err(full);
            socket.bind(address)
        }
        outcome => outcome,
    }
}

/// Removes the file at `path`, which made a bind fail with `in_use`, if it is a socket's that nobody serves. Without the
/// lock somebody else may be about to make or to replace it, so then only an old one is removed.
fn make_room(
    path: &Path,
    socket_address: &SocketAddress,
    in_use: io::Error,
    has_lock: bool,
) -> Result<(), BindError> {
    let address = || BindAddress::Unix(path.to_owned());
    let failed = |source| BindError::Os {
        address: address(),
        source,
    };
    let file = match sys::file_identity(path) {
        Ok(file) if !file.is_socket => return Err(BindError::NotASocket { address: address() }),
        Ok(_) if !has_lock && !sys::has_settled(path) => return Err(failed(in_use)),
        Ok(_) if sys::is_served(socket_address) => return Err(failed(in_use)),
        Ok(file) => file,
        // Its owner has removed it meanwhile.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let removed = match has_lock {
        true => sys::remove_file(path).map(|()| true),
        false => sys::remove_unless_replaced(path, file),
    };
    match removed {
        Ok(false) => Err(failed(in_use)),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.process != sys::process() {
            // It is the parent's.
            return;
        }
        // The path need not be locked: as long as the socket is open nobody takes the file for
        // stale.
        if sys::file_identity(&self.path).is_ok_and(|file| file == self.identity) {
            // One that cannot be removed stays behind as after a crash, and the next bind replaces it.
            let _ = sys::remove_file(&self.path);
        }
    }
}
