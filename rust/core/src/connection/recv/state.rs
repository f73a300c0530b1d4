//! The state of the receiving direction, and each receive from the socket.
//!
//! Received bytes go to the `RecvBuffer`. The `KernelView` remembers what the last answers of the
//! kernel imply about the bytes that are still in the kernel. An idle socket is watched by the
//! shared poller, so that a poll of the connection needs no system call.

use std::io;
use std::mem::MaybeUninit;

use crate::connection::recv::buffer::RecvBuffer;
use crate::connection::recv::kernel_view::KernelView;
use crate::connection::traffic::Traffic;
use crate::poll::freshness::Moment;
use crate::poll::readiness::Readiness;
use crate::poll::readiness_slab::OwnReadiness;
use crate::poll::shared_poller::{self, Mark, Watch};
use crate::sys::{self, Socket};
use crate::totals;

/// The most that one system call receives on behalf of small reads. It also bounds the buffer: the
/// rest stays in the kernel, so that a slow reader exerts backpressure.
pub(crate) const MAX_FILL: usize = 16 * 1024;

/// The most that a poll receives. It is small, so that a large read after the poll finds most of
/// the data in the kernel and copies it only once.
const PREFETCH: usize = 4 * 1024;

/// The number of consecutive probes without data after which the socket is watched.
const IDLE_PROBES: u8 = 2;

/// The low bits of a key are the generation, and the others the process.
const GENERATION_BITS: u32 = 48;
const GENERATION: u64 = (1 << GENERATION_BITS) - 1;

/// What is known about the socket of a connection without a system call, and which shared polls the
/// connection has used.
#[derive(Debug, Default)]
pub(crate) struct Watching {
    pub(crate) readiness: OwnReadiness,
    /// The last shared poll that `poll` has used.
    pub(crate) poll_mark: Mark,
    /// The last shared poll that `available` has used.
    pub(crate) available_mark: Mark,
}

/// The receiving direction of one connection.
#[derive(Debug, Default)]
pub(crate) struct RecvState {
    /// The generation of the connection, and above it the process in which it began.
    begun_as: u64,
    pub(crate) buffer: RecvBuffer,
    pub(crate) view: KernelView,
    /// Why nothing will come after the bytes in the buffer. `None` while more may come.
    pub(crate) end: Option<RecvEnd>,
    /// Data or an end was received, and the groups have not been notified.
    pub(crate) has_unreported: bool,
    /// The number of probes without data since the last data.
    idle_probes: u8,
    /// `Some` while shared polls report on the socket.
    watch: Option<Watch>,
    pub(crate) traffic: Traffic,
}

/// Why no more bytes will come.
#[derive(Debug)]
pub(crate) enum RecvEnd {
    /// The peer has ended the stream.
    Stream,
    /// The socket has failed.
    Failure(io::Error),
}

/// The result of a receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// This number of bytes.
    Bytes(usize),
    /// Nothing at the moment.
    Nothing,
    /// The direction has ended. [`RecvState::end`] has the reason.
    End,
}

/// A receive that has begun.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    /// The time before the system call. Data that arrives during the call may be missing from its
    /// result.
    at: Moment,
    /// The number of bytes asked for.
    asked: usize,
}

impl RecvState {
    /// Creates the state for the connection of `generation`.
    pub(crate) fn new(generation: u64) -> RecvState {
        RecvState {
            begun_as: key(generation),
            ..RecvState::default()
        }
    }

    /// Moves the state out at the end of the connection. The counters stay for the statistics.
    pub(crate) fn take_at_end(&mut self) -> RecvState {
        let left = RecvState {
            begun_as: self.generation(),
            traffic: self.traffic,
            ..RecvState::default()
        };
        std::mem::replace(self, left)
    }

    /// Whether the connection of `generation` is the current one or, until the next one begins, the
    /// last one.
    pub(crate) fn belongs_to(&self, generation: u64) -> bool {
        self.generation() == generation
    }

    fn generation(&self) -> u64 {
        self.begun_as & GENERATION
    }

    /// See [`RecvBuffer::note_failed_search`]. The groups visit the connection once more.
    pub(crate) fn note_failed_search(&mut self) -> bool {
        self.has_unreported = true;
        self.buffer.note_failed_search()
    }

    /// Whether the connection began in the parent of this forked process.
    pub(crate) fn is_inherited(&self) -> bool {
        self.begun_as >> GENERATION_BITS != sys::process()
    }

    /// Checks what holds whenever the lock is free.
    pub(crate) fn check(&self) {
        self.buffer.check();
        self.view.check();
        debug_assert!(
            self.buffer.bytes_read() + self.buffer.len() as u64 <= self.traffic.bytes(),
            "the buffer holds more than was received"
        );
    }

    /// To be called before a receive of at most `asked` bytes. Pass the result to
    /// [`finish_probe`](Self::finish_probe).
    pub(crate) fn begin_probe(&self, watching: &Watching, asked: usize) -> Probe {
        debug_assert!(
            asked > 0,
            "an empty receive would look like the end of the stream"
        );
        watching.readiness.begin_probe(key(self.generation()));
        Probe {
            at: shared_poller::moment(),
            asked,
        }
    }

    /// Records the result of the receive that [`begin_probe`](Self::begin_probe) has announced.
    pub(crate) fn finish_probe(&mut self, probe: Probe, outcome: &io::Result<usize>) -> Received {
        debug_assert!(self.end.is_none(), "a receive after the end");
        debug_assert!(!outcome.as_ref().is_ok_and(|&count| count > probe.asked));
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
                // The receive itself counts as activity. Without any other, its result is still up
                // to date.
                let is_only_activity = shared_poller::record_activity() == probe.at.activity;
                let at = is_only_activity.then_some(Moment {
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

    /// Receives at most `limit` bytes and at most [`MAX_FILL`] into the buffer. Never waits.
    pub(crate) fn fill(&mut self, socket: &Socket, watching: &Watching, limit: usize) -> Received {
        if self.end.is_some() {
            return Received::End;
        }
        let mut scratch = [MaybeUninit::<u8>::uninit(); MAX_FILL];
        self.receive_with(socket, watching, &mut scratch[..limit.min(MAX_FILL)])
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
        self.finish_probe(probe, &outcome)
    }

    /// Receives one small block if the buffer is empty. Never waits. With unread bytes in the
    /// buffer a receive is pointless, because an end or an error comes after them.
    pub(crate) fn poll(&mut self, socket: &Socket, watching: &Watching) {
        if self.end.is_some() || !self.buffer.is_empty() {
            return;
        }
        if !self.is_quiet(watching, &watching.poll_mark) {
            let at = shared_poller::moment();
            if self.prefetch(socket, watching) != Received::Nothing {
                return;
            }
            self.view.found_empty(at);
        }
        // A poll without data: the connection is idle and needs no memory.
        self.buffer.release();
    }

    /// Returns the number of bytes that can be read without waiting. Asks the kernel, unless an
    /// earlier answer is still valid. With an empty buffer, that is the answer of a `poll` or of a
    /// shared poll. Otherwise it is the last count.
    pub(crate) fn available(&mut self, socket: &Socket, watching: &Watching) -> usize {
        if self.end.is_some() {
            return self.buffer.len();
        }
        if self.buffer.is_empty() {
            let just_polled = self.view.take_found_empty();
            if just_polled.is_some_and(shared_poller::is_fresh)
                || self.is_quiet(watching, &watching.available_mark)
                || !matches!(self.prefetch(socket, watching), Received::Bytes(_))
            {
                return 0;
            }
        }
        match self.known_available() {
            Some(count) => count,
            None => self.buffer.len() + self.count_in_kernel(socket),
        }
    }

    /// Returns the number of bytes that can be read without waiting, if the end or a valid answer
    /// of the kernel is known. Makes no system call.
    #[inline]
    pub(crate) fn known_available(&self) -> Option<usize> {
        let in_kernel = match &self.end {
            Some(_) => 0,
            None => self.view.count(shared_poller::is_fresh)?,
        };
        Some(self.buffer.len() + in_kernel)
    }

    /// Asks the kernel how many received bytes it holds.
    pub(crate) fn count_in_kernel(&mut self, socket: &Socket) -> usize {
        let at = shared_poller::moment();
        // The next receive reports a failure of the socket.
        let count = socket.unread_bytes().unwrap_or(0);
        self.view.counted(at, count);
        count
    }

    /// Whether nothing has arrived since the last receive without data. Makes a shared poll if
    /// needed.
    fn is_quiet(&mut self, watching: &Watching, mark: &Mark) -> bool {
        let readiness = &watching.readiness;
        self.is_watched()
            && self.view.is_empty()
            && readiness.settle(key(self.generation()))
            && shared_poller::has_reported_since(mark)
            && readiness.is_quiet(key(self.generation()))
    }

    fn is_watched(&self) -> bool {
        self.watch.as_ref().is_some_and(Watch::is_valid)
    }

    fn prefetch(&mut self, socket: &Socket, watching: &Watching) -> Received {
        let mut scratch = [MaybeUninit::<u8>::uninit(); PREFETCH];
        let received = self.receive_with(socket, watching, &mut scratch);
        if received == Received::Nothing {
            self.note_idle_probe(socket, watching);
        }
        received
    }

    fn note_idle_probe(&mut self, socket: &Socket, watching: &Watching) {
        if self.watch.is_some() && !self.is_watched() {
            self.watch = None;
            self.idle_probes = 0;
        }
        self.idle_probes = self.idle_probes.saturating_add(1);
        if self.watch.is_none() && self.idle_probes == IDLE_PROBES {
            self.watch = Watch::begin(socket, &watching.readiness);
        }
        if self.watch.is_some() {
            watching.readiness.settle(key(self.generation()));
        }
    }
}

/// Whether the connection of `generation` is quiet, and a shared poll newer than `mark` has
/// reported nothing. False also means that this is unknown. Needs no lock.
#[inline]
pub(crate) fn is_quiet(readiness: &Readiness, generation: u64, mark: &Mark) -> bool {
    let key = key(generation);
    readiness.is_quiet(key) && shared_poller::has_reported_since(mark) && readiness.is_quiet(key)
}

/// The part of [`is_quiet`] that needs no shared poll.
pub(crate) fn is_known_quiet(readiness: &Readiness, generation: u64) -> bool {
    readiness.is_quiet(key(generation))
}

/// Returns the key of `generation` in the readiness word. A forked child has other keys, because
/// the kernel reports to it through another set of sockets.
#[inline]
fn key(generation: u64) -> u64 {
    debug_assert!(generation <= GENERATION);
    generation | sys::process() << GENERATION_BITS
}
