//! Setting up a Godot for this user alone, on a Debian-family system, without touching the system.
//!
//! Debian's testing suite has a recent Godot, but it needs newer libraries than the stable releases have. So it is not
//! installed: apt, with a configuration and folders of its own, downloads Godot with everything it needs, the C library
//! included; that is unpacked into a folder in the user's cache; and a small script there starts Godot through that
//! folder's own dynamic loader.

use std::path::{Path, PathBuf};
use std::{fs, io};

use provision::apt::{self, Apt};
use provision::cache::{SetUp, failed};
use provision::{debian_architecture, process};

use crate::requirement::{self, REMEDY};
use crate::screen;

/// The suite to take Godot from: the newest one that is not a moving target by the hour.
pub const SUITE: &str = "testing";

/// Godot, and what it needs to draw in a window, with or without a graphics card.
const PACKAGES: [&str; 5] = [
    "godot",
    "libgl1",
    "libegl1",
    "libglx-mesa0",
    "libgl1-mesa-dri",
];

/// To be raised when a set-up of an older version of this module will not do any more.
const REVISION: u32 = 2;

/// The Godot set up for this user, after setting it up if that has not been done.
pub fn godot() -> Result<PathBuf, String> {
    let remedied = |reason| {
        format!(
            "there is no Godot 4.4 or later on PATH, and none can be set up: {reason}; {REMEDY}"
        )
    };
    Platform::of_system()
        .and_then(|platform| set_up(&platform, None))
        .map_err(remedied)
}

/// A screen for it that nobody sees, set up with it.
pub fn screen() -> Result<PathBuf, String> {
    let none = |reason| format!("there is no Xvfb on PATH, and none can be set up: {reason}");
    let godot = Platform::of_system()
        .and_then(|platform| set_up(&platform, None))
        .map_err(none)?;
    Ok(godot.with_file_name(screen::PROGRAM))
}

/// A Godot for another processor than this system's, which starts through `emulator`.
pub fn emulated(architecture: &str, emulator: &Path) -> Result<PathBuf, String> {
    set_up(&Platform::of(architecture)?, Some(emulator))
}

/// A processor architecture, as the files of Debian's packages name it.
#[derive(Clone, Copy)]
pub struct Platform {
    pub debian: &'static str,
    pub libraries: &'static str,
    pub loader: &'static str,
}

impl Platform {
    pub fn of_system() -> Result<Self, String> {
        Self::of(&debian_architecture()?)
    }

    fn of(architecture: &str) -> Result<Self, String> {
        match architecture {
            "amd64" => Ok(Self {
                debian: "amd64",
                libraries: "usr/lib/x86_64-linux-gnu",
                loader: "ld-linux-x86-64.so.2",
            }),
            "arm64" => Ok(Self {
                debian: "arm64",
                libraries: "usr/lib/aarch64-linux-gnu",
                loader: "ld-linux-aarch64.so.1",
            }),
            other => Err(format!("Debian's Godot for {other} is not known here")),
        }
    }
}

fn set_up(platform: &Platform, emulator: Option<&Path>) -> Result<PathBuf, String> {
    let architecture = platform.debian;
    let folder = SetUp {
        name: &format!("godot-{SUITE}-{architecture}-{REVISION}"),
        what: &format!("Godot for {architecture} (160 MB to download, once)"),
        is_ready: &|folder| {
            let program = folder.join(PROGRAM);
            program.exists() && requirement::check(&program).is_ok()
        },
        fill: &|folder, work| {
            let apt = Apt::open(&work.join("apt"), architecture, &[SUITE])?;
            let packages = [&PACKAGES[..], &screen::PACKAGES].concat();
            apt::unpack(&apt.download_complete(&packages)?, folder)?;
            for unused in ["usr/share/doc", "usr/share/man", "usr/share/locale"] {
                let _ = fs::remove_dir_all(folder.join(unused));
            }
            let program = folder.join(PROGRAM);
            write_start_scripts(platform, emulator, folder)
                .map_err(|error| failed("write", &program, &error))?;
            let works = requirement::check(&program).map(|_| ());
            works.map_err(|reason| {
                format!("the Godot of Debian's {SUITE} suite does not work here: {reason}")
            })
        },
    }
    .folder()?;
    Ok(folder.join(PROGRAM))
}

/// The script that starts Godot, in the folder that it is set up in.
const PROGRAM: &str = "godot";

/// Writes the scripts that start Godot, and a screen for it, with the libraries they were unpacked with. They go by their own
/// place, so that they work before the folder has its final name, and through a link.
fn write_start_scripts(
    platform: &Platform,
    emulator: Option<&Path>,
    folder: &Path,
) -> io::Result<()> {
    let emulator =
        emulator.map_or_else(String::new, |program| format!("\"{}\" ", program.display()));
    let Platform {
        libraries, loader, ..
    } = platform;
    let script = |before: &str, program: &str| {
        format!(
            r#"#!/bin/sh
prefix=$(dirname "$(readlink -f "$0")")
libraries=$prefix/{libraries}
# The libraries come with the drivers and the data they were made for.
export LIBGL_DRIVERS_PATH="$libraries/dri"
export __EGL_VENDOR_LIBRARY_DIRS="$prefix/usr/share/glvnd/egl_vendor.d"
export XKB_CONFIG_ROOT="$prefix/usr/share/X11/xkb"
export XLOCALEDIR="$prefix/usr/share/X11/locale"
{before}
exec {emulator}"$libraries/{loader}" --library-path "$libraries:$libraries/pulseaudio" "$prefix/usr/bin/"{program} "$@"
"#
        )
    };
    process::write_program(&folder.join(PROGRAM), &script("", "godot"))?;
    screen::write_programs(folder, script)
}
