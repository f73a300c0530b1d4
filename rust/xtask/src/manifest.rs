//! The extension's manifest: which library Godot loads on which platform.

use std::env::consts;
use std::path::{Component, PathBuf};

use anyhow::{Context, Result, ensure};

/// The operating system and the processor that this program runs on, in Godot's words.
pub fn own_tags() -> (&'static str, &'static str) {
    (consts::OS, godot_architecture(consts::ARCH))
}

/// The path, relative to the manifest, of the library that Godot loads on an operating system and a
/// processor.
pub fn library_path(manifest: &str, (os, architecture): (&str, &str)) -> Result<PathBuf> {
    // As in Godot, a key is a list of feature tags that all have to apply, and the most specific
    // key wins.
    let (_, value) = libraries(manifest)
        .filter(|(key, _)| key.split('.').all(|tag| tag == os || tag == architecture))
        .max_by_key(|(key, _)| key.split('.').count())
        .with_context(|| format!("the manifest names no library for {os} on {architecture}"))?;
    let path = PathBuf::from(value);
    let is_below = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    ensure!(
        is_below,
        "the library's path has to be below the manifest: {value}"
    );
    Ok(path)
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

/// The manifest with the libraries of these keys alone.
pub fn with_libraries(manifest: &str, keys: &[&str]) -> String {
    let all: Vec<_> = libraries(manifest).map(|(key, _)| key).collect();
    let is_wanted = |line: &&str| {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        key.is_none_or(|key| !all.contains(&key) || keys.contains(&key))
    };
    let lines = manifest.lines().filter(is_wanted);
    lines.map(|line| format!("{line}\n")).collect()
}

/// Godot's name for a processor architecture, from Rust's.
fn godot_architecture(name: &'static str) -> &'static str {
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
        let path = |os, architecture| library_path(MANIFEST, (os, architecture)).unwrap();
        assert_eq!(
            path("linux", "x86_64"),
            PathBuf::from("bin/linux-x86_64/lib.so")
        );
        assert_eq!(path("linux", "arm64"), PathBuf::from("bin/linux/any.so"));
        assert_eq!(path("macos", "arm64"), PathBuf::from("bin/macos/lib.dylib"));
    }

    #[test]
    fn only_the_libraries_that_there_are_stay() {
        let manifest = "[configuration]\na = 1\n[libraries]\nlinux = \"a\"\nmacos = \"b\"\n\n[icons]\nA = \"c\"\n";
        assert_eq!(
            with_libraries(manifest, &["macos"]),
            manifest.replace("linux = \"a\"\n", "")
        );
    }

    #[test]
    fn a_platform_without_library_is_an_error() {
        assert!(library_path(MANIFEST, ("freebsd", "x86_64")).is_err());
        assert!(library_path("", ("linux", "x86_64")).is_err());
    }

    #[test]
    fn a_library_outside_the_addon_is_an_error() {
        assert!(library_path(MANIFEST, ("windows", "x86_64")).is_err());
    }
}
