//! All the tests: those of the crates, and in a real Godot those of the classes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::time::Duration;

use godot_finder::Godot;

use crate::project::Project;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{Result, bench, class_docs, log_scan, watch};

/// How long cargo may take, which may have everything to build on a slow machine.
const CARGO_LIMIT: Duration = Duration::from_secs(3600);

/// How long a Godot may take: a generous multiple of what it does.
const GODOT_LIMIT: Duration = Duration::from_secs(600);

/// How many of the lines that went wrong to repeat at the end.
const LINES_TO_REPEAT: usize = 10;

/// With this variable the core asks each socket, as where sockets cannot be watched together
/// (`rust/core/src/sys/selector.rs`). What has to hold there too is tested once more with it.
const DIRECT: &[(&str, &str)] = &[("STREAM_SOCKET_DIRECT", "1")];

/// A run of tests that count themselves.
struct Suite {
    name: &'static str,
    args: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

const CARGO_SUITES: [Suite; 2] = [
    Suite {
        name: "cargo test",
        args: &["--workspace"],
        environment: &[],
    },
    Suite {
        name: "cargo test without watching sockets",
        args: &["--package", "stream-socket"],
        environment: DIRECT,
    },
];

const GODOT_SUITES: [Suite; 2] = [
    Suite {
        name: "the tests in Godot",
        args: &[],
        environment: &[],
    },
    Suite {
        name: "the tests in Godot without watching sockets",
        args: &["--", "[ours]"],
        environment: DIRECT,
    },
];

/// Runs all the tests, and counts them.
pub fn run(project: &Project, tally: &mut Tally) {
    for suite in &CARGO_SUITES {
        cargo_test(project, suite, tally);
    }
    match stage::build_and_stage(project, Profile::Debug).and_then(|()| Godot::find()) {
        Ok(godot) => {
            for suite in &GODOT_SUITES {
                godot_suite(project, &godot, suite, tally);
            }
            bench::smoke_test(project, &godot, tally);
            editor_load(project, &godot, tally);
            class_docs::test(project, &godot, tally);
        }
        Err(reason) => tally.check("Godot with the addon", Err(reason)),
    }
}

fn cargo_test(project: &Project, suite: &Suite, tally: &mut Tally) {
    announce(suite.name);
    let mut cargo = project.cargo();
    cargo
        .args(["test", "--no-fail-fast"])
        .args(suite.args)
        .envs(suite.environment.iter().copied());
    let (mut passed, mut failed) = (0, 0);
    let result = watch::run(&mut cargo, CARGO_LIMIT, |line| {
        if let Some(counts) = log_scan::cargo_summary(line) {
            passed += counts.0;
            failed += counts.1;
        }
    });
    tally.suite(suite.name, passed, failed);
    tally.check(suite.name, result.and_then(|()| some_ran(passed, failed)));
}

fn godot_suite(project: &Project, godot: &Godot, suite: &Suite, tally: &mut Tally) {
    let mut command = godot.command(project.root());
    command.envs(suite.environment.iter().copied());
    let args = [&["--script", "res://tests/run.gd"], suite.args].concat();
    let mut summary = None;
    let result = run_command(
        project,
        command,
        suite.name,
        &project.godot_project(),
        &args,
        |line| {
            summary = log_scan::suite_summary(line).or(summary);
        },
    );
    let (passed, failed) = summary.unwrap_or_default();
    tally.suite(suite.name, passed, failed);
    tally.check(suite.name, result.and_then(|()| some_ran(passed, failed)));
}

/// Loads the project in the editor, which does with an extension what a running game does not.
fn editor_load(project: &Project, godot: &Godot, tally: &mut Tally) {
    const NAME: &str = "the project in Godot's editor";
    let args = ["--editor", "--quit"];
    let result = run_godot(
        project,
        godot,
        NAME,
        &project.godot_project(),
        &args,
        |_| (),
    );
    tally.check(NAME, result);
}

/// Runs Godot without a window on the Godot project in `folder`. The error says how it ended, or what in its output it ought not to
/// have said.
pub fn run_godot(
    project: &Project,
    godot: &Godot,
    name: &str,
    folder: &Path,
    args: &[&str],
    on_line: impl FnMut(&str),
) -> Result<()> {
    run_command(
        project,
        godot.command(project.root()),
        name,
        folder,
        args,
        on_line,
    )
}

fn run_command(
    project: &Project,
    mut command: Command,
    name: &str,
    folder: &Path,
    args: &[&str],
    mut on_line: impl FnMut(&str),
) -> Result<()> {
    announce(name);
    let user = UserFolder::new(project)?;
    command
        .args(["--headless", "--path"])
        .arg(folder)
        .args(args);
    user.apply(&mut command);
    let mut problems = Vec::new();
    let result = watch::run(&mut command, GODOT_LIMIT, |line| {
        if log_scan::is_problem(line) {
            problems.push(line.to_owned());
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

fn some_ran(passed: usize, failed: usize) -> Result<()> {
    if passed + failed > 0 {
        Ok(())
    } else {
        Err("no test was run, or none counted".into())
    }
}

/// Prints a headline for what comes now.
pub fn announce(name: &str) {
    println!("\n--- {name}");
}

/// A home of its own for the files that Godot keeps for its user: each run starts with the same settings, none, and the
/// user's own stay as they are.
struct UserFolder(PathBuf);

impl UserFolder {
    fn new(project: &Project) -> Result<Self> {
        let folder = project.target().join(format!("godot-user-{}", id()));
        // One may be left of a run that was killed.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        Ok(Self(folder))
    }

    fn apply(&self, command: &mut Command) {
        for (variable, folder) in [
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_CACHE_HOME", "cache"),
        ] {
            command.env(variable, self.0.join(folder));
        }
    }
}

impl Drop for UserFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
