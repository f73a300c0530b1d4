//! Folders of the user's cache that are made once, and are there as a whole or not at all.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::id;
use std::{env, io};

/// The beginning of the names of folders in which a set-up is under way.
const PARTIAL: &str = "partial-";

/// Something that is set up once in a folder of the cache.
pub struct SetUp<'a> {
    /// The folder's name. It has to change when a folder that an older version has made will not do any more.
    pub name: &'a str,
    /// What is being set up, and how much there is to download, for the person at the terminal.
    pub what: &'a str,
    /// Whether a folder that is there is whole and still of use.
    pub is_ready: &'a dyn Fn(&Path) -> bool,
    /// Fills a new folder. The first path is the folder, the second a place for what is needed meanwhile.
    pub fill: &'a dyn Fn(&Path, &Path) -> Result<(), String>,
}

impl SetUp<'_> {
    /// The folder, after setting it up if that has not been done.
    pub fn folder(&self) -> Result<PathBuf, String> {
        let cache = cache_folder()?;
        let folder = cache.join(self.name);
        if (self.is_ready)(&folder) {
            return Ok(folder);
        }
        create(&cache)?;
        let _lock = lock(&cache.join("lock"))?;
        if (self.is_ready)(&folder) {
            return Ok(folder);
        }
        eprintln!("Setting up {} in {}", self.what, folder.display());
        remove_leftovers(&cache)?;
        // The name is new each time: a download of a set-up that was killed may still be writing into its own folder.
        let work = cache.join(format!("{PARTIAL}{}", unique()));
        let result = self.set_up(&work, &folder);
        let _ = fs::remove_dir_all(&work);
        result.map(|()| folder)
    }

    fn set_up(&self, work: &Path, folder: &Path) -> Result<(), String> {
        let new = work.join("new");
        create(&new)?;
        (self.fill)(&new, work)?;
        // The only moment at which the set-up comes into being, so there is never half of one. What is there already is
        // known not to work; it has to go first, as a folder cannot replace one that is not empty.
        if folder.exists() {
            fs::rename(folder, work.join("broken"))
                .map_err(|error| failed("move", folder, &error))?;
        }
        fs::rename(&new, folder).map_err(|error| failed("create", folder, &error))
    }
}

/// The folder for what every checkout of this user shares.
fn cache_folder() -> Result<PathBuf, String> {
    let folder = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_CACHE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("stream-peer-socket-rs"))
        .ok_or_else(|| "no folder to set programs up in: set HOME".into())
}

/// Held for as long as a set-up runs, so that a second one waits for the first. Ends with this process, however it ends.
fn lock(path: &Path) -> Result<File, String> {
    let file = File::create(path).map_err(|error| failed("create", path, &error))?;
    let locked = file.try_lock().or_else(|error| match error {
        TryLockError::WouldBlock => {
            eprintln!("Waiting for another set-up to finish");
            file.lock()
        }
        TryLockError::Error(error) => Err(error),
    });
    locked.map_err(|error| failed("lock", path, &error))?;
    Ok(file)
}

/// Removes what set-ups that were killed have left.
fn remove_leftovers(cache: &Path) -> Result<(), String> {
    let entries = fs::read_dir(cache).map_err(|error| failed("read", cache, &error))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            // Whatever a process that outlived its set-up is still writing goes next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| failed("create", folder, &error))
}

/// The end of a name that nobody else has, nor a process that was killed.
pub fn unique() -> String {
    let now = std::time::SystemTime::now();
    let nanoseconds = now
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos());
    format!("{}-{nanoseconds}", id())
}

/// The sentence for something that could not be done to a file or a folder.
pub fn failed(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}
