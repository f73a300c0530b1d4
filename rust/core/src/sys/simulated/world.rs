//! The world: everything that a kernel and a network have, in memory. It follows from its seed.
//!
//! All threads of an execution take turns on one thread of the system, so the world lies in a thread-local value, which
//! nobody uses across a point where another thread may go on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::faults::{Fault, Faults, Figures, Regime, os_error};
use super::files::Files;
use super::network::Network;
use super::poller::PollerState;
use super::process::Hosts;
use super::random::Random;
use super::scheduler;
use super::waiting::Waiting;

/// What names a thing of the world, or what a thread waits for.
pub(super) type Id = u64;

/// A kernel, its network and its clock.
#[derive(Debug)]
pub(super) struct World {
    /// Which world it is: no two of a process have the same number.
    pub(super) number: u64,
    pub(super) forks: u64,
    pub(super) random: Random,
    pub(super) regime: Regime,
    pub(super) faults: Faults,
    pub(super) figures: Figures,
    /// Nanoseconds since it began.
    pub(super) time: u64,
    next_id: Id,
    pub(super) waiters: Vec<Waiting>,
    pub(super) network: Network,
    pub(super) pollers: BTreeMap<Id, PollerState>,
    /// The wake-up calls, and whether each is called.
    pub(super) wakes: BTreeMap<Id, bool>,
    pub(super) files: Files,
    pub(super) hosts: Hosts,
    /// How many threads of the library there are.
    pub(super) threads: usize,
    pub(super) is_over: bool,
}

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// Begins the world of `seed`.
pub(super) fn begin(seed: u64) {
    static WORLDS: AtomicU64 = AtomicU64::new(1);
    let number = WORLDS.fetch_add(1, Ordering::Relaxed);
    let mut random = Random::new(seed);
    let regime = Regime::new(&mut random);
    let world = World {
        number,
        forks: 0,
        regime,
        faults: Faults::default(),
        figures: Figures::default(),
        time: 0,
        // Things of an earlier world that are dropped in this one hit nobody, and nothing is mistaken for the address of a lock.
        next_id: 1 << 63 | number << 32,
        waiters: Vec::new(),
        network: Network::new(&mut random),
        pollers: BTreeMap::new(),
        wakes: BTreeMap::new(),
        files: Files::default(),
        hosts: Hosts::default(),
        threads: 0,
        is_over: false,
        random,
    };
    WORLD.with(|cell| *cell.borrow_mut() = Some(world));
}

/// Ends the world.
pub(super) fn end() -> Option<Figures> {
    WORLD
        .with(|cell| cell.borrow_mut().take())
        .map(|world| world.figures)
}

/// Uses the world, if there is one.
pub(super) fn try_with<R>(body: impl FnOnce(&mut World) -> R) -> Option<R> {
    WORLD.with(|cell| cell.borrow_mut().as_mut().map(body))
}

/// Uses the world.
#[track_caller]
pub(super) fn with<R>(body: impl FnOnce(&mut World) -> R) -> R {
    try_with(body).expect("a simulated kernel works inside `simulated::run` only")
}

/// A point where another thread may go on.
#[track_caller]
pub(super) fn pause() {
    let stops = try_with(|world| world.random.once_in(world.regime.pauses)).unwrap_or(false);
    if stops {
        shuttle::thread::yield_now();
    }
}

/// Lets the world happen until it is over.
pub(super) fn play() {
    while !with(|world| world.is_over) {
        with(|world| world.step(scheduler::is_world_alone()));
        shuttle::thread::yield_now();
    }
}

impl World {
    pub(super) fn next_id(&mut self) -> Id {
        self.next_id += 1;
        self.next_id
    }

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

    /// Whether an error is to be given in place of an answer.
    pub(super) fn fails(&mut self, fault: Fault) -> bool {
        let fails = self.random.once_in(self.faults.rate(fault));
        if fails {
            self.figures.faults += 1;
        }
        fails
    }

    /// Fails if no descriptor is to be had.
    pub(super) fn may_open(&mut self) -> io::Result<()> {
        if self.fails(Fault::NoDescriptor) {
            return Err(os_error(libc::EMFILE));
        }
        if self.fails(Fault::NoMemory) {
            return Err(os_error(libc::ENOMEM));
        }
        Ok(())
    }
}
