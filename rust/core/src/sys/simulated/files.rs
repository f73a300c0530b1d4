//! The files of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::faults::os_error;

/// All files, and the paths that somebody has locked.
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

    /// Removes a file. Whether there was one.
    pub(super) fn remove(&mut self, path: &Path) -> bool {
        self.entries.remove(path).is_some()
    }

    /// Locks a path. Whether it was free.
    pub(super) fn lock(&mut self, path: &Path) -> bool {
        self.locked.insert(path.to_owned())
    }

    pub(super) fn unlock(&mut self, path: &Path) {
        self.locked.remove(path);
    }
}
