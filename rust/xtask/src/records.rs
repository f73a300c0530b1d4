//! What was seen of each platform: a sentence for each kind of thing, kept in the target folder for the table of platforms.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::project::Project;
use crate::result::Result;

/// What can be seen of a platform.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// The library was built, and is what it should be.
    Built,
    /// The code compiles.
    Checked,
    /// A game with the addon ran in a Godot.
    Loaded,
    /// The tests of the core ran.
    CoreTests,
    /// The tests in Godot ran.
    GodotTests,
}

/// Keeps what was seen, in place of what was seen before. Nothing means that it did not work.
pub fn set(project: &Project, platform: &str, kind: Kind, seen: Option<&str>) -> Result<()> {
    let path = path(project, platform, kind);
    let outcome = match seen {
        Some(seen) => {
            fs::create_dir_all(folder(project)).and_then(|()| fs::write(&path, format!("{seen}\n")))
        }
        None => match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        },
    };
    outcome.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// What was seen last.
pub fn get(project: &Project, platform: &str, kind: Kind) -> Option<String> {
    let text = fs::read_to_string(path(project, platform, kind)).ok()?;
    Some(text.trim().to_owned())
}

fn folder(project: &Project) -> PathBuf {
    project.target().join("records")
}

fn path(project: &Project, platform: &str, kind: Kind) -> PathBuf {
    folder(project).join(format!("{platform}.{kind:?}"))
}
