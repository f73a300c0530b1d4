//! Tests the addon in Godots with other build options. The addon works without optional features of
//! Godot, and reports a missing feature that it needs. The tests run in the installed Godot; the
//! library `rust/other-godots` makes it behave like another build.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use crate::engine::{self, Engine};
use crate::project::{ADDON, Project};
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{folder, platforms, suites};

const PACKAGE: &str = "other-godots";

/// The entry points that imitate a Godot in which the addon does not load, and the addon's error
/// there.
#[rustfmt::skip]
const REFUSED: [(&str, &str); 5] = [
    ("of_4_3", "it needs Godot 4.4 or later, and this is 4.3.1"),
    ("without_deprecated", "this Godot was built with deprecated=no"),
    ("without_peers", "this Godot has no class StreamPeerExtension"),
    ("without_has_connections", "this Godot has no method Object.has_connections"),
    ("of_double_precision", "this Godot was built with precision=double"),
];

/// The tests that run without 3D: those that compare with the engine, and those of our own methods
/// that call the engine most.
const TESTS: [&str; 9] = [
    "parity/*[ours]",
    "own/test_auto_poll",
    "own/test_class_bridge",
    "own/test_groups",
    "own/test_monitors",
    "own/test_relay",
    "own/test_script_subclasses",
    "own/test_signals",
    "own/test_statistics",
];

/// The script that prints whether the classes exist.
const SCRIPT: &str = "print_class_exists.gd";

/// Runs the tests in these Godots, and counts them.
pub fn test(engine: &Engine, tally: &mut Tally) {
    if !cfg!(unix) {
        return tally.skip("other Godots", "known for Unix only");
    }
    let library = match stage::build_package(engine.project, PACKAGE, Profile::Debug) {
        Ok(folder) => folder.join(format!("{DLL_PREFIX}other_godots{DLL_SUFFIX}")),
        Err(error) => return tally.check("other Godots", Err(error)),
    };
    let name = "the tests in a Godot without 3D";
    match prepare(engine.project, &library, "without_3d") {
        Ok(folder) => {
            let mut command = engine.command(&folder);
            command
                .args(["--script", "res://tests/run.gd", "--"])
                .args(TESTS);
            suites::count(engine, name, &mut command, tally);
        }
        Err(error) => tally.check(name, Err(error)),
    }
    for (entry, reason) in REFUSED {
        let name = format!("the addon in a Godot {}", entry.replace('_', " "));
        let result = prepare(engine.project, &library, entry)
            .and_then(|folder| is_refused(engine, &folder, &name, reason));
        tally.check(&name, result);
    }
}

/// Checks that the library prints `reason` and no other error, and that Godot keeps running.
fn is_refused(engine: &Engine, folder: &Path, name: &str, reason: &str) -> Result<()> {
    let text = include_str!("other_godots/print_class_exists.gd");
    fs::write(folder.join(SCRIPT), text)?;
    let mut command = engine.command(folder);
    command.args(["--script", &format!("res://{SCRIPT}")]);
    let [of_class, of_method] = engine::NOT_LOADED;
    let known = [of_class, of_method, "ERROR: this Godot was asked for"];
    let expected = "StreamPeerTCPRs is not there";
    let problem = format!("{ADDON} cannot be loaded: {reason}");
    engine.expect_problem(name, &mut command, &known, expected, &[&problem])
}

/// Makes a copy of the test project in which Godot loads `library` at the entry point `entry`. The
/// addon's own library is in the same folder.
fn prepare(project: &Project, library: &Path, entry: &str) -> Result<PathBuf> {
    let folder = project.target().join("other-godots-project");
    let addon = folder.join("addons").join(ADDON);
    let platform = platforms::own()?;
    let name = library.file_name().unwrap_or_default();
    let manifest = fs::read_to_string(project.manifest())?
        .replace(&format!("{ADDON}_init"), entry)
        .replace(&platform.format.file_name(), &name.to_string_lossy());
    folder::replace(&folder, |folder| {
        folder::copy(&project.godot_project(), folder)?;
        fs::copy(library, addon.join(platform.library()).with_file_name(name))?;
        fs::write(addon.join(ADDON).with_extension("gdextension"), manifest)
    })?;
    Ok(folder)
}
