//! Folders that are made for a test, and pages that a command writes in part.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::id;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use fs_err as fs;

/// A name that begins with `prefix` and is unique, also among processes that were killed and those
/// in containers, where numbers of processes repeat.
pub fn unique_name(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let time = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{prefix}-{}-{time:x}-{number}", id())
}

/// Makes an empty folder in place of one that may exist, and fills it.
pub fn replace(folder: &Path, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    fill(folder)
}

/// Copies a folder with everything in it.
pub fn copy(source: &Path, destination: &Path) -> io::Result<()> {
    for file in files(source)? {
        let copied = destination.join(&file);
        fs::create_dir_all(copied.with_file_name(""))?;
        fs::copy(source.join(file), copied)?;
    }
    Ok(())
}

/// All files below a folder, by their paths in it.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut due) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(relative) = due.pop() {
        for entry in fs::read_dir(folder.join(&relative))? {
            let entry = entry?;
            let path = relative.join(entry.file_name());
            match entry.path().is_dir() {
                true => due.push(path),
                false => files.push(path),
            }
        }
    }
    Ok(files)
}

/// The texts of the files in a folder, by their names.
pub fn texts(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let file = |entry: io::Result<fs::DirEntry>| {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        Ok((name, fs::read_to_string(entry.path())?))
    };
    fs::read_dir(folder)?.map(file).collect()
}

/// Makes a folder in which any user may write.
pub fn replace_for_all(folder: &Path) -> io::Result<()> {
    replace(folder, |folder| {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777))?;
        }
        let _ = folder;
        Ok(())
    })
}

/// A folder that is removed when this value is dropped.
pub struct Temporary(pub PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Puts `text` between the marks of an xtask command in the page at `path`.
pub fn replace_marked(path: &Path, command: &str, text: &str) -> Result<()> {
    let page = fs::read_to_string(path)?;
    let changed = with_marked(&page, command, text);
    let changed = changed
        .with_context(|| format!("{} has no marks of `cargo xtask {command}`", path.display()))?;
    Ok(fs::write(path, changed)?)
}

/// The page with `text` between the marks, if it has them.
fn with_marked(page: &str, command: &str, text: &str) -> Option<String> {
    let mark = |what| format!("<!-- What {what} is written by `cargo xtask {command}`. -->\n");
    let [begin, end] = ["follows", "precedes"].map(mark);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{text}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_text_between_is_replaced() {
        let begin = "<!-- What follows is written by `cargo xtask a`. -->";
        let end = "<!-- What precedes is written by `cargo xtask a`. -->";
        let page = format!("a\n{begin}\nold\n{end}\nb\n");
        let changed = with_marked(&page, "a", "new\n").unwrap();
        assert_eq!(changed, page.replace("old", "new"));
        assert_eq!(with_marked(&page, "b", "new\n"), None);
    }
}
