//! The addon in Godots that were built otherwise: without some of what a Godot may lack it works, and in one that lacks what
//! it needs it says so. The Godot is the one at hand, which the library `rust/other-godots` makes look like another.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use godot_finder::Godot;

use crate::log_scan::Counts;
use crate::project::{ADDON, Project};
use crate::result::Result;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{folder, headless, log_scan, manifest};

const PACKAGE: &str = "other-godots";

/// The entries of the Godots in which the library does not load, and what it says there.
const REFUSED: [(&str, &str); 5] = [
    ("of_4_3", "it needs Godot 4.4 or later, and this is 4.3.1"),
    (
        "without_deprecated",
        "this Godot was built with deprecated=no",
    ),
    (
        "without_peers",
        "this Godot has no class StreamPeerExtension",
    ),
    (
        "without_has_connections",
        "this Godot has no method Object.has_connections",
    ),
    (
        "of_double_precision",
        "this Godot was built with precision=double",
    ),
];

/// The tests that run without 3D: what the engine's classes have too, and those of ours that call the engine most.
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

/// What Godot itself says of an extension that does not load, and of a method that it does not have.
const GODOTS_OWN: [&str; 3] = [
    "ERROR: GDExtension initialization function",
    "ERROR: Error loading extension:",
    "ERROR: this Godot was asked for",
];

/// Runs the tests in such Godots, and counts them.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    if !cfg!(unix) {
        return;
    }
    let library = match stage::build_package(project, PACKAGE, Profile::Debug) {
        Ok(folder) => folder.join(format!("{DLL_PREFIX}other_godots{DLL_SUFFIX}")),
        Err(reason) => return tally.check("other Godots", Err(reason)),
    };
    works_without_3d(project, godot, &library, tally);
    for (entry, reason) in REFUSED {
        let name = format!("the addon in a Godot {}", entry.replace('_', " "));
        let result = is_refused(project, godot, &library, &name, entry, reason);
        tally.check(&name, result);
    }
}

fn works_without_3d(project: &Project, godot: &Godot, library: &Path, tally: &mut Tally) {
    const NAME: &str = "the tests in a Godot without 3D";
    let mut counts = Counts::default();
    let result = prepare(project, library, "without_3d").and_then(|folder| {
        let mut command = headless::command(project, godot, &folder);
        command
            .args(["--script", "res://tests/run.gd", "--"])
            .args(TESTS);
        headless::run(project, NAME, &mut command, |line| {
            counts += log_scan::suite_summary(line).unwrap_or_default();
        })
    });
    tally.suite(NAME, counts, result);
}

/// Checks that the library says `reason`, and nothing else about it, and that Godot runs on.
fn is_refused(
    project: &Project,
    godot: &Godot,
    library: &Path,
    name: &str,
    entry: &str,
    reason: &str,
) -> Result<()> {
    let folder = prepare(project, library, entry)?;
    let script = folder.join("say_whether_it_is_there.gd");
    fs::write(
        &script,
        include_str!("other_godots/say_whether_it_is_there.gd"),
    )
    .map_err(|error| format!("cannot write {}: {error}", script.display()))?;
    let mut command = headless::command(project, godot, &folder);
    command.args(["--script", "res://say_whether_it_is_there.gd"]);
    let (mut has_run, mut said) = (false, Vec::new());
    headless::run_unread(project, name, &mut command, |line| {
        has_run |= line == "StreamPeerTCPRs is not there";
        if log_scan::is_problem(line) && !GODOTS_OWN.iter().any(|text| line.contains(text)) {
            said.push(line.to_owned());
        }
    })?;
    match said.as_slice() {
        [line] if has_run && line.contains(&format!("{ADDON} cannot be loaded: {reason}")) => {
            Ok(())
        }
        _ if has_run => Err(format!("it said {said:?}, instead of \"{reason}\"")),
        _ => Err("the script has not run, or has found the classes".into()),
    }
}

/// Makes a project like the one at hand, in which Godot loads `library` by `entry` in place of the addon's, which lies
/// beside it.
fn prepare(project: &Project, library: &Path, entry: &str) -> Result<PathBuf> {
    let folder = project.target().join("other-godots-project");
    let addon = folder.join("addons").join(ADDON);
    let manifest_path = addon.join(ADDON).with_extension("gdextension");
    let manifest = fs::read_to_string(project.manifest())
        .map_err(|error| format!("cannot read {}: {error}", project.manifest().display()))?;
    let in_place_of = manifest::library_path(&manifest, manifest::own_tags())?;
    let in_place_of = in_place_of
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let binaries = addon.join(manifest::library_path(&manifest, manifest::own_tags())?);
    let name = library.file_name().unwrap_or_default();
    folder::replace(&folder, |folder| {
        folder::copy(&project.godot_project(), folder)?;
        fs::copy(library, binaries.with_file_name(name))?;
        let manifest = manifest
            .replace(&format!("{ADDON}_init"), entry)
            .replace(in_place_of.as_ref(), &name.to_string_lossy());
        fs::write(manifest_path, manifest)
    })
    .map_err(|error| format!("cannot write {}: {error}", folder.display()))?;
    Ok(folder)
}
