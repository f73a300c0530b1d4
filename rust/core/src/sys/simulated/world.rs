//! The world: everything that a kernel and a network have, in memory. It follows from its seed.
//!
//! All threads of an execution take turns on one thread of the system, so the world lies in a thread-local value, which
//! nobody uses across a point where another thread may go on.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use super::calls::Calls;
use super::faults::{Fault, Faults, Figures, Regime, os_error};
use super::files::Files;
use super::hosts::Hosts;
use super::id::Id;
use super::network::Network;
use super::random::Random;
use super::waiters::Waiting;
use super::watching::PollerState;

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
    pub(super) calls: Calls,
    /// How often a lock was waited for or taken.
    pub(super) locks: u64,
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
        calls: Calls::default(),
        locks: 0,
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

impl World {
    pub(super) fn next_id(&mut self) -> Id {
        self.next_id += 1;
        self.next_id
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
