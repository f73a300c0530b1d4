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
use crate::sync::{Condvar, Mutex, MutexGuard, ProcessWide, lock, wait, wait_timeout};
use crate::sys::{self, Interests, Poller, Registry, Socket, Waker};
use crate::totals;

/// With nothing left to send, so much silence of the peer is taken for the end of its interest.
const SILENCE: Duration = Duration::from_secs(5);

/// So many sockets are kept open for farewells. Of more the oldest go.
const MOST: usize = 1000;

/// So much of a queue is sent at a time. A fast reader could take more for ever.
const MOST_SENT: usize = 1 << 20;

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

/// What the connections of the process and the thread share. The lock is held for a moment at a time: who lets a connection
/// go does not wait for what the thread does for others.
#[derive(Debug, Default)]
struct Closer {
    inbox: Mutex<Inbox>,
    /// Something has changed, for a thread that cannot wait for the kernel.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inbox {
    arrived: Vec<Timed>,
    thread: Option<JoinHandle<()>>,
    /// `None` where sockets cannot be watched.
    waker: Option<Waker>,
    /// The thread will look into the inbox by itself.
    is_awake: bool,
    is_shut_down: bool,
}

/// What the thread has.
#[derive(Debug)]
struct Room {
    /// By age: the tokens grow.
    farewells: BTreeMap<usize, Timed>,
    next_token: usize,
    /// Who has something to do at once: of what the kernel has told before it does not tell again.
    busy: BTreeSet<usize>,
    /// `None` where sockets cannot be watched.
    kernel: Option<(Registry, Poller)>,
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
    if farewell.advance() == Progress::Done {
        drop(farewell);
    } else {
        CLOSER.get().add(farewell, limit);
    }
    shared_poller::acted();
}

impl Farewell {
    /// Does what can be done without waiting.
    fn advance(&mut self) -> Progress {
        let mut sent = 0;
        while !self.queue.is_empty() {
            if sent >= MOST_SENT {
                return Progress::Busy;
            }
            let unsent = self.queue.unsent();
            match self.socket.send(&unsent[..unsent.len().min(MOST_SENT)]) {
                Ok(count) => {
                    totals::sent(count);
                    sent += count;
                    self.queue.skip(count);
                }
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
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        lock(&self.inbox)
    }

    fn add(&'static self, mut farewell: Farewell, limit: Duration) {
        let now = sys::now();
        // A limit that no clock can hold is a day.
        let end = now
            .checked_add(limit)
            .unwrap_or(now + Duration::from_secs(86_400));
        let mut inbox = self.inbox();
        if inbox.is_shut_down || !self.has_thread(&mut inbox) {
            drop(inbox);
            farewell.give_up();
            return;
        }
        inbox.arrived.push(Timed {
            farewell,
            end,
            silence_end: now + SILENCE,
        });
        self.wake(&mut inbox);
    }

    /// Has the thread look into the inbox.
    fn wake(&self, inbox: &mut Inbox) {
        if std::mem::replace(&mut inbox.is_awake, true) {
            return;
        }
        self.changed.notify_all();
        if let Some(waker) = &inbox.waker {
            // It can fail only if it was called so often that it cannot be overheard.
            let _ = waker.wake();
        }
    }

    /// Whether there is a thread. It is started with the first farewell.
    fn has_thread(&'static self, inbox: &mut Inbox) -> bool {
        if inbox.thread.is_none() {
            let watching = Poller::new().and_then(|(registry, poller)| {
                let waker = registry.waker(WAKER)?;
                Ok((waker, (registry, poller)))
            });
            let (waker, kernel) = watching.ok().unzip();
            inbox.waker = waker;
            inbox.is_awake = true;
            inbox.thread = sys::spawn(move || self.work(Room::new(kernel))).ok();
        }
        inbox.thread.is_some()
    }

    /// The thread.
    fn work(&self, mut room: Room) {
        loop {
            let (arrived, is_shut_down) = {
                let mut inbox = self.inbox();
                (std::mem::take(&mut inbox.arrived), inbox.is_shut_down)
            };
            for timed in arrived {
                room.add(timed);
            }
            if is_shut_down {
                room.end();
                return;
            }
            let now = sys::now();
            room.advance(now);
            let limit = room.rest(now);
            let mut inbox = self.inbox();
            if !inbox.arrived.is_empty() || inbox.is_shut_down {
                continue;
            }
            inbox.is_awake = false;
            if !room.waits_for_kernel() {
                // In slices, or until there is something to do.
                inbox = match limit {
                    None => wait(&self.changed, inbox),
                    Some(limit) => wait_timeout(&self.changed, inbox, limit),
                };
                inbox.is_awake = true;
                continue;
            }
            drop(inbox);
            room.wait(limit);
            self.inbox().is_awake = true;
        }
    }

    fn shut_down(&self) {
        let thread = {
            let mut inbox = self.inbox();
            inbox.is_shut_down = true;
            self.wake(&mut inbox);
            inbox.thread.take()
        };
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.inbox().waker = None;
    }
}

impl Room {
    fn new(kernel: Option<(Registry, Poller)>) -> Room {
        Room {
            farewells: BTreeMap::new(),
            next_token: 0,
            busy: BTreeSet::new(),
            kernel,
        }
    }

    /// Takes a farewell in. If there are too many, the oldest goes.
    fn add(&mut self, timed: Timed) {
        if self.farewells.len() >= MOST
            && let Some((token, mut oldest)) = self.farewells.pop_first()
        {
            oldest.farewell.give_up();
            self.busy.remove(&token);
        }
        let token = self.next_token;
        self.next_token += 1;
        if let Some((registry, _)) = &self.kernel
            && registry
                .add(&timed.farewell.socket, token, Interests::BOTH)
                .is_err()
        {
            // Without a word of the kernel it is looked at all the time, as where nothing can be watched.
            self.kernel = None;
        }
        self.farewells.insert(token, timed);
        // There may be more to do at once.
        self.busy.insert(token);
    }

    /// Looks at those that are busy, and ends those whose time is over.
    fn advance(&mut self, now: Instant) {
        if self.kernel.is_none() {
            self.busy.extend(self.farewells.keys().copied());
        }
        for token in std::mem::take(&mut self.busy) {
            let Some(timed) = self.farewells.get_mut(&token) else {
                continue;
            };
            match timed.farewell.advance() {
                Progress::Waiting => {}
                Progress::Heard => timed.silence_end = now + SILENCE,
                Progress::Busy => {
                    timed.silence_end = now + SILENCE;
                    self.busy.insert(token);
                }
                Progress::Done => {
                    self.farewells.remove(&token);
                }
            }
            // Also after the socket was closed.
            shared_poller::acted();
        }
        self.farewells.retain(|token, timed| {
            let is_over = timed.is_over(now);
            if is_over {
                timed.farewell.give_up();
                self.busy.remove(token);
            }
            !is_over
        });
        shared_poller::acted();
    }

    /// How long nothing has to be done if nothing happens; `None` is for ever.
    fn rest(&self, now: Instant) -> Option<Duration> {
        if !self.busy.is_empty() {
            return Some(Duration::ZERO);
        }
        let next = self.farewells.values().map(Timed::next_end).min()?;
        let rest = next.saturating_duration_since(now);
        let is_blind = self.kernel.is_none();
        Some(if is_blind { rest.min(SLICE) } else { rest })
    }

    fn waits_for_kernel(&self) -> bool {
        self.kernel.is_some()
    }

    /// Waits at most `limit` for the kernel.
    fn wait(&mut self, limit: Option<Duration>) {
        if let Some((_, poller)) = &mut self.kernel {
            let told = poller.wait(limit, |token| {
                self.busy.insert(token);
            });
            if told.is_err() {
                self.kernel = None;
            }
        }
    }

    /// Ends all: what the system takes without waiting is sent; a rest is made known by a reset.
    fn end(&mut self) {
        for timed in self.farewells.values_mut() {
            timed.farewell.advance();
            timed.farewell.give_up();
        }
        self.farewells.clear();
    }
}

/// Allows farewells again after a [`shut_down`].
pub(crate) fn start_up() {
    CLOSER.get().inbox().is_shut_down = false;
}

/// Ends all farewells, and the thread.
pub(crate) fn shut_down() {
    CLOSER.get().shut_down();
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);
    const INSTANT: Duration = Duration::from_nanos(1);

    /// A farewell with nothing left to send that has begun at `start`, and its peer.
    fn begun(start: Instant) -> (Timed, Socket) {
        let (socket, peer) = Socket::test_pair();
        let farewell = Farewell {
            socket: Arc::new(socket),
            queue: SendQueue::default(),
            is_shut: false,
            peer_has_ended: false,
        };
        let timed = Timed {
            farewell,
            end: start + LIMIT,
            silence_end: start + SILENCE,
        };
        (timed, peer)
    }

    #[test]
    fn five_seconds_of_silence_end_it() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        assert_eq!(timed.next_end(), start + SILENCE);
        assert!(!timed.is_over(start + SILENCE - INSTANT));
        assert!(timed.is_over(start + SILENCE));
        timed.end = start + INSTANT;
        assert_eq!(timed.next_end(), start + INSTANT);
    }

    #[test]
    fn with_something_left_to_send_the_limit_ends_it() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.farewell.queue.push(b"rest");
        assert_eq!(timed.next_end(), start + LIMIT);
        assert!(!timed.is_over(start + LIMIT - INSTANT));
        assert!(timed.is_over(start + LIMIT));
    }

    /// A reset would destroy it. Windows does not say what the peer has taken.
    #[test]
    #[cfg(not(windows))]
    fn what_the_peer_has_not_taken_gets_more_time() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.farewell.socket.send(b"words").unwrap();
        let later = start + SILENCE;
        assert!(!timed.is_over(later));
        assert_eq!(timed.silence_end, later + SILENCE);
        timed.silence_end = start + LIMIT;
        assert!(timed.is_over(start + LIMIT));
    }

    /// A peer that closes with something unread resets the connection.
    #[test]
    fn a_peer_that_is_gone_is_not_waited_for() {
        let (mut timed, peer) = begun(Instant::now());
        timed.farewell.socket.send(b"unread").unwrap();
        assert_eq!(timed.farewell.advance(), Progress::Waiting);
        drop(peer);
        assert_eq!(timed.farewell.advance(), Progress::Done);
    }

    #[test]
    fn a_peer_that_still_sends_is_not_silent() {
        let start = Instant::now();
        let (timed, peer) = begun(start);
        let socket = timed.farewell.socket.clone();
        let mut room = Room::new(None);
        room.add(timed);
        room.advance(start);
        peer.send(b"still here").unwrap();
        while socket.unread_bytes().unwrap() == 0 {
            std::thread::yield_now();
        }
        room.advance(start + SILENCE - INSTANT);
        room.advance(start + SILENCE);
        assert_eq!(room.farewells.len(), 1);
        room.advance(start + SILENCE * 2);
        assert!(room.farewells.is_empty());
    }
}
