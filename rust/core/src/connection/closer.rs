//! Finishes the lingering closes of all connections of the process. One thread with a poller does it, so a
//! stalled peer delays no other.
//!
//! Each lingering close keeps a descriptor that the game may need. So lingering closes have a share of the
//! descriptor limit, and some end early when descriptors are scarce: first those with nothing left
//! to deliver, the oldest first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::connection::lingering_close::{CloseProgress, LingeringClose, Loss, Timed};
use crate::deadline::ABSENCE;
use crate::poll::shared_poller;
use crate::sync::thread::JoinHandle;
use crate::sync::{Condvar, Mutex, MutexGuard, ProcessWide, lock, wait, wait_timeout};
use crate::sys::{self, Interests, Poller, Registry, Waker, descriptors};

/// How long a peer may be silent when everything was sent, while there are few lingering closes. With many
/// the time is shorter.
const SILENCE: Duration = Duration::from_secs(5);

/// The maximum number of lingering closes.
const MOST: usize = 1000;

/// Lingering closes with nothing left to send may have one descriptor in so many of the limit. With many
/// connections, the others keep what they had before, as long as the process has enough besides.
const SHARE: usize = 4;

/// Up to one in so many of their share, lingering closes are few.
const FEW: usize = 4;

/// The interval between looks at all sockets where they cannot be watched.
const SLICE: Duration = Duration::from_millis(10);

/// The interval between checks that the rest of the process has descriptors left.
const INSPECTION: Duration = Duration::from_millis(100);

/// Up to this number of lingering closes no check is made.
const UNSUSPECTED: usize = 8;

/// How much time is left at least after an absence.
const AFTER_ABSENCE: Duration = Duration::from_secs(1);

/// The token of the waker. Lingering closes count from 0.
const WAKER: usize = usize::MAX;

static CLOSER: ProcessWide<Closer> = ProcessWide::new(Closer::default);

/// What the connections of the process and the thread share. The lock is held for a moment at a
/// time: a disconnect does not wait for what the thread does for other connections.
#[derive(Debug, Default)]
struct Closer {
    room: Mutex<Room>,
    /// Something has changed, for a thread that cannot wait for the kernel.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Room {
    /// By age: the tokens grow. The one that the thread is working on is not among them.
    lingering_closes: BTreeMap<usize, Timed>,
    next_token: usize,
    /// Those with work left. The poller is edge-triggered and will not report it again.
    busy: BTreeSet<usize>,
    /// Those that the poller does not watch yet.
    unwatched: BTreeSet<usize>,
    thread: Option<JoinHandle<()>>,
    /// `None` where sockets cannot be watched.
    waker: Option<Waker>,
    /// The thread looks at the room before it waits again.
    is_awake: bool,
    is_shut_down: bool,
}

/// What watches the sockets for the thread. `None` where they cannot be watched.
type Kernel = Option<(Registry, Poller)>;

/// Hands `lingering close` to the thread, for at most `limit`.
pub(super) fn add(lingering_close: LingeringClose, limit: Duration) {
    CLOSER.get().add(lingering_close, limit);
}

/// Ends some lingering closes to free their descriptors. False if there are none.
fn give_some_up() -> bool {
    let count = descriptors::limit().map_or(1, headroom);
    let given_up = CLOSER.get().room().give_up(count, Loss::Unsent);
    shared_poller::record_activity();
    !given_up.is_empty()
}

/// How many descriptors of `limit` lingering closes leave to the rest of the process.
fn headroom(limit: usize) -> usize {
    (limit / 16).clamp(8, 64)
}

/// How many lingering closes with nothing left to send there may be, with this descriptor limit.
fn share(limit: Option<usize>) -> usize {
    limit.map_or(MOST, |limit| (limit / SHARE).clamp(1, MOST))
}

impl Closer {
    fn room(&self) -> MutexGuard<'_, Room> {
        lock(&self.room)
    }

    fn add(&'static self, mut lingering_close: LingeringClose, limit: Duration) {
        let now = sys::now();
        // A limit that no clock can hold is a day.
        let end = now
            .checked_add(limit)
            .unwrap_or(now + Duration::from_secs(86_400));
        let mut room = self.room();
        if room.thread.is_none() && !room.is_shut_down {
            drop(room);
            room = self.start_thread();
        }
        if room.is_shut_down || room.thread.is_none() {
            drop(room);
            lingering_close.give_up();
            return;
        }
        let given_up = room.make_room_for(&lingering_close);
        room.insert(Timed {
            lingering_close,
            end,
            heard: now,
        });
        self.wake(&mut room);
        drop(room);
        drop(given_up);
    }

    /// Wakes the thread.
    fn wake(&self, room: &mut Room) {
        if std::mem::replace(&mut room.is_awake, true) {
            return;
        }
        self.changed.notify_all();
        if let Some(waker) = &room.waker {
            // Fails only when saturated; a wake-up is already pending then.
            let _ = waker.wake();
        }
    }

    /// Starts the thread, if the system has one to give. The lock is not held while the poller is
    /// made: that may take descriptors of lingering closes.
    fn start_thread(&'static self) -> MutexGuard<'static, Room> {
        let watching = Poller::new().and_then(|(registry, poller)| {
            let waker = registry.waker(WAKER)?;
            Ok((waker, (registry, poller)))
        });
        let (waker, kernel) = watching.ok().unzip();
        descriptors::set_reserve(give_some_up);
        let mut room = self.room();
        if room.thread.is_none() && !room.is_shut_down {
            room.waker = waker;
            room.is_awake = true;
            room.thread = sys::spawn(move || self.work(kernel)).ok();
        }
        room
    }

    /// The thread.
    fn work(&self, mut kernel: Kernel) {
        let mut last_inspection = sys::now();
        // When the last wait had to end.
        let mut wait_end = None;
        loop {
            let now = sys::now();
            let mut given_up = Vec::new();
            let tokens = {
                let mut room = self.room();
                room.excuse_absence(now, wait_end);
                if kernel.is_none() {
                    let all: Vec<_> = room.lingering_closes.keys().copied().collect();
                    room.busy.extend(all);
                }
                std::mem::take(&mut room.busy)
            };
            for token in tokens {
                self.advance(token, now, &mut kernel);
            }
            let mut room = self.room();
            if room.is_shut_down {
                let all = room.take_all();
                drop(room);
                all.into_iter().for_each(end);
                return;
            }
            given_up.extend(room.end_those_over(now));
            let is_due = now.saturating_duration_since(last_inspection) >= INSPECTION;
            if is_due && room.needs_inspection() {
                last_inspection = now;
                given_up.extend(room.leave_headroom());
            }
            if !given_up.is_empty() {
                drop(room);
                drop(given_up);
                shared_poller::record_activity();
                room = self.room();
            }
            if room.is_shut_down {
                continue;
            }
            let rest = room.rest(now, kernel.is_none());
            wait_end = rest.and_then(|rest| now.checked_add(rest));
            let has_work = rest == Some(Duration::ZERO);
            room.is_awake = has_work;
            match &mut kernel {
                Some((_, poller)) => {
                    drop(room);
                    let mut told = Vec::new();
                    let outcome = poller.wait(rest, |token| told.push(token));
                    let mut room = self.room();
                    room.is_awake = true;
                    room.busy.extend(told);
                    drop(room);
                    if outcome.is_err() {
                        kernel = None;
                    }
                }
                // In slices, or until there is something to do.
                None if !has_work => {
                    room = match rest {
                        None => wait(&self.changed, room),
                        Some(rest) => wait_timeout(&self.changed, room, rest),
                    };
                    room.is_awake = true;
                }
                None => {}
            }
        }
    }

    /// Does what can be done for one lingering close. The lock is free meanwhile.
    fn advance(&self, token: usize, now: Instant, kernel: &mut Kernel) {
        let mut room = self.room();
        let Some(mut timed) = room.lingering_closes.remove(&token) else {
            return;
        };
        let is_unwatched = room.unwatched.remove(&token);
        drop(room);
        if is_unwatched
            && let Some((registry, _)) = kernel
            && registry
                .add(&timed.lingering_close.socket, token, Interests::BOTH)
                .is_err()
        {
            // Without events from the kernel all sockets are polled in slices.
            *kernel = None;
        }
        let progress = timed.lingering_close.advance();
        if progress == CloseProgress::Done {
            drop(timed);
        } else {
            if progress != CloseProgress::Waiting {
                timed.heard = now;
            }
            let mut room = self.room();
            room.lingering_closes.insert(token, timed);
            if progress == CloseProgress::Busy {
                room.busy.insert(token);
            }
        }
        // Also after the socket was closed.
        shared_poller::record_activity();
    }

    fn shut_down(&self) {
        let thread = {
            let mut room = self.room();
            room.is_shut_down = true;
            self.wake(&mut room);
            room.thread.take()
        };
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.room().waker = None;
    }
}

/// Ends a lingering close: what the system takes without waiting is sent; a rest is made known by a reset.
fn end(mut timed: Timed) {
    timed.lingering_close.advance();
    timed.lingering_close.give_up();
}

impl Room {
    fn insert(&mut self, timed: Timed) {
        let token = self.next_token;
        self.next_token += 1;
        self.lingering_closes.insert(token, timed);
        self.unwatched.insert(token);
        // There may be more to do at once.
        self.busy.insert(token);
    }

    fn remove(&mut self, token: usize) -> Option<Timed> {
        self.busy.remove(&token);
        self.unwatched.remove(&token);
        self.lingering_closes.remove(&token)
    }

    fn take_all(&mut self) -> Vec<Timed> {
        self.busy.clear();
        self.unwatched.clear();
        std::mem::take(&mut self.lingering_closes)
            .into_values()
            .collect()
    }

    /// Ends the lingering closes that leave no room for `lingering close`. The caller drops them after it has
    /// released the lock.
    fn make_room_for(&mut self, lingering_close: &LingeringClose) -> Vec<Timed> {
        let limit = descriptors::limit();
        let count = self.lingering_closes.len() + 1;
        let mut given_up = self.give_up(count.saturating_sub(share(limit)), Loss::Unacknowledged);
        let too_many = (count - given_up.len()).saturating_sub(MOST);
        // The kernel assigns the lowest free number, so a high one means that few are free.
        let too_high = limit
            .zip(lingering_close.socket.number())
            .map(|(limit, number)| (number + headroom(limit)).saturating_sub(limit - 1));
        let too_high = too_high.unwrap_or(0).saturating_sub(given_up.len());
        given_up.extend(self.give_up(too_many.max(too_high), Loss::Unsent));
        given_up
    }

    /// Ends at most `count` lingering closes that lose no more than `most`: those that lose least first,
    /// and of these the oldest.
    fn give_up(&mut self, count: usize, most: Loss) -> Vec<Timed> {
        let mut given_up = Vec::new();
        for bearable in [Loss::Nothing, Loss::Unacknowledged, Loss::Unsent] {
            let missing = count - given_up.len();
            if missing == 0 || bearable > most {
                break;
            }
            let lingering_closes = self.lingering_closes.iter();
            let tokens: Vec<usize> = lingering_closes
                .filter(|(_, timed)| timed.lingering_close.loss() <= bearable)
                .map(|(token, _)| *token)
                .take(missing)
                .collect();
            given_up.extend(tokens.into_iter().filter_map(|token| self.remove(token)));
        }
        for timed in &mut given_up {
            timed.lingering_close.give_up();
        }
        given_up
    }

    /// How long a peer may be silent.
    fn silence(&self) -> Duration {
        let count = self.lingering_closes.len();
        if count <= UNSUSPECTED {
            return SILENCE;
        }
        let few = (share(descriptors::limit()) / FEW).max(UNSUSPECTED);
        SILENCE.mul_f64(few as f64 / count.max(few) as f64)
    }

    /// Ends those whose time is over.
    fn end_those_over(&mut self, now: Instant) -> Vec<Timed> {
        let silence = self.silence();
        let lingering_closes = self.lingering_closes.iter_mut();
        let tokens: Vec<usize> = lingering_closes
            .filter_map(|(token, timed)| timed.is_over(now, silence).then_some(*token))
            .collect();
        let mut over: Vec<_> = tokens
            .into_iter()
            .filter_map(|token| self.remove(token))
            .collect();
        for timed in &mut over {
            timed.lingering_close.give_up();
        }
        over
    }

    /// Extends times by an absence: the process was stopped, or its machine slept. A lingering close that
    /// had no look yet gets all of its time. The others get a fair minimum on top of the time since
    /// `wait_end`, as the absence may have begun before the wait had to end.
    fn excuse_absence(&mut self, now: Instant, wait_end: Option<Instant>) {
        let since = |moment| now.saturating_duration_since(moment);
        let overslept = wait_end.map(since).filter(|&time| time > ABSENCE);
        for (token, timed) in &mut self.lingering_closes {
            let is_new = self.unwatched.contains(token);
            match overslept {
                _ if is_new && since(timed.heard) > ABSENCE => timed.postpone(since(timed.heard)),
                Some(overslept) if !is_new => timed.postpone(overslept + AFTER_ABSENCE),
                _ => {}
            }
        }
    }

    fn needs_inspection(&self) -> bool {
        self.lingering_closes.len() > UNSUSPECTED && descriptors::limit().is_some()
    }

    /// Ends as many lingering closes as the rest of the process lacks descriptors.
    fn leave_headroom(&mut self) -> Vec<Timed> {
        let wanted = descriptors::limit().map_or(0, headroom);
        let free = descriptors::count_free(wanted).unwrap_or(wanted);
        self.give_up(wanted.saturating_sub(free), Loss::Unsent)
    }

    /// How long the thread may wait; `None` is unlimited.
    fn rest(&self, now: Instant, is_blind: bool) -> Option<Duration> {
        if !self.busy.is_empty() {
            return Some(Duration::ZERO);
        }
        let silence = self.silence();
        let ends = self
            .lingering_closes
            .values()
            .map(|timed| timed.next_end(silence));
        let mut rest = ends.min()?.saturating_duration_since(now);
        if is_blind {
            rest = rest.min(SLICE);
        }
        if self.needs_inspection() {
            rest = rest.min(INSPECTION);
        }
        Some(rest)
    }
}

/// Allows lingering closes again after a [`shut_down`].
pub(crate) fn start_up() {
    CLOSER.get().room().is_shut_down = false;
}

/// Ends all lingering closes, and the thread.
pub(crate) fn shut_down() {
    CLOSER.get().shut_down();
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::connection::send::queue::SendQueue;
    use crate::sys::Socket;

    const LIMIT: Duration = Duration::from_secs(30);

    /// A lingering close that has begun at `start` with `unsent` bytes left to send, and its peer.
    fn begun(start: Instant, unsent: &[u8]) -> (Timed, Socket) {
        let (socket, peer) = Socket::test_pair();
        let mut queue = SendQueue::default();
        queue.push(unsent);
        let lingering_close = LingeringClose {
            socket: Arc::new(socket),
            queue,
            is_shut: false,
            peer_has_ended: false,
            holds_name: false,
        };
        let timed = Timed {
            lingering_close,
            end: start + LIMIT,
            heard: start,
        };
        (timed, peer)
    }

    #[test]
    fn a_peer_that_still_sends_is_not_silent() {
        let start = Instant::now();
        let (timed, peer) = begun(start, b"");
        let socket = timed.lingering_close.socket.clone();
        let closer = Closer::default();
        closer.room().insert(timed);
        let probe = |now| {
            closer.advance(0, now, &mut None);
            drop(closer.room().end_those_over(now));
            closer.room().lingering_closes.len()
        };
        let instant = Duration::from_nanos(1);
        assert_eq!(probe(start), 1);
        peer.send(b"still here").unwrap();
        while socket.unread_bytes().unwrap() == 0 {
            std::thread::yield_now();
        }
        assert_eq!(probe(start + SILENCE - instant), 1);
        assert_eq!(probe(start + SILENCE), 1);
        assert_eq!(probe(start + SILENCE * 2), 0);
    }

    #[test]
    fn those_that_lose_nothing_go_first_and_the_oldest_of_them() {
        let now = Instant::now();
        let mut room = Room::default();
        let mut peers = Vec::new();
        for unsent in [&b"rest"[..], b"", b"rest", b""] {
            let (timed, peer) = begun(now, unsent);
            room.insert(timed);
            peers.push(peer);
        }
        let mut left = |count, most| {
            drop(room.give_up(count, most));
            room.lingering_closes.keys().copied().collect::<Vec<_>>()
        };
        assert_eq!(left(0, Loss::Unsent), [0, 1, 2, 3]);
        assert_eq!(left(1, Loss::Unsent), [0, 2, 3]);
        assert_eq!(left(9, Loss::Unacknowledged), [0, 2]);
        assert_eq!(left(1, Loss::Unsent), [2]);
        assert_eq!(left(9, Loss::Unsent), []);
    }

    /// A peer that merely stays open is worth less when there are many.
    #[test]
    fn silence_is_shorter_among_many() {
        let now = Instant::now();
        let mut room = Room::default();
        let mut peers = Vec::new();
        let mut silence_of = |count| {
            while room.lingering_closes.len() < count {
                let (timed, peer) = begun(now, b"");
                room.insert(timed);
                peers.push(peer);
            }
            room.silence()
        };
        assert_eq!(silence_of(1), SILENCE);
        assert_eq!(silence_of(UNSUSPECTED), SILENCE);
        let few = (share(descriptors::limit()) / FEW).max(UNSUSPECTED);
        assert!(silence_of(few + few / 2) < SILENCE);
    }

    #[test]
    fn shares_follow_the_limit() {
        let table = [
            (64, 16, 8),
            (256, 64, 16),
            (1024, 256, 64),
            (1 << 20, 1000, 64),
        ];
        for (limit, lingering_closes, left) in table {
            assert_eq!(share(Some(limit)), lingering_closes);
            assert_eq!(headroom(limit), left);
        }
        assert_eq!(share(None), MOST);
    }
}
