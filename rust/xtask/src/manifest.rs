//! The extension's manifest: which library Godot loads on which platform.

use std::env::consts;
use std::path::{Component, PathBuf};

use crate::result::Result;

/// The path, relative to the manifest, of the library that Godot loads on the platform this program runs on.
pub fn library_path(manifest: &str) -> Result<PathBuf> {
    library_path_for(manifest, consts::OS, godot_architecture(consts::ARCH))
}

fn library_path_for(manifest: &str, os: &str, architecture: &str) -> Result<PathBuf> {
    // As in Godot, a key is a list of feature tags that all have to apply, and the most specific key wins.
    let (_, value) = libraries(manifest)
        .filter(|(key, _)| key.split('.').all(|tag| tag == os || tag == architecture))
        .max_by_key(|(key, _)| key.split('.').count())
        .ok_or_else(|| format!("the manifest names no library for {os} on {architecture}"))?;
    let path = PathBuf::from(value);
    if path
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        Ok(path)
    } else {
        Err(format!(
            "the manifest's library path has to be below the manifest: {value}"
        ))
    }
}

/// The keys and values of the `[libraries]` section.
fn libraries(manifest: &str) -> impl Iterator<Item = (&str, &str)> {
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[libraries]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with(';'))
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim(), value.trim().trim_matches('"')))
}

/// Godot's name for a processor architecture, from Rust's.
fn godot_architecture(name: &str) -> &str {
    match name {
        "aarch64" => "arm64",
        "arm" => "arm32",
        "x86" => "x86_32",
        "riscv64" => "rv64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "\
[configuration]
linux.x86_64 = \"not/this.so\"

[libraries]

; linux.arm64 = \"commented/out.so\"
linux = \"bin/linux/any.so\"
linux.x86_64 = \"bin/linux-x86_64/lib.so\"
macos = \"bin/macos/lib.dylib\"
windows.x86_64 = \"../lib.dll\"

[icons]
linux.arm64 = \"icon.svg\"
";

    #[test]
    fn the_most_specific_key_of_the_platform_wins() {
        let path = |os, architecture| library_path_for(MANIFEST, os, architecture).unwrap();
        assert_eq!(
            path("linux", "x86_64"),
            PathBuf::from("bin/linux-x86_64/lib.so")
        );
        assert_eq!(path("linux", "arm64"), PathBuf::from("bin/linux/any.so"));
        assert_eq!(path("macos", "arm64"), PathBuf::from("bin/macos/lib.dylib"));
    }

    #[test]
    fn a_platform_without_library_is_an_error() {
        assert!(library_path_for(MANIFEST, "freebsd", "x86_64").is_err());
        assert!(library_path_for("", "linux", "x86_64").is_err());
    }

    #[test]
    fn a_library_outside_the_addon_is_an_error() {
        assert!(library_path_for(MANIFEST, "windows", "x86_64").is_err());
    }
}
