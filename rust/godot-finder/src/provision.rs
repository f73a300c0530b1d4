//! Setting up a Godot for this user alone, on a Debian-family system, without touching the system.
//!
//! Debian's testing suite has a recent Godot, but it needs newer libraries than the stable releases have. So it is not
//! installed: apt, with a configuration and folders of its own, downloads Godot with everything it needs, the C library
//! included; that is unpacked into a folder in the user's cache; and a small script there starts Godot through that
//! folder's own dynamic loader.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::sync::Mutex;
use std::{env, io, thread};

use crate::apt::Apt;
use crate::process;
use crate::requirement::{self, REMEDY};

/// The suite to take Godot from: the newest one that is not a moving target by the hour.
const SUITE: &str = "testing";

/// Godot, and what it needs to draw in a window, with or without a graphics card.
const PACKAGES: [&str; 5] = [
    "godot",
    "libgl1",
    "libegl1",
    "libglx-mesa0",
    "libgl1-mesa-dri",
];

/// To be raised when a set-up of an older version of this module will not do any more.
const REVISION: u32 = 1;

/// The Godot set up for this user, after setting it up if that has not been done.
pub fn godot() -> Result<PathBuf, String> {
    let platform = Platform::of_system()?;
    let cache = cache_folder()?;
    let prefix = cache.join(format!("godot-{SUITE}-{}-{REVISION}", platform.debian));
    let program = prefix.join("godot");
    if is_ready(&program) {
        return Ok(program);
    }

    fs::create_dir_all(&cache).map_err(|error| failed("create", &cache, &error))?;
    let _lock = lock(&cache.join("lock"))?;
    if is_ready(&program) {
        return Ok(program);
    }
    eprintln!(
        "Setting up Godot for this user in {} (160 MB to download, once)",
        prefix.display()
    );
    remove_leftovers(&cache)?;
    // The name is new each time: a download of a set-up that was killed may still be writing into its own folder.
    let work = cache.join(format!("{PARTIAL}{}-{}", id(), nanoseconds()));
    let result = set_up(&platform, &work, &prefix);
    let _ = fs::remove_dir_all(&work);
    result.map(|()| program)
}

/// The beginning of the names of folders in which a set-up is under way.
const PARTIAL: &str = "partial-";

/// A processor architecture, as the files of Debian's packages name it.
struct Platform {
    debian: &'static str,
    libraries: &'static str,
    loader: &'static str,
}

impl Platform {
    fn of_system() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err(format!("there is no Godot 4.4 or later on PATH: {REMEDY}"));
        }
        for program in ["apt-get", "apt-config", "dpkg", "dpkg-deb"] {
            if process::on_path(program).is_none() {
                return Err(format!(
                    "there is no Godot 4.4 or later on PATH, and without {program} none can be set up: {REMEDY}"
                ));
            }
        }
        let architecture = process::output(Command::new("dpkg").arg("--print-architecture"))?;
        match architecture.trim() {
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
            other => Err(format!(
                "there is no Godot 4.4 or later on PATH, and none can be set up on {other}: {REMEDY}"
            )),
        }
    }
}

/// The folder for what every checkout of this user shares.
fn cache_folder() -> Result<PathBuf, String> {
    let folder = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_CACHE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("stream-peer-socket-rs"))
        .ok_or_else(|| format!("no folder to set up Godot in: set HOME, or {REMEDY}"))
}

/// Whether a finished set-up is there and none of it has gone missing since.
fn is_ready(program: &Path) -> bool {
    program.exists() && requirement::check(program).is_ok()
}

/// Held for as long as a set-up runs, so that a second one waits for the first. Ends with this process, however it ends.
fn lock(path: &Path) -> Result<File, String> {
    let file = File::create(path).map_err(|error| failed("create", path, &error))?;
    let locked = file.try_lock().or_else(|error| match error {
        TryLockError::WouldBlock => {
            eprintln!("Waiting for another set-up of Godot to finish");
            file.lock()
        }
        TryLockError::Error(error) => Err(error),
    });
    locked.map_err(|error| failed("lock", path, &error))?;
    Ok(file)
}

/// Removes what set-ups that were killed have left.
fn remove_leftovers(cache: &Path) -> Result<(), String> {
    let entries = fs::read_dir(cache).map_err(|error| failed("read", cache, &error))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            // Whatever a process that outlived its set-up is still writing goes next time.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

fn set_up(platform: &Platform, work: &Path, prefix: &Path) -> Result<(), String> {
    let apt = Apt::new(&work.join("apt"), platform.debian, SUITE)?;
    let packages = apt.download(&PACKAGES)?;

    let unpacked = work.join("prefix");
    unpack(&packages, &unpacked)?;
    for unused in ["usr/share/doc", "usr/share/man", "usr/share/locale"] {
        let _ = fs::remove_dir_all(unpacked.join(unused));
    }
    let program = unpacked.join("godot");
    write_start_script(platform, &program).map_err(|error| failed("write", &program, &error))?;
    requirement::check(&program).map_err(|reason| {
        format!("the Godot of Debian's {SUITE} suite does not work here: {reason}; {REMEDY}")
    })?;

    // The only moment at which the set-up comes into being, so there is never half of one. What is there already is
    // known not to work; it has to go first, as a folder cannot replace one that is not empty.
    if prefix.exists() {
        fs::rename(prefix, work.join("broken")).map_err(|error| failed("move", prefix, &error))?;
    }
    fs::rename(&unpacked, prefix).map_err(|error| failed("create", prefix, &error))
}

/// Unpacks packages side by side; for most of the time it takes, `dpkg-deb` decompresses on one processor.
fn unpack(packages: &[PathBuf], prefix: &Path) -> Result<(), String> {
    fs::create_dir_all(prefix).map_err(|error| failed("create", prefix, &error))?;
    let remaining = Mutex::new(packages.iter());
    let next = || {
        remaining
            .lock()
            .ok()
            .and_then(|mut packages| packages.next())
    };
    let work = || -> Result<(), String> {
        while let Some(package) = next() {
            process::output(
                Command::new("dpkg-deb")
                    .arg("--extract")
                    .arg(package)
                    .arg(prefix),
            )
            .map_err(|message| format!("cannot unpack {}: {message}", package.display()))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, Into::into).min(8);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| {
            worker
                .join()
                .unwrap_or_else(|_| Err("a thread panicked".into()))
        })
    })
}

/// Writes the script that starts Godot with the libraries it was unpacked with. It goes by its own place, so that it
/// works before the folder has its final name, and through a link.
fn write_start_script(platform: &Platform, script: &Path) -> io::Result<()> {
    let Platform {
        libraries, loader, ..
    } = platform;
    let text = format!(
        r#"#!/bin/sh
prefix=$(dirname "$(readlink -f "$0")")
libraries=$prefix/{libraries}
# The libraries come with the drivers and the data they were made for.
export LIBGL_DRIVERS_PATH="$libraries/dri"
export __EGL_VENDOR_LIBRARY_DIRS="$prefix/usr/share/glvnd/egl_vendor.d"
export XKB_CONFIG_ROOT="$prefix/usr/share/X11/xkb"
export XLOCALEDIR="$prefix/usr/share/X11/locale"
exec "$libraries/{loader}" --library-path "$libraries:$libraries/pulseaudio" "$prefix/usr/bin/godot" "$@"
"#
    );
    fs::write(script, text)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(script, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn nanoseconds() -> u128 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |time| time.as_nanos())
}

fn failed(what: &str, path: &Path, error: &io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}
