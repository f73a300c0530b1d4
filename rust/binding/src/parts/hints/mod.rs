//! Hints for mistakes that have no visible effect: a connect that nobody polls ([`connects`]),
//! packets with another framing than the other side's ([`packets`]), and a server or a group that
//! is freed at once ([`freed_early`]).
//!
//! There are hints in a game that can be debugged, and not in the editor or in an exported release
//! build. Each object gives at most one of each kind. Times are counted while the game runs: a
//! pause, such as a breakpoint, counts as at most [`switch::LONGEST_STEP`].

mod connects;
mod freed_early;
mod packets;
mod switch;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

pub(crate) use connects::connecting;
pub(super) use connects::{Connects, status_asked};
pub(crate) use freed_early::{freed, used, watch_lifetime};
pub(super) use packets::{HintedPackets, watch_packets};
pub(crate) use switch::are_on;

use crate::settings;

/// How often [`tick`] does its work.
const INTERVAL: Duration = Duration::from_millis(500);

static LAST_TICK: Mutex<Option<Instant>> = Mutex::new(None);

/// Turns hints on, or turns them off and forgets all objects.
pub(crate) fn enable(enabled: bool) {
    switch::set_enabled(enabled);
    if !enabled {
        connects::forget();
        packets::forget();
        freed_early::forget();
    }
}

/// Gives the hints that are due, or turns hints off once the project setting is off. Called in
/// every frame.
pub(crate) fn tick() {
    if !are_on() {
        return;
    }
    let now = Instant::now();
    let step = {
        let mut last = LAST_TICK.lock().unwrap_or_else(PoisonError::into_inner);
        let step = last.map_or(INTERVAL, |last| now.saturating_duration_since(last));
        if step < INTERVAL {
            return;
        }
        *last = Some(now);
        step
    };
    if !settings::has_hints() {
        return enable(false);
    }
    freed_early::expire(now);
    connects::step();
    packets::step(step);
}
