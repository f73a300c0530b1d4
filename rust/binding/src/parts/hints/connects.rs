//! Connects that nobody polls.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::switch::{LONGEST_STEP, PATIENCE, are_on, place, print};

/// Whether a connect is watched.
static HAS_CONNECTS: AtomicBool = AtomicBool::new(false);
static WATCHED: Mutex<Vec<ConnectWatch>> = Mutex::new(Vec::new());

/// A peer that connects.
pub(crate) trait Connects: Send + Sync {
    /// The version of its connection, if that is connecting and was never polled.
    fn unpolled_version(&self) -> Option<u64>;
}

/// A connect that nobody has polled yet, or a peer whose hint was given.
struct ConnectWatch {
    peer: Weak<dyn Connects>,
    version: u64,
    what: String,
    /// The line of the script.
    place: String,
    unpolled: Duration,
    last_step: Instant,
    is_reported: bool,
}

impl ConnectWatch {
    fn is_of<P: Connects>(&self, peer: &P) -> bool {
        std::ptr::addr_eq(self.peer.as_ptr(), peer)
    }
}

/// Watches a connect of `peer`, which has begun. `what` describes it, such as `StreamPeerTCPRs:
/// connect to 127.0.0.1:4000`.
pub(crate) fn connecting<P: Connects + 'static>(peer: &Arc<P>, what: String) {
    if !are_on() {
        return;
    }
    let Some(version) = peer.unpolled_version() else {
        return;
    };
    let place = place();
    let mut watched = watched();
    watched.retain(|watch| {
        watch.peer.strong_count() > 0 && (watch.is_reported || !watch.is_of(&**peer))
    });
    if watched.iter().any(|watch| watch.is_of(&**peer)) {
        return;
    }
    let peer: Arc<dyn Connects> = peer.clone();
    watched.push(ConnectWatch {
        peer: Arc::downgrade(&peer),
        version,
        what,
        place,
        unpolled: Duration::ZERO,
        last_step: Instant::now(),
        is_reported: false,
    });
    HAS_CONNECTS.store(true, Ordering::Relaxed);
}

/// Records that a script queried the status of `peer`, which is connecting. A script that waits in
/// a loop without frames gets its hint here.
#[inline]
pub(crate) fn status_asked<P: Connects>(peer: &P) {
    if HAS_CONNECTS.load(Ordering::Relaxed) {
        step_those(|watch| watch.is_of(peer));
    }
}

/// Counts the time of all connects.
pub(super) fn step() {
    if HAS_CONNECTS.load(Ordering::Relaxed) {
        step_those(|_| true);
    }
}

pub(super) fn forget() {
    *watched() = Vec::new();
    HAS_CONNECTS.store(false, Ordering::Relaxed);
}

#[cold]
fn step_those(is_counted: impl Fn(&ConnectWatch) -> bool) {
    let now = Instant::now();
    let mut hints = Vec::new();
    // These may be the last references to the peers, so they are dropped without the lock.
    let mut peers = Vec::new();
    let mut watched = watched();
    watched.retain_mut(|watch| {
        if watch.is_reported || !is_counted(watch) {
            return true;
        }
        let peer = watch.peer.upgrade();
        let version = peer.as_ref().and_then(|peer| peer.unpolled_version());
        peers.extend(peer);
        if version != Some(watch.version) {
            return false;
        }
        let step = now.saturating_duration_since(watch.last_step);
        watch.unpolled += step.min(LONGEST_STEP);
        watch.last_step = now;
        if watch.unpolled >= PATIENCE {
            watch.is_reported = true;
            let ConnectWatch { what, place, .. } = watch;
            hints.push(format!(
                "{what} was never polled; call poll() each frame or set auto_poll{place}"
            ));
        }
        true
    });
    let has_some = watched.iter().any(|watch| !watch.is_reported);
    HAS_CONNECTS.store(has_some, Ordering::Relaxed);
    drop(watched);
    drop(peers);
    print(hints);
}

fn watched() -> MutexGuard<'static, Vec<ConnectWatch>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
