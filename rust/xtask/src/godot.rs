//! Finding a Godot to run.

use std::env;
use std::path::{self, Path, PathBuf};
use std::process::Command;

use crate::project::Project;
use crate::{Result, process, provision};

/// The oldest Godot that loads the extension.
const OLDEST: Version = Version(4, 4);

/// What to do where no Godot can be had.
pub const REMEDY: &str = "install Godot 4.4 or later and set GODOT4_BIN to the path of its program";

/// A Godot that is known to start and to be recent enough.
pub struct Godot {
    program: PathBuf,
}

impl Godot {
    /// The Godot the user chose, else one on `PATH`, else one set up for this user alone.
    pub fn find() -> Result<Self> {
        if let Some(chosen) = env::var_os("GODOT4_BIN").filter(|value| !value.is_empty()) {
            return Self::chosen(Path::new(&chosen));
        }
        let on_path = ["godot4", "godot"]
            .into_iter()
            .filter_map(process::on_path)
            .find(|program| check(program).is_ok());
        let program = match on_path {
            Some(program) => program,
            None => provision::godot()?,
        };
        Ok(Self { program })
    }

    /// The user's own choice is used or refused; a silent fallback would run another Godot than the one they think.
    fn chosen(chosen: &Path) -> Result<Self> {
        let program = match chosen.to_str() {
            Some(name) if chosen.components().count() == 1 => process::on_path(name),
            _ => path::absolute(chosen).ok(),
        };
        let program = program.unwrap_or_else(|| chosen.into());
        check(&program).map_err(|reason| {
            format!("GODOT4_BIN cannot be used: {reason}; set it to the program of a Godot 4.4 or later, or unset it")
        })?;
        Ok(Self { program })
    }

    /// A command that starts this Godot in the project's top folder. Scripts that start another Godot find this one in
    /// `GODOT4_BIN`: a Godot that was set up by [`provision`] cannot tell its own path.
    pub fn command(&self, project: &Project) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(project.root())
            .env("GODOT4_BIN", &self.program);
        command
    }
}

/// Whether a program is a Godot that can load the extension; the error is why not.
pub fn check(program: &Path) -> Result<()> {
    let shown = program.display();
    let output = process::output(Command::new(program).arg("--version")).map_err(|message| {
        let reason = message.trim().lines().last().unwrap_or_default();
        format!("`{shown} --version` failed: {reason}")
    })?;
    match output.lines().find_map(Version::parse) {
        Some(version) if version >= OLDEST => Ok(()),
        Some(Version(major, minor)) => Err(format!("{shown} is Godot {major}.{minor}")),
        None => Err(format!("{shown} does not name its version, as Godot does")),
    }
}

/// The parts of a version that decide what an engine can do.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
struct Version(u32, u32);

impl Version {
    /// Reads what `godot --version` prints, such as `4.6.3.stable.official.1234abcd`.
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.trim().split(['.', '-']);
        Some(Self(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_godot_prints_them() {
        assert_eq!(
            Version::parse("4.6.3.stable.debian.0a1b2c"),
            Some(Version(4, 6))
        );
        assert_eq!(Version::parse("4.10.stable\n"), Some(Version(4, 10)));
        assert_eq!(Version::parse("4.5-dev3"), Some(Version(4, 5)));
        assert_eq!(Version::parse("Godot Engine v4.6.3"), None);
        assert_eq!(Version::parse(""), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(Version(4, 10) > OLDEST);
        assert!(Version(4, 4) >= OLDEST);
        assert!(Version(4, 3) < OLDEST);
        assert!(Version(3, 9) < OLDEST);
        assert!(Version(5, 0) > OLDEST);
    }
}
