//! The moments of the world: when waits are over, when things arrive, and how the clock moves.

use std::time::Duration;

use super::world::World;

impl World {
    /// When `limit` is over; `None` if the clock cannot hold that.
    pub(super) fn deadline(&self, limit: Duration) -> Option<u64> {
        let nanoseconds = u64::try_from(limit.as_nanos()).ok()?;
        self.time.checked_add(nanoseconds)
    }

    /// Moves the clock to `time`, unless it is there already.
    pub(super) fn advance_to(&mut self, time: u64) {
        if time > self.time {
            self.time = time;
            self.wake_where(|waiting| waiting.deadline.is_some_and(|deadline| deadline <= time));
        }
    }

    /// When something that is sent now arrives at the latest.
    pub(super) fn arrival(&mut self) -> u64 {
        self.time + 1 + self.random.below(self.regime.latency)
    }
}
