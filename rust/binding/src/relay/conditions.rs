//! `SocketConditionsRs`: what a relay does to one direction.

use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use godot::prelude::{GodotClass, PhantomVar, godot_api, godot_error};
use stream_socket_relay::Conditions;

/// What stands for no number of bytes after which a link ends.
const NEVER: i64 = -1;

#[derive(GodotClass)]
#[class(tool, init, base = Resource)]
pub struct SocketConditionsRs {
    conditions: Mutex<Conditions>,
    #[export(range = (0.0, 1.0, 0.001, or_greater, suffix = "s"))]
    #[var(get = get_delay, set = set_delay)]
    delay: PhantomVar<f64>,
    #[export(range = (0.0, 1.0, 0.001, or_greater, suffix = "s"))]
    #[var(get = get_jitter, set = set_jitter)]
    jitter: PhantomVar<f64>,
    #[export(range = (0.0, 10_000_000.0, 1.0, or_greater, suffix = "B/s"))]
    #[var(get = get_bandwidth, set = set_bandwidth)]
    bandwidth: PhantomVar<i64>,
    #[export(range = (0.0, 65_536.0, 1.0, or_greater, suffix = "B"))]
    #[var(get = get_max_piece_bytes, set = set_max_piece_bytes)]
    max_piece_bytes: PhantomVar<i64>,
    #[export]
    #[var(get = is_stalled, set = set_stalled)]
    stalled: PhantomVar<bool>,
    #[export(range = (-1.0, 10_000_000.0, 1.0, or_greater, suffix = "B"))]
    #[var(get = get_close_after_bytes, set = set_close_after_bytes)]
    close_after_bytes: PhantomVar<i64>,
    #[export(range = (-1.0, 10_000_000.0, 1.0, or_greater, suffix = "B"))]
    #[var(get = get_abort_after_bytes, set = set_abort_after_bytes)]
    abort_after_bytes: PhantomVar<i64>,
}

#[godot_api]
impl SocketConditionsRs {
    #[func]
    fn set_delay(&self, seconds: f64) {
        if let Some(time) = time("delay", seconds) {
            self.lock().delay = time;
        }
    }

    #[func]
    fn get_delay(&self) -> f64 {
        self.lock().delay.as_secs_f64()
    }

    #[func]
    fn set_jitter(&self, seconds: f64) {
        if let Some(time) = time("jitter", seconds) {
            self.lock().jitter = time;
        }
    }

    #[func]
    fn get_jitter(&self) -> f64 {
        self.lock().jitter.as_secs_f64()
    }

    #[func]
    fn set_bandwidth(&self, bytes_per_second: i64) {
        match u64::try_from(bytes_per_second) {
            Ok(bandwidth) => self.lock().bandwidth = bandwidth,
            Err(_) => refuse("bandwidth", bytes_per_second, "number of bytes per second"),
        }
    }

    #[func]
    fn get_bandwidth(&self) -> i64 {
        self.lock().bandwidth as i64
    }

    #[func]
    fn set_max_piece_bytes(&self, count: i64) {
        match usize::try_from(count) {
            Ok(most) => self.lock().max_piece = most,
            Err(_) => refuse("max_piece_bytes", count, "number of bytes"),
        }
    }

    #[func]
    fn get_max_piece_bytes(&self) -> i64 {
        self.lock().max_piece as i64
    }

    #[func]
    fn set_stalled(&self, stalled: bool) {
        self.lock().is_stalled = stalled;
    }

    #[func]
    fn is_stalled(&self) -> bool {
        self.lock().is_stalled
    }

    #[func]
    fn set_close_after_bytes(&self, count: i64) {
        if let Some(after) = after("close_after_bytes", count) {
            self.lock().close_after = after;
        }
    }

    #[func]
    fn get_close_after_bytes(&self) -> i64 {
        of_after(self.lock().close_after)
    }

    #[func]
    fn set_abort_after_bytes(&self, count: i64) {
        if let Some(after) = after("abort_after_bytes", count) {
            self.lock().abort_after = after;
        }
    }

    #[func]
    fn get_abort_after_bytes(&self) -> i64 {
        of_after(self.lock().abort_after)
    }
}

impl SocketConditionsRs {
    /// What they are now.
    pub(super) fn current(&self) -> Conditions {
        *self.lock()
    }

    fn lock(&self) -> MutexGuard<'_, Conditions> {
        self.conditions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn time(property: &str, seconds: f64) -> Option<Duration> {
    let time = Duration::try_from_secs_f64(seconds).ok();
    if time.is_none() {
        refuse(property, seconds, "number of seconds");
    }
    time
}

fn after(property: &str, count: i64) -> Option<Option<u64>> {
    if count < NEVER {
        refuse(property, count, "number of bytes, nor -1 for never");
        return None;
    }
    Some(u64::try_from(count).ok())
}

fn of_after(after: Option<u64>) -> i64 {
    after.map_or(NEVER, |count| count as i64)
}

fn refuse(property: &str, value: impl Display, what: &str) {
    godot_error!("{property}: {value} is no {what}");
}
