//! A pool of interrupters for blocking calls. Creating one takes system calls, so a few are kept.

use std::sync::Arc;
use std::time::Duration;

use crate::sync::{Mutex, ProcessWide, lock};
use crate::sys::Interrupter;

/// The longest wait without an interrupter. The caller checks the connection after it.
pub(super) const SLICE: Duration = Duration::from_millis(10);

/// The largest number of unused interrupters.
const MAX_KEPT: usize = 16;

static INTERRUPTERS: ProcessWide<Mutex<Vec<Arc<Interrupter>>>> = ProcessWide::new(Mutex::default);

/// Takes an interrupter that is not triggered; `None` if the system has no descriptor left for one.
pub(super) fn take() -> Option<Arc<Interrupter>> {
    let kept = lock(INTERRUPTERS.get()).pop();
    kept.or_else(|| Interrupter::new().ok().map(Arc::new))
}

/// Returns an interrupter that no other thread can still trigger. `was_triggered` is whether one
/// has triggered it.
pub(super) fn give_back(interrupter: Arc<Interrupter>, was_triggered: bool) {
    if was_triggered {
        interrupter.clear();
    }
    let mut kept = lock(INTERRUPTERS.get());
    if kept.len() < MAX_KEPT {
        kept.push(interrupter);
    }
    debug_assert!(kept.len() <= MAX_KEPT);
}

/// Closes the unused interrupters, before the library is unloaded.
pub(crate) fn shut_down() {
    lock(INTERRUPTERS.get()).clear();
}
