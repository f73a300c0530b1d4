//! Running a suite of tests with cargo, and counting them.

use std::process::Command;
use std::time::Duration;

use crate::log_scan::Counts;
use crate::tally::Tally;
use crate::{log_scan, process, watch};

/// How long cargo may take, which may have everything to build on a slow machine.
const LIMIT: Duration = Duration::from_secs(3600);

/// Runs a `cargo test` under `name`, counts its tests, and returns the counts.
pub fn run(name: &str, cargo: &mut Command, tally: &mut Tally) -> Counts {
    process::announce(name);
    let mut counts = Counts::default();
    let mut skipped = 0;
    let result = watch::run(cargo, LIMIT, |line| {
        counts += log_scan::cargo_summary(line).unwrap_or_default();
        skipped += usize::from(log_scan::is_skipped(line));
    });
    // To cargo, a test that has skipped itself has passed.
    counts.passed = counts.passed.saturating_sub(skipped);
    counts.skipped += skipped;
    tally.suite(name, counts, result);
    counts
}
