//! The addon in projects of other shapes: one of which selected scenes or resources are exported, and one that has it twice.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use godot_finder::Godot;

use crate::install::presets::{self, Preset};
use crate::install::{EXCHANGED, PROJECT};
use crate::project::{ADDON, Project};
use crate::result::Result;
use crate::tally::Tally;
use crate::{folder, headless, log_scan};

/// What the addon's README says to export by, wherever the addon's folder is: without it, the engine leaves all extensions
/// out of an export of selected resources.
const INCLUDED: &str = "*.gdextension";

/// What Godot itself says of an extension that does not load.
const GODOTS_OWN: [&str; 2] = [
    "ERROR: GDExtension initialization function",
    "ERROR: Error loading extension:",
];

/// Runs both, and counts them.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    for filter in ["scenes", "resources"] {
        let name = format!("a pack of selected {filter}");
        tally.check(&name, exports(project, godot, &name, filter));
    }
    const TWICE: &str = "the addon twice in one project";
    tally.check(TWICE, is_refused_twice(project, godot, TWICE));
}

/// Exports a pack with a filter, which needs no template, and runs it beside the library.
fn exports(project: &Project, godot: &Godot, name: &str, filter: &str) -> Result<()> {
    let readme = project.addon().join("README.md");
    if !fs::read_to_string(&readme).is_ok_and(|text| text.contains(&format!("`{INCLUDED}`"))) {
        return Err(format!("the addon's README does not name `{INCLUDED}`"));
    }
    let moved = format!("parts/{ADDON}");
    let folder = make(project, &format!("packaging-{filter}"), &[&moved])?;
    let game = folder.with_extension("game");
    let preset = Preset {
        platform: "Linux",
        release: Path::new(""),
        debug: Path::new(""),
        export_filter: filter,
        include_filter: INCLUDED,
    };
    folder::replace(&game, |game| {
        fs::write(folder.join("export_presets.cfg"), presets::text(&preset))?;
        // Where it is in an exported game is beside the program, which is Godot's own here.
        folder::copy(
            &folder.join(&moved).join("bin"),
            &game.join(&moved).join("bin"),
        )
    })
    .map_err(|error| at(&game, &error))?;
    let pack = game.join("game.pck");
    let mut export = headless::command(project, godot, &folder);
    export.args(["--export-pack", preset.platform]).arg(&pack);
    headless::run(project, &format!("{name}, exported"), &mut export, |_| ())?;
    let mut command = headless::command(project, godot, &game);
    let mut has_received = false;
    let command = command.arg("--main-pack").arg(&pack);
    headless::run(project, name, command, |line| {
        has_received |= line == EXCHANGED;
    })?;
    match has_received {
        true => Ok(()),
        false => Err("the scene has sent a line, and it has not arrived".into()),
    }
}

/// Checks that the second copy says one sentence, and that the first one works.
fn is_refused_twice(project: &Project, godot: &Godot, name: &str) -> Result<()> {
    let folders = ["addons/first", "addons/second"];
    let folder = make(project, "packaging-twice", &folders)?;
    let (mut has_received, mut problems) = (false, Vec::new());
    let mut command = headless::command(project, godot, &folder);
    headless::run_unread(project, name, &mut command, |line| {
        has_received |= line == EXCHANGED;
        if log_scan::is_problem(line) && !GODOTS_OWN.iter().any(|text| line.contains(text)) {
            problems.push(line.to_owned());
        }
    })?;
    match problems.as_slice() {
        [line] if line.contains("loaded already") && line.contains(folders[0]) && has_received => {
            Ok(())
        }
        _ => Err(format!("received: {has_received}, printed: {problems:?}")),
    }
}

/// Makes a project that has the addon in each of these folders.
fn make(project: &Project, name: &str, addons: &[&str]) -> Result<PathBuf> {
    let folder = project.target().join(name);
    folder::replace(&folder, |folder| {
        fs::create_dir_all(folder.join(".godot"))?;
        for (name, text) in PROJECT {
            fs::write(folder.join(name), text)?;
        }
        let mut listed = String::new();
        for addon in addons {
            folder::copy(&project.staged_addon(), &folder.join(addon))?;
            listed += &format!("res://{addon}/{ADDON}.gdextension\n");
        }
        fs::write(folder.join(".godot/extension_list.cfg"), listed)?;
        // Without it, some Godots print an error.
        fs::write(
            folder.join(".godot/global_script_class_cache.cfg"),
            "list=[]\n",
        )
    })
    .map_err(|error| at(&folder, &error))?;
    Ok(folder)
}

fn at(folder: &Path, error: &io::Error) -> String {
    format!("cannot write {}: {error}", folder.display())
}
