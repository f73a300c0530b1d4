//! The Sockets tab of the editor's debugger: a game that the editor runs shows its sockets there.

use std::fs;

use godot_finder::Godot;

use crate::project::{ADDON, Project};
use crate::result::Result;
use crate::tally::Tally;
use crate::{folder, headless};

const NAME: &str = "the sockets of a game in the debugger";

/// How many rows of the game are looked for (`debugger_project/read_tab.gd`).
const ROWS: usize = 3;

/// Runs a game in the editor, and counts that as a test.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    tally.check(NAME, shown(project, godot));
}

fn shown(project: &Project, godot: &Godot) -> Result<()> {
    let game = project.target().join("debugger-project");
    folder::replace(&game, |game| {
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
    })
    .map_err(|error| format!("cannot write {}: {error}", game.display()))?;
    let mut command = headless::command(project, godot, &game);
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
