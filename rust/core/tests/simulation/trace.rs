//! What a program has done so far, for whoever reads of its failure, and counts of it.

use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static STEPS: AtomicU64 = AtomicU64::new(0);
static IS_ON: AtomicBool = AtomicBool::new(false);
static LINES: Mutex<String> = Mutex::new(String::new());

/// So many operations are more than a program needs.
const MOST: u64 = 100_000;

static LIMIT: AtomicU64 = AtomicU64::new(u64::MAX);

/// Begins a program.
pub fn begin() {
    LIMIT.store(steps() + MOST, Ordering::Relaxed);
}

/// Counts one operation of the model.
pub fn step() {
    let steps = STEPS.fetch_add(1, Ordering::Relaxed);
    assert!(
        steps < LIMIT.load(Ordering::Relaxed),
        "the program does not end"
    );
}

/// How many operations there were.
pub fn steps() -> u64 {
    STEPS.load(Ordering::Relaxed)
}

/// Whether operations are written down.
pub fn turn_on(is_on: bool) {
    IS_ON.store(is_on, Ordering::Relaxed);
}

/// Writes down what `line` says.
pub fn note(line: impl FnOnce() -> String) {
    if IS_ON.load(Ordering::Relaxed) {
        let line = line();
        let mut lines = LINES
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        writeln!(lines, "{line}").expect("memory can be written");
    }
}

/// Everything that was written down.
pub fn take() -> String {
    std::mem::take(
        &mut *LINES
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner()),
    )
}
