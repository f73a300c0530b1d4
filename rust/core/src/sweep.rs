//! The readiness sweep: one system call that tells of all the idle connections of this process, so that a frame over
//! thousands of them does not make thousands.
//!
//! A connection that was found empty twice is watched: its socket is in one edge-triggered set. As long as nothing is told
//! of it, it is as empty as it was. A poll of it uses the newest sweep of the set, whoever made it, or makes one itself. A
//! sweep can be used for a poll if
//! - it began after the connection's previous poll: a tight loop sees what a system call of its own would show it;
//! - this process has sent nothing since it began: what one thread sends, the next poll sees, on every thread;
//! - it is fresh: younger than a message needs from one process to another.
//!
//! Where there is no such set ([`Selector::new`]), nothing is watched, and each connection asks the kernel itself.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::Socket;

use crate::lock::{lock, try_lock};
use crate::readiness::Readiness;
use crate::sys::{self, Interest, Registrar, Selector};

/// A sweep counts from its end: that it took long makes it no less new. But not from later than so long after its beginning,
/// about a millisecond: the thread may have lost its processor in between.
const LONGEST: u64 = 50 * sys::SHORT;

static SWEEPS: Sweeps = Sweeps {
    set: Mutex::new(None),
    set_number: AtomicU64::new(0),
    begun: AtomicU64::new(0),
    newest: Newest {
        number: AtomicU64::new(0),
        time: AtomicU64::new(0),
        sends: AtomicU64::new(0),
    },
};

/// How many times this process has sent something, or ended a stream. A `Relaxed` count suffices: whoever relies on a send
/// of another thread has been told of it by other means.
static SENDS: AtomicU64 = AtomicU64::new(0);

struct Sweeps {
    set: Mutex<Option<Set>>,
    /// Another number means another set: what was in the old one is not watched any more.
    set_number: AtomicU64,
    /// The number of sweeps that have begun. One at a time is under way.
    begun: AtomicU64,
    newest: Newest,
}

/// The newest sweep that is done. Each value is stored after everything that the sweep has told, so whoever sees any of
/// them sees that too.
struct Newest {
    number: AtomicU64,
    /// In ticks.
    time: AtomicU64,
    /// The value of [`SENDS`] when it began.
    sends: AtomicU64,
}

/// The sweeps that somebody has used: so many had begun then.
#[derive(Debug, Default)]
pub(crate) struct Mark(AtomicU64);

/// The sockets that are watched.
struct Set {
    registrar: Registrar,
    selector: Selector,
    watched: HashMap<usize, Arc<Readiness>>,
    next_token: usize,
    forks: u64,
}

/// While it lives, sweeps tell a connection's [`Readiness`] of its socket.
#[derive(Debug)]
pub(crate) struct Watch {
    token: usize,
    set_number: u64,
}

/// How often this process has sent something or ended a stream. What is looked at after asking for it is at least as new.
#[inline]
pub(crate) fn sends() -> u64 {
    SENDS.load(Ordering::Relaxed)
}

/// To be called after something was sent or a stream was ended.
#[inline]
pub(crate) fn has_sent() {
    SENDS.fetch_add(1, Ordering::Relaxed);
}

/// Whether what was found out at the time `then`, in ticks, still counts as news at the time `now`: less has passed than
/// anything needs to travel between two processes, but enough for the calls that belong together in a frame.
#[inline]
pub(crate) fn is_fresh(then: u64, now: u64) -> bool {
    // A time that lies ahead, after the machine has slept, is none.
    now.wrapping_sub(then) < sys::SHORT
}

/// Whether all that the kernel had to tell has been told by a sweep newer than `mark`; if there is none yet, by one made
/// now. If not, the caller has to look itself. Waits for nobody.
#[inline]
pub(crate) fn has_told_since(mark: &Mark) -> bool {
    let now = sys::ticks();
    let newest = &SWEEPS.newest;
    let is_usable = newest.number.load(Ordering::Acquire) > mark.0.load(Ordering::Relaxed)
        && newest.sends.load(Ordering::Acquire) == sends()
        && is_fresh(newest.time.load(Ordering::Acquire), now);
    if !is_usable && !sweep(now) {
        return false;
    }
    // A sweep that is under way on another thread began before this moment, so it is not for the next time either.
    mark.0
        .store(SWEEPS.begun.load(Ordering::Relaxed), Ordering::Relaxed);
    true
}

/// Makes a sweep; false if none can be made.
#[cold]
fn sweep(now: u64) -> bool {
    // Another thread's sweep may have begun too early to be of use.
    let Some(mut guard) = try_lock(&SWEEPS.set) else {
        return false;
    };
    let Some(set) = SWEEPS.own(&mut guard) else {
        return false;
    };
    let number = SWEEPS.begun.fetch_add(1, Ordering::Relaxed) + 1;
    let sends = sends();
    let watched = &set.watched;
    let outcome = set.selector.wait(Some(Duration::ZERO), |token, has_ended| {
        if let Some(readiness) = watched.get(&token) {
            readiness.tell(has_ended);
        }
    });
    if outcome.is_err() {
        return false;
    }
    let newest = &SWEEPS.newest;
    newest.sends.store(sends, Ordering::Release);
    newest
        .time
        .store(sys::ticks().min(now + LONGEST), Ordering::Release);
    newest.number.store(number, Ordering::Release);
    true
}

impl Sweeps {
    /// The set, if it is this process's own. After a fork it is the parent's, and let go of.
    fn own<'a>(&self, set: &'a mut Option<Set>) -> Option<&'a mut Set> {
        if set.as_ref().is_some_and(|set| set.forks != sys::forks()) {
            self.abandon(set);
        }
        set.as_mut()
    }

    /// Lets go of the set. Whoever was watched looks for itself until it is watched again.
    fn abandon(&self, set: &mut Option<Set>) {
        self.set_number.fetch_add(1, Ordering::Relaxed);
        for readiness in set.iter().flat_map(|set| set.watched.values()) {
            readiness.tell(false);
        }
        *set = None;
    }
}

impl Set {
    fn new() -> io::Result<Set> {
        let (registrar, selector) = Selector::new()?;
        Ok(Set {
            registrar,
            selector,
            watched: HashMap::new(),
            next_token: 0,
            forks: sys::forks(),
        })
    }
}

impl Watch {
    /// Begins to watch `socket` for `readiness`. `None` where that is not possible.
    pub(crate) fn begin(socket: &Socket, readiness: &Arc<Readiness>) -> Option<Watch> {
        let mut guard = lock(&SWEEPS.set);
        if SWEEPS.own(&mut guard).is_none() {
            *guard = Set::new().ok();
        }
        let set = guard.as_mut()?;
        let token = set.next_token;
        set.registrar
            .add(socket, token, &[Interest::Readable])
            .ok()?;
        set.next_token += 1;
        set.watched.insert(token, readiness.clone());
        Some(Watch {
            token,
            set_number: SWEEPS.set_number.load(Ordering::Relaxed),
        })
    }

    /// Whether it still is of use: its set may be gone.
    pub(crate) fn is_valid(&self) -> bool {
        self.set_number == SWEEPS.set_number.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The socket leaves the set when it is closed (epoll(7), question 6).
        if let Some(set) = lock(&SWEEPS.set).as_mut()
            && self.is_valid()
        {
            set.watched.remove(&self.token);
        }
    }
}

/// Lets go of the set, before the library is unloaded.
pub(crate) fn shut_down() {
    SWEEPS.abandon(&mut lock(&SWEEPS.set));
}
