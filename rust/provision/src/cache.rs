//! Folders of the user's cache. Each is set up once, and is either complete or absent.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::process::id;
use std::time::UNIX_EPOCH;
use std::{env, io};

use anyhow::{Context, Result};
use fs_err::{self as fs, File};

/// The beginning of the names of folders in which a set-up is under way.
const PARTIAL: &str = "partial-";

/// Something that is set up once in a folder of the cache.
pub struct SetUp<'a> {
    /// The folder's name, which has to change when a folder of an older version is of no use.
    pub name: &'a str,
    /// What is being set up and how much is downloaded, for the person at the terminal.
    pub what: &'a str,
    /// Whether an existing folder is complete and of use.
    pub is_ready: &'a dyn Fn(&Path) -> bool,
    /// Fills a new folder. The first path is the folder, the second a folder for temporary files.
    pub fill: &'a dyn Fn(&Path, &Path) -> Result<()>,
}

impl SetUp<'_> {
    /// The folder, after setting it up if necessary.
    pub fn folder(&self) -> Result<PathBuf> {
        let cache = cache_folder()?;
        let folder = cache.join(self.name);
        if (self.is_ready)(&folder) {
            return Ok(folder);
        }
        fs::create_dir_all(&cache)?;
        let _lock = lock(&cache.join("lock"))?;
        if (self.is_ready)(&folder) {
            return Ok(folder);
        }
        eprintln!("Setting up {} in {}", self.what, folder.display());
        remove_leftovers(&cache)?;
        // The name is new each time, since a download of a set-up that was killed may still be
        // writing into its own folder.
        let work = cache.join(format!("{PARTIAL}{}", unique()));
        let result = self.set_up(&work, &folder);
        let _ = fs::remove_dir_all(&work);
        result.map(|()| folder)
    }

    fn set_up(&self, work: &Path, folder: &Path) -> Result<()> {
        let new = work.join("new");
        fs::create_dir_all(&new)?;
        (self.fill)(&new, work)?;
        // An existing folder does not work. It goes first, since a rename replaces empty folders
        // only. The second rename is atomic, so no half of a set-up is ever seen.
        if folder.exists() {
            fs::rename(folder, work.join("broken"))?;
        }
        Ok(fs::rename(&new, folder)?)
    }
}

/// The folder that all checkouts of this user share.
fn cache_folder() -> Result<PathBuf> {
    let folder = |name| {
        let path = env::var_os(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    folder("XDG_CACHE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("stream-peer-socket-rs"))
        .context("no folder to set programs up in: set HOME")
}

/// Locks out other set-ups until the file is closed, at the latest when this process ends.
fn lock(path: &Path) -> io::Result<File> {
    let file = File::create(path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("Waiting for another set-up to finish");
            file.lock()?;
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(file)
}

/// Removes what set-ups that were killed have left.
fn remove_leftovers(cache: &Path) -> io::Result<()> {
    for entry in fs::read_dir(cache)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            // A process that outlived its set-up may still write here. The next set-up tries again.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// The end of a name that is unique, also among processes that were killed.
pub fn unique() -> String {
    let time = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{}-{time}", id())
}
