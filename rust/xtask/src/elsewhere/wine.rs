//! Windows, by Wine.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use godot_finder::Godot;
use provision::process;

use super::{StandIn, succeeds, unpacked};
use crate::dist::toolchain::Toolchain;
use crate::project::Project;
use crate::result::Result;

pub const TRIPLE: &str = "x86_64-pc-windows-gnu";

/// Debian's Wine, and the library that it needs and Debian has apart.
const PACKAGES: [&str; 4] = ["wine64", "libwine", "libunwind8", "libz-mingw-w64"];

/// Where Debian has zlib for Windows programs.
const ZLIB: &str = "usr/x86_64-w64-mingw32/lib/zlib1.dll";

/// What Rust's standard library takes random numbers from, and Wine 8 does not have.
const RANDOM_NUMBERS: &str = "\
__declspec(dllimport) unsigned char SystemFunction036(void *, unsigned long);
__declspec(dllexport) int ProcessPrng(void *bytes, unsigned long long count) {
    return SystemFunction036(bytes, (unsigned long)count);
}
";

pub fn stand_in(project: &Project, toolchain: &Toolchain) -> Result<StandIn> {
    let runner = runner(project, toolchain)?;
    Ok(StandIn {
        triple: TRIPLE,
        name: "Wine",
        godot: godot(project, &runner),
        runner: runner.display().to_string(),
        suite: &[],
    })
}

/// The Godot for Windows that the user has named.
pub fn godot(project: &Project, runner: &Path) -> Result<Godot> {
    let program = env::var_os("GODOT4_WINDOWS_BIN").filter(|value| !value.is_empty());
    let program = program.ok_or("GODOT4_WINDOWS_BIN does not name a Godot for Windows")?;
    let script = project.target().join("wine/godot");
    let text = format!(
        "#!/bin/sh\nexec \"{}\" \"{}\" \"$@\"\n",
        runner.display(),
        Path::new(&program).display()
    );
    process::write_program(&script, &text)
        .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
    Godot::at(&script)
}

/// A script that runs a Windows program, after setting everything up for it.
pub fn runner(project: &Project, toolchain: &Toolchain) -> Result<PathBuf> {
    let what = "Wine (100 MB to download, once)";
    let wine = unpacked("wine", what, &PACKAGES, "usr/lib/wine/wine64")?;
    let folder = project.target().join("wine");
    let failed = |error| format!("cannot set up Wine in {}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;

    // The program itself: Wine starts it again where the one before has just ended, and cannot start a script.
    let server = wine.join("usr/lib/wine/wineserver64");
    let script = folder.join("run");
    let text = format!(
        r#"#!/bin/sh
export WINEPREFIX="{folder}/prefix" WINEARCH=win64 WINEDEBUG="${{WINEDEBUG:--all}}"
export WINELOADER="{wine}/usr/lib/wine/wine64" WINESERVER="{server}"
export WINEDLLPATH="{wine}/usr/lib/x86_64-linux-gnu/wine"
export WINEDLLOVERRIDES="mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n,b"
export LD_LIBRARY_PATH="{wine}/usr/lib/x86_64-linux-gnu${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}"
unset DISPLAY
# A program that starts while Wine's server ends, since the one before has, would fail. It ends later.
"$WINESERVER" -p30 2>/dev/null
exec "$WINELOADER" "$@"
"#,
        folder = folder.display(),
        wine = wine.display(),
        server = server.display(),
    );
    process::write_program(&script, &text).map_err(failed)?;

    if !folder.join("ready").exists() {
        println!("setting up Wine in {}", folder.display());
        // What Wine needs itself, and has in none of its own folders, has to be there before it starts.
        let system = folder.join("prefix/drive_c/windows/system32");
        fs::create_dir_all(&system)
            .and_then(|()| fs::copy(wine.join(ZLIB), system.join("zlib1.dll")))
            .map_err(failed)?;
        let source = folder.join("random_numbers.c");
        fs::write(&source, RANDOM_NUMBERS).map_err(failed)?;
        let mut compiler = toolchain.zig_cc();
        compiler
            .args(["-target", "x86_64-windows-gnu", "-shared", "-o"])
            .args([&system.join("bcryptprimitives.dll"), &source])
            .arg("-ladvapi32");
        succeeds(
            &mut compiler,
            "the library for random numbers was not built",
        )?;
        succeeds(
            Command::new(&script).args(["wineboot", "--init"]),
            "Wine does not start",
        )?;
        fs::write(folder.join("ready"), "").map_err(failed)?;
    }
    Ok(script)
}
