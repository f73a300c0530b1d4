//! Running Godot without a user, mostly without a window, and reading its output.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use fs_err as fs;
use godot_finder::{Godot, Screen};

use crate::folder::{Temporary, unique_name};
use crate::project::Project;
use crate::stage::{self, Profile};
use crate::{log_scan, process};

/// How long a Godot may take: a generous multiple of the usual time.
const LIMIT: Duration = Duration::from_secs(7200);

/// How often an editor is started that crashes in its own code.
const EDITOR_STARTS: usize = 3;

/// How many of the problematic lines to repeat at the end.
const LINES_TO_REPEAT: usize = 10;

/// What Godot itself prints about an extension that does not load.
pub const NOT_LOADED: [&str; 2] = [
    "ERROR: GDExtension initialization function",
    "ERROR: Error loading extension:",
];

/// A Godot for the projects of this checkout.
pub struct Engine<'a> {
    pub project: &'a Project,
    pub godot: Godot,
    /// The output that [`Engine::show_held`] shows, unless output is shown at once.
    held: Option<Mutex<Vec<String>>>,
}

impl<'a> Engine<'a> {
    /// Builds and stages the addon, and finds a Godot.
    pub fn with_addon(project: &'a Project, profile: Profile) -> Result<Self> {
        stage::build_and_stage(project, profile)?;
        Ok(Self::new(project, Godot::find()?))
    }

    /// An engine whose output is shown at once.
    pub fn new(project: &'a Project, godot: Godot) -> Self {
        Self {
            project,
            godot,
            held: None,
        }
    }

    /// The same engine for runs beside this one's: its output is held until
    /// [`show_held`](Self::show_held).
    pub fn beside(&self) -> Self {
        Self {
            project: self.project,
            godot: self.godot.clone(),
            held: Some(Mutex::default()),
        }
    }

    /// Shows the output that was held.
    pub fn show_held(self) {
        let held = self.held.and_then(|lines| lines.into_inner().ok());
        for line in held.unwrap_or_default() {
            println!("{line}");
        }
    }

    /// A command that opens the Godot project in `folder` without a window.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = self.godot.command(self.project.root());
        command.args(["--headless", "--path"]).arg(folder);
        command
    }

    /// The same with a window, which fills the screen.
    pub fn command_on(&self, screen: &Screen, folder: &Path) -> Command {
        let mut command = self.godot.command(self.project.root());
        command
            .args(["--rendering-method", "gl_compatibility"])
            .args(["--rendering-driver", "opengl3"])
            .args(["--audio-driver", "Dummy", "--position", "0,0"])
            .args(["--resolution", screen.size(), "--path"])
            .arg(folder);
        screen.apply(&mut command);
        command
    }

    /// Runs such a command under `name`, and passes each line of its output to `on_line`. The error
    /// is how Godot failed, and the problems that it printed.
    pub fn run(
        &self,
        name: &str,
        command: &mut Command,
        mut on_line: impl FnMut(&str),
    ) -> Result<()> {
        let mut problems = Vec::new();
        let result = self.run_unread(name, command, |line| {
            if log_scan::is_problem(line) {
                problems.push(line.to_owned());
            }
            // The line is the source location of the previous error. Editors always try Vulkan.
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

    /// The same for a run that has to print these lines.
    pub fn expect(
        &self,
        name: &str,
        command: &mut Command,
        expected: &[impl AsRef<str>],
    ) -> Result<()> {
        let mut lines = Vec::new();
        self.run(name, command, |line| lines.push(line.to_owned()))?;
        for line in expected.iter().map(AsRef::as_ref) {
            ensure!(
                lines.iter().any(|printed| printed == line),
                "it did not print \"{line}\""
            );
        }
        Ok(())
    }

    /// The same for a run that has to print the line `expected`, and exactly one problem that
    /// contains all texts of `problem`. Problems that contain a text of `known` are ignored.
    pub fn expect_problem(
        &self,
        name: &str,
        command: &mut Command,
        known: &[&str],
        expected: &str,
        problem: &[&str],
    ) -> Result<()> {
        let (mut is_there, mut problems) = (false, Vec::new());
        self.run_unread(name, command, |line| {
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

    /// Runs a command whose output is not judged. An editor that crashes in its own code is started
    /// again: it has data races, such as that between its scan for files and its thread that reads
    /// the documentation of scripts (reported for 4.6.3: godotengine/godot#111048, #122158).
    fn run_unread(
        &self,
        name: &str,
        command: &mut Command,
        on_line: impl FnMut(&str),
    ) -> Result<()> {
        let mut lines = Vec::new();
        let mut result = self.run_once(name, command, |line| lines.push(line.to_owned()));
        for attempt in 2..=EDITOR_STARTS {
            let is_its_own = is_editor(command) && log_scan::is_crash_of_godot(&lines);
            if result.is_ok() || !is_its_own {
                break;
            }
            lines.clear();
            let name = format!("{name}, start {attempt} after a crash of the editor itself");
            result = self.run_once(&name, command, |line| lines.push(line.to_owned()));
        }
        lines.iter().map(String::as_str).for_each(on_line);
        result
    }

    fn run_once(&self, name: &str, command: &mut Command, on_line: impl FnMut(&str)) -> Result<()> {
        if has_user(command) {
            return self.watch(name, command, on_line);
        }
        // Each run starts without settings, and the user's own stay as they are.
        let user = Temporary(self.project.target().join(unique_name("godot-user")));
        fs::create_dir_all(&user.0)?;
        set_user(command, &user.0);
        self.watch(name, command, on_line)
    }

    fn watch(
        &self,
        name: &str,
        command: &mut Command,
        mut on_line: impl FnMut(&str),
    ) -> Result<()> {
        let Some(held) = &self.held else {
            process::announce(name);
            return process::watch(command, LIMIT, on_line);
        };
        let hold = |line: String| {
            held.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(line)
        };
        hold(format!("\n--- {name}"));
        let status = process::watch_quietly(command, LIMIT, |line| {
            hold(line.to_owned());
            on_line(line);
        })?;
        process::verdict(status)
    }
}

/// Whether a command starts the editor, which also imports and exports.
fn is_editor(command: &Command) -> bool {
    command.get_args().any(|argument| {
        let argument = argument.to_string_lossy();
        argument == "--editor" || argument == "--import" || argument.starts_with("--export-")
    })
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

/// One of the variables for the places of these files.
const USER: &str = "XDG_DATA_HOME";

fn has_user(command: &Command) -> bool {
    command.get_envs().any(|(variable, _)| variable == USER)
}
