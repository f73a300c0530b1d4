//! Running a suite of tests with cargo, and counting them.

use std::process::Command;
use std::time::Duration;

use crate::tally::Tally;
use crate::{log_scan, process, watch};

/// How long cargo may take, which may have everything to build on a slow machine.
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs a `cargo test` under `name`, and counts its tests.
pub fn run(name: &str, cargo: &mut Command, tally: &mut Tally) {
    process::announce(name);
    let (mut passed, mut failed) = (0, 0);
    let result = watch::run(cargo, LIMIT, |line| {
        if let Some(counts) = log_scan::cargo_summary(line) {
            passed += counts.0;
            failed += counts.1;
        }
    });
    tally.suite(name, passed, failed, result);
}
