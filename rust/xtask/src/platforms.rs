//! The platforms of a release, and the test results of each: a sentence for each kind of result,
//! kept in the target folder for the table in the README.

use std::env::consts;
use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::folder;
use crate::project::{ADDON, Project};

/// A library that ships: one file, for one line of the manifest.
pub struct Platform {
    /// The platform for a reader.
    pub title: &'static str,
    /// The key in the manifest: Godot's feature tags.
    pub key: &'static str,
    /// The target triples of the library. Several make one universal library.
    pub triples: &'static [&'static str],
    pub format: Format,
}

/// The executable format of a system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    Elf,
    MachO,
    Pe,
}

impl Platform {
    /// The folder of the library, and of all other files for this platform.
    pub fn folder(&self) -> String {
        match self.key {
            "macos" => "macos-universal".into(),
            key => key.replace('.', "-"),
        }
    }

    /// The path of the library in the addon.
    pub fn library(&self) -> String {
        format!("bin/{}/{}", self.folder(), self.format.file_name())
    }
}

impl Format {
    /// What cargo calls the library.
    pub fn file_name(self) -> String {
        match self {
            Self::Elf => format!("lib{ADDON}.so"),
            Self::MachO => format!("lib{ADDON}.dylib"),
            Self::Pe => format!("{ADDON}.dll"),
        }
    }
}

/// The libraries that ship.
pub static PLATFORMS: [Platform; 5] = [
    Platform {
        title: "Linux x86_64",
        key: "linux.x86_64",
        triples: &["x86_64-unknown-linux-gnu"],
        format: Format::Elf,
    },
    Platform {
        title: "Linux arm64",
        key: "linux.arm64",
        triples: &["aarch64-unknown-linux-gnu"],
        format: Format::Elf,
    },
    Platform {
        title: "macOS, Apple silicon and Intel",
        key: "macos",
        triples: &["aarch64-apple-darwin", "x86_64-apple-darwin"],
        format: Format::MachO,
    },
    Platform {
        title: "Windows x86_64",
        key: "windows.x86_64",
        triples: &["x86_64-pc-windows-gnu"],
        format: Format::Pe,
    },
    Platform {
        title: "Windows arm64",
        key: "windows.arm64",
        // Rust has no target with GCC's runtime libraries here, only one with LLVM's.
        triples: &["aarch64-pc-windows-gnullvm"],
        format: Format::Pe,
    },
];

/// The keys of all of them.
pub fn keys() -> [&'static str; 5] {
    PLATFORMS.each_ref().map(|platform| platform.key)
}

/// The platform that this program runs on.
pub fn own() -> Result<&'static Platform> {
    let architecture = match consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    };
    let keys = [consts::OS, &format!("{}.{architecture}", consts::OS)];
    let own = PLATFORMS
        .iter()
        .find(|platform| keys.contains(&platform.key));
    own.with_context(|| format!("no library is made for {}", keys[1]))
}

/// Platforms without a library. All that is known of them is that the code compiles.
pub const CHECKED: [(&str, &str); 3] = [
    ("Android arm64", "aarch64-linux-android"),
    ("iOS", "aarch64-apple-ios"),
    ("FreeBSD x86_64", "x86_64-unknown-freebsd"),
];

/// The glibc that the libraries for Linux are linked for: that of Debian 11.
pub const GLIBC: (u32, u32) = (2, 31);

/// The oldest macOS that the library is linked for: the first for Apple silicon. Rust's own minimum
/// on Intel is 10.12.
pub const MACOS: (u32, u32) = (11, 0);

/// The kinds of results of a platform.
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

/// Keeps a result in place of the previous one. `None` means that it did not work.
pub fn record(project: &Project, platform: &str, kind: Kind, seen: Option<&str>) {
    let path = path(project, platform, kind);
    let folder = path.parent().unwrap_or(&path);
    let outcome = match seen {
        Some(seen) => {
            fs::create_dir_all(folder).and_then(|()| fs::write(&path, format!("{seen}\n")))
        }
        None => match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        },
    };
    if let Err(error) = outcome {
        eprintln!("{error}");
    }
}

fn get(project: &Project, platform: &str, kind: Kind) -> Option<String> {
    let text = fs::read_to_string(path(project, platform, kind)).ok()?;
    Some(text.trim().to_owned())
}

fn path(project: &Project, platform: &str, kind: Kind) -> PathBuf {
    let folder = project.target().join("records");
    folder.join(format!("{platform}.{kind:?}"))
}

/// Prints the table, and writes it into the README.
pub fn write_table(project: &Project) -> Result<()> {
    let table = table(project);
    print!("{table}");
    folder::replace_marked(&project.root().join("README.md"), "platforms", &table)
}

/// The table of results.
pub fn table(project: &Project) -> String {
    table_of(&|platform, kind| get(project, platform, kind))
}

fn table_of(seen: &dyn Fn(&str, Kind) -> Option<String>) -> String {
    let mut table = String::from(
        "| platform | library | release archive in Godot | tests of the core | tests in Godot |\n| --- | --- | --- | --- | --- |\n",
    );
    let mut row = |title: &str, library: String, cells: [Option<String>; 3]| {
        let cells = cells.map(|cell| cell.unwrap_or_else(|| "not tried".into()));
        table += &format!("| {title} | {library} | {} |\n", cells.join(" | "));
    };
    for platform in &PLATFORMS {
        let of = |kind| seen(&platform.folder(), kind);
        let library = of(Kind::Built).unwrap_or_else(|| "not built".into());
        row(
            platform.title,
            library,
            [of(Kind::Loaded), of(Kind::CoreTests), of(Kind::GodotTests)],
        );
    }
    for (title, triple) in CHECKED {
        let library = match seen(triple, Kind::Checked) {
            Some(_) => "none; the code compiles",
            None => "none",
        };
        row(title, library.into(), [None, None, None]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_are_those_of_the_manifest() {
        let manifest = include_str!("../../../stream_peer_socket_rs.gdextension");
        for platform in &PLATFORMS {
            let line = format!("{} = \"{}\"\n", platform.key, platform.library());
            assert!(manifest.contains(&line), "{line}");
        }
    }

    #[test]
    fn only_what_was_seen_is_listed() {
        let table = table_of(&|_, _| None);
        for line in table.lines().skip(2) {
            assert!(
                line.contains("| not built |") || line.contains("| none |"),
                "{line}"
            );
            assert!(
                line.ends_with("| not tried | not tried | not tried |"),
                "{line}"
            );
        }
    }

    #[test]
    fn an_outcome_is_listed_for_its_platform_only() {
        let table = table_of(&|platform, kind| {
            let is = platform == "linux-arm64" && kind == Kind::CoreTests;
            is.then(|| "3 passed".into())
        });
        let lines: Vec<_> = table
            .lines()
            .filter(|line| line.contains("3 passed"))
            .collect();
        assert_eq!(
            lines,
            ["| Linux arm64 | not built | not tried | 3 passed | not tried |"]
        );
    }
}
