//! Linux on 64-bit ARM, by an emulator of the processor.

use std::path::{Path, PathBuf};

use godot_finder::Godot;
use provision::process;

use super::{StandIn, unpacked, words};
use crate::result::Result;

pub const TRIPLE: &str = "aarch64-unknown-linux-gnu";

pub fn stand_in() -> Result<StandIn> {
    let emulator = emulator()?;
    let godot = Godot::emulated("arm64", &emulator)?;
    // Godot comes with the loader and the C library for the processor; the core's tests need nothing else.
    let folder = godot.program().parent().unwrap_or(Path::new(""));
    let libraries = folder.join("usr/lib/aarch64-linux-gnu");
    let loader = libraries.join("ld-linux-aarch64.so.1");
    let runner = words([&*emulator, &loader, Path::new("--library-path"), &libraries]);
    Ok(StandIn {
        triple: TRIPLE,
        name: "QEMU",
        runner,
        godot: Ok(godot),
        // All of them would take an hour.
        suite: &["test_accept_and_exchange"],
    })
}

/// QEMU's emulator for single programs.
fn emulator() -> Result<PathBuf> {
    const NAME: &str = "qemu-aarch64-static";
    if let Some(program) = process::on_path(NAME) {
        return Ok(program);
    }
    let program = Path::new("usr/bin").join(NAME);
    let what = "QEMU (100 MB to download, once)";
    let folder = unpacked(
        "qemu",
        what,
        &["qemu-user-static"],
        &program.to_string_lossy(),
    )?;
    Ok(folder.join(program))
}
