//! The shared poller: one system call, a shared poll, that tells of all the idle connections of this process, so that a frame over
//! thousands of them does not make thousands.
//!
//! A connection that was found empty twice is watched: its socket is in one edge-triggered set. As long as nothing is told
//! of it, it is as empty as it was. A poll of it uses the newest shared poll of the set, whoever made it, if [`freshness`] allows
//! it, or makes one itself.
//!
//! Where there is no such set ([`Poller::new`]), or sharing is turned off, nothing is shared, and each connection asks the
//! kernel itself.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::poll::freshness::Moment;
pub(crate) use crate::poll::published::Mark;
use crate::poll::published::Published;
use crate::poll::readiness::Readiness;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Mutex, ProcessWide, lock, try_lock};
use crate::sys::{self, Interests, Poller, Registry, Socket};

static SHARED: ProcessWide<SharedPoller> = ProcessWide::new(SharedPoller::default);

/// For how many ticks an answer is shared; 0 is not at all.
static LIFETIME: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(sys::SHORT);

/// Sets have numbers, so that one that was in another set than today's is known.
static NEXT_SET: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

#[derive(Debug, Default)]
struct SharedPoller {
    set: Mutex<Option<Set>>,
    /// The number of the set, 0 without one.
    set_number: AtomicU64,
    /// The number of shared polls that have begun. One at a time is under way.
    begun: AtomicU64,
    newest: Published,
    /// How often this library has done something that can cause news. A `Relaxed` count suffices: whoever relies on what
    /// another thread has done has been told of it by other means.
    activity: AtomicU64,
}

/// The sockets that are watched.
#[derive(Debug)]
struct Set {
    number: u64,
    registry: Registry,
    poller: Poller,
    /// By token. A free place is taken again: what is still told of the socket before is no harm, since who is told looks.
    watched: Vec<Option<Arc<Readiness>>>,
    free: Vec<usize>,
}

/// While it lives, shared polls tell a connection's [`Readiness`] of its socket.
#[derive(Debug)]
pub(crate) struct Watch {
    token: usize,
    set_number: u64,
}

/// Has answers shared for about `lifetime`, 3 microseconds at first; with zero each poll asks the kernel itself.
pub(crate) fn set_sharing(lifetime: Duration) {
    LIFETIME.store(in_ticks(lifetime), Ordering::Relaxed);
}

fn in_ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos() * u128::from(sys::SHORT) / 3_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

#[inline]
fn lifetime() -> u64 {
    LIFETIME.load(Ordering::Relaxed)
}

/// This moment. To be asked before the kernel is: what happens while it answers may be missed by the answer.
#[inline]
pub(crate) fn moment() -> Moment {
    Moment {
        ticks: sys::ticks(),
        activity: SHARED.get().activity.load(Ordering::Relaxed),
    }
}

/// To be called after something was sent, received, connected, accepted or closed. How often that had been before.
#[inline]
pub(crate) fn acted() -> u64 {
    SHARED.get().activity.fetch_add(1, Ordering::Relaxed)
}

/// Whether what the kernel said at the moment `asked` may be used now.
#[inline]
pub(crate) fn still_knows(asked: Moment) -> bool {
    moment().still_knows(asked, lifetime())
}

/// Whether all that the kernel had to tell has been told by a shared poll newer than `mark`; if there is none yet, by one made
/// now. If not, the caller has to look itself. Waits for nobody.
#[inline]
pub(crate) fn has_reported_since(mark: &Mark) -> bool {
    let lifetime = lifetime();
    if lifetime == 0 {
        return false;
    }
    let shared = SHARED.get();
    let now = Moment {
        ticks: sys::ticks(),
        activity: shared.activity.load(Ordering::Relaxed),
    };
    let is_usable = shared.newest.serves(mark, now, lifetime);
    if !is_usable && !shared.shared_poll(now) {
        return false;
    }
    mark.use_up_to(shared.begun.load(Ordering::Relaxed));
    true
}

impl SharedPoller {
    /// Makes a shared poll; false if none can be made.
    #[cold]
    fn shared_poll(&self, now: Moment) -> bool {
        // Another thread's shared poll may have begun too early to be of use.
        let Some(mut set) = try_lock(&self.set) else {
            return false;
        };
        let Some(set) = set.as_mut() else {
            return false;
        };
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let asked = Moment {
            activity: self.activity.load(Ordering::Relaxed),
            ..now
        };
        let watched = &set.watched;
        let outcome = set.poller.wait(Some(Duration::ZERO), |token| {
            if let Some(Some(readiness)) = watched.get(token) {
                readiness.notify();
            }
        });
        if outcome.is_err() {
            return false;
        }
        self.newest.publish(number, asked);
        true
    }
}

impl Set {
    fn new() -> io::Result<Set> {
        let (registry, poller) = Poller::new()?;
        Ok(Set {
            number: NEXT_SET.fetch_add(1, Ordering::Relaxed),
            registry,
            poller,
            watched: Vec::new(),
            free: Vec::new(),
        })
    }
}

impl Watch {
    /// Begins to watch `socket` for `readiness`. `None` where that is not possible.
    pub(crate) fn begin(socket: &Socket, readiness: &Arc<Readiness>) -> Option<Watch> {
        if lifetime() == 0 {
            return None;
        }
        let shared = SHARED.get();
        let mut guard = lock(&shared.set);
        if guard.is_none() {
            let set = Set::new().ok()?;
            shared.set_number.store(set.number, Ordering::Relaxed);
            *guard = Some(set);
        }
        let set = guard.as_mut()?;
        let token = set.free.pop().unwrap_or(set.watched.len());
        if set
            .registry
            .add(socket, token, Interests::READABLE)
            .is_err()
        {
            set.free
                .extend((token < set.watched.len()).then_some(token));
            return None;
        }
        if token == set.watched.len() {
            set.watched.push(None);
        }
        set.watched[token] = Some(readiness.clone());
        Some(Watch {
            token,
            set_number: set.number,
        })
    }

    /// Whether it still is of use: its set may be gone, or its parent process's.
    pub(crate) fn is_valid(&self) -> bool {
        self.set_number == SHARED.get().set_number.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The socket leaves the set when it is closed (epoll(7), question 6).
        if self.is_valid()
            && let Some(set) = lock(&SHARED.get().set).as_mut()
            && set.number == self.set_number
        {
            set.watched[self.token] = None;
            set.free.push(self.token);
        }
    }
}

/// Lets go of the set, before the library is unloaded. Whoever was watched looks for itself until it is watched again.
pub(crate) fn shut_down() {
    let shared = SHARED.get();
    let set = lock(&shared.set).take();
    shared.set_number.store(0, Ordering::Relaxed);
    for readiness in set.iter().flat_map(|set| set.watched.iter().flatten()) {
        readiness.notify();
    }
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    #[test]
    fn times_in_ticks() {
        assert_eq!(in_ticks(Duration::ZERO), 0);
        assert_eq!(in_ticks(Duration::from_micros(3)), sys::SHORT);
        assert_eq!(in_ticks(Duration::from_secs(3)), sys::SHORT * 1_000_000);
        assert_eq!(in_ticks(Duration::MAX), u64::MAX);
    }

    /// Connections that come and go take no place for ever.
    #[test]
    fn a_place_in_the_set_is_taken_again() {
        for _ in 0..1000 {
            let (socket, _other) = Socket::test_pair();
            let watch = Watch::begin(&socket, &Arc::default());
            // Where there is no set nothing is watched.
            let Some(watch) = watch else { return };
            assert!(watch.is_valid());
            assert!(watch.token < 100, "{}", watch.token);
        }
    }
}
