//! Servers and groups that are freed right after they have begun, because they were in a local
//! variable.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use godot::classes::Engine;
use godot::obj::Singleton;

use super::switch::{are_on, place, print};

/// An object whose signals a script expects, and that is freed within this time and within the same
/// frame, was in a local variable.
const EARLY: Duration = Duration::from_millis(100);

/// Whether an object is watched.
static HAS_SOME: AtomicBool = AtomicBool::new(false);
static WATCHED: Mutex<Vec<LifetimeWatch>> = Mutex::new(Vec::new());

/// A server that has just begun to listen, or a group that has just got its first member. Nobody
/// has used it since.
struct LifetimeWatch {
    /// The address of its part, which is alive.
    address: usize,
    what: String,
    since: Instant,
    frame: u64,
    /// The line of the script.
    place: String,
}

/// Watches the server or the group whose part is `part`, which has begun something that it must
/// live for. `what` describes it.
pub(crate) fn watch_lifetime<T>(part: &T, what: impl FnOnce() -> String) {
    if !are_on() {
        return;
    }
    let watch = LifetimeWatch {
        address: std::ptr::from_ref(part).addr(),
        what: what(),
        since: Instant::now(),
        frame: frame(),
        place: place(),
    };
    let mut watched = watched();
    watched.retain(|other| other.address != watch.address && other.is_young(watch.since));
    watched.push(watch);
    HAS_SOME.store(true, Ordering::Relaxed);
}

/// The server or the group whose part is `part` was used, so the script still has it.
#[inline]
pub(crate) fn used<T>(part: &T) {
    if HAS_SOME.load(Ordering::Relaxed) {
        drop(take(part));
    }
}

/// The server or the group whose part is `part` is being freed. Prints a hint if the object has
/// just begun, nobody has used it, and `is_expected` returns that the script expects its signals.
/// Such a script uses `auto_poll` and handlers only, so it does not notice that no variable keeps
/// the object. `end` says how the object ended, if that matters.
pub(crate) fn freed<T>(
    part: &T,
    is_expected: impl FnOnce() -> bool,
    end: impl FnOnce() -> Option<String>,
) {
    if HAS_SOME.load(Ordering::Relaxed)
        && let Some(watch) = take(part)
        && watch.is_young(Instant::now())
        && watch.frame == frame()
        && is_expected()
        && let Some(end) = end()
    {
        let LifetimeWatch { what, place, .. } = watch;
        let hint = format!("{what} {end}; keep it in a variable of the script{place}");
        print(vec![hint]);
    }
}

/// Forgets the objects that began too long ago.
pub(super) fn expire(now: Instant) {
    if HAS_SOME.load(Ordering::Relaxed) {
        let mut watched = watched();
        watched.retain(|watch| watch.is_young(now));
        HAS_SOME.store(!watched.is_empty(), Ordering::Relaxed);
    }
}

pub(super) fn forget() {
    *watched() = Vec::new();
    HAS_SOME.store(false, Ordering::Relaxed);
}

impl LifetimeWatch {
    fn is_young(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < EARLY
    }
}

#[cold]
fn take<T>(part: &T) -> Option<LifetimeWatch> {
    let address = std::ptr::from_ref(part).addr();
    let mut watched = watched();
    let index = watched.iter().position(|watch| watch.address == address)?;
    Some(watched.swap_remove(index))
}

fn frame() -> u64 {
    Engine::singleton().get_process_frames()
}

fn watched() -> MutexGuard<'static, Vec<LifetimeWatch>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}
