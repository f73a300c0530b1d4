//! A graceful close that continues after the user has disconnected or dropped the connection: the
//! accepted data is sent, then the end of the stream, then input is discarded until the peer ends
//! the stream.
//!
//! A socket that is closed with unread input, or that receives input later, sends a reset. The
//! reset destroys data that is still on its way to the peer (RFC 2525, section 2.17).
//!
//! This file handles one connection. `lingering_closes` holds all of them, and `closer` advances
//! them.
//!
//! A close ends at its deadline at the latest. If something is still unsent, the connection is
//! reset, so that a part never looks like the whole. With nothing left to send, silence of the peer
//! ends it sooner, unless the peer's system has not acknowledged everything.

use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use crate::connection::send::queue::SendQueue;
use crate::connection::transport::ConnectedSocket;
use crate::sys::Socket;
use crate::totals;

/// The maximum number of bytes that one step sends, because a fast reader could otherwise keep it
/// busy without end.
const MAX_SENT: usize = 1 << 20;

/// The maximum amount of input that one step discards, in blocks.
const BLOCKS: usize = 64;
const BLOCK_SIZE: usize = 16 * 1024;

/// The socket and the unsent data of a connection that its user has disconnected or dropped.
#[derive(Debug)]
pub(super) struct LingeringClose {
    pub(super) socket: ConnectedSocket,
    /// The accepted data that has not been sent.
    pub(super) queue: SendQueue,
    /// Whether the end of the stream was sent.
    pub(super) is_shut: bool,
    /// Whether the end of the peer's stream was received.
    pub(super) peer_has_ended: bool,
    /// Whether the socket is bound to an abstract name, which is in use until the socket is closed.
    pub(super) holds_name: bool,
}

/// The result of one step of a lingering close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseProgress {
    /// Nothing can be done at the moment.
    Waiting,
    /// Input was received and discarded, and there is no more of it.
    Received,
    /// There may be more work at once.
    Busy,
    /// The socket can be closed.
    Done,
}

/// What may be lost if a lingering close ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// Nothing: the system of the peer has acknowledged everything.
    Nothing,
    /// Unacknowledged data, if the peer sends something and is answered with a reset.
    Unacknowledged,
    /// Accepted data that has not been sent.
    Unsent,
}

/// A lingering close with its time limits.
#[derive(Debug)]
pub(super) struct TimedClose {
    pub(super) close: LingeringClose,
    /// When it ends at the latest.
    pub(super) deadline: Instant,
    /// When the peer became silent.
    pub(super) silent_since: Instant,
}

/// Makes the close of the socket reset the connection (RFC 9293, section 3.10.5: "ABORT"). A Unix
/// domain socket has no reset; its peer sees the end of the stream.
pub(super) fn reset(socket: &Socket) {
    let _ = socket.reset_when_closed();
}

impl LingeringClose {
    /// Enlarges the send buffer of the kernel so that the queue fits, if the socket holds a name.
    pub(super) fn enlarge_send_buffer(&self) {
        if self.holds_name && !self.queue.is_empty() {
            // Twice the size, because the kernel counts its overhead. If the kernel refuses, the
            // rest is sent as the peer reads.
            let _ = self.socket.set_send_buffer_size(self.queue.len() * 2);
        }
    }

    /// Does one step, without waiting.
    pub(super) fn advance(&mut self) -> CloseProgress {
        debug_assert!(
            !self.is_shut || self.queue.is_empty(),
            "data after the end of the stream"
        );
        let mut sent = 0;
        while !self.queue.is_empty() {
            if sent >= MAX_SENT {
                return CloseProgress::Busy;
            }
            let unsent = self.queue.as_slice();
            match self.socket.send(&unsent[..unsent.len().min(MAX_SENT)]) {
                Ok(count) => {
                    totals::sent(count);
                    sent += count;
                    self.queue.skip(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    // The rest can never be sent. A reset shows the peer that data is missing.
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
        let progress = self.discard_input();
        if self.holds_name && self.queue.is_empty() {
            // The peer of a closed Unix domain socket can still read everything that was sent. Its
            // own sends fail from now on; otherwise they would be discarded.
            return CloseProgress::Done;
        }
        match progress {
            CloseProgress::Done if !self.queue.is_empty() => CloseProgress::Waiting,
            progress => progress,
        }
    }

    /// Receives and discards input. `Done` means that there will be no more.
    fn discard_input(&mut self) -> CloseProgress {
        if self.peer_has_ended {
            return CloseProgress::Done;
        }
        let mut scratch = [MaybeUninit::<u8>::uninit(); BLOCK_SIZE];
        let mut progress = CloseProgress::Waiting;
        for _ in 0..BLOCKS {
            match self.socket.receive(&mut scratch) {
                Ok([]) => {
                    self.peer_has_ended = true;
                    return CloseProgress::Done;
                }
                Ok(_) => progress = CloseProgress::Received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return progress,
                Err(_) => {
                    self.give_up();
                    return CloseProgress::Done;
                }
            }
        }
        CloseProgress::Busy
    }

    /// Discards unsent data, and shows the peer by a reset that it is missing.
    pub(super) fn give_up(&mut self) {
        if !self.queue.is_empty() {
            reset(&self.socket);
            self.queue.clear();
        }
    }

    /// Returns what may be lost if the close ends now.
    pub(super) fn loss(&self) -> Loss {
        if !self.queue.is_empty() {
            Loss::Unsent
        } else if self
            .socket
            .unacknowledged_bytes()
            .is_some_and(|count| count > 0)
        {
            Loss::Unacknowledged
        } else {
            Loss::Nothing
        }
    }
}

impl TimedClose {
    /// Returns when it may end, if a peer may be silent for `silence`.
    pub(super) fn next_end(&self, silence: Duration) -> Instant {
        if self.close.queue.is_empty() {
            (self.silent_since + silence).min(self.deadline)
        } else {
            self.deadline
        }
    }

    /// Whether its time has passed at `now`.
    ///
    /// Unacknowledged data extends the silence. A close alone does not lose it, but input that
    /// arrives after the close is answered with a reset, which does.
    pub(super) fn is_over(&mut self, now: Instant, silence: Duration) -> bool {
        if now < self.next_end(silence) {
            return false;
        }
        if now < self.deadline && self.close.loss() == Loss::Unacknowledged {
            self.silent_since = now;
            return false;
        }
        true
    }

    /// Extends both limits by `time`, during which the process could not work on it.
    pub(super) fn postpone(&mut self, time: Duration) {
        self.deadline += time;
        self.silent_since += time;
    }
}

#[cfg(test)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);
    const INSTANT: Duration = Duration::from_nanos(1);
    const SILENCE: Duration = Duration::from_secs(5);

    /// Creates a lingering close without unsent data that began at `start`, and its peer.
    fn begun(start: Instant) -> (TimedClose, Socket) {
        let (socket, peer) = Socket::test_pair();
        let close = LingeringClose {
            socket: ConnectedSocket::Own(socket),
            queue: SendQueue::default(),
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
    fn silence_ends_it() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        assert_eq!(timed.next_end(SILENCE), start + SILENCE);
        assert!(!timed.is_over(start + SILENCE - INSTANT, SILENCE));
        assert!(timed.is_over(start + SILENCE, SILENCE));
        timed.deadline = start + INSTANT;
        assert_eq!(timed.next_end(SILENCE), start + INSTANT);
    }

    #[test]
    fn with_unsent_data_the_deadline_ends_it() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.close.queue.push(b"rest");
        assert_eq!(timed.next_end(SILENCE), start + LIMIT);
        assert!(!timed.is_over(start + LIMIT - INSTANT, SILENCE));
        assert!(timed.is_over(start + LIMIT, SILENCE));
    }

    /// A reset would destroy it. Windows does not report acknowledgements.
    #[test]
    #[cfg(not(windows))]
    fn unacknowledged_data_gets_more_time() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.close.socket.send(b"words").unwrap();
        let later = start + SILENCE;
        assert!(!timed.is_over(later, SILENCE));
        assert_eq!(timed.silent_since, later);
        assert!(timed.is_over(start + LIMIT, SILENCE));
    }

    /// A peer that closes with something unread resets the connection.
    #[test]
    fn a_reset_by_the_peer_ends_it() {
        let (mut timed, peer) = begun(Instant::now());
        timed.close.socket.send(b"unread").unwrap();
        assert_eq!(timed.close.advance(), CloseProgress::Waiting);
        drop(peer);
        assert_eq!(timed.close.advance(), CloseProgress::Done);
    }

    #[test]
    fn a_postponement_extends_both_limits() {
        let start = Instant::now();
        let (mut timed, _peer) = begun(start);
        timed.postpone(LIMIT);
        assert!(!timed.is_over(start + LIMIT, SILENCE));
        assert!(timed.is_over(start + LIMIT + SILENCE, SILENCE));
        timed.close.queue.push(b"rest");
        assert_eq!(timed.next_end(SILENCE), start + 2 * LIMIT);
    }

    #[test]
    fn a_socket_with_a_name_is_closed_once_everything_is_sent() {
        let (mut timed, peer) = begun(Instant::now());
        timed.close.holds_name = true;
        timed.close.queue.push(b"last words");
        assert_eq!(timed.close.advance(), CloseProgress::Done);
        drop(timed);
        let mut received = [MaybeUninit::uninit(); 20];
        assert_eq!(peer.receive(&mut received).unwrap(), b"last words");
    }
}
