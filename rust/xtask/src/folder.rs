//! Folders that are made for a test.

use std::fs;
use std::io;
use std::path::Path;
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

/// A name that begins with `prefix` and that nobody else has: no other call, and no process that
/// was killed, nor one in a container, where numbers of processes come again.
pub fn unique_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{prefix}-{}-{time:x}-{number}", id())
}

/// Makes a folder anew, and has `fill` fill it.
pub fn replace(folder: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fill(folder)
}

/// Copies a folder with everything in it.
pub fn copy(source: &Path, destination: &Path) -> io::Result<()> {
    fs::create_dir_all(destination)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let copied = destination.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &copied)?;
        } else {
            fs::copy(entry.path(), copied)?;
        }
    }
    Ok(())
}
