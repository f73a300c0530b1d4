//! Programs of the system's own release of Debian, for this user alone: unpacked into a folder with
//! the libraries that they need, and started with these.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

use crate::apt::{self, Apt, debian_architecture};
use crate::cache::SetUp;

/// Packages that the system has itself, in the version of its loader.
const OF_THE_SYSTEM: [&str; 2] = ["libc6_", "libc-bin_"];

/// Folders with libraries, also below the folder of an architecture.
const LIBRARIES: [&str; 4] = ["", "pulseaudio", "blas", "lapack"];

/// Programs in a folder of the cache.
pub struct Programs {
    folder: PathBuf,
    libraries: OsString,
}

impl Programs {
    /// Sets up `packages`, which `what` describes for the person at the terminal. The set-up's
    /// `name` has to change with the packages.
    pub fn set_up(name: &str, what: &str, packages: &[&str]) -> Result<Self> {
        let architecture = debian_architecture()?;
        let release = release()?;
        let folder = SetUp {
            name: &format!("{name}-{release}-{architecture}"),
            what,
            is_ready: &|folder| folder.join("usr").exists(),
            fill: &|folder, work| {
                let apt = Apt::open(&work.join("apt"), &architecture, &[&release])?;
                let mut files = apt.download_complete(packages)?;
                files.retain(|file| {
                    let name = file.file_name().unwrap_or_default().to_string_lossy();
                    !OF_THE_SYSTEM.iter().any(|system| name.starts_with(system))
                });
                apt::unpack(&files, folder)
            },
        }
        .folder()?;
        let libraries = library_folders(&folder)?;
        Ok(Self { folder, libraries })
    }

    /// The text of a script that starts the program at `path`, such as `usr/bin/jq`.
    pub fn script(&self, path: &str) -> String {
        let mut script = String::from("#!/bin/sh\n");
        for (name, value) in self.environment() {
            script += &format!("export {name}=\"{}\"\n", value.display());
        }
        let program = self.folder.join(path);
        script + &format!("exec \"{}\" \"$@\"\n", program.display())
    }

    /// The environment of programs that are not where they were built for.
    pub fn environment(&self) -> [(&'static str, OsString); 3] {
        [
            ("LD_LIBRARY_PATH", self.libraries.clone()),
            (
                "OPENSSL_CONF",
                self.folder.join("etc/ssl/openssl.cnf").into(),
            ),
            ("PYTHONHOME", self.folder.join("usr").into()),
        ]
    }

    /// The folder that stands for the root of a system.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The folders in which the loader finds libraries.
fn library_folders(prefix: &Path) -> Result<OsString> {
    let bases = ["usr/lib", "lib"].map(|base| prefix.join(base));
    let of_architectures = bases.iter().flat_map(|base| {
        let entries = fs::read_dir(base).into_iter().flatten().flatten();
        let folders = entries.map(|entry| entry.path());
        folders.filter(|folder| folder.to_string_lossy().ends_with("-linux-gnu"))
    });
    let folders = of_architectures.flat_map(|base| LIBRARIES.map(|below| base.join(below)));
    Ok(env::join_paths(folders)?)
}

/// The name of the system's release, such as `bookworm`.
fn release() -> Result<String> {
    const FILE: &str = "/etc/os-release";
    let text = fs::read_to_string(FILE)?;
    let mut lines = text.lines();
    let name = lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    let name = name.with_context(|| format!("{FILE} does not name the release"))?;
    Ok(name.trim_matches('"').to_owned())
}
