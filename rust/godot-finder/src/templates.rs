//! Export templates: Godot makes a game from a template and the project's files.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use fs_err as fs;
use provision::apt::{self, Apt};
use provision::cache::{SetUp, unique};
use provision::process;

use crate::debian::{Platform, SUITE};

/// Raised when what an older version of this module has set up can no longer be used.
const REVISION: u32 = 1;

/// Debian's templates, set up for this user alone.
pub struct Templates {
    /// Makes games for players.
    pub release: PathBuf,
    /// Makes games for testers.
    pub debug: PathBuf,
}

impl Templates {
    /// The templates for this system, after setting them up if necessary. A game that is made with
    /// one starts on this system only, since it has the full paths of the loader and the libraries.
    pub fn of_system() -> Result<Self> {
        let platform = Platform::of_system()?;
        let folder = SetUp {
            name: &format!("godot-templates-{SUITE}-{}-{REVISION}", platform.debian),
            what: "Godot's export templates (200 MB to download, once)",
            is_ready: &|folder| folder.join("usr/bin/godot-template-release").exists(),
            fill: &|folder, work| {
                let apt = Apt::open(&work.join("apt"), platform.debian, &[SUITE])?;
                let packages = ["godot-template-release", "godot-template-debug", "patchelf"];
                apt::unpack(&apt.download_complete(&packages)?, folder)
            },
        }
        .folder()?;
        Ok(Self {
            release: bound(&platform, &folder, "godot-template-release")?,
            debug: bound(&platform, &folder, "godot-template-debug")?,
        })
    }
}

/// A copy of a program that finds its loader and its libraries in `folder`, wherever the copy is.
fn bound(platform: &Platform, folder: &Path, name: &str) -> Result<PathBuf> {
    let program = folder.join(name);
    if program.exists() {
        return Ok(program);
    }
    let new = folder.join(format!("{name}.{}", unique()));
    fs::copy(folder.join("usr/bin").join(name), &new)?;
    let libraries = folder.join(platform.libraries);
    let loader = libraries.join(platform.loader);
    let patchelf = || {
        let mut command = Command::new(&loader);
        command
            .arg("--library-path")
            .arg(&libraries)
            .arg(folder.join("usr/bin/patchelf"));
        command
    };
    // The loader would search by this library's own path, and not by the program's.
    let of_its_own = libraries.join("libpulse.so.0");
    process::output(patchelf().arg("--remove-rpath").arg(of_its_own))?;
    let rpath = format!("{0}:{0}/pulseaudio", libraries.display());
    process::output(
        patchelf()
            .arg("--set-interpreter")
            .arg(&loader)
            .args(["--force-rpath", "--set-rpath", &rpath])
            .arg(&new),
    )?;
    fs::rename(&new, &program)?;
    Ok(program)
}
