//! All the tests: those of the crates, and in a real Godot those of the classes.

use godot_finder::Godot;

use crate::dist::targets;
use crate::log_scan::Counts;
use crate::project::Project;
use crate::records::{self, Kind};
use crate::stage::{self, Profile};
use crate::tally::Tally;
use crate::{
    bench, cargo_suite, class_docs, debugger_tab, editor_views, headless, log_scan, other_godots,
    packaging, photographs,
};

/// With this variable the core asks each socket, as where sockets cannot be watched together
/// (`check_watching` in `rust/core/src/sys/mod.rs`). What has to hold there too is tested once more with it.
const DIRECT: &[(&str, &str)] = &[("STREAM_SOCKET_DIRECT", "1")];

/// A run of tests that count themselves.
pub struct Suite<'a> {
    pub name: &'a str,
    pub args: &'a [&'a str],
    pub environment: &'a [(&'a str, &'a str)],
}

const CARGO_SUITES: [Suite<'static>; 2] = [
    Suite {
        name: "cargo test",
        args: &["--workspace"],
        environment: &[],
    },
    Suite {
        name: "cargo test without watching sockets",
        args: &[
            "--package",
            "stream-socket",
            "--package",
            "stream-socket-relay",
        ],
        environment: DIRECT,
    },
];

const GODOT_SUITES: [Suite<'static>; 2] = [
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
    let [_, core] = CARGO_SUITES
        .each_ref()
        .map(|suite| cargo_suite(project, suite, tally));
    record(project, Kind::CoreTests, &core.to_string());
    match stage::build_and_stage(project, Profile::Debug).and_then(|()| Godot::find()) {
        Ok(godot) => {
            let [whole, _] = GODOT_SUITES
                .each_ref()
                .map(|suite| godot_suite(project, &godot, suite, tally));
            let version = godot.version().unwrap_or_default();
            record(
                project,
                Kind::GodotTests,
                &format!("{whole}, Godot {version}"),
            );
            other_godots::test(project, &godot, tally);
            bench::smoke_test(project, &godot, tally);
            editor_load(project, &godot, tally);
            class_docs::test(project, &godot, tally);
            editor_views::test(project, &godot, tally);
            packaging::test(project, &godot, tally);
            debugger_tab::test(project, &godot, tally);
            photographs::test(project, &godot, tally);
        }
        Err(reason) => tally.check("Godot with the addon", Err(reason)),
    }
}

/// Keeps what was seen of the platform that this program runs on.
fn record(project: &Project, kind: Kind, seen: &str) {
    if let Some(platform) = targets::own()
        && let Err(reason) = records::set(project, &platform.folder(), kind, Some(seen))
    {
        eprintln!("{reason}");
    }
}

fn cargo_suite(project: &Project, suite: &Suite, tally: &mut Tally) -> Counts {
    let mut cargo = project.cargo();
    cargo
        .args(["test", "--no-fail-fast"])
        .args(suite.args)
        .envs(suite.environment.iter().copied());
    cargo_suite::run(suite.name, &mut cargo, tally)
}

/// Runs tests in Godot, counts them, and returns the counts.
pub fn godot_suite(project: &Project, godot: &Godot, suite: &Suite, tally: &mut Tally) -> Counts {
    let mut command = headless::command(project, godot, &project.godot_project());
    command
        .args(["--script", "res://tests/run.gd"])
        .args(suite.args)
        .envs(suite.environment.iter().copied());
    let mut counts = Counts::default();
    let result = headless::run(project, suite.name, &mut command, |line| {
        counts += log_scan::suite_summary(line).unwrap_or_default();
    });
    tally.suite(suite.name, counts, result);
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
