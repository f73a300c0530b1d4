//! Running suites of tests, with cargo and in Godot, and counting their tests.

use std::process::Command;
use std::time::Duration;

use crate::engine::Engine;
use crate::log_scan::Counts;
use crate::tally::Tally;
use crate::{log_scan, process};

/// How long cargo may take, which may have to build everything on a slow machine.
const LIMIT: Duration = Duration::from_secs(7200);

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
    engine: &Engine,
    name: &str,
    args: &[&str],
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    tally: &mut Tally,
) -> Counts {
    let mut command = engine.command(&engine.project.godot_project());
    command
        .args(["--script", "res://tests/run.gd"])
        .args(args)
        .envs(environment);
    count(engine, name, &mut command, tally)
}

/// Runs tests in Godot by this command.
pub fn count(engine: &Engine, name: &str, command: &mut Command, tally: &mut Tally) -> Counts {
    let mut counts = Counts::default();
    let result = engine.run(name, command, |line| {
        counts += log_scan::suite_summary(line).unwrap_or_default();
    });
    tally.suite(name, counts, result);
    counts
}
