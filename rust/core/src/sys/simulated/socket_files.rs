//! The calls for the files of Unix domain sockets.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address::SocketAddress;
use super::faults::{Fault, os_error};
use super::files::FileIdentity;
use super::id::FOLDERS;
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

/// The right to take over or remove socket files in a folder, which one has at a time.
#[derive(Debug)]
pub(crate) struct FolderLock(PathBuf);

/// How long a thread waits for a folder at most.
const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) fn lock_folder(path: &Path) -> io::Result<FolderLock> {
    waiting::pause();
    if world::with(|world| world.fails(Fault::NoLock)) {
        return Err(os_error(libc::EACCES));
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let locked = waiting::wait_until("a folder", &[FOLDERS], Some(PATIENCE), |world| {
        world.files.lock(&folder).then_some(())
    });
    match locked {
        Some(()) => Ok(FolderLock(folder)),
        None => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        waiting::pause();
        world::try_with(|world| {
            world.files.unlock(&self.0);
            world.wake(FOLDERS);
        });
    }
}
