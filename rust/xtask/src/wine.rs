//! Windows programs, run by Wine.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use fs_err as fs;
use godot_finder::Godot;
use provision::apt::{self, Apt};
use provision::cache::SetUp;
use provision::process;

use crate::dist::toolchain::Toolchain;
use crate::project::Project;

/// Debian's Wine, and a library that it needs and that Debian packages separately.
const PACKAGES: [&str; 4] = ["wine64", "libwine", "libunwind8", "libz-mingw-w64"];

/// Where Debian has zlib for Windows programs.
const ZLIB: &str = "usr/x86_64-w64-mingw32/lib/zlib1.dll";

/// The source of random numbers of Rust's standard library, which Wine 8 lacks.
const RANDOM_NUMBERS: &str = "\
__declspec(dllimport) unsigned char SystemFunction036(void *, unsigned long);
__declspec(dllexport) int ProcessPrng(void *bytes, unsigned long long count) {
    return SystemFunction036(bytes, (unsigned long)count);
}
";

/// A script that runs a Windows program, after setting up everything for it.
pub fn runner(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    let what = "Wine (100 MB to download, once)";
    let wine = unpacked("wine", what, &PACKAGES, "usr/lib/wine/wine64")?;
    let folder = project.target().join("wine");
    fs::create_dir_all(&folder)?;
    let script = folder.join("run");
    let text = include_str!("wine.sh")
        .replace("{folder}", &folder.to_string_lossy())
        .replace("{wine}", &wine.to_string_lossy());
    process::write_program(&script, &text)?;

    if !folder.join("ready").exists() {
        println!("setting up Wine in {}", folder.display());
        // Wine needs this library before it starts, and none of its own folders has it.
        let system = folder.join("prefix/drive_c/windows/system32");
        fs::create_dir_all(&system)?;
        fs::copy(wine.join(ZLIB), system.join("zlib1.dll"))?;
        let source = folder.join("random_numbers.c");
        fs::write(&source, RANDOM_NUMBERS)?;
        let mut compiler = toolchain.zig_cc();
        compiler
            .args(["-target", "x86_64-windows-gnu", "-shared", "-o"])
            .args([&system.join("bcryptprimitives.dll"), &source])
            .arg("-ladvapi32");
        let failed =
            |what: &'static str| move |error| anyhow!("{what}: {}", process::last_line(&error));
        process::output(&mut compiler)
            .map_err(failed("the library for random numbers was not built"))?;
        process::output(Command::new(&script).args(["wineboot", "--init"]))
            .map_err(failed("Wine does not start"))?;
        fs::write(folder.join("ready"), "")?;
    }
    Ok(script)
}

/// The Godot for Windows that the user has named, started through `runner`.
pub fn godot(project: &Project, runner: &Path) -> Result<Godot> {
    let program = env::var_os("GODOT4_WINDOWS_BIN").filter(|value| !value.is_empty());
    let program = program.context("GODOT4_WINDOWS_BIN does not name a Godot for Windows")?;
    let script = project.target().join("wine/godot");
    let (runner, program) = (runner.display(), program.display());
    let text = format!("#!/bin/sh\nexec \"{runner}\" \"{program}\" \"$@\"\n");
    process::write_program(&script, &text)?;
    Godot::at(&script)
}

/// A folder with packages of Debian 12, set up for this user alone. `probe` is one of the files.
pub fn unpacked(name: &str, what: &str, packages: &[&str], probe: &str) -> Result<PathBuf> {
    let architecture = provision::debian_architecture()?;
    SetUp {
        name: &format!("{name}-{architecture}-1"),
        what,
        is_ready: &|folder| folder.join(probe).exists(),
        fill: &|folder, work| {
            let apt = Apt::open(&work.join("apt"), &architecture, &["bookworm"])?;
            apt::unpack(&apt.download_alone(packages)?, folder)
        },
    }
    .folder()
}
