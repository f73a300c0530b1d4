//! The calls for the files of Unix domain sockets.

use std::io;
use std::path::{Path, PathBuf};

use super::address::SocketAddress;
use super::faults::{Fault, os_error};
use super::files::FileIdentity;
use super::waiting;
use super::world;

pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    waiting::pause();
    world::with(|world| world.files.identity(path))
}

pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    waiting::pause();
    if world::with(|world| world.files.remove(path)) {
        Ok(())
    } else {
        Err(os_error(libc::ENOENT))
    }
}

pub(crate) fn set_socket_mode(path: &Path, file: FileIdentity, _mode: u32) -> io::Result<()> {
    if file_identity(path)? != file {
        return Err(io::Error::other(
            "another file has taken the place of the socket's",
        ));
    }
    Ok(())
}

/// Whether a socket is bound to `address`, listening or not.
pub(crate) fn is_served(address: &SocketAddress) -> bool {
    waiting::pause();
    world::with(|world| match world.name_of(address) {
        Ok(name) => world
            .network
            .sockets
            .values()
            .any(|socket| socket.name.as_ref() == Some(&name)),
        Err(error) => error.raw_os_error() != Some(libc::ECONNREFUSED),
    })
}

/// The right to make and to replace the socket file at a path, which one has at a time.
#[derive(Debug)]
pub(crate) struct PathLock(PathBuf);

pub(crate) fn lock_path(path: &Path) -> io::Result<PathLock> {
    waiting::pause();
    if world::with(|world| world.fails(Fault::NoLock)) {
        return Err(os_error(libc::EACCES));
    }
    if world::with(|world| world.files.lock(path)) {
        Ok(PathLock(path.to_owned()))
    } else {
        Err(os_error(libc::EADDRINUSE))
    }
}

impl Drop for PathLock {
    fn drop(&mut self) {
        waiting::pause();
        world::try_with(|world| world.files.unlock(&self.0));
    }
}

/// Whether the file at `path` is old enough to be replaced without a lock. Here none is.
pub(crate) fn has_settled(_path: &Path) -> bool {
    false
}

/// Removes the file at `path` if it still is `file`. Whether it was.
pub(crate) fn remove_unless_replaced(path: &Path, file: FileIdentity) -> io::Result<bool> {
    waiting::pause();
    world::with(|world| {
        let is_same = world.files.identity(path)? == file;
        Ok(is_same && world.files.remove(path))
    })
}
