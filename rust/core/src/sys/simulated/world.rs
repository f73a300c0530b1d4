//! The world: a kernel, a network and a clock in memory. All that happens in it follows from a
//! seed.
//!
//! The threads of a simulation take turns on one real thread, so the world is a thread-local value.
//! No thread borrows it across a point where another thread may run.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::counters::{Calls, Summary};
use super::faults::{Fault, Faults, Parameters, os_error};
use super::objects::{Files, Hosts, Id, Network, PollerState};
use super::random::Random;
use super::wait_queue::WaitQueue;

#[derive(Debug)]
pub(super) struct World {
    /// Differs in each world of this process.
    pub(super) number: u64,
    pub(super) forks: u64,
    pub(super) random: Random,
    pub(super) parameters: Parameters,
    pub(super) faults: Faults,
    pub(super) summary: Summary,
    pub(super) calls: Calls,
    /// How often `lock` was called on a mutex.
    pub(super) locks: u64,
    /// Nanoseconds since the world began.
    pub(super) time: u64,
    next_id: Id,
    pub(super) wait_queue: WaitQueue,
    pub(super) network: Network,
    pub(super) pollers: BTreeMap<Id, PollerState>,
    /// The interrupters, and whether each is set.
    pub(super) interrupters: BTreeMap<Id, bool>,
    pub(super) files: Files,
    pub(super) hosts: Hosts,
    /// How many threads of the library are alive.
    pub(super) threads: usize,
    /// The program has ended.
    pub(super) is_over: bool,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Begins the world of `seed`, in place of the one before.
pub(super) fn begin(seed: u64) {
    static WORLDS: AtomicU64 = AtomicU64::new(1);
    let number = WORLDS.fetch_add(1, Ordering::Relaxed);
    let mut random = Random::new(seed);
    let parameters = Parameters::new(&mut random);
    let world = World {
        number,
        forks: 0,
        parameters,
        faults: Faults::default(),
        summary: Summary::default(),
        calls: Calls::default(),
        locks: 0,
        time: 0,
        next_id: first_id(number),
        wait_queue: WaitQueue::default(),
        network: Network::new(&mut random),
        pollers: BTreeMap::new(),
        interrupters: BTreeMap::new(),
        files: Files::default(),
        hosts: Hosts::default(),
        threads: 0,
        is_over: false,
        random,
    };
    WORLD.with(|cell| *cell.borrow_mut() = Some(world));
}

/// The ids of different worlds differ, so an object of an earlier world that is dropped in a later
/// one affects nothing there. No id is the address of a lock, which is a key to wait for as well.
fn first_id(world: u64) -> Id {
    1 << 63 | world << 32
}

/// Ends the world.
pub(super) fn end() -> Option<Summary> {
    WORLD
        .with(|cell| cell.borrow_mut().take())
        .map(|world| world.summary)
}

/// Calls `body` with the world, if there is one.
pub(super) fn try_with<R>(body: impl FnOnce(&mut World) -> R) -> Option<R> {
    WORLD.with(|cell| cell.borrow_mut().as_mut().map(body))
}

/// Calls `body` with the world.
#[track_caller]
pub(super) fn with<R>(body: impl FnOnce(&mut World) -> R) -> R {
    try_with(body).expect("a simulated kernel works inside `simulated::run` only")
}

impl World {
    pub(super) fn next_id(&mut self) -> Id {
        self.next_id += 1;
        debug_assert!(
            (first_id(self.number)..first_id(self.number + 1)).contains(&self.next_id),
            "the ids of a world are its own"
        );
        self.next_id
    }

    /// Whether a call is to fail with `fault`.
    pub(super) fn fails(&mut self, fault: Fault) -> bool {
        let fails = self.random.once_in(self.faults.rate(fault));
        if fails {
            self.summary.faults += 1;
        }
        fails
    }

    /// Fails if a call that creates a descriptor is to fail.
    pub(super) fn check_can_open(&mut self) -> io::Result<()> {
        if self.fails(Fault::NoDescriptor) {
            return Err(os_error(libc::EMFILE));
        }
        if self.fails(Fault::NoMemory) {
            return Err(os_error(libc::ENOMEM));
        }
        Ok(())
    }

    /// Registers a wait of the current thread, and returns its id.
    pub(super) fn register_wait(
        &mut self,
        reason: &'static str,
        keys: &[Id],
        deadline: Option<u64>,
    ) -> Id {
        let id = self.next_id();
        self.wait_queue
            .register(id, reason, keys, deadline, self.time);
        id
    }

    /// The time after `limit`; `None` if it is beyond the range of the clock.
    pub(super) fn deadline(&self, limit: Duration) -> Option<u64> {
        let nanoseconds = u64::try_from(limit.as_nanos()).ok()?;
        self.time.checked_add(nanoseconds)
    }

    /// Advances the clock to `time`, unless that has passed.
    pub(super) fn advance_to(&mut self, time: u64) {
        if time > self.time {
            self.time = time;
            self.wait_queue.wake_expired(time);
        }
    }

    /// Draws the time by which something that is sent now arrives.
    pub(super) fn draw_arrival(&mut self) -> u64 {
        self.time + 1 + self.random.below(self.parameters.latency)
    }
}
