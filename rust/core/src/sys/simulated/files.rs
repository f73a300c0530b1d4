//! The calls for the files of Unix domain sockets.

use std::io;
use std::path::{Path, PathBuf};

use super::blocking::{call, pause};
use super::faults::{Fault, os_error};
use super::objects::{FileIdentity, SocketAddress};
use super::world;
use crate::sys::types::replaced_file;

/// The identity of the file at `path`.
pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    call(|world| world.files.identity(path))
}

pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match call(|world| world.files.remove(path)) {
        true => Ok(()),
        false => Err(os_error(libc::ENOENT)),
    }
}

/// Fails if `file` was replaced. Simulated files have no mode.
pub(crate) fn set_socket_mode(path: &Path, file: FileIdentity, _mode: u32) -> io::Result<()> {
    if file_identity(path)? != file {
        return Err(replaced_file());
    }
    Ok(())
}

/// Whether a socket is bound to `address`, listening or not.
pub(crate) fn is_served(address: &SocketAddress) -> bool {
    call(|world| match world.name_of(address) {
        Ok(name) => world.is_bound(&name),
        Err(error) => error.raw_os_error() != Some(libc::ECONNREFUSED),
    })
}

/// The exclusive right to make or replace the socket file at a path. Dropping it releases the lock.
#[derive(Debug)]
pub(crate) struct PathLock(PathBuf);

/// Locks `path` without waiting. EADDRINUSE means that another thread has locked it. Any other
/// error means that locking is impossible.
pub(crate) fn lock_path(path: &Path) -> io::Result<PathLock> {
    pause();
    if world::with(|world| world.fails(Fault::NoLock)) {
        return Err(os_error(libc::EACCES));
    }
    match world::with(|world| world.files.lock(path)) {
        true => Ok(PathLock(path.to_owned())),
        false => Err(os_error(libc::EADDRINUSE)),
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        pause();
        world::try_with(|world| world.files.unlock(&self.0));
    }
}

/// Whether the file at `path` is old enough to be replaced without a lock. No simulated file is.
pub(crate) fn has_settled(_path: &Path) -> bool {
    false
}

/// Removes the file at `path` if it is still `file`. Returns whether it was.
pub(crate) fn remove_unless_replaced(path: &Path, file: FileIdentity) -> io::Result<bool> {
    call(|world| {
        let is_same = world.files.identity(path)? == file;
        Ok(is_same && world.files.remove(path))
    })
}
