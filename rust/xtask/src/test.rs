//! All the tests: those of the crates, and in a real Godot those of the classes.

use godot_finder::Godot;

use crate::log_scan::Counts;
use crate::project::Project;
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{bench, cargo_suite, class_docs, headless, log_scan, other_godots};

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
        cargo_suite(project, suite, tally);
    }
    match stage::build_and_stage(project, Profile::Debug).and_then(|()| Godot::find()) {
        Ok(godot) => {
            for suite in &GODOT_SUITES {
                godot_suite(
                    project,
                    &godot,
                    suite.name,
                    suite.args,
                    suite.environment,
                    tally,
                );
            }
            other_godots::test(project, &godot, tally);
            bench::smoke_test(project, &godot, tally);
            editor_load(project, &godot, tally);
            class_docs::test(project, &godot, tally);
        }
        Err(reason) => tally.check("Godot with the addon", Err(reason)),
    }
}

fn cargo_suite(project: &Project, suite: &Suite, tally: &mut Tally) {
    let mut cargo = project.cargo();
    cargo
        .args(["test", "--no-fail-fast"])
        .args(suite.args)
        .envs(suite.environment.iter().copied());
    cargo_suite::run(suite.name, &mut cargo, tally);
}

/// Runs the tests in Godot under `name`, counts them, and returns the counts.
pub fn godot_suite(
    project: &Project,
    godot: &Godot,
    name: &str,
    args: &[&str],
    environment: &[(&str, &str)],
    tally: &mut Tally,
) -> Counts {
    let mut command = headless::command(project, godot, &project.godot_project());
    command
        .args(["--script", "res://tests/run.gd"])
        .args(args)
        .envs(environment.iter().copied());
    let mut counts = Counts::default();
    let result = headless::run(project, name, &mut command, |line| {
        counts += log_scan::suite_summary(line).unwrap_or_default();
    });
    tally.suite(name, counts, result);
    counts
}

/// Loads the project in the editor, which does with an extension what a running game does not.
fn editor_load(project: &Project, godot: &Godot, tally: &mut Tally) {
    const NAME: &str = "the project in Godot's editor";
    let mut command = headless::command(project, godot, &project.godot_project());
    command.args(["--editor", "--quit"]);
    let result = headless::run(project, NAME, &mut command, |_| ());
    tally.check(NAME, result);
}
