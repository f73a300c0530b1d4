//! The addon in unusual projects: one that exports only selected scenes or resources, and one that
//! has the addon twice.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::engine::{self, Engine};
use crate::folder;
use crate::new_project::{self, EXCHANGED, FILES, PROJECT, Preset};
use crate::project::{ADDON, Project};
use crate::tally::Tally;

/// The include filter that the addon's README names, wherever the addon's folder is. Without it,
/// the engine leaves all extensions out of an export of selected resources.
const INCLUDED: &str = "*.gdextension";

/// Exports a pack of each kind, runs a project that has the addon twice, and counts these.
pub fn test(engine: &Engine, tally: &mut Tally) {
    for filter in ["scenes", "resources"] {
        let name = format!("a pack of selected {filter}");
        tally.check(&name, exports(engine, &name, filter));
    }
    const TWICE: &str = "the addon twice in one project";
    tally.check(TWICE, is_refused_twice(engine, TWICE));
}

/// Exports a pack with a filter, which needs no template, and runs it beside the library.
fn exports(engine: &Engine, name: &str, filter: &str) -> Result<()> {
    let readme = fs::read_to_string(engine.project.addon().join("README.md"))?;
    let is_named = readme.contains(&format!("`{INCLUDED}`"));
    ensure!(is_named, "the addon's README does not name `{INCLUDED}`");
    let moved = format!("parts/{ADDON}");
    let folder = make(engine.project, &format!("packaging-{filter}"), &[&moved])?;
    let game = folder.with_extension("game");
    let preset = Preset {
        platform: "Linux",
        release: Path::new(""),
        debug: Path::new(""),
        export_filter: filter,
        include_filter: &format!("{INCLUDED},{FILES}"),
    };
    preset.write(&folder)?;
    // An exported game has the libraries beside its program, which is Godot's own here.
    let library = Path::new(&moved).join("bin");
    folder::replace(&game, |game| {
        folder::copy(&folder.join(&library), &game.join(&library))
    })?;
    let pack = game.join("game.pck");
    let mut export = engine.command(&folder);
    export.args(["--export-pack", preset.platform]).arg(&pack);
    engine.run(&format!("{name}, exported"), &mut export, |_| ())?;
    let mut command = engine.command(&game);
    engine.expect(name, command.arg("--main-pack").arg(&pack), &[EXCHANGED])
}

/// Checks that the second copy prints one error, and that the first one works.
fn is_refused_twice(engine: &Engine, name: &str) -> Result<()> {
    let folders = ["addons/first", "addons/second"];
    let folder = make(engine.project, "packaging-twice", &folders)?;
    let mut command = engine.command(&folder);
    let problem = ["already loaded", folders[0]];
    engine.expect_problem(name, &mut command, &engine::NOT_LOADED, EXCHANGED, &problem)
}

/// Makes a project that has the addon in each of these folders.
fn make(project: &Project, name: &str, addons: &[&str]) -> Result<PathBuf> {
    let folder = project.target().join(name);
    folder::replace(&folder, |folder| {
        new_project::write(folder, &PROJECT, addons)?;
        for addon in addons {
            folder::copy(&project.staged_addon(), &folder.join(addon))?;
        }
        // Without this file, some Godots print an error.
        fs::write(
            folder.join(".godot/global_script_class_cache.cfg"),
            "list=[]\n",
        )
    })?;
    Ok(folder)
}
