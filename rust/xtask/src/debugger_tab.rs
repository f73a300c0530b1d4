//! The Sockets tab of the editor's debugger: a game that the editor runs shows its sockets there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use godot_finder::{Godot, Screen};

use crate::project::{ADDON, Project};
use crate::result::Result;
use crate::tally::Tally;
use crate::{folder, headless};

const NAME: &str = "the sockets of a game in the debugger";

/// How many rows of the game are looked for (`debugger_project/read_tab.gd`).
const ROWS: usize = 3;

/// Runs a game in the editor, and counts that as a test.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    let shown = game(project).and_then(|game| {
        let command = headless::command(project, godot, &game);
        shown(project, command)
    });
    tally.check(NAME, shown);
}

/// What [`photograph`] makes.
pub const PICTURES: [&str; 3] = ["sockets.png", "monitors.png", "help.png"];

/// The same on a screen, with pictures of the tab, of the monitors and of a help page in the folder `pictures`.
pub fn photograph(
    project: &Project,
    godot: &Godot,
    screen: &Screen,
    pictures: &Path,
) -> Result<()> {
    let game = game(project)?;
    let mut command = headless::command_on(screen, project, godot, &game);
    command.env("PICTURES", pictures);
    shown(project, command)
}

/// A new project whose game has sockets, and whose editor looks for them.
fn game(project: &Project) -> Result<PathBuf> {
    let game = project.target().join("debugger-project");
    let made = folder::replace(&game, |game| {
        let addons = game.join("addons");
        folder::copy(&project.staged_addon(), &addons.join(ADDON))?;
        let plugin = addons.join("read_tab");
        fs::create_dir_all(&plugin)?;
        let files = [
            (
                game,
                "project.godot",
                include_str!("debugger_project/project.godot"),
            ),
            (
                game,
                "game.tscn",
                include_str!("debugger_project/game.tscn"),
            ),
            (game, "game.gd", include_str!("debugger_project/game.gd")),
            (
                &plugin,
                "plugin.cfg",
                include_str!("debugger_project/plugin.cfg"),
            ),
            (
                &plugin,
                "read_tab.gd",
                include_str!("debugger_project/read_tab.gd"),
            ),
        ];
        files
            .into_iter()
            .try_for_each(|(folder, name, text)| fs::write(folder.join(name), text))
    });
    made.map_err(|error| format!("cannot write {}: {error}", game.display()))?;
    Ok(game)
}

fn shown(project: &Project, mut command: Command) -> Result<()> {
    command.arg("--editor");
    let (mut rows, mut has_bytes) = (0, false);
    headless::run(project, NAME, &mut command, |line| {
        let count = line.strip_prefix("sockets shown: ");
        rows = count.and_then(|count| count.parse().ok()).unwrap_or(rows);
        has_bytes |= line == "bytes shown: true";
    })?;
    match (rows, has_bytes) {
        (ROWS, true) => Ok(()),
        (ROWS, false) => Err("the bytes of a selected peer are not shown".into()),
        _ => Err(format!("{rows} of {ROWS} rows are as they should be")),
    }
}
