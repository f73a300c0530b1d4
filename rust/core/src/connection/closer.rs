//! Finishes the lingering closes of all connections of the process. One thread with a poller does
//! this, so that a stalled peer delays no other.
//!
//! The lock is held for a moment at a time, so a disconnect hardly waits for the thread:
//!
//! | thread that disconnects | closer thread |
//! | --- | --- |
//! | | takes a close out of the set, unlocks, does one step |
//! | locks, inserts a close, marks it busy, wakes the closer | |
//! | | locks, puts its close back |
//! | | finds busy closes: does not wait |

use std::time::{Duration, Instant};

use crate::connection::lingering_close::{CloseProgress, LingeringClose, Loss, TimedClose};
use crate::connection::lingering_closes::{CHECK_INTERVAL, LingeringCloses, headroom};
use crate::poll::shared_poller;
use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex, MutexGuard, ProcessWide, lock, wait, wait_timeout};
use crate::sys::{self, Interests, Poller, Registry, Waker, descriptors};

/// The token of the waker. Lingering closes count from 0.
const WAKER: usize = usize::MAX;

static CLOSER: ProcessWide<Closer> = ProcessWide::new(Closer::default);

/// What the closer thread shares with the other threads.
#[derive(Debug, Default)]
struct Closer {
    shared: Mutex<CloserState>,
    /// Notified instead of the waker where sockets cannot be watched.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct CloserState {
    closes: LingeringCloses,
    thread: Option<JoinHandle<()>>,
    /// `None` where sockets cannot be watched.
    waker: Option<Waker>,
    /// Whether the thread will take the lock before it waits again.
    is_awake: bool,
    is_shut_down: bool,
}

/// The sockets that the kernel watches for the thread. `None` where they cannot be watched.
type CloserPoller = Option<(Registry, Poller)>;

/// Begins a lingering close of at most `limit`. Does the first step at once, and leaves the rest to
/// the thread.
pub(super) fn begin(mut close: LingeringClose, limit: Duration) {
    close.enlarge_send_buffer();
    if close.advance() == CloseProgress::Done {
        drop(close);
    } else {
        CLOSER.get().add(close, limit);
    }
    shared_poller::record_activity();
}

/// Ends some lingering closes to free their descriptors. Returns false if there are none.
fn free_descriptors() -> bool {
    let count = descriptors::limit().map_or(1, headroom);
    let given_up = CLOSER.get().lock().closes.give_up(count, Loss::Unsent);
    shared_poller::record_activity();
    given_up > 0
}

/// Ends a lingering close at shutdown: one last step, then a reset if data is left.
fn end(mut timed: TimedClose) {
    timed.close.advance();
    timed.close.give_up();
}

impl Closer {
    fn lock(&self) -> MutexGuard<'_, CloserState> {
        let shared = lock(&self.shared);
        shared.closes.check();
        shared
    }

    fn add(&'static self, mut close: LingeringClose, limit: Duration) {
        let now = sys::now();
        // A limit beyond the range of the clock becomes a day.
        let deadline = now
            .checked_add(limit)
            .unwrap_or(now + Duration::from_secs(86_400));
        let mut shared = self.lock();
        if shared.thread.is_none() && !shared.is_shut_down {
            drop(shared);
            shared = self.start_thread();
        }
        if shared.is_shut_down || shared.thread.is_none() {
            drop(shared);
            close.give_up();
            return;
        }
        shared.closes.make_room();
        shared.closes.insert(TimedClose {
            close,
            deadline,
            silent_since: now,
        });
        self.wake(&mut shared);
    }

    /// Wakes the thread.
    fn wake(&self, shared: &mut CloserState) {
        if std::mem::replace(&mut shared.is_awake, true) {
            return;
        }
        self.changed.notify_all();
        if let Some(waker) = &shared.waker {
            // Fails only when saturated; a wake-up is already pending then.
            let _ = waker.wake();
        }
    }

    /// Starts the thread, and returns the lock. There is no thread if the system refuses one. The
    /// poller is created without the lock, because its descriptors may have to come from other
    /// lingering closes.
    fn start_thread(&'static self) -> MutexGuard<'static, CloserState> {
        let watching = Poller::new().and_then(|(registry, poller)| {
            let waker = registry.waker(WAKER)?;
            Ok((waker, (registry, poller)))
        });
        let (waker, watched) = watching.ok().unzip();
        descriptors::set_reserve(free_descriptors);
        let mut shared = self.lock();
        if shared.thread.is_none() && !shared.is_shut_down {
            shared.waker = waker;
            shared.is_awake = true;
            shared.thread = sys::spawn(move || self.run(watched)).ok();
        }
        shared
    }

    /// Runs on the thread until [`shut_down`].
    fn run(&self, mut watched: CloserPoller) {
        let mut last_check = sys::now();
        // When the last wait was due to end.
        let mut wait_end = None;
        loop {
            let now = sys::now();
            let tokens = {
                let mut shared = self.lock();
                shared.closes.extend_after_absence(now, wait_end);
                shared.closes.take_busy(watched.is_some())
            };
            for token in tokens {
                self.advance(token, now, &mut watched);
            }
            let mut shared = self.lock();
            if shared.is_shut_down {
                let all = shared.closes.take_all();
                drop(shared);
                all.into_iter().for_each(end);
                return;
            }
            let mut ended = shared.closes.expire(now);
            let is_due = now.saturating_duration_since(last_check) >= CHECK_INTERVAL;
            if is_due && shared.closes.needs_check() {
                last_check = now;
                ended += shared.closes.leave_headroom();
            }
            if ended > 0 {
                shared_poller::record_activity();
            }
            // Closing the sockets may have taken long.
            let now = sys::now();
            let limit = shared.closes.wait_limit(now, watched.is_some());
            wait_end = limit.and_then(|limit| now.checked_add(limit));
            let has_work = limit == Some(Duration::ZERO);
            shared.is_awake = has_work;
            match &mut watched {
                Some((_, poller)) => {
                    drop(shared);
                    let mut ready = Vec::new();
                    let outcome = poller.wait(limit, |token| ready.push(token));
                    let mut shared = self.lock();
                    shared.is_awake = true;
                    shared.closes.busy.extend(ready);
                    drop(shared);
                    if outcome.is_err() {
                        watched = None;
                    }
                }
                None if !has_work => {
                    shared = match limit {
                        None => wait(&self.changed, shared),
                        Some(limit) => wait_timeout(&self.changed, shared, limit),
                    };
                    shared.is_awake = true;
                }
                None => {}
            }
        }
    }

    /// Does one step of a lingering close, without the lock.
    fn advance(&self, token: usize, now: Instant, watched: &mut CloserPoller) {
        let checked_out = self.lock().closes.check_out(token);
        let Some((mut timed, is_unwatched)) = checked_out else {
            return;
        };
        if is_unwatched
            && let Some((registry, _)) = watched
            && registry
                .add(&timed.close.socket, token, Interests::BOTH)
                .is_err()
        {
            // A socket without events from the kernel has to be polled, so all of them are.
            *watched = None;
        }
        let progress = timed.close.advance();
        if progress == CloseProgress::Done {
            drop(timed);
        } else {
            if progress != CloseProgress::Waiting {
                timed.silent_since = now;
            }
            let is_busy = progress == CloseProgress::Busy;
            self.lock().closes.check_in(token, timed, is_busy);
        }
        // After the socket was closed, because a close counts as activity.
        shared_poller::record_activity();
    }

    fn shut_down(&self) {
        let thread = {
            let mut shared = self.lock();
            shared.is_shut_down = true;
            self.wake(&mut shared);
            shared.thread.take()
        };
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.lock().waker = None;
    }
}

/// Allows lingering closes again after a [`shut_down`].
pub(crate) fn start_up() {
    CLOSER.get().lock().is_shut_down = false;
}

/// Ends all lingering closes and the thread.
pub(crate) fn shut_down() {
    CLOSER.get().shut_down();
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::connection::send::queue::SendQueue;
    use crate::connection::transport::ConnectedSocket;
    use crate::sys::Socket;

    #[test]
    fn a_peer_that_sends_is_not_silent() {
        const SILENCE: Duration = Duration::from_secs(5);
        let start = Instant::now();
        let (socket, peer) = Socket::test_pair();
        let socket = Arc::new(socket);
        let closer = Closer::default();
        closer.lock().closes.insert(TimedClose {
            close: LingeringClose {
                socket: ConnectedSocket::Shared(socket.clone()),
                queue: SendQueue::default(),
                is_shut: false,
                peer_has_ended: false,
                holds_name: false,
            },
            deadline: start + Duration::from_secs(30),
            silent_since: start,
        });
        let expired_at = |now| {
            closer.advance(0, now, &mut None);
            closer.lock().closes.expire(now)
        };
        let instant = Duration::from_nanos(1);
        assert_eq!(expired_at(start), 0);
        peer.send(b"still here").unwrap();
        while socket.unread_bytes().unwrap() == 0 {
            std::thread::yield_now();
        }
        assert_eq!(expired_at(start + SILENCE - instant), 0);
        assert_eq!(expired_at(start + SILENCE), 0);
        assert_eq!(expired_at(start + SILENCE * 2), 1);
    }
}
