//! Graceful closes: what was accepted is sent, then the end of the stream, then what the peer still sends is read away until
//! its end. A socket that is closed with unread input, or that gets more of it later, sends a reset, and that destroys what
//! is still on its way to the peer (RFC 2525, section 2.17).
//!
//! This module handles one connection; `closer` runs all of them.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::connection::closer;
use crate::connection::send::queue::SendQueue;
use crate::poll::shared_poller;
use crate::sys::Socket;
use crate::totals;

/// So much of a queue is sent at a time. A fast reader could take more for ever.
const MOST_SENT: usize = 1 << 20;

/// So much input is read away at a time, in blocks.
const BLOCKS: usize = 64;
const BLOCK: usize = 16 * 1024;

/// A connection that its user has let go.
#[derive(Debug)]
pub(super) struct LingeringClose {
    pub(super) socket: Arc<Socket>,
    /// What was accepted and not sent yet.
    pub(super) queue: SendQueue,
    /// The end of the stream was sent.
    pub(super) is_shut: bool,
    /// The peer's end of the stream was received.
    pub(super) peer_has_ended: bool,
    /// The socket is bound to an abstract name, which nobody else can use as long as it is open.
    pub(super) holds_name: bool,
}

/// What a look at a lingering close has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseProgress {
    /// Nothing can be done now.
    Waiting,
    /// The peer has sent something, and all of it was read away.
    Heard,
    /// There may be more to be done at once.
    Busy,
    /// There is nothing left to be done: the socket can be closed.
    Done,
}

/// What is lost if a lingering close ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// Nothing: the peer's system has all.
    Nothing,
    /// What the peer's system has not acknowledged, if the peer sends something.
    Unacknowledged,
    /// What was accepted and not sent.
    Unsent,
}

/// A lingering close and its times.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) lingering_close: LingeringClose,
    /// When it is over, whatever is left.
    pub(super) end: Instant,
    /// When the silence of the peer began.
    pub(super) heard: Instant,
}

/// Resets the connection when its socket is closed (RFC 9293, section 3.10.5: "ABORT"). A Unix domain socket has no reset:
/// its peer sees an end.
pub(super) fn reset(socket: &Socket) {
    let _ = socket.reset_when_closed();
}

/// Begins a lingering close of at most `limit`. It does now what takes no waiting, and leaves the rest to
/// the closer.
pub(super) fn begin(mut lingering_close: LingeringClose, limit: Duration) {
    lingering_close.make_room_for_all();
    if lingering_close.advance() == CloseProgress::Done {
        drop(lingering_close);
    } else {
        closer::add(lingering_close, limit);
    }
    shared_poller::record_activity();
}

impl LingeringClose {
    /// Enlarges the kernel's buffer, so that a queue that holds a name goes out at once.
    fn make_room_for_all(&self) {
        if self.holds_name && !self.queue.is_empty() {
            // Twice the size, since the kernel counts its overhead. If it refuses, the rest goes out
            // as the peer reads.
            let _ = self.socket.set_send_buffer_size(self.queue.len() * 2);
        }
    }

    /// Does what can be done without waiting.
    pub(super) fn advance(&mut self) -> CloseProgress {
        let mut sent = 0;
        while !self.queue.is_empty() {
            if sent >= MOST_SENT {
                return CloseProgress::Busy;
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
                    return CloseProgress::Done;
                }
            }
        }
        if self.queue.is_empty() && !self.is_shut {
            if self.socket.shut_down_writing().is_err() {
                return CloseProgress::Done;
            }
            self.is_shut = true;
        }
        let read = self.read_away();
        if self.holds_name && self.queue.is_empty() {
            // The peer of a closed Unix domain socket can still read all that was sent. Its own
            // sends fail from now on; otherwise they would be read away.
            return CloseProgress::Done;
        }
        match read {
            CloseProgress::Done if !self.queue.is_empty() => CloseProgress::Waiting,
            read => read,
        }
    }

    /// Reads away what has come in. Done if nothing more will.
    fn read_away(&mut self) -> CloseProgress {
        if self.peer_has_ended {
            return CloseProgress::Done;
        }
        let mut scratch = [MaybeUninit::<u8>::uninit(); BLOCK];
        let mut progress = CloseProgress::Waiting;
        for _ in 0..BLOCKS {
            match self.socket.receive(&mut scratch) {
                Ok([]) => {
                    self.peer_has_ended = true;
                    return CloseProgress::Done;
                }
                Ok(_) => progress = CloseProgress::Heard,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return progress,
                Err(_) => {
                    self.give_up();
                    return CloseProgress::Done;
                }
            }
        }
        CloseProgress::Busy
    }

    /// Discards what is left, and makes that known to the peer.
    pub(super) fn give_up(&mut self) {
        if !self.queue.is_empty() {
            reset(&self.socket);
            self.queue.clear();
        }
    }

    /// What is lost if it ends now.
    pub(super) fn loss(&self) -> Loss {
        if !self.queue.is_empty() {
            Loss::Unsent
        } else if self.socket.unacknowledged_bytes() > 0 {
            Loss::Unacknowledged
        } else {
            Loss::Nothing
        }
    }
}

impl Timed {
    /// When it is over at the earliest, if the peer may be silent for `silence`.
    pub(super) fn next_end(&self, silence: Duration) -> Instant {
        if self.lingering_close.queue.is_empty() {
            (self.heard + silence).min(self.end)
        } else {
            self.end
        }
    }

    /// Whether its time is over. What the peer's system has not acknowledged is not lost by closing, but by the reset that
    /// answers whatever the peer sends then; so it gets more time, like what is unsent.
    pub(super) fn is_over(&mut self, now: Instant, silence: Duration) -> bool {
        if now < self.next_end(silence) {
            return false;
        }
        if now < self.end && self.lingering_close.loss() == Loss::Unacknowledged {
            self.heard = now;
            return false;
        }
        true
    }

    /// Extends its times by `time`, in which nothing could be done for it.
    pub(super) fn postpone(&mut self, time: Duration) {
        self.end += time;
        self.heard += time;
    }
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);
    const INSTANT: Duration = Duration::from_nanos(1);
    const SILENCE: Duration = Duration::from_secs(5);

    /// A lingering close with nothing left to send that has begun at `start`, and its peer.
    fn begun(start: Instant) -> (Timed, Socket) {
        let (socket, peer) = Socket::test_pair();
        let lingering_close = LingeringClose {
            socket: Arc::new(socket),
            queue: SendQueue::default(),
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
    fn five_seconds_of_silence_end_it() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        assert_eq!(timed.next_end(SILENCE), start + SILENCE);
        assert!(!timed.is_over(start + SILENCE - INSTANT, SILENCE));
        assert!(timed.is_over(start + SILENCE, SILENCE));
        timed.end = start + INSTANT;
        assert_eq!(timed.next_end(SILENCE), start + INSTANT);
    }

    #[test]
    fn with_something_left_to_send_the_limit_ends_it() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.lingering_close.queue.push(b"rest");
        assert_eq!(timed.next_end(SILENCE), start + LIMIT);
        assert!(!timed.is_over(start + LIMIT - INSTANT, SILENCE));
        assert!(timed.is_over(start + LIMIT, SILENCE));
    }

    /// A reset would destroy it. Windows does not say what the peer has taken.
    #[test]
    #[cfg(not(windows))]
    fn what_the_peer_has_not_taken_gets_more_time() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.lingering_close.socket.send(b"words").unwrap();
        let later = start + SILENCE;
        assert!(!timed.is_over(later, SILENCE));
        assert_eq!(timed.heard, later);
        assert!(timed.is_over(start + LIMIT, SILENCE));
    }

    /// A peer that closes with something unread resets the connection.
    #[test]
    fn a_peer_that_is_gone_is_not_waited_for() {
        let (mut timed, peer) = begun(Instant::now());
        timed.lingering_close.socket.send(b"unread").unwrap();
        assert_eq!(timed.lingering_close.advance(), CloseProgress::Waiting);
        drop(peer);
        assert_eq!(timed.lingering_close.advance(), CloseProgress::Done);
    }

    /// While this process was stopped the peer could not be served.
    #[test]
    fn time_in_which_nothing_could_be_done_does_not_count() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.postpone(LIMIT);
        assert!(!timed.is_over(start + LIMIT, SILENCE));
        assert!(timed.is_over(start + LIMIT + SILENCE, SILENCE));
        timed.lingering_close.queue.push(b"rest");
        assert_eq!(timed.next_end(SILENCE), start + 2 * LIMIT);
    }

    /// As soon as all of it was sent.
    #[test]
    fn what_holds_a_name_ends_without_the_peer() {
        let (mut timed, peer) = begun(Instant::now());
        timed.lingering_close.holds_name = true;
        timed.lingering_close.queue.push(b"last words");
        assert_eq!(timed.lingering_close.advance(), CloseProgress::Done);
        drop(timed);
        let mut received = [MaybeUninit::uninit(); 20];
        assert_eq!(peer.receive(&mut received).unwrap(), b"last words");
    }
}
