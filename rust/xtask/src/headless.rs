//! Running Godot without a user, mostly without a window, and reading in its output what its exit code does not tell.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use godot_finder::{Godot, Screen};

use crate::folder::unique_name;
use crate::project::Project;
use crate::result::Result;
use crate::{log_scan, process, watch};

/// How long a Godot may take: a generous multiple of what it does.
const LIMIT: Duration = Duration::from_secs(600);

/// How many of the lines that went wrong to repeat at the end.
const LINES_TO_REPEAT: usize = 10;

/// A command that opens the Godot project in `folder` without a window.
pub fn command(project: &Project, godot: &Godot, folder: &Path) -> Command {
    let mut command = godot.command(project.root());
    command.args(["--headless", "--path"]).arg(folder);
    command
}

/// The same with a window, which fills the screen.
pub fn command_on(screen: &Screen, project: &Project, godot: &Godot, folder: &Path) -> Command {
    let mut command = godot.command(project.root());
    command
        .args(["--rendering-method", "gl_compatibility"])
        .args(["--rendering-driver", "opengl3"])
        .args(["--audio-driver", "Dummy", "--position", "0,0"])
        .args(["--resolution", screen.size(), "--path"])
        .arg(folder);
    screen.apply(&mut command);
    command
}

/// Runs such a command under `name`, and hands each line of its output to `on_line`. The error says how it ended, or
/// what in its output it ought not to have said.
pub fn run(
    project: &Project,
    name: &str,
    command: &mut Command,
    mut on_line: impl FnMut(&str),
) -> Result<()> {
    let mut problems = Vec::new();
    let result = run_unread(project, name, command, |line| {
        if log_scan::is_problem(line) {
            problems.push(line.to_owned());
        }
        // Where the error before has happened. An editor asks for Vulkan also where it draws without.
        if line.contains("rendering_context_driver_vulkan.cpp") {
            problems.pop();
        }
        on_line(line);
    });
    problems.truncate(LINES_TO_REPEAT);
    problems.splice(0..0, result.err());
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("\n        "))
    }
}

/// The same for one that is to say what it ought not to: the output is not judged.
pub fn run_unread(
    project: &Project,
    name: &str,
    command: &mut Command,
    on_line: impl FnMut(&str),
) -> Result<()> {
    process::announce(name);
    if has_user(command) {
        return watch::run(command, LIMIT, on_line);
    }
    let user = UserFolder::new(project)?;
    set_user(command, &user.0);
    watch::run(command, LIMIT, on_line)
}

/// Has Godot keep its files for a user in `folder`, where later runs find them.
pub fn set_user(command: &mut Command, folder: &Path) {
    for (variable, name) in [
        (USER, "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
    ] {
        command.env(variable, folder.join(name));
    }
}

/// One of the variables that say where they are.
const USER: &str = "XDG_DATA_HOME";

fn has_user(command: &Command) -> bool {
    command.get_envs().any(|(variable, _)| variable == USER)
}

/// A home of its own for the files that Godot keeps for its user: each run starts with the same settings, none, and the
/// user's own stay as they are.
struct UserFolder(PathBuf);

impl UserFolder {
    fn new(project: &Project) -> Result<Self> {
        let folder = project.target().join(unique_name("godot-user"));
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for UserFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
