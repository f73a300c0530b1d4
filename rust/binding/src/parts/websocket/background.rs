//! `keep_alive_in_background`: a thread that answers pings, sends ours and flushes while nobody
//! polls a WebSocket.
//!
//! One thread serves all WebSockets with this property. It uses sessions and connections only. It
//! leaves signals to the next poll, and also the release of a stream, which may run script code.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often the thread looks at its WebSockets.
const INTERVAL: Duration = Duration::from_millis(50);

/// A WebSocket that was polled this recently needs no help.
pub(super) const RECENTLY: Duration = Duration::from_millis(100);

static KEEPER: Keeper = Keeper {
    state: Mutex::new(KeeperState {
        kept: Vec::new(),
        thread: None,
        is_over: false,
    }),
    changed: Condvar::new(),
};

/// A WebSocket, as the thread sees it.
pub(super) trait Kept: Send + Sync {
    /// Does what is due at `now`. Returns false if the WebSocket no longer wants this.
    fn keep_alive(&self, now: Instant) -> bool;
}

struct Keeper {
    state: Mutex<KeeperState>,
    changed: Condvar,
}

struct KeeperState {
    kept: Vec<Weak<dyn Kept>>,
    thread: Option<JoinHandle<()>>,
    is_over: bool,
}

/// Serves `part` from now on. The error says why the thread cannot be started.
pub(super) fn keep(part: Weak<dyn Kept>) -> std::io::Result<()> {
    let mut state = KEEPER.state();
    state.is_over = false;
    if state.thread.is_none() {
        let builder = thread::Builder::new().name("websockets".into());
        state.thread = Some(builder.spawn(run)?);
    }
    if !state.kept.iter().any(|other| is(other, part.as_ptr())) {
        state.kept.push(part);
    }
    KEEPER.changed.notify_all();
    Ok(())
}

/// Stops the thread, and waits for its end. Nothing may use the library after that.
pub(crate) fn stop() {
    let thread = {
        let mut state = KEEPER.state();
        state.is_over = true;
        state.kept.clear();
        KEEPER.changed.notify_all();
        state.thread.take()
    };
    if let Some(thread) = thread {
        // A panic was printed.
        let _ = thread.join();
    }
}

fn run() {
    let mut state = KEEPER.state();
    while !state.is_over {
        if state.kept.is_empty() {
            state = KEEPER
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let kept: Vec<Arc<dyn Kept>> = state.kept.iter().filter_map(Weak::upgrade).collect();
        drop(state);
        let now = Instant::now();
        // The addresses of those that no longer want this. They are dropped without the lock.
        let leaving: Vec<_> = kept
            .iter()
            .filter(|part| !part.keep_alive(now))
            .map(Arc::as_ptr)
            .collect();
        drop(kept);
        state = KEEPER.state();
        let leaves = |part: &Weak<dyn Kept>| leaving.iter().any(|&other| is(part, other));
        state
            .kept
            .retain(|part| part.strong_count() > 0 && !leaves(part));
        if !state.is_over {
            let waited = KEEPER.changed.wait_timeout(state, INTERVAL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Whether `part` is the one at this address.
fn is(part: &Weak<dyn Kept>, other: *const dyn Kept) -> bool {
    std::ptr::addr_eq(part.as_ptr(), other)
}

impl Keeper {
    fn state(&self) -> MutexGuard<'_, KeeperState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
