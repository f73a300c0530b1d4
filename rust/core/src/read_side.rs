//! The receiving half of a connection: what has been received and not yet read.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;

use socket2::Socket;

use crate::readiness::Readiness;
use crate::sweep::{self, Watch};
use crate::sys;

/// How much one system call may bring in on behalf of small reads. It bounds what is buffered: the rest stays
/// in the kernel, so that a slow reader still slows its sender down.
const REFILL: usize = 16 * 1024;

/// How much a `poll` may bring in. Small, so that a large read after it finds most of the data still in the
/// kernel and gets it copied only once.
const PREFETCH: usize = 4 * 1024;

/// The buffer that is kept for the next message. An idle connection keeps none.
const KEPT_CAPACITY: usize = 1024;

/// After so many looks in a row that have found nothing, a connection is idle enough to be watched.
const IDLE_LOOKS: u32 = 2;

/// Received bytes, and what is known of those still in the kernel.
#[derive(Debug, Default)]
pub(crate) struct ReadSide {
    /// The session the content belongs to.
    epoch: u64,
    buffer: Vec<u8>,
    /// Where the unread bytes in `buffer` start.
    start: usize,
    /// The stream has ended behind the bytes in `buffer`.
    end: Option<End>,
    /// The last receive left nothing in the kernel.
    drained: bool,
    /// When a `poll` found the kernel's queue empty.
    found_empty: Option<Sighting>,
    /// When the length of the kernel's queue was last known, and what it was.
    looked: Option<Sighting>,
    beyond: usize,
    /// The looks that have found nothing since something was received.
    idle_looks: u32,
    /// Sweeps tell of the socket.
    watch: Option<Watch>,
}

/// When the kernel's queue was looked at, and how often this process had sent something until then: one of its
/// own sends can be in the queue at once, whatever the clock says.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    /// In ticks.
    at: u64,
    sends: u64,
}

impl Sighting {
    /// One of now, by a look that took place after `sends` was asked for. The time after the look: that it took long
    /// makes it no less new.
    fn new(sends: u64) -> Sighting {
        Sighting {
            at: sys::ticks(),
            sends,
        }
    }

    fn is_fresh(&self, sends: u64) -> bool {
        self.sends == sends && sweep::is_fresh(self.at, sys::ticks())
    }
}

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum End {
    /// The peer has ended the stream.
    Stream,
    /// The socket has failed.
    Failure(io::Error),
}

/// What a receive has brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes for the caller.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// Nothing any more; [`ReadSide::end`] says why.
    End,
}

impl ReadSide {
    /// Makes this the read side of the session `epoch`, forgetting what an earlier one has left.
    #[inline]
    pub(crate) fn enter(&mut self, epoch: u64) {
        if self.epoch != epoch {
            *self = ReadSide {
                epoch,
                ..ReadSide::default()
            };
        }
    }

    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub(crate) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub(crate) fn take_end(&mut self) -> Option<End> {
        self.end.take()
    }

    /// Whether the last receive left nothing in the kernel: what is unread here is all there was.
    pub(crate) fn is_drained(&self) -> bool {
        self.drained
    }

    /// Moves unread bytes into `out`, as many as fit. The number moved.
    #[inline]
    pub(crate) fn take(&mut self, out: &mut [MaybeUninit<u8>]) -> usize {
        let count = self.unread().len().min(out.len());
        if count > 0 {
            out[..count].write_copy_of_slice(&self.buffer[self.start..self.start + count]);
            self.skip(count);
        }
        count
    }

    /// Takes `count` unread bytes for read.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        self.start += count;
        if self.start == self.buffer.len() {
            self.forget_buffer();
        }
    }

    #[cold]
    fn forget_buffer(&mut self) {
        self.start = 0;
        if self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
    }

    /// Receives, without waiting, into `out`, which is not empty; the buffer must be. Small reads bring in more than
    /// they ask for.
    pub(crate) fn receive(
        &mut self,
        socket: &Socket,
        readiness: &Readiness,
        out: &mut [MaybeUninit<u8>],
    ) -> Received {
        if out.len() >= REFILL {
            let asked = out.len();
            readiness.begin_look(self.epoch);
            let sends = sweep::sends();
            let received = sys::receive(socket, out).map(|received| received.len());
            return self.note(received, asked, sends, readiness);
        }
        match self.fill(socket, readiness) {
            Received::Bytes(_) => Received::Bytes(self.take(out)),
            other => other,
        }
    }

    /// Receives, without waiting, and adds it to what is unread.
    pub(crate) fn fill(&mut self, socket: &Socket, readiness: &Readiness) -> Received {
        if self.end.is_some() {
            return Received::End;
        }
        let mut scratch = [MaybeUninit::<u8>::uninit(); REFILL];
        self.receive_into_buffer(socket, readiness, &mut scratch)
    }

    /// Looks, without waiting, what has come in. With unread bytes in the buffer there is nothing to find out:
    /// neither an end nor an error comes before them.
    pub(crate) fn poll(
        &mut self,
        socket: impl FnOnce() -> Option<Arc<Socket>>,
        readiness: &Arc<Readiness>,
    ) {
        if self.end.is_some() || !self.unread().is_empty() {
            return;
        }
        let sends = sweep::sends();
        if !self.is_quiet(readiness, &readiness.polled) {
            let Some(socket) = socket() else { return };
            if self.prefetch(&socket, readiness) != Received::Nothing {
                return;
            }
            self.found_empty = Some(Sighting::new(sends));
        }
        // A frame without a message: the connection is idle.
        self.buffer = Vec::new();
    }

    /// The number of bytes that can be read without waiting. It asks the kernel unless the answer is known: with an
    /// empty buffer from a `poll` or a sweep, otherwise from the last look, if these are fresh.
    pub(crate) fn available(
        &mut self,
        socket: impl FnOnce() -> Option<Arc<Socket>>,
        readiness: &Arc<Readiness>,
    ) -> usize {
        let sends = sweep::sends();
        let is_fresh = |seen: Option<Sighting>| seen.is_some_and(|seen| seen.is_fresh(sends));
        if self.end.is_some() {
            return self.unread().len();
        }
        if self.unread().is_empty() {
            if is_fresh(self.found_empty.take()) || self.is_quiet(readiness, &readiness.asked) {
                return 0;
            }
            let Some(socket) = socket() else { return 0 };
            self.prefetch(&socket, readiness);
            if !self.drained {
                self.look(&socket, sends);
            }
        } else if !is_fresh(self.looked)
            && let Some(socket) = socket()
        {
            self.look(&socket, sends);
        }
        self.unread().len() + self.beyond
    }

    fn look(&mut self, socket: &Socket, sends: u64) {
        // A socket that has failed tells so when it is read.
        self.beyond = sys::unread_bytes(socket).unwrap_or(0);
        self.drained = self.beyond == 0;
        self.looked = Some(Sighting::new(sends));
    }

    /// Whether nothing has come in since the last look has found the end of the kernel's queue.
    fn is_quiet(&mut self, readiness: &Readiness, mark: &sweep::Mark) -> bool {
        self.is_watched()
            && self.drained
            && readiness.settle(self.epoch)
            && readiness.is_quiet(self.epoch, mark)
    }

    fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::is_valid)
    }

    fn prefetch(&mut self, socket: &Socket, readiness: &Arc<Readiness>) -> Received {
        let mut scratch = [MaybeUninit::<u8>::uninit(); PREFETCH];
        let received = self.receive_into_buffer(socket, readiness, &mut scratch);
        if received == Received::Nothing {
            self.found_nothing(socket, readiness);
        }
        received
    }

    fn found_nothing(&mut self, socket: &Socket, readiness: &Arc<Readiness>) {
        if self.watch.is_some() && !self.is_watched() {
            self.watch = None;
            self.idle_looks = 0;
        }
        self.idle_looks = self.idle_looks.saturating_add(1);
        if self.watch.is_none() && self.idle_looks == IDLE_LOOKS {
            self.watch = Watch::begin(socket, readiness);
        }
        if self.watch.is_some() {
            readiness.settle(self.epoch);
        }
    }

    fn receive_into_buffer(
        &mut self,
        socket: &Socket,
        readiness: &Readiness,
        scratch: &mut [MaybeUninit<u8>],
    ) -> Received {
        let asked = scratch.len();
        readiness.begin_look(self.epoch);
        let sends = sweep::sends();
        // What has been read makes room first.
        self.buffer.drain(..std::mem::take(&mut self.start));
        let received = sys::receive(socket, scratch).map(|received| {
            self.buffer.extend_from_slice(received);
            received.len()
        });
        self.note(received, asked, sends, readiness)
    }

    fn note(
        &mut self,
        outcome: io::Result<usize>,
        asked: usize,
        sends: u64,
        readiness: &Readiness,
    ) -> Received {
        if outcome.is_ok() {
            // Of what has been received the kernel does not tell them any more.
            readiness.occupancy.groups.tell();
        }
        self.found_empty = None;
        self.looked = None;
        self.beyond = 0;
        match outcome {
            Ok(0) => {
                self.end = Some(End::Stream);
                readiness.close_read(self.epoch);
                Received::End
            }
            Ok(count) => {
                self.idle_looks = 0;
                // A stream socket gives all it has up to what was asked for (recv(2)).
                self.drained = count < asked;
                self.looked = self.drained.then(|| Sighting::new(sends));
                Received::Bytes(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.drained = true;
                Received::Nothing
            }
            Err(error) => {
                self.end = Some(End::Failure(error));
                Received::End
            }
        }
    }
}
