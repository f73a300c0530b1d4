//! What happens by itself in the world: things arrive, and time passes.

use super::scheduler;
use super::world::{World, with};

/// Lets the world happen until it is over.
pub(super) fn play() {
    while !with(|world| world.is_over) {
        with(|world| world.step(scheduler::is_world_alone()));
        shuttle::thread::yield_now();
    }
}

impl World {
    /// Something happens: bytes, ends and resets arrive, or time passes.
    fn step(&mut self, is_alone: bool) {
        let early = if is_alone { 2 } else { self.regime.early };
        if self.random.once_in(early) && self.deliver_something() {
            return;
        }
        let next_timer = self
            .waiters
            .iter()
            .filter(|waiting| !waiting.is_woken)
            .filter_map(|waiting| waiting.deadline)
            .min();
        let next_arrival = self.network.next_arrival();
        let next = next_timer.into_iter().chain(next_arrival).min();
        if !is_alone {
            let step = 1 + self.random.below(self.regime.tick * 8);
            let end = next.map_or(u64::MAX, |next| next.max(self.time));
            self.advance_to((self.time + step).min(end));
        } else if let Some(next) = next {
            self.advance_to(next);
        } else if !self.deliver_something() {
            if self.waiters.iter().any(|waiting| waiting.is_woken) || self.is_over {
                return;
            }
            let waits: Vec<String> = self
                .waiters
                .iter()
                .map(|waiting| format!("{} waits for {}", waiting.thread, waiting.what))
                .collect();
            panic!(
                "deadlock: nothing is on its way, no time runs out, and {}",
                waits.join(", ")
            );
        }
        self.deliver_due();
    }
}
