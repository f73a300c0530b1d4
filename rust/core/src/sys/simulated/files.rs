//! The files of Unix domain sockets.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::faults::{Fault, os_error};
use super::socket::SocketAddress;
use super::waiting;
use super::world::{self, Id};

/// All files, and the folders that somebody has locked.
#[derive(Debug, Default)]
pub(super) struct Files {
    entries: BTreeMap<PathBuf, FileIdentity>,
    locked: BTreeSet<PathBuf>,
    last_number: u64,
}

/// What tells the file at a path from another one that takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    pub(super) number: u64,
    /// Whether the file is a socket.
    pub(crate) is_socket: bool,
}

impl Files {
    pub(super) fn identity(&self, path: &Path) -> io::Result<FileIdentity> {
        let file = self.entries.get(path);
        file.copied().ok_or_else(|| os_error(libc::ENOENT))
    }

    /// Makes a file. Its number.
    pub(super) fn create(&mut self, path: &Path, is_socket: bool) -> io::Result<u64> {
        if self.entries.contains_key(path) {
            return Err(os_error(libc::EADDRINUSE));
        }
        self.last_number += 1;
        let number = self.last_number;
        self.entries
            .insert(path.to_owned(), FileIdentity { number, is_socket });
        Ok(number)
    }

    pub(super) fn create_socket(&mut self, path: &Path) -> io::Result<u64> {
        self.create(path, true)
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        self.entries.len()
    }
}

pub(crate) fn file_identity(path: &Path) -> io::Result<FileIdentity> {
    world::pause();
    world::with(|world| world.files.identity(path))
}

pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    world::pause();
    world::with(|world| match world.files.entries.remove(path) {
        Some(_) => Ok(()),
        None => Err(os_error(libc::ENOENT)),
    })
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
    world::pause();
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

/// What waits for folders to be free waits for this.
const FOLDERS: Id = 1;

/// How long it waits at most.
const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) fn lock_folder(path: &Path) -> io::Result<FolderLock> {
    world::pause();
    if world::with(|world| world.fails(Fault::NoLock)) {
        return Err(os_error(libc::EACCES));
    }
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let locked = waiting::wait_until("a folder", &[FOLDERS], Some(PATIENCE), |world| {
        world.files.locked.insert(folder.clone()).then_some(())
    });
    match locked {
        Some(()) => Ok(FolderLock(folder)),
        None => Err(io::ErrorKind::WouldBlock.into()),
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        world::pause();
        world::try_with(|world| {
            world.files.locked.remove(&self.0);
            world.wake(FOLDERS);
        });
    }
}
