//! The monitors that the debugger of the editor shows of a running game: the sockets of all objects
//! together.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use godot::builtin::{Callable, Variant};
use godot::classes::Performance;
use godot::obj::Singleton;
use stream_socket::process::{count_traffic, totals};

use crate::parts::live;

/// A monitor: its name, which begins with its category, and the function that makes its Callable.
struct Monitor {
    name: &'static str,
    make: fn() -> Callable,
}

const MONITORS: [Monitor; 8] = [
    Monitor {
        name: "Sockets/Open Connections",
        make: || counter(|| totals().open()),
    },
    Monitor {
        name: "Sockets/Connects",
        make: || counter(|| totals().connects),
    },
    Monitor {
        name: "Sockets/Failures",
        make: || counter(|| totals().failures),
    },
    Monitor {
        name: "Sockets/Bytes In per Second",
        make: || rate(|| totals().received),
    },
    Monitor {
        name: "Sockets/Bytes Out per Second",
        make: || rate(|| totals().sent),
    },
    Monitor {
        name: "Sockets/Packets In per Second",
        make: || rate(|| totals().packets_received),
    },
    Monitor {
        name: "Sockets/Packets Out per Second",
        make: || rate(|| totals().packets_sent),
    },
    Monitor {
        name: "Sockets/Bytes Queued",
        make: || counter(queued),
    },
];

static ARE_ADDED: AtomicBool = AtomicBool::new(false);

/// The shortest time that a rate is measured over, however often it is read.
const WINDOW: Duration = Duration::from_millis(500);

/// Adds the monitors to those of the engine, and starts to count for them.
pub(crate) fn add() {
    ARE_ADDED.store(true, Ordering::Relaxed);
    count_traffic(true);
    live::keep(true);
    let mut performance = Performance::singleton();
    for Monitor { name, make } in &MONITORS {
        if !performance.has_custom_monitor(*name) {
            performance.add_custom_monitor(*name, &make());
        }
    }
}

/// Removes the monitors if they were added. The engine would keep them, and call a library that is
/// unloaded.
pub(crate) fn remove() {
    if !ARE_ADDED.swap(false, Ordering::Relaxed) {
        return;
    }
    let mut performance = Performance::singleton();
    for Monitor { name, .. } in &MONITORS {
        if performance.has_custom_monitor(*name) {
            performance.remove_custom_monitor(*name);
        }
    }
    count_traffic(false);
}

fn counter(count: fn() -> u64) -> Callable {
    Callable::from_sync_fn("socket monitor", move |_: &[&Variant]| {
        i64::try_from(count()).unwrap_or(i64::MAX)
    })
}

fn rate(total: fn() -> u64) -> Callable {
    let rate = Mutex::new(Rate::new(Instant::now(), total()));
    Callable::from_sync_fn("socket monitor", move |_: &[&Variant]| {
        let mut rate = rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.per_second(Instant::now(), total())
    })
}

/// The bytes that are queued in all objects.
fn queued() -> u64 {
    let objects = live::objects();
    let queued = objects.iter().map(|object| object.part.queued_bytes());
    queued.sum::<usize>() as u64
}

/// The rate at which a total grows.
struct Rate {
    /// When the current window began, and the total at that time.
    begin: (Instant, u64),
    /// The rate of the previous window.
    last: f64,
}

impl Rate {
    fn new(now: Instant, total: u64) -> Rate {
        Rate {
            begin: (now, total),
            last: 0.0,
        }
    }

    /// The growth per second in the last window that was long enough.
    fn per_second(&mut self, now: Instant, total: u64) -> f64 {
        let (begin, before) = self.begin;
        let passed = now.saturating_duration_since(begin);
        if passed >= WINDOW {
            self.last = total.saturating_sub(before) as f64 / passed.as_secs_f64();
            self.begin = (now, total);
        }
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_window() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut rate = Rate::new(start, 100);
        assert_eq!(rate.per_second(at(10), 5_000), 0.0, "nothing is known yet");
        assert_eq!(rate.per_second(at(500), 600), 1000.0);
        assert_eq!(
            rate.per_second(at(510), 9_600),
            1000.0,
            "a second query at once"
        );
        assert_eq!(rate.per_second(at(2_500), 20_600), 10_000.0);
        assert_eq!(rate.per_second(at(3_500), 20_600), 0.0, "nothing has moved");
        assert_eq!(rate.per_second(start, 0), 0.0, "a clock that stands still");
    }
}
