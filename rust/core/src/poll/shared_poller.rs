//! The shared poller: a *shared poll* is one system call that reports the events of all idle
//! connections of the process, so that polling thousands of them does not take thousands of calls.
//!
//! A connection that was found empty twice is watched: its socket is registered with one
//! edge-triggered poller. As long as the kernel does not report it, it is still empty. A poll of
//! the connection uses the newest shared poll of any thread if it is fresh
//! ([`freshness`](crate::poll::freshness)), and otherwise makes one.
//!
//! Where there is no poller ([`Poller::new`]), or sharing is turned off, each connection probes the
//! kernel itself.

use std::io;
use std::time::Duration;

use crate::poll::freshness::Moment;
pub(crate) use crate::poll::published::Mark;
use crate::poll::published::Published;
use crate::poll::readiness_slab::{OwnReadiness, ReadinessRef};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sync::{Mutex, ProcessWide, lock, try_lock};
use crate::sys::{self, Interests, Poller, Registry, Socket};

static SHARED: ProcessWide<SharedPoller> = ProcessWide::new(SharedPoller::default);

/// For how many ticks an answer may be reused; 0 turns sharing off.
static LIFETIME: std::sync::atomic::AtomicU64 =
    std::sync::atomic::AtomicU64::new(sys::SHARED_POLL_TICKS);

/// The number of the next set. The number distinguishes a watch of an earlier set from a watch of
/// the current set.
static NEXT_SET: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);

/// Above this number of tokens, checks do not walk all of them.
const MAX_CHECKED: usize = 32;

#[derive(Debug, Default)]
struct SharedPoller {
    set: Mutex<Option<WatchedSet>>,
    /// The number of the set, 0 without one.
    set_number: AtomicU32,
    /// How many shared polls have begun. One at a time is under way, by the thread that locks the
    /// set.
    begun: AtomicU64,
    newest: Published,
    /// How many operations of this library can have caused an event. Relaxed: a thread that relies
    /// on an operation of another thread synchronizes with it by other means.
    activity: AtomicU64,
}

/// The sockets that are watched.
#[derive(Debug)]
struct WatchedSet {
    number: u32,
    registry: Registry,
    poller: Poller,
    /// Indexed by token. Tokens are reused: after a late report of the previous socket, the next
    /// connection probes once although nothing has arrived.
    watched: Vec<Option<ReadinessRef>>,
    /// The unused tokens.
    free: Vec<usize>,
}

/// The registration of a connection's socket: until it is dropped, shared polls notify the
/// connection's [`Readiness`](crate::poll::readiness::Readiness).
#[derive(Debug)]
pub(crate) struct Watch {
    token: u32,
    set_number: u32,
}

/// Sets for how long an answer may be reused: 3 microseconds by default. With zero each poll asks
/// the kernel.
pub(crate) fn set_sharing(lifetime: Duration) {
    LIFETIME.store(in_ticks(lifetime), Ordering::Relaxed);
}

fn in_ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos() * u128::from(sys::SHARED_POLL_TICKS) / 3_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

#[inline]
fn lifetime() -> u64 {
    LIFETIME.load(Ordering::Relaxed)
}

/// The present moment. Read it before a request to the kernel, because the answer may miss later
/// events.
#[inline]
pub(crate) fn moment() -> Moment {
    Moment {
        ticks: sys::ticks(),
        activity: SHARED.get().activity.load(Ordering::Relaxed),
    }
}

/// Records that something was sent, received, connected, accepted or closed. Returns the number of
/// such operations before.
#[inline]
pub(crate) fn record_activity() -> u64 {
    SHARED.get().activity.fetch_add(1, Ordering::Relaxed)
}

/// Whether an answer of the kernel to a request at `requested` may be reused now.
#[inline]
pub(crate) fn is_fresh(requested: Moment) -> bool {
    requested.is_fresh_at(moment(), lifetime())
}

/// Whether a fresh shared poll newer than `mark` has reported every event that the kernel had.
/// Makes one if there is none. Returns false if the caller has to ask the kernel itself. Does not
/// wait.
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
    let is_usable = shared.newest.is_usable(mark, now, lifetime);
    if !is_usable && !shared.shared_poll(now) {
        return false;
    }
    mark.advance_to(shared.begun.load(Ordering::Relaxed));
    true
}

impl SharedPoller {
    /// Makes a shared poll. False if that is not possible now.
    #[cold]
    fn shared_poll(&self, now: Moment) -> bool {
        // The shared poll of another thread may have begun before `now`, so it cannot be used.
        let Some(mut set) = try_lock(&self.set) else {
            return false;
        };
        let Some(set) = set.as_mut() else {
            return false;
        };
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let requested = Moment {
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
        self.newest.publish(number, requested);
        true
    }
}

impl WatchedSet {
    fn new() -> io::Result<WatchedSet> {
        let (registry, poller) = Poller::new()?;
        Ok(WatchedSet {
            number: NEXT_SET.fetch_add(1, Ordering::Relaxed),
            registry,
            poller,
            watched: Vec::new(),
            free: Vec::new(),
        })
    }

    /// Checks, in debug builds, that exactly the unused tokens are free.
    fn check(&self) {
        if !cfg!(debug_assertions) || self.watched.len() > MAX_CHECKED {
            return;
        }
        debug_assert!(
            self.free.iter().all(|token| self.watched[*token].is_none()),
            "a free token is in use"
        );
        let unused = self.watched.iter().filter(|watched| watched.is_none());
        debug_assert_eq!(unused.count(), self.free.len(), "an unused token is lost");
    }
}

impl Watch {
    /// Registers `socket`, whose events notify `readiness`. `None` if that is not possible.
    pub(crate) fn begin(socket: &Socket, readiness: &OwnReadiness) -> Option<Watch> {
        if lifetime() == 0 {
            return None;
        }
        let shared = SHARED.get();
        let mut guard = lock(&shared.set);
        if guard.is_none() {
            let set = WatchedSet::new().ok()?;
            shared.set_number.store(set.number, Ordering::Relaxed);
            *guard = Some(set);
        }
        let set = guard.as_mut()?;
        let token = set.free.pop().unwrap_or(set.watched.len());
        let number = u32::try_from(token).ok()?;
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
        set.watched[token] = Some(readiness.share());
        set.check();
        Some(Watch {
            token: number,
            set_number: set.number,
        })
    }

    /// Whether it is a registration with the current set. An earlier set was shut down, or belongs
    /// to the parent process.
    pub(crate) fn is_valid(&self) -> bool {
        self.set_number == SHARED.get().set_number.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Closing the socket deregisters it (epoll(7), question 6).
        if self.is_valid()
            && let Some(set) = lock(&SHARED.get().set).as_mut()
            && set.number == self.set_number
        {
            let token = self.token as usize;
            set.watched[token] = None;
            set.free.push(token);
            set.check();
        }
    }
}

/// Drops the set, before the library is unloaded. Connections that were watched ask the kernel
/// themselves until they are watched again.
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
        assert_eq!(in_ticks(Duration::from_micros(3)), sys::SHARED_POLL_TICKS);
        assert_eq!(
            in_ticks(Duration::from_secs(3)),
            sys::SHARED_POLL_TICKS * 1_000_000
        );
        assert_eq!(in_ticks(Duration::MAX), u64::MAX);
    }

    /// The tokens of closed connections are reused.
    #[test]
    fn a_token_is_reused() {
        for _ in 0..1000 {
            let (socket, _other) = Socket::test_pair();
            let watch = Watch::begin(&socket, &OwnReadiness::default());
            // Without a poller nothing is watched.
            let Some(watch) = watch else { return };
            assert!(watch.is_valid());
            assert!(watch.token < 100, "{}", watch.token);
        }
    }
}
