//! The name that a Unix domain socket is bound to, and its file: which process owns the file, and
//! when it may be removed.
//!
//! While a path is bound, a lock file beside it is locked (`lock_path` of the platform). Nobody
//! waits for that lock: a path that another process is binding is in use. Where locking is
//! impossible, the path is bound without one, and a file younger than a second is never replaced.

use std::io;
use std::path::{Path, PathBuf};

use crate::address::BindAddress;
use crate::error::{BindError, copy_of};
use crate::sys::{self, FileIdentity, Socket, SocketAddress};

/// The name that a Unix domain socket is bound to.
#[derive(Debug)]
pub(crate) enum BoundName {
    /// A path, with a file.
    File(SocketFile),
    /// An abstract name (unix(7)), which has no file and is free again when the socket is closed.
    Abstract,
}

/// A socket file that this process created. Dropping it removes the file, unless another process
/// has replaced it. It must be dropped before its socket: while the socket is open, no other
/// process takes the file for a stale one.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: FileIdentity,
    /// The process that created it.
    process: u64,
}

impl BoundName {
    /// Binds `socket` to `path`. A stale socket file, left behind by a process that ended without
    /// removing it, is replaced. Every other file makes the bind fail.
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
        // bind(2) creates the file before the socket is reachable through it, and in between the
        // file looks stale. So each bind locks the path, not only one that replaces a file.
        let mut lock = sys::lock_path(path);
        if let Err(error) = &lock
            && error.kind() == io::ErrorKind::AddrInUse
        {
            return Err(failed(copy_of(error)));
        }
        match bind_or_unlock(socket, &socket_address, &mut lock) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale_file(path, &socket_address, error, lock.is_ok())?;
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

    /// Whether no other socket can be bound to the same name as long as this one is open.
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

/// Binds `socket`. If the disk is full, the lock file may occupy the last free space. Then the lock
/// is released, and the socket is bound without it.
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

/// Removes the file at `path`, which made a bind fail with `in_use`, if it is a stale socket file.
/// Without the lock another process may be about to create or replace the file, so only an old file
/// is removed then.
fn remove_stale_file(
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
        // Its owner removed it in the meantime.
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
            // It belongs to the parent.
            return;
        }
        // The path need not be locked: while the socket is open, the file does not look stale.
        if sys::file_identity(&self.path).is_ok_and(|file| file == self.identity) {
            // A file that cannot be removed is left as after a crash, and the next bind replaces
            // it.
            let _ = sys::remove_file(&self.path);
        }
    }
}
