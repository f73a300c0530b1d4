//! Graceful closes: what was accepted is sent, then the end of the stream, then what the peer still sends is read away until
//! its end. A socket that is closed with unread input, or that gets more of it later, sends a reset, and that destroys what
//! is still on its way to the peer (RFC 2525, section 2.17).
//!
//! One thread with a poller does it for all connections of the process, so a peer that stalls holds up nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::send_queue::SendQueue;
use crate::poll::shared_poller;
use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex, MutexGuard, ProcessWide, lock, wait_timeout};
use crate::sys::{self, Interests, Poller, Registry, Socket, Waker};

/// With nothing left to send, so much silence of the peer is taken for the end of its interest.
const SILENCE: Duration = Duration::from_secs(5);

/// So many sockets are kept open for farewells. Of more the oldest go.
const MOST: usize = 1000;

/// So much input is read away at a time, in blocks.
const BLOCKS: usize = 64;
const BLOCK: usize = 16 * 1024;

/// Where sockets cannot be watched, they are all looked at so often.
const SLICE: Duration = Duration::from_millis(10);

/// The token of the waker. Farewells count from 0.
const WAKER: usize = usize::MAX;

static CLOSER: ProcessWide<Closer> = ProcessWide::new(Closer::default);

/// A connection that its user has let go.
#[derive(Debug)]
pub(super) struct Farewell {
    pub(super) socket: Arc<Socket>,
    /// What was accepted and not sent yet.
    pub(super) queue: SendQueue,
    /// The end of the stream was sent.
    pub(super) is_shut: bool,
    /// The peer's end of the stream was received.
    pub(super) peer_has_ended: bool,
}

/// What a look at a farewell has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// Nothing can be done now.
    Waiting,
    /// The peer has sent something, and all of it was read away.
    Heard,
    /// There may be more to be done at once.
    Busy,
    /// There is nothing left to be done: the socket can be closed.
    Done,
}

#[derive(Debug, Default)]
struct Closer {
    state: Mutex<State>,
    /// Something has changed that the thread waits for where it cannot wait for the kernel.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By age: the tokens grow.
    farewells: BTreeMap<usize, Timed>,
    next_token: usize,
    thread: Option<JoinHandle<()>>,
    /// `None` where sockets cannot be watched.
    kernel: Option<(Registry, Waker)>,
    /// Until when the thread sleeps, if it does and nothing happens.
    sleeps_until: Option<Instant>,
    is_shut_down: bool,
}

#[derive(Debug)]
struct Timed {
    farewell: Farewell,
    /// When it is over, whatever is left.
    end: Instant,
    /// When it is over if nothing is left to be sent and the peer stays silent.
    silence_end: Instant,
}

/// Resets the connection when its socket is closed (RFC 9293, section 3.10.5: "ABORT"). A Unix domain socket has no reset:
/// its peer sees an end.
pub(super) fn reset(socket: &Socket) {
    let _ = socket.reset_when_closed();
}

/// Begins a farewell of at most `limit`. What can be done without waiting is done now; what is left, by the thread.
pub(super) fn begin(mut farewell: Farewell, limit: Duration) {
    let progress = farewell.advance();
    shared_poller::acted();
    if progress != Progress::Done {
        CLOSER.get().add(farewell, limit);
    }
}

impl Farewell {
    /// Does what can be done without waiting.
    fn advance(&mut self) -> Progress {
        while !self.queue.is_empty() {
            match self.socket.send(self.queue.unsent()) {
                Ok(count) => self.queue.skip(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    // The rest can never be sent, and must not look like all there was.
                    self.give_up();
                    return Progress::Done;
                }
            }
        }
        if self.queue.is_empty() && !self.is_shut {
            if self.socket.shut_down_writing().is_err() {
                return Progress::Done;
            }
            self.is_shut = true;
        }
        let read = self.read_away();
        match read {
            Progress::Done if !self.queue.is_empty() => Progress::Waiting,
            read => read,
        }
    }

    /// Reads away what has come in. Done if nothing more will.
    fn read_away(&mut self) -> Progress {
        if self.peer_has_ended {
            return Progress::Done;
        }
        let mut scratch = [MaybeUninit::<u8>::uninit(); BLOCK];
        let mut progress = Progress::Waiting;
        for _ in 0..BLOCKS {
            match self.socket.receive(&mut scratch) {
                Ok([]) => {
                    self.peer_has_ended = true;
                    return Progress::Done;
                }
                Ok(_) => progress = Progress::Heard,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return progress,
                Err(_) => {
                    self.give_up();
                    return Progress::Done;
                }
            }
        }
        Progress::Busy
    }

    /// Discards what is left, and makes that known to the peer.
    fn give_up(&mut self) {
        if !self.queue.is_empty() {
            reset(&self.socket);
            self.queue.clear();
        }
    }
}

impl Timed {
    /// When there is something to decide.
    fn next_end(&self) -> Instant {
        if self.farewell.queue.is_empty() {
            self.silence_end.min(self.end)
        } else {
            self.end
        }
    }

    /// Whether its time is over. What the peer's system has not acknowledged is not lost by closing, but by the reset that
    /// answers whatever the peer sends then; so it gets more time, like what is unsent.
    fn is_over(&mut self, now: Instant) -> bool {
        if now < self.next_end() {
            return false;
        }
        if now < self.end && self.farewell.socket.unacknowledged_bytes() > 0 {
            self.silence_end = now + SILENCE;
            return false;
        }
        true
    }
}

impl Closer {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn add(&'static self, mut farewell: Farewell, limit: Duration) {
        let now = sys::now();
        // A limit that no clock can hold is a day.
        let end = now
            .checked_add(limit)
            .unwrap_or(now + Duration::from_secs(86_400));
        let mut state = self.lock();
        if state.is_shut_down || !self.has_thread(&mut state) {
            farewell.give_up();
            return;
        }
        if state.farewells.len() >= MOST
            && let Some((_, mut oldest)) = state.farewells.pop_first()
        {
            oldest.farewell.give_up();
        }
        let token = state.next_token;
        state.next_token += 1;
        if let Some((registry, _)) = &state.kernel
            && registry
                .add(&farewell.socket, token, Interests::BOTH)
                .is_err()
        {
            farewell.give_up();
            return;
        }
        let timed = Timed {
            farewell,
            end,
            silence_end: now + SILENCE,
        };
        let wakes_early = state
            .sleeps_until
            .is_none_or(|until| until > timed.next_end());
        state.farewells.insert(token, timed);
        if wakes_early {
            self.wake(&state);
        }
    }

    /// Ends the sleep of the thread.
    fn wake(&self, state: &State) {
        self.changed.notify_all();
        if let Some((_, waker)) = &state.kernel {
            let _ = waker.wake();
        }
    }

    /// Whether there is a thread. It is started with the first farewell.
    fn has_thread(&'static self, state: &mut State) -> bool {
        if state.thread.is_some() {
            return true;
        }
        let watching = Poller::new().and_then(|(registry, poller)| {
            let waker = registry.waker(WAKER)?;
            Ok(((registry, waker), poller))
        });
        let (kernel, poller) = watching.ok().unzip();
        state.kernel = kernel;
        state.thread = sys::spawn(move || self.work(poller)).ok();
        state.thread.is_some()
    }

    /// The thread.
    fn work(&self, mut poller: Option<Poller>) {
        // Who has something to do at once: of what the kernel has told before it does not tell again.
        let mut busy = BTreeSet::new();
        let mut state = self.lock();
        while !state.is_shut_down {
            let now = sys::now();
            if poller.is_none() {
                busy.extend(state.farewells.keys().copied());
            }
            state.advance(&mut busy, now);
            let next = state.farewells.values().map(Timed::next_end).min();
            let mut limit = next.map(|next| next.saturating_duration_since(now));
            if !busy.is_empty() {
                limit = Some(Duration::ZERO);
            }
            state.sleeps_until = next;
            match &mut poller {
                Some(poller) => {
                    drop(state);
                    // If it cannot wait, it looks at all of them from time to time.
                    let failed = poller
                        .wait(limit, |token| {
                            busy.insert(token);
                        })
                        .is_err();
                    state = self.lock();
                    if failed {
                        busy.extend(state.farewells.keys().copied());
                        state = wait_timeout(&self.changed, state, SLICE);
                    }
                }
                None if state.farewells.is_empty() => {
                    state = crate::sync::wait(&self.changed, state);
                }
                None => state = wait_timeout(&self.changed, state, SLICE),
            }
            // Until it sleeps again nobody has to wake it.
            state.sleeps_until = Some(now);
        }
    }

    fn shut_down(&self) {
        let mut state = self.lock();
        state.is_shut_down = true;
        for (_, mut timed) in std::mem::take(&mut state.farewells) {
            // What the system takes without waiting is sent; a rest is made known by a reset.
            timed.farewell.advance();
            timed.farewell.give_up();
        }
        self.wake(&state);
        let thread = state.thread.take();
        drop(state);
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.lock().kernel = None;
    }
}

impl State {
    /// Looks at those that are `busy`, which are then those that still are, and ends those whose time is over.
    fn advance(&mut self, busy: &mut BTreeSet<usize>, now: Instant) {
        for token in std::mem::take(busy) {
            let Some(timed) = self.farewells.get_mut(&token) else {
                continue;
            };
            let progress = timed.farewell.advance();
            shared_poller::acted();
            match progress {
                Progress::Waiting => {}
                Progress::Heard => timed.silence_end = now + SILENCE,
                Progress::Busy => {
                    timed.silence_end = now + SILENCE;
                    busy.insert(token);
                }
                Progress::Done => {
                    self.farewells.remove(&token);
                }
            }
        }
        self.farewells.retain(|token, timed| {
            let is_over = timed.is_over(now);
            if is_over {
                timed.farewell.give_up();
                busy.remove(token);
            }
            !is_over
        });
    }
}

/// Allows farewells again after a [`shut_down`].
pub(crate) fn start_up() {
    CLOSER.get().lock().is_shut_down = false;
}

/// Ends all farewells, and the thread.
pub(crate) fn shut_down() {
    CLOSER.get().shut_down();
}
