//! Sets up a Godot for this user only, on a Debian-family system, without touching the system.
//!
//! Debian's testing suite has a recent Godot, which needs newer libraries than the stable releases
//! have. So Godot is not installed. apt, with a configuration and folders of its own, downloads
//! Godot with everything that it needs, the C library included, and unpacks that into a folder in
//! the user's cache. A small script there starts Godot through that folder's own dynamic loader.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use fs_err as fs;
use provision::apt::{self, Apt};
use provision::cache::SetUp;
use provision::{debian_architecture, process};

use crate::requirement::{self, REMEDY};

/// The suite to take Godot from: the newest that does not change by the hour.
pub const SUITE: &str = "testing";

/// Godot, its needs for drawing in a window with or without a graphics card, and a virtual screen.
#[rustfmt::skip]
const PACKAGES: [&str; 7] = [
    "godot", "libgl1", "libegl1", "libglx-mesa0", "libgl1-mesa-dri", "xvfb", "x11-xkb-utils",
];

/// Raised when what an older version of this module has set up can no longer be used.
const REVISION: u32 = 2;

/// The Godot of this user, after setting it up if necessary.
pub fn godot() -> Result<PathBuf> {
    own().with_context(|| {
        format!("there is no Godot 4.4 or later on PATH, and none can be set up; {REMEDY}")
    })
}

/// A virtual screen, set up with Godot.
pub fn screen() -> Result<PathBuf> {
    let godot = own().context("there is no Xvfb on PATH, and none can be set up")?;
    Ok(godot.with_file_name(SCREEN))
}

fn own() -> Result<PathBuf> {
    set_up(&Platform::of_system()?, None)
}

/// A Godot for another processor than this system's, which starts through `emulator`.
pub fn emulated(architecture: &str, emulator: &Path) -> Result<PathBuf> {
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
    pub fn of_system() -> Result<Self> {
        Self::of(&debian_architecture()?)
    }

    fn of(architecture: &str) -> Result<Self> {
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
            other => bail!("Debian's Godot for {other} is not known here"),
        }
    }
}

fn set_up(platform: &Platform, emulator: Option<&Path>) -> Result<PathBuf> {
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
            apt::unpack(&apt.download_complete(&PACKAGES)?, folder)?;
            for unused in ["usr/share/doc", "usr/share/man", "usr/share/locale"] {
                let _ = fs::remove_dir_all(folder.join(unused));
            }
            write_start_scripts(platform, emulator, folder)?;
            requirement::check(&folder.join(PROGRAM))
                .with_context(|| format!("the Godot of Debian's {SUITE} does not work here"))?;
            Ok(())
        },
    }
    .folder()?;
    Ok(folder.join(PROGRAM))
}

/// The script that starts Godot, in the folder that it is set up in.
const PROGRAM: &str = "godot";

/// Writes the scripts that start Godot, and a screen for it, with the unpacked libraries. The paths
/// in a script are relative to the script, so that they are right before the folder has its final
/// name, and when the script is started through a link.
fn write_start_scripts(platform: &Platform, emulator: Option<&Path>, folder: &Path) -> Result<()> {
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
    write_screen(folder, script)
}

/// The script that starts Xvfb, in the folder that it is set up in.
const SCREEN: &str = "xvfb";

/// The program that Xvfb starts for the keyboard's layout.
const KEYBOARD: &str = "xkbcomp";

/// The folder in which Xvfb expects that program. No option changes it, and Xvfb ends without it.
const KEYBOARD_FOLDER: &[u8] = b"/usr/bin\0";

/// Writes the programs that start Xvfb into the folder that it was unpacked to. `script` makes a
/// script from two arguments: the commands that run first, and a program in `usr/bin` with its
/// options.
fn write_screen(folder: &Path, script: impl Fn(&str, &str) -> String) -> Result<()> {
    let original = folder.join("usr/bin/Xvfb");
    let mut program = fs::read(&original)?;
    let place = program
        .windows(KEYBOARD_FOLDER.len())
        .position(|bytes| bytes == KEYBOARD_FOLDER)
        .context("Xvfb does not name the folder of xkbcomp")?;
    // The folder that it is started in.
    program[place..][..2].copy_from_slice(b".\0");
    fs::write(original, program)?;
    process::write_program(&folder.join(KEYBOARD), &script("", KEYBOARD))?;
    let before = "cd \"$prefix\" || exit";
    let screen = script(before, "Xvfb -xkbdir \"$XKB_CONFIG_ROOT\"");
    Ok(process::write_program(&folder.join(SCREEN), &screen)?)
}
