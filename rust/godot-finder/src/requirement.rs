//! The versions of Godot that can load the extension, and the remedy if none is found.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, anyhow, bail};
use provision::process;

/// The oldest Godot that loads the extension.
const OLDEST: Version = Version(4, 4);

/// What the user can do if no Godot is found.
pub const REMEDY: &str = "install Godot 4.4 or later and set GODOT4_BIN to the path of its program";

/// Whether the version of a program, which is a Godot that can load the extension, is `wanted` or
/// later.
pub fn is_at_least(program: &Path, wanted: Version) -> Result<bool> {
    Ok(Version::parse(&check(program)?).is_some_and(|version| version >= wanted))
}

/// The version of a program, if it is a Godot that can load the extension.
pub fn check(program: &Path) -> Result<String> {
    let shown = program.display();
    let output = process::output(Command::new(program).arg("--version"))
        .map_err(|error| anyhow!("`{shown} --version` failed: {}", process::last_line(&error)))?;
    let version = |line| Some((Version::parse(line)?, line));
    match output.lines().find_map(version) {
        Some((version, line)) if version >= OLDEST => Ok(line.trim().into()),
        Some((Version(major, minor), _)) => bail!("{shown} is Godot {major}.{minor}"),
        None => bail!("{shown} does not name its version, as Godot does"),
    }
}

/// The parts of a version that decide what an engine can do.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Version(pub u32, pub u32);

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
