//! The trace of a program, for the report of its failure, and the count of its operations.

use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static STEPS: AtomicU64 = AtomicU64::new(0);
static IS_ON: AtomicBool = AtomicBool::new(false);
static LINES: Mutex<String> = Mutex::new(String::new());

/// A program with more operations than this fails, as one that does not end.
const MAX_STEPS: u64 = 100_000;

static LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Begins a program.
pub fn begin() {
    LIMIT.store(steps() + MAX_STEPS, Ordering::Relaxed);
}

/// Counts one operation.
pub fn step() {
    let steps = STEPS.fetch_add(1, Ordering::Relaxed);
    assert!(
        steps < LIMIT.load(Ordering::Relaxed),
        "the program does not end"
    );
}

/// The number of operations so far, in all programs.
pub fn steps() -> u64 {
    STEPS.load(Ordering::Relaxed)
}

/// Sets whether operations are traced.
pub fn turn_on(is_on: bool) {
    IS_ON.store(is_on, Ordering::Relaxed);
}

/// Adds a line to the trace, if that is on.
pub fn note(line: impl FnOnce() -> String) {
    if IS_ON.load(Ordering::Relaxed) {
        let line = line();
        let mut lines = LINES
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        writeln!(lines, "{line}").expect("a string can be written");
    }
}

/// Takes the trace so far.
pub fn take() -> String {
    std::mem::take(
        &mut *LINES
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()),
    )
}
