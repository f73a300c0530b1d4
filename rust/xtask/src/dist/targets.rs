//! The platforms that a release is made for.

use crate::manifest;
use crate::project::ADDON;

/// A library that ships: one file, for one line of the manifest.
pub struct Platform {
    /// The platform for a reader.
    pub title: &'static str,
    /// The key in the manifest: Godot's feature tags.
    pub key: &'static str,
    /// What the library is built for, in Rust's words. Several are put together into one universal library.
    pub triples: &'static [&'static str],
    pub format: Format,
}

/// How the files of a system are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    Elf,
    MachO,
    Pe,
}

impl Platform {
    /// The folder of the library, and of everything else that is kept for this platform.
    pub fn folder(&self) -> String {
        match self.key {
            "macos" => "macos-universal".into(),
            key => key.replace('.', "-"),
        }
    }

    /// The operating system and the processor in Godot's words. What runs on several processors has none of its own.
    pub fn tags(&self) -> (&'static str, &'static str) {
        self.key.split_once('.').unwrap_or((self.key, ""))
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
pub static PLATFORMS: [Platform; 4] = [
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
];

/// The keys of all of them.
pub fn keys() -> [&'static str; 4] {
    PLATFORMS.each_ref().map(|platform| platform.key)
}

/// The platform that this program runs on.
pub fn own() -> Option<&'static Platform> {
    let (os, architecture) = manifest::own_tags();
    let key = format!("{os}.{architecture}");
    PLATFORMS
        .iter()
        .find(|platform| platform.key == os || platform.key == key)
}

/// Platforms without a library: that the code compiles for them is all that is known.
pub const CHECKED: [(&str, &str); 3] = [
    ("Android arm64", "aarch64-linux-android"),
    ("iOS", "aarch64-apple-ios"),
    ("FreeBSD x86_64", "x86_64-unknown-freebsd"),
];

/// The glibc that the libraries for Linux are linked for: that of Debian 11.
pub const GLIBC: (u32, u32) = (2, 31);

/// The oldest macOS that the library is linked for. Rust's own minimum is 10.12 on Intel; on Apple silicon 11.0 is the first there is.
pub const MACOS: (u32, u32) = (11, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paths_are_those_of_the_manifest() {
        let manifest = include_str!("../../../../stream_peer_socket_rs.gdextension");
        for platform in &PLATFORMS {
            let line = format!("{} = \"{}\"\n", platform.key, platform.library());
            assert!(manifest.contains(&line), "{line}");
        }
    }
}
