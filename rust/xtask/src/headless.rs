//! Running Godot without a user, mostly without a window, and reading its output.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use fs_err as fs;
use godot_finder::{Godot, Screen};

use crate::folder::{Temporary, unique_name};
use crate::project::Project;
use crate::{log_scan, process};

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

/// Runs such a command under `name`, and passes each line of its output to `on_line`. The error is
/// how Godot failed, and the problems that it printed.
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
        // This line names the place of the error before. An editor asks for Vulkan in any case.
        if line.contains("rendering_context_driver_vulkan.cpp") {
            problems.pop();
        }
        on_line(line);
    });
    problems.truncate(LINES_TO_REPEAT);
    problems.splice(0..0, result.err().map(|error| error.to_string()));
    ensure!(problems.is_empty(), problems.join("\n        "));
    Ok(())
}

/// The same for a run that has to print this line.
pub fn expect(project: &Project, name: &str, command: &mut Command, expected: &str) -> Result<()> {
    let mut is_there = false;
    run(project, name, command, |line| is_there |= line == expected)?;
    ensure!(is_there, "it did not print \"{expected}\"");
    Ok(())
}

/// The same for a run that also has to print one problem, which contains all the texts of
/// `problem`, beside problems that contain a text of `known`.
pub fn expect_problem(
    project: &Project,
    name: &str,
    command: &mut Command,
    known: &[&str],
    [expected, problem @ ..]: [&str; 3],
) -> Result<()> {
    let (mut is_there, mut problems) = (false, Vec::new());
    run_unread(project, name, command, |line| {
        is_there |= line == expected;
        if log_scan::is_problem(line) && !known.iter().any(|text| line.contains(text)) {
            problems.push(line.to_owned());
        }
    })?;
    ensure!(is_there, "it did not print \"{expected}\"");
    let is_it = |line: &String| problem.iter().all(|text| line.contains(text));
    let is_right = problems.len() == 1 && problems.iter().all(is_it);
    ensure!(is_right, "it printed {problems:?} instead of {problem:?}");
    Ok(())
}

/// What Godot itself prints about an extension that does not load.
pub const NOT_LOADED: [&str; 2] = [
    "ERROR: GDExtension initialization function",
    "ERROR: Error loading extension:",
];

/// Runs a command whose output is not judged.
fn run_unread(
    project: &Project,
    name: &str,
    command: &mut Command,
    on_line: impl FnMut(&str),
) -> Result<()> {
    process::announce(name);
    if has_user(command) {
        return process::watch(command, LIMIT, on_line);
    }
    // Each run starts without settings, and the user's own stay as they are.
    let user = Temporary(project.target().join(unique_name("godot-user")));
    fs::create_dir_all(&user.0)?;
    set_user(command, &user.0);
    process::watch(command, LIMIT, on_line)
}

/// Makes Godot keep its files for a user in `folder`, where later runs find them.
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
