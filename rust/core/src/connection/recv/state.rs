//! The receiving direction: what was received, what is known of the rest, and how it has ended.

use std::io;
use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::connection::owner::Owner;
use crate::connection::recv::buffer::RecvBuffer;
use crate::connection::recv::kernel_view::KernelView;
use crate::connection::statistics::Traffic;
use crate::poll::freshness::Moment;
use crate::poll::readiness::Readiness;
use crate::poll::shared_poller::{self, Mark, Watch};
use crate::sys::{self, Socket};
use crate::totals;

/// How much one system call may bring in on behalf of small reads. It bounds what is buffered: the rest stays
/// in the kernel, so that a slow reader still slows its sender down.
pub(crate) const REFILL: usize = 16 * 1024;

/// How much a `poll` may bring in. Small, so that a large read after it finds most of the data still in the
/// kernel and gets it copied only once.
const PREFETCH: usize = 4 * 1024;

/// After so many looks in a row that have found nothing, a connection is idle enough to be watched.
const IDLE_PROBES: u32 = 2;

/// What is known of a connection's socket without asking the kernel, and which of the shared answers it has used.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    pub(crate) readiness: Arc<Readiness>,
    /// What `poll` has used.
    pub(crate) polled: Mark,
    /// What the question for available bytes has used.
    pub(crate) asked: Mark,
}

/// The receiving direction of one session.
#[derive(Debug, Default)]
pub(crate) struct RecvState {
    pub(crate) owner: Owner,
    generation: u64,
    /// The process in which the session began.
    process: u64,
    pub(crate) buffer: RecvBuffer,
    pub(crate) view: KernelView,
    /// How it has ended, behind the bytes in the buffer.
    pub(crate) end: Option<RecvEnd>,
    /// A search has met the end behind so many bytes, counted from 1; 0 if none has. See [`give_up`](Self::give_up).
    given_up_behind: u64,
    has_polled_since: bool,
    /// Something was received, or the end, and the groups were not told of it yet.
    pub(crate) has_unreported: bool,
    /// The looks that have found nothing since something was received.
    idle_probes: u32,
    /// Shared polls tell of the socket.
    watch: Option<Watch>,
    pub(crate) traffic: Traffic,
}

/// Why no more bytes come.
#[derive(Debug)]
pub(crate) enum RecvEnd {
    /// The peer has ended the stream.
    Stream,
    /// The socket has failed.
    Failure(io::Error),
}

/// What a receive has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// So many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// Nothing any more; [`RecvState::end`] says why.
    End,
}

/// A receive that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// When it began: what arrives while the kernel answers may be missed by the answer.
    at: Moment,
    asked: usize,
}

impl RecvState {
    /// That of the session `generation`.
    pub(crate) fn of(generation: u64) -> RecvState {
        RecvState {
            generation,
            process: sys::process(),
            ..RecvState::default()
        }
    }

    /// Takes all of it at the end of the session, but for what is told afterwards of what it has moved.
    pub(crate) fn end(&mut self) -> RecvState {
        let left = RecvState {
            generation: self.generation,
            traffic: self.traffic,
            ..RecvState::default()
        };
        std::mem::replace(self, left)
    }

    /// Whether it is that of the session `generation`, or what is left of it, since no other one has begun.
    pub(crate) fn is_of(&self, generation: u64) -> bool {
        self.generation == generation
    }

    /// Takes note that a search has met the end without what it looked for. Whether another one had before, with a poll in
    /// between, and nothing was read since: then what is left is of no use to anybody.
    pub(crate) fn give_up(&mut self) -> bool {
        let behind = self.buffer.read() + 1;
        if self.given_up_behind != behind {
            (self.given_up_behind, self.has_polled_since) = (behind, false);
        }
        self.has_unreported = true;
        self.has_polled_since
    }

    /// Takes note of a poll, for [`give_up`](Self::give_up).
    pub(crate) fn note_poll(&mut self) {
        self.has_polled_since = true;
    }

    /// Whether the session began in a process that this one was forked from.
    pub(crate) fn is_inherited(&self) -> bool {
        self.process != sys::process()
    }

    /// Begins to ask the kernel for at most `asked` bytes. [`note`](Self::note) takes its answer.
    pub(crate) fn begin_probe(&self, watching: &Watching, asked: usize) -> Probe {
        watching.readiness.begin_probe(key(self.generation));
        Probe {
            at: shared_poller::moment(),
            asked,
        }
    }

    /// Takes the answer of the kernel to what `look` has begun.
    pub(crate) fn note(&mut self, probe: Probe, outcome: &io::Result<usize>) -> Received {
        match outcome {
            Ok(0) => {
                shared_poller::record_activity();
                self.has_unreported = true;
                self.end = Some(RecvEnd::Stream);
                Received::End
            }
            &Ok(count) => {
                self.idle_probes = 0;
                self.has_unreported = true;
                self.traffic.add(count, probe.at.ticks);
                totals::received(count);
                // RecvState is an act of its own. If it was the only one, the answer is still news.
                let is_alone = shared_poller::record_activity() == probe.at.activity;
                let at = is_alone.then_some(Moment {
                    activity: probe.at.activity + 1,
                    ..probe.at
                });
                self.view.received(count == probe.asked, at);
                Received::Bytes(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.view.was_empty();
                Received::Nothing
            }
            Err(error) => {
                self.has_unreported = true;
                self.end = Some(RecvEnd::Failure(crate::error::copy_of(error)));
                Received::End
            }
        }
    }

    /// Receives, without waiting, at most `limit` bytes and 16 KiB, and adds it to the buffer.
    pub(crate) fn fill(&mut self, socket: &Socket, watching: &Watching, limit: usize) -> Received {
        if self.end.is_some() {
            return Received::End;
        }
        let mut scratch = [MaybeUninit::<u8>::uninit(); REFILL];
        self.receive_with(socket, watching, &mut scratch[..limit.min(REFILL)])
    }

    fn receive_with(
        &mut self,
        socket: &Socket,
        watching: &Watching,
        scratch: &mut [MaybeUninit<u8>],
    ) -> Received {
        let probe = self.begin_probe(watching, scratch.len());
        let outcome = socket.receive(scratch).map(|received| {
            self.buffer.push(received);
            received.len()
        });
        self.note(probe, &outcome)
    }

    /// Looks, without waiting, what has come in. With unread bytes in the buffer there is nothing to find out:
    /// neither an end nor an error comes before them.
    pub(crate) fn poll(&mut self, socket: &Socket, watching: &Watching) {
        if self.end.is_some() || !self.buffer.is_empty() {
            return;
        }
        if !self.is_quiet(watching, &watching.polled) {
            let at = shared_poller::moment();
            if self.prefetch(socket, watching) != Received::Nothing {
                return;
            }
            self.view.found_empty(at);
        }
        // A frame without a message: the connection is idle.
        self.buffer.release();
    }

    /// The number of bytes that can be read without waiting. It asks the kernel unless the answer is known: with an
    /// empty buffer from a `poll` or a shared poll, otherwise from the last count, if these still hold.
    pub(crate) fn available(&mut self, socket: &Socket, watching: &Watching) -> usize {
        if self.end.is_some() {
            return self.buffer.len();
        }
        if self.buffer.is_empty() {
            let just_polled = self.view.take_found_empty();
            if just_polled.is_some_and(shared_poller::is_fresh)
                || self.is_quiet(watching, &watching.asked)
                || !matches!(self.prefetch(socket, watching), Received::Bytes(_))
            {
                return 0;
            }
        }
        let behind = match self.view.count(shared_poller::is_fresh) {
            Some(count) => count,
            None => self.count(socket),
        };
        self.buffer.len() + behind
    }

    /// How many bytes the kernel says that it has.
    pub(crate) fn count(&mut self, socket: &Socket) -> usize {
        let at = shared_poller::moment();
        // A socket that has failed tells so when it is read.
        let count = socket.unread_bytes().unwrap_or(0);
        self.view.counted(at, count);
        count
    }

    /// Whether nothing has come in since the kernel has said that nothing is there.
    fn is_quiet(&mut self, watching: &Watching, mark: &Mark) -> bool {
        let readiness = &watching.readiness;
        self.is_watched()
            && self.view.is_empty()
            && readiness.settle(key(self.generation))
            && shared_poller::has_reported_since(mark)
            && readiness.is_quiet(key(self.generation))
    }

    fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::is_valid)
    }

    fn prefetch(&mut self, socket: &Socket, watching: &Watching) -> Received {
        let mut scratch = [MaybeUninit::<u8>::uninit(); PREFETCH];
        let received = self.receive_with(socket, watching, &mut scratch);
        if received == Received::Nothing {
            self.found_nothing(socket, watching);
        }
        received
    }

    fn found_nothing(&mut self, socket: &Socket, watching: &Watching) {
        if self.watch.is_some() && !self.is_watched() {
            self.watch = None;
            self.idle_probes = 0;
        }
        self.idle_probes = self.idle_probes.saturating_add(1);
        if self.watch.is_none() && self.idle_probes == IDLE_PROBES {
            self.watch = Watch::begin(socket, &watching.readiness);
        }
        if self.watch.is_some() {
            watching.readiness.settle(key(self.generation));
        }
    }
}

/// Whether the session `generation` is quiet, and a shared poll newer than `mark` has told nothing. False also means "unknown".
#[inline]
pub(crate) fn is_quiet(readiness: &Readiness, generation: u64, mark: &Mark) -> bool {
    let key = key(generation);
    readiness.is_quiet(key) && shared_poller::has_reported_since(mark) && readiness.is_quiet(key)
}

/// By what the readiness word knows the session `generation`. In a forked child it is another session: what is told there of its
/// socket comes from another set.
#[inline]
fn key(generation: u64) -> u64 {
    generation | sys::process() << 48
}
