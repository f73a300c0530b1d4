//! Interrupter-up calls to lend to blocking calls. Making one takes system calls, so a few are kept.

use std::sync::Arc;
use std::time::Duration;

use crate::sync::{Mutex, ProcessWide, lock};
use crate::sys::Interrupter;

/// How long a wait may be at a time that nobody can end.
pub(super) const SLICE: Duration = Duration::from_millis(10);

/// So many are kept.
const KEPT: usize = 16;

static INTERRUPTERS: ProcessWide<Mutex<Vec<Arc<Interrupter>>>> = ProcessWide::new(Mutex::default);

/// One that was not called yet; `None` if the system has no descriptor to give.
pub(super) fn take() -> Option<Arc<Interrupter>> {
    let kept = lock(INTERRUPTERS.get()).pop();
    kept.or_else(|| Interrupter::new().ok().map(Arc::new))
}

/// Gives back one that nobody calls any more. Whether it was called.
pub(super) fn give_back(wake: Arc<Interrupter>, was_called: bool) {
    if was_called {
        wake.clear();
    }
    let mut kept = lock(INTERRUPTERS.get());
    if kept.len() < KEPT {
        kept.push(wake);
    }
    debug_assert!(kept.len() <= KEPT);
}

/// Closes those that are kept, before the library is unloaded.
pub(crate) fn shut_down() {
    lock(INTERRUPTERS.get()).clear();
}
