//! Running suites of tests, with cargo and in Godot, and counting their tests.

use std::process::Command;
use std::time::Duration;

use godot_finder::Godot;

use crate::log_scan::Counts;
use crate::project::Project;
use crate::tally::Tally;
use crate::{headless, log_scan, process};

/// How long cargo may take, which may have to build everything on a slow machine.
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs a `cargo test` under `name`, counts its tests, and returns the counts.
pub fn cargo(name: &str, cargo: &mut Command, tally: &mut Tally) -> Counts {
    process::announce(name);
    let mut counts = Counts::default();
    let mut skipped = 0;
    let result = process::watch(cargo, LIMIT, |line| {
        counts += log_scan::cargo_summary(line).unwrap_or_default();
        skipped += usize::from(log_scan::is_skipped(line));
    });
    // Cargo counts a test that skipped itself as passed.
    counts.passed = counts.passed.saturating_sub(skipped);
    counts.skipped += skipped;
    tally.suite(name, counts, result);
    counts
}

/// Runs the tests in Godot that `args` select, counts them, and returns the counts.
pub fn godot<'a>(
    project: &Project,
    godot: &Godot,
    name: &str,
    args: &[&str],
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    tally: &mut Tally,
) -> Counts {
    let mut command = headless::command(project, godot, &project.godot_project());
    command
        .args(["--script", "res://tests/run.gd"])
        .args(args)
        .envs(environment);
    count(project, name, &mut command, tally)
}

/// Runs tests in Godot by this command.
pub fn count(project: &Project, name: &str, command: &mut Command, tally: &mut Tally) -> Counts {
    let mut counts = Counts::default();
    let result = headless::run(project, name, command, |line| {
        counts += log_scan::suite_summary(line).unwrap_or_default();
    });
    tally.suite(name, counts, result);
    counts
}
