//! Which thread runs next, at each point where threads may switch.

use std::cell::Cell;

use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};

use super::random::Random;

/// The thread that advances the world: the first one that the main thread spawns.
const WORLD: usize = 1;

thread_local! {
    /// Whether the thread of the world is the only runnable one.
    static IS_WORLD_ALONE: Cell<bool> = const { Cell::new(false) };
}

/// Whether all other threads wait for something. Only the thread of the world may call this.
pub(super) fn is_world_alone() -> bool {
    IS_WORLD_ALONE.get()
}

/// Schedules one execution. All of its choices follow from a seed.
#[derive(Debug)]
pub(super) struct SeededScheduler {
    seed: u64,
    random: Random,
    has_begun: bool,
    /// A thread is preempted once in this many switches, on average.
    preempts_once_in: u64,
    /// The world is chosen once in this many choices, on average.
    world_once_in: u64,
    /// The newest runnable thread is mostly chosen.
    prefers_newest: bool,
}

impl SeededScheduler {
    pub(super) fn new(seed: u64) -> SeededScheduler {
        let mut random = Random::new(seed ^ 0x5C4E_D01E);
        SeededScheduler {
            seed,
            preempts_once_in: random.choose(&[1, 2, 4, 16]),
            world_once_in: random.choose(&[2, 4, 8, 32]),
            prefers_newest: random.once_in(4),
            random,
            has_begun: false,
        }
    }
}

fn is_world(task: &Task) -> bool {
    usize::from(task.id()) == WORLD
}

impl Scheduler for SeededScheduler {
    fn new_execution(&mut self) -> Option<Schedule> {
        if std::mem::replace(&mut self.has_begun, true) {
            return None;
        }
        Some(Schedule::new(self.seed))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _is_yielding: bool,
    ) -> Option<TaskId> {
        if let [only] = runnable {
            IS_WORLD_ALONE.set(is_world(only));
            return Some(only.id());
        }
        IS_WORLD_ALONE.set(false);
        let world = runnable.iter().position(|task| is_world(task));
        let is_current_runnable = runnable.iter().any(|task| Some(task.id()) == current);
        if let (Some(current), true) = (current, is_current_runnable)
            && usize::from(current) != WORLD
            && !self.random.once_in(self.preempts_once_in)
        {
            return Some(current);
        }
        if let Some(world) = world
            && self.random.once_in(self.world_once_in)
        {
            return Some(runnable[world].id());
        }
        loop {
            let index = if self.prefers_newest && !self.random.once_in(4) {
                runnable.len() - 1
            } else {
                self.random.index(runnable.len())
            };
            if Some(index) != world {
                return Some(runnable[index].id());
            }
            if self.random.once_in(4) {
                return Some(runnable[index].id());
            }
        }
    }

    fn next_u64(&mut self) -> u64 {
        self.random.number()
    }
}
