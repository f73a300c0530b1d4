//! The clock of the world. It moves when the world lets time pass, and a little with each look at it.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::world;

/// 3 microseconds in ticks.
pub(crate) const SHORT: u64 = 3_000;

/// Any moment will do, as long as it stays the same.
fn base() -> Instant {
    static BASE: OnceLock<Instant> = OnceLock::new();
    *BASE.get_or_init(Instant::now)
}

/// The present of the world.
pub(crate) fn now() -> Instant {
    base() + Duration::from_nanos(ticks())
}

/// A moment, in nanoseconds since the world began.
pub(crate) fn ticks() -> u64 {
    world::try_with(|world| {
        let step = world.random.below(world.regime.tick) + 1;
        world.advance_to(world.time + step);
        world.time
    })
    .unwrap_or(0)
}
