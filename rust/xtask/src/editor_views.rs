//! What the addon shows in the editor: the help and the icons of its classes, and its project settings. A new project with
//! the addon is imported, opened, scanned again, closed and opened again, and the editor has nothing to say about it.

use std::fs;
use std::path::Path;
use std::process::Command;

use godot_finder::{Godot, Screen};

use crate::editor_project::EditorProject;
use crate::headless;
use crate::project::Project;
use crate::result::Result;
use crate::tally::Tally;

/// The addon and nothing else, and what looks at it in the editor.
const VIEWS: EditorProject = EditorProject {
    name: "views-project",
    plugin: "look_around",
    plugin_config: include_str!("views_project/plugin.cfg"),
    script: include_str!("views_project/look_around.gd"),
    files: &[("project.godot", include_str!("views_project/project.godot"))],
};

/// How many project settings are looked for (`views_project/look_around.gd`).
const SETTINGS: usize = 2;

/// What [`photograph`] makes.
pub const PICTURES: [&str; 3] = ["help.png", "icons.png", "settings.png"];

/// Opens the project twice, and counts that as two tests.
pub fn test(project: &Project, godot: &Godot, tally: &mut Tally) {
    let folder = match VIEWS.make(project, godot) {
        Ok(folder) => folder,
        Err(reason) => return tally.check(VIEWS.name, Err(reason)),
    };
    for name in ["the addon in the editor", "the same, opened again"] {
        let command = headless::command(project, godot, &folder);
        tally.check(name, look(project, name, command));
    }
}

/// The same on a screen, with pictures in the folder `pictures`.
pub fn photograph(
    project: &Project,
    godot: &Godot,
    screen: &Screen,
    pictures: &Path,
) -> Result<()> {
    let folder = VIEWS.make(project, godot)?;
    let mut command = headless::command_on(screen, project, godot, &folder);
    command.arg("--single-window").env("PICTURES", pictures);
    look(project, "the addon in the editor, photographed", command)
}

fn look(project: &Project, name: &str, mut command: Command) -> Result<()> {
    VIEWS.set_user(project, command.arg("--editor"));
    let mut seen = Vec::new();
    headless::run(project, name, &mut command, |line| {
        seen.push(line.to_owned());
    })?;
    let documented = project.addon().join("doc_classes");
    let classes = fs::read_dir(&documented)
        .map_err(|error| format!("cannot read {}: {error}", documented.display()))?
        .count();
    for (what, count) in [
        ("help pages", classes),
        ("class icons", classes),
        ("settings", SETTINGS),
    ] {
        if !seen.contains(&format!("{what}: {count}")) {
            return Err(format!("not all {count} {what} are as they should be"));
        }
    }
    Ok(())
}
