//! The lingering closes of the process, their limits, and which of them end early.
//!
//! Each lingering close keeps a descriptor that the program may need. Together they therefore have
//! a share of the descriptor limit. When descriptors are scarce, some end early: first those that
//! lose least, and among these the oldest.
//!
//! Above a quarter of the limit, only closes with unsent data continue; above 1000, none. New ones
//! leave a sixteenth of the limit (8 to 64 descriptors) free for the rest of the process. With more
//! than 8 of them, a check every 100 milliseconds does the same, because the program may open other
//! files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::connection::lingering_close::{Loss, TimedClose};
use crate::deadline::ABSENCE;
use crate::sys::descriptors;

/// How long a peer may be silent after everything was sent, as long as there are few lingering
/// closes. With more of them the time is shorter.
const SILENCE: Duration = Duration::from_secs(5);

/// The maximum number of lingering closes.
const MAX_CLOSES: usize = 1000;

/// Lingering closes without unsent data use at most the descriptor limit divided by this number.
/// Those with unsent data may use more, while the process has enough free descriptors.
const SHARE_DIVISOR: usize = 4;

/// The lingering closes are few while their number is at most their share divided by this number.
/// Then a peer may be silent for the full `SILENCE`.
const FEW_DIVISOR: usize = 4;

/// The interval between polls of all sockets where the kernel cannot watch them.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The interval between checks that the rest of the process has descriptors left.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Up to this number of lingering closes, only a new one causes a check.
const MAX_UNCHECKED: usize = 8;

/// The maximum number of lingering closes that expire while the lock is held. A disconnect may wait
/// for the lock.
const MAX_ENDED: usize = 16;

/// The minimum time that is left after an absence.
const AFTER_ABSENCE: Duration = Duration::from_secs(1);

/// The lingering closes, and what the closer knows about them.
#[derive(Debug, Default)]
pub(super) struct LingeringCloses {
    /// By token. Tokens grow, so this is the order of age. The closer removes the one that it works
    /// on.
    closes: BTreeMap<usize, TimedClose>,
    next_token: usize,
    /// The tokens with work left. The poller is edge-triggered and will not report it again. May
    /// contain tokens of closes that have ended.
    pub(super) busy: BTreeSet<usize>,
    /// The tokens that the poller does not watch yet.
    unwatched: BTreeSet<usize>,
    /// How many more closes may begin before the free descriptors are counted again.
    uncounted: usize,
}

/// Returns how many descriptors of `limit` are left to the rest of the process.
pub(super) fn headroom(limit: usize) -> usize {
    (limit / 16).clamp(8, 64)
}

/// Returns the maximum number of lingering closes without unsent data, for this descriptor limit.
fn share(limit: Option<usize>) -> usize {
    limit.map_or(MAX_CLOSES, |limit| {
        (limit / SHARE_DIVISOR).clamp(1, MAX_CLOSES)
    })
}

impl LingeringCloses {
    /// Checks what holds whenever the lock is free.
    pub(super) fn check(&self) {
        // The one that the closer works on may come back above the limit.
        debug_assert!(self.closes.len() <= MAX_CLOSES + 1);
        debug_assert!(
            self.unwatched
                .iter()
                .all(|token| self.closes.contains_key(token))
        );
        debug_assert!(
            self.closes
                .last_key_value()
                .is_none_or(|(token, _)| *token < self.next_token)
        );
    }

    pub(super) fn insert(&mut self, timed: TimedClose) {
        let token = self.next_token;
        self.next_token += 1;
        let before = self.closes.insert(token, timed);
        debug_assert!(before.is_none(), "each token is used once");
        self.unwatched.insert(token);
        // There may be more work at once.
        self.busy.insert(token);
    }

    fn remove(&mut self, token: usize) -> Option<TimedClose> {
        self.busy.remove(&token);
        self.unwatched.remove(&token);
        self.closes.remove(&token)
    }

    pub(super) fn take_all(&mut self) -> Vec<TimedClose> {
        self.busy.clear();
        self.unwatched.clear();
        std::mem::take(&mut self.closes).into_values().collect()
    }

    /// Takes a close out for a step. The second value is whether it must be added to the poller
    /// first.
    pub(super) fn check_out(&mut self, token: usize) -> Option<(TimedClose, bool)> {
        let timed = self.closes.remove(&token)?;
        Some((timed, self.unwatched.remove(&token)))
    }

    /// Puts a close back after a step.
    pub(super) fn check_in(&mut self, token: usize, timed: TimedClose, is_busy: bool) {
        let before = self.closes.insert(token, timed);
        debug_assert!(before.is_none() && token < self.next_token);
        if is_busy {
            self.busy.insert(token);
        }
    }

    /// Takes the tokens that need a step. Without a poller these are all.
    pub(super) fn take_busy(&mut self, has_poller: bool) -> BTreeSet<usize> {
        if !has_poller {
            self.busy.extend(self.closes.keys().copied());
        }
        std::mem::take(&mut self.busy)
    }

    /// Ends lingering closes to make room for a new one.
    pub(super) fn make_room(&mut self) {
        if self.closes.is_empty() {
            return;
        }
        let share = share(descriptors::limit());
        let count = self.closes.len() + 1;
        if count > share {
            // Some more than necessary, because to find them takes a system call for each close.
            self.give_up(count - share + share / 64, Loss::Unacknowledged);
        }
        let count = self.closes.len() + 1;
        self.give_up(count.saturating_sub(MAX_CLOSES), Loss::Unsent);
        // Few closes are not checked later.
        if self.uncounted == 0 || self.closes.len() <= MAX_UNCHECKED {
            self.leave_headroom();
        } else {
            self.uncounted -= 1;
        }
    }

    /// Ends at most `count` lingering closes that lose no more than `max_loss`: those that lose
    /// least first, and among these the oldest. Returns how many.
    ///
    /// Their descriptors are free when this returns, unless a call still uses a socket. If they
    /// were closed later, without the lock, another thread that needs a descriptor would find
    /// nothing to end, and fail. It may still miss the one close that the closer works on.
    pub(super) fn give_up(&mut self, count: usize, max_loss: Loss) -> usize {
        let mut given_up = 0;
        for loss in [Loss::Nothing, Loss::Unacknowledged, Loss::Unsent] {
            let missing = count - given_up;
            if missing == 0 || loss > max_loss {
                break;
            }
            let closes = self.closes.iter();
            let tokens: Vec<usize> = closes
                .filter(|(_, timed)| timed.close.loss() <= loss)
                .map(|(token, _)| *token)
                .take(missing)
                .collect();
            given_up += tokens.len();
            self.end(tokens);
        }
        given_up
    }

    /// Ends the lingering closes with these tokens, and closes their sockets.
    fn end(&mut self, tokens: Vec<usize>) {
        for token in tokens {
            if let Some(mut timed) = self.remove(token) {
                timed.close.give_up();
            }
        }
    }

    /// Returns how long a peer may be silent at the moment.
    fn silence(&self) -> Duration {
        let count = self.closes.len();
        if count <= MAX_UNCHECKED {
            return SILENCE;
        }
        let few = (share(descriptors::limit()) / FEW_DIVISOR).max(MAX_UNCHECKED);
        SILENCE.mul_f64(few as f64 / count.max(few) as f64)
    }

    /// Ends lingering closes whose time has passed, at most [`MAX_ENDED`]. Returns how many.
    pub(super) fn expire(&mut self, now: Instant) -> usize {
        let silence = self.silence();
        let closes = self.closes.iter_mut();
        let tokens: Vec<usize> = closes
            .filter_map(|(token, timed)| timed.is_over(now, silence).then_some(*token))
            .take(MAX_ENDED)
            .collect();
        let count = tokens.len();
        self.end(tokens);
        count
    }

    /// Extends the deadlines after an absence, in which the process was stopped or its machine
    /// slept.
    ///
    /// A lingering close that had no step yet gets all of its time again. The others get the time
    /// since `wait_end`, when the last wait was due to end, and a minimum on top, because the
    /// absence may have begun before that.
    pub(super) fn extend_after_absence(&mut self, now: Instant, wait_end: Option<Instant>) {
        let since = |moment| now.saturating_duration_since(moment);
        let overslept = wait_end.map(since).filter(|&time| time > ABSENCE);
        for (token, timed) in &mut self.closes {
            let is_new = self.unwatched.contains(token);
            let age = since(timed.silent_since);
            match overslept {
                _ if is_new && age > ABSENCE => timed.postpone(age),
                Some(overslept) if !is_new => timed.postpone(overslept + AFTER_ABSENCE),
                _ => {}
            }
        }
    }

    /// Whether descriptors have to be checked at [`CHECK_INTERVAL`].
    pub(super) fn needs_check(&self) -> bool {
        self.closes.len() > MAX_UNCHECKED && descriptors::limit().is_some()
    }

    /// Ends lingering closes until the rest of the process has enough free descriptors, and a few
    /// more: so many closes may begin before the next count, which takes a system call for each
    /// descriptor. Returns how many have ended.
    pub(super) fn leave_headroom(&mut self) -> usize {
        let enough = descriptors::limit().map_or(0, headroom);
        let wanted = enough + enough / 4;
        let free = descriptors::count_free(wanted).unwrap_or(wanted);
        let ended = self.give_up(wanted.saturating_sub(free), Loss::Unsent);
        self.uncounted = (free + ended).saturating_sub(enough);
        ended
    }

    /// Returns how long the closer may wait; `None` is unlimited.
    pub(super) fn wait_limit(&self, now: Instant, has_poller: bool) -> Option<Duration> {
        if !self.busy.is_empty() {
            return Some(Duration::ZERO);
        }
        let silence = self.silence();
        let ends = self.closes.values().map(|timed| timed.next_end(silence));
        let mut limit = ends.min()?.saturating_duration_since(now);
        if !has_poller {
            limit = limit.min(POLL_INTERVAL);
        }
        if self.needs_check() {
            limit = limit.min(CHECK_INTERVAL);
        }
        Some(limit)
    }
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;
    use crate::connection::lingering_close::LingeringClose;
    use crate::connection::send::queue::SendQueue;
    use crate::connection::transport::ConnectedSocket;
    use crate::sys::Socket;

    const LIMIT: Duration = Duration::from_secs(30);

    /// Creates a lingering close with `unsent` data that began at `start`, and its peer.
    fn begun(start: Instant, unsent: &[u8]) -> (TimedClose, Socket) {
        let (socket, peer) = Socket::test_pair();
        let mut queue = SendQueue::default();
        queue.push(unsent);
        let close = LingeringClose {
            socket: ConnectedSocket::Own(socket),
            queue,
            is_shut: false,
            peer_has_ended: false,
            holds_name: false,
        };
        let timed = TimedClose {
            close,
            deadline: start + LIMIT,
            silent_since: start,
        };
        (timed, peer)
    }

    #[test]
    fn closes_that_lose_least_end_first_and_then_the_oldest() {
        let now = Instant::now();
        let mut all = LingeringCloses::default();
        let mut peers = Vec::new();
        for unsent in [&b"rest"[..], b"", b"rest", b""] {
            let (timed, peer) = begun(now, unsent);
            all.insert(timed);
            peers.push(peer);
        }
        let mut left = |count, max_loss| {
            all.give_up(count, max_loss);
            all.closes.keys().copied().collect::<Vec<_>>()
        };
        assert_eq!(left(0, Loss::Unsent), [0, 1, 2, 3]);
        assert_eq!(left(1, Loss::Unsent), [0, 2, 3]);
        assert_eq!(left(9, Loss::Unacknowledged), [0, 2]);
        assert_eq!(left(1, Loss::Unsent), [2]);
        assert_eq!(left(9, Loss::Unsent), []);
    }

    #[test]
    fn silence_is_shorter_among_many() {
        let now = Instant::now();
        let mut all = LingeringCloses::default();
        let mut peers = Vec::new();
        let mut silence_of = |count| {
            while all.closes.len() < count {
                let (timed, peer) = begun(now, b"");
                all.insert(timed);
                peers.push(peer);
            }
            all.silence()
        };
        assert_eq!(silence_of(1), SILENCE);
        assert_eq!(silence_of(MAX_UNCHECKED), SILENCE);
        let few = (share(descriptors::limit()) / FEW_DIVISOR).max(MAX_UNCHECKED);
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
        for (limit, closes, left) in table {
            assert_eq!(share(Some(limit)), closes);
            assert_eq!(headroom(limit), left);
        }
        assert_eq!(share(None), MAX_CLOSES);
    }
}
