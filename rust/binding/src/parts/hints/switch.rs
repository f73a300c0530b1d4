//! The switch that turns hints on and off, and what all hints share.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use godot::prelude::godot_warn;

use crate::origin;

/// How long a connect is not polled, or a packet is incomplete, before there is a hint.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A longer pause between two checks counts as this long: the game was stopped, for example at a
/// breakpoint.
pub(super) const LONGEST_STEP: Duration = Duration::from_secs(1);

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Turns hints on or off.
pub(super) fn set_enabled(enabled: bool) {
    IS_ON.store(enabled, Ordering::Relaxed);
}

/// Whether there are hints.
#[inline]
pub(crate) fn are_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// The line of the script that runs, in parentheses, if a debugger knows it.
pub(super) fn place() -> String {
    let mut place = origin::origin();
    if !place.is_empty() {
        place.insert_str(0, " (");
        let _ = place.write_char(')');
    }
    place
}

/// Prints `hints`. A script may listen to what is printed, so the caller holds no lock.
pub(super) fn print(hints: Vec<String>) {
    for hint in hints {
        godot_warn!("{hint}");
    }
}
