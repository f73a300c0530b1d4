//! The Sockets tab of the editor's debugger: a game that the editor runs shows its sockets there.

use std::path::Path;
use std::process::Command;

use godot_finder::{Godot, Screen};

use crate::editor_project::EditorProject;
use crate::headless;
use crate::project::Project;
use crate::result::Result;
use crate::tally::Tally;

const NAME: &str = "the sockets of a game in the debugger";

/// A game that has sockets, and what looks for them in its editor.
const GAME: EditorProject = EditorProject {
    name: "debugger-project",
    plugin: "read_tab",
    plugin_config: include_str!("debugger_project/plugin.cfg"),
    script: include_str!("debugger_project/read_tab.gd"),
    files: &[
        (
            "project.godot",
            include_str!("debugger_project/project.godot"),
        ),
        ("game.tscn", include_str!("debugger_project/game.tscn")),
        ("game.gd", include_str!("debugger_project/game.gd")),
    ],
};

/// How many rows of the game are looked for (`debugger_project/read_tab.gd`).
const ROWS: usize = 3;

/// Runs a game in the editor, and counts that as a test.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    let shown = GAME.make(project, godot).and_then(|game| {
        let command = headless::command(project, godot, &game);
        shown(project, command)
    });
    tally.check(NAME, shown);
}

/// What [`photograph`] makes.
pub const PICTURES: [&str; 2] = ["sockets.png", "monitors.png"];

/// The same on a screen, with pictures of the tab and of the monitors in the folder `pictures`.
pub fn photograph(
    project: &Project,
    godot: &Godot,
    screen: &Screen,
    pictures: &Path,
) -> Result<()> {
    let game = GAME.make(project, godot)?;
    let mut command = headless::command_on(screen, project, godot, &game);
    command.env("PICTURES", pictures);
    shown(project, command)
}

fn shown(project: &Project, mut command: Command) -> Result<()> {
    GAME.set_user(project, command.arg("--editor"));
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
