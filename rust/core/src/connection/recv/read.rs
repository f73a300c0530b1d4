//! Reading from a connection.

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::time::Duration;

use crate::connection::Connection;
use crate::connection::direction::{DirectionGuard, Interrupted};
use crate::connection::ending::CloseReason;
use crate::connection::inner::Inner;
use crate::connection::recording;
use crate::connection::recv::buffer::RecvBuffer;
use crate::connection::recv::state::{REFILL, Received, RecvEnd, RecvState, is_quiet};
use crate::connection::send::state::SendPhase;
use crate::deadline::Deadline;
use crate::error::{EndError, PollError, ReadError, ReadFailure, Unusable, copy_of};
use crate::event::Status;
use crate::sync::MutexGuard;
use crate::sys::Interests;

impl Connection {
    /// How long [`read_fully`](Self::read_fully) may wait; `None`, the default, is for ever.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) {
        self.settings.read_timeout.set(timeout);
    }

    /// See [`set_read_timeout`](Self::set_read_timeout).
    pub fn read_timeout(&self) -> Option<Duration> {
        self.settings.read_timeout.get()
    }

    /// The number of bytes that can be read without waiting, or `None` if there is no connection: those in the buffer, at
    /// most 16 KiB, and those that the kernel says it has.
    #[inline]
    pub fn available(&self) -> Option<usize> {
        let state = self.state();
        match state.status() {
            Status::None | Status::Error => return None,
            Status::Connecting => return Some(0),
            Status::Connected => {}
        }
        let watching = &self.watching;
        if is_quiet(&watching.readiness, state.generation(), &watching.asked) {
            if self.coalesces() {
                self.send_coalesced(&mut self.lock());
            }
            return Some(0);
        }
        let mut inner = self.lock();
        let available = recording::record_received(&mut inner, |inner| {
            let Inner {
                transport, recv, ..
            } = inner;
            let socket = transport.connected_socket()?;
            if recv.owner.is_taken() {
                // What is in the buffer is for its user.
                return Some(recv.count(socket));
            }
            Some(recv.available(socket, watching))
        });
        if available == Some(0) {
            self.send_coalesced(&mut inner);
        }
        self.report_received(&mut inner);
        available
    }

    /// Whether something has been received that has not been read, as far as the last look has shown.
    #[inline]
    pub fn has_unread(&self) -> bool {
        let inner = self.lock();
        !inner.recv.owner.is_taken() && !inner.recv.buffer.is_empty()
    }

    /// Whether nothing more comes, since the peer has ended its direction of the stream or the socket has failed: what is
    /// available now is the last there is.
    pub fn is_read_closed(&self) -> bool {
        self.status() == Status::Connected && self.lock().recv.end.is_some()
    }

    /// Fills `out`, waiting for at most the read timeout. What is coalesced or queued to be sent goes out before it waits, and
    /// while it does. On an error the second value is the number of bytes at the start of `out` that were received before
    /// it. What is behind them means nothing: after [`ReadError::Disconnected`] something may have been written there.
    #[inline]
    pub fn read_fully(&self, out: &mut [MaybeUninit<u8>]) -> Result<(), ReadFailure> {
        self.read(out, false)
    }

    /// Fills `out` if so much has been received already, without asking the system. False if not; then nothing is read.
    #[inline]
    pub fn read_buffered(&self, out: &mut [MaybeUninit<u8>]) -> bool {
        take_buffered(&mut self.lock(), out)
    }

    /// As [`read_fully`](Self::read_fully), but one that runs into the timeout takes nothing, so that no number is torn. All
    /// of it is held in memory meanwhile.
    #[inline]
    pub fn read_fully_or_nothing(&self, out: &mut [MaybeUninit<u8>]) -> Result<(), ReadFailure> {
        self.read(out, true)
    }

    #[inline]
    fn read(&self, out: &mut [MaybeUninit<u8>], whole: bool) -> Result<(), ReadFailure> {
        let mut inner = self.lock();
        if take_buffered(&mut inner, out) {
            return Ok(());
        }
        self.read_waiting(inner, out, whole)
    }

    #[cold]
    fn read_waiting(
        &self,
        inner: MutexGuard<'_, Inner>,
        out: &mut [MaybeUninit<u8>],
        whole: bool,
    ) -> Result<(), ReadFailure> {
        if self.status() != Status::Connected {
            return Err(ReadFailure::after(0, self.cannot_read()));
        }
        if out.is_empty() {
            return Ok(());
        }
        let mut deadline = self.settings.read_timeout.deadline();
        let peer = inner.peer();
        let interrupted = |why| match why {
            Interrupted::Disconnected => ReadError::Disconnected,
            Interrupted::TimedOut => ReadError::TimedOut { peer: peer.clone() },
            Interrupted::Os(source) => ReadError::Socket {
                peer: peer.clone(),
                source,
            },
        };
        let mut guard = match DirectionGuard::<RecvState>::take(self, inner, &mut deadline) {
            Ok(guard) => guard,
            Err(why) => return Err(ReadFailure::after(0, interrupted(why))),
        };
        let mut filled = 0;
        while filled < out.len() {
            let rest = &mut out[filled..];
            let has_known = !guard.recv.buffer.is_empty() || guard.recv.end.is_some();
            let stop = if whole || has_known || rest.len() < REFILL {
                let needed = if whole { rest.len() } else { 1 };
                let gathered = self.fill_to(&mut guard, needed, &mut deadline);
                // What is in the buffer after a disconnect belongs to the next connection.
                let may_take = match &gathered {
                    Ok(()) | Err(Stop::Over) => true,
                    Err(Stop::Interrupted(Interrupted::Disconnected)) => false,
                    Err(Stop::Interrupted(_)) => !whole,
                };
                if may_take {
                    filled += guard.recv.buffer.take(rest);
                }
                gathered
            } else {
                let probe = guard.recv.begin_probe(&self.watching, rest.len());
                let mut copy = guard.recorder.is_some().then(Vec::new);
                let (outcome, checked) = guard.unlocked(|socket| {
                    socket.receive(rest).map(|received| {
                        if let Some(copy) = &mut copy {
                            copy.extend_from_slice(received);
                        }
                        received.len()
                    })
                });
                // After a disconnect the lingering close reads too, so what came here may be from behind a gap.
                if checked.is_ok() {
                    filled += outcome.as_ref().copied().unwrap_or(0);
                }
                match checked {
                    // The kernel tells of a failure once, so it has to be told here even if the session is over.
                    Err(Interrupted::Disconnected) if has_failed(&outcome) => {
                        let source = outcome.err().unwrap_or_else(|| ErrorKind::Other.into());
                        Err(Stop::Interrupted(Interrupted::Os(source)))
                    }
                    Err(why) => Err(Stop::Interrupted(why)),
                    Ok(()) => {
                        if let (Some(copy), Some(recorder)) = (copy, &mut guard.recorder) {
                            recorder.received(&copy);
                        }
                        match guard.recv.note(probe, &outcome) {
                            Received::Bytes(_) => Ok(()),
                            Received::Nothing => self.wait_for_more(&mut guard, &mut deadline),
                            Received::End => Err(Stop::Over),
                        }
                    }
                }
            };
            match stop {
                Ok(()) => {}
                Err(Stop::Interrupted(why)) => {
                    return Err(ReadFailure::after(filled, interrupted(why)));
                }
                Err(Stop::Over) => {
                    return Err(ReadFailure::after(filled, self.end_reading(guard.end())));
                }
            }
        }
        Ok(())
    }

    /// Waits, for at most the read timeout, until there is something to read, and reads what fits `out`, which is not empty.
    pub(crate) fn read_some(&self, out: &mut [u8]) -> Result<usize, ReadError> {
        let inner = self.lock();
        if self.status() != Status::Connected {
            // An end that was told once is told again.
            let ended = inner.ended.as_ref().map(|ended| &*ended.error);
            return Err(match ended {
                Some(EndError::EndOfStream { .. }) => ReadError::EndOfStream,
                _ => self.cannot_read(),
            });
        }
        let mut deadline = self.settings.read_timeout.deadline();
        let peer = inner.peer();
        let stop = match DirectionGuard::<RecvState>::take(self, inner, &mut deadline) {
            Err(why) => Stop::Interrupted(why),
            Ok(mut guard) => match self.fill_to(&mut guard, 1, &mut deadline) {
                Ok(()) => {
                    let buffer = &mut guard.recv.buffer;
                    let count = buffer.len().min(out.len());
                    out[..count].copy_from_slice(&buffer.unread()[..count]);
                    buffer.skip(count);
                    return Ok(count);
                }
                Err(Stop::Over) => return Err(self.end_reading(guard.end())),
                Err(stop) => stop,
            },
        };
        Err(match stop {
            Stop::Interrupted(Interrupted::TimedOut) => ReadError::TimedOut { peer },
            Stop::Interrupted(Interrupted::Os(source)) => ReadError::Socket { peer, source },
            _ => ReadError::Disconnected,
        })
    }

    /// Waits until there are `needed` bytes in the buffer.
    fn fill_to(
        &self,
        guard: &mut DirectionGuard<'_, RecvState>,
        needed: usize,
        deadline: &mut Deadline<'_>,
    ) -> Result<(), Stop> {
        while guard.recv.buffer.len() < needed {
            match self.fill(guard, REFILL) {
                Received::Bytes(_) => {}
                Received::Nothing => self.wait_for_more(guard, deadline)?,
                Received::End => return Err(Stop::Over),
            }
        }
        Ok(())
    }

    /// Waits until there may be something to receive, and sends what is queued meanwhile: the peer may be waiting for it.
    fn wait_for_more(
        &self,
        guard: &mut DirectionGuard<'_, RecvState>,
        deadline: &mut Deadline<'_>,
    ) -> Result<(), Stop> {
        let may_send = !guard.send.owner.is_taken();
        if may_send {
            // A failure is remembered in the phase.
            let _ = self.flush_now(guard, usize::MAX);
        }
        if !matches!(guard.send.phase, SendPhase::Failed(_)) {
            let interests = if may_send && !guard.send.queue.is_empty() {
                Interests::BOTH
            } else {
                Interests::READABLE
            };
            guard
                .sleep(interests, deadline)
                .map_err(Stop::Interrupted)?;
        }
        // Without anything left of what was received before it, the failure of a send is the end.
        if matches!(guard.send.phase, SendPhase::Failed(_))
            && !matches!(self.fill(guard, REFILL), Received::Bytes(_))
        {
            return Err(Stop::Over);
        }
        Ok(())
    }

    fn fill(&self, inner: &mut Inner, limit: usize) -> Received {
        recording::record_received(inner, |inner| {
            let Inner {
                transport, recv, ..
            } = inner;
            match transport.connected_socket() {
                Some(socket) => recv.fill(socket, &self.watching, limit),
                None => Received::End,
            }
        })
    }

    /// Reads what is there, at most what fits `out`, without waiting. The number of bytes at the start of `out` that
    /// were received, 0 if there are none for now.
    pub fn try_read(&self, out: &mut [MaybeUninit<u8>]) -> Result<usize, ReadError> {
        let mut inner = self.readable()?;
        // A thread that waits for data gets it.
        if out.is_empty() || inner.recv.owner.is_taken() {
            return Ok(0);
        }
        let mut filled = inner.recv.buffer.take(out);
        let is_complete = filled == out.len() || filled > 0 && inner.recv.view.is_probably_empty();
        if !is_complete && inner.recv.end.is_none() {
            let rest = &mut out[filled..];
            if rest.len() < REFILL {
                self.fill(&mut inner, REFILL);
                filled += inner.recv.buffer.take(rest);
            } else {
                let Inner {
                    transport,
                    recv,
                    recorder,
                    ..
                } = &mut *inner;
                let socket = transport
                    .connected_socket()
                    .ok_or(ReadError::Disconnected)?;
                let probe = recv.begin_probe(&self.watching, rest.len());
                let outcome = socket.receive(rest).map(|received| {
                    if let Some(recorder) = recorder {
                        recorder.received(received);
                    }
                    received.len()
                });
                recv.note(probe, &outcome);
                filled += outcome.unwrap_or(0);
            }
            self.report_received(&mut inner);
        }
        if filled == 0 {
            if self.has_nothing_more(&inner) {
                return Err(self.end_reading(inner));
            }
            self.send_coalesced(&mut inner);
        }
        Ok(filled)
    }

    /// Sends what is coalesced, for a read that does not wait and has not found what it wants: the peer may be waiting for
    /// it. A failure is reported by the next call.
    fn send_coalesced(&self, inner: &mut Inner) {
        let is_coalesced = self.coalesces() && !inner.send.queue.is_empty();
        if is_coalesced && !inner.send.owner.is_taken() {
            let _ = self.flush_now(inner, usize::MAX);
        }
    }

    /// Looks, without waiting, for `delimiter`, which is not empty, in the first `limit` bytes that were not read yet. What
    /// comes before it and the delimiter itself are then read, and given to `take`. Otherwise nothing is, and the answer is
    /// `None`; or an error if it cannot come any more, because the stream has ended or the limit is reached. What is left
    /// before the end can then be read in another way; if it was not by the time a second search fails, after a
    /// [`poll`](Self::poll), the connection is over. What was searched in vain is not searched again by the next call. `take` runs with the connection locked, so it must not use
    /// the connection.
    pub fn read_until<R>(
        &self,
        delimiter: &[u8],
        limit: usize,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        if delimiter.is_empty() {
            return self.readable().map(|_| None);
        }
        let find = |_, buffer: &mut RecvBuffer| match buffer.find(delimiter, limit) {
            None if buffer.len() >= limit => Err(Unusable::TooLong {
                delimiter: delimiter.into(),
                limit,
            }),
            found => Ok(found.map(Found::first)),
        };
        self.read_found(true, find, take)
    }

    /// Reads exactly `count` bytes once they are all there, without waiting, and gives them to `take`. Before that nothing is
    /// read, and the answer is `None`; or an error if they cannot come any more, with what is left as after
    /// [`read_until`](Self::read_until). What has come is kept in memory, so `count`
    /// may be more than the system holds. `take` runs with the connection locked, so it must not use the connection.
    pub fn read_count<R>(
        &self,
        count: usize,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        let find =
            |_, buffer: &mut RecvBuffer| Ok((buffer.len() >= count).then_some(Found::first(count)));
        self.read_found(true, find, take)
    }

    /// Reads what `find` finds in the unread bytes of the session, which it is given with its number, and which are more
    /// with every call. Does not wait. If it can be found no more, the stream having ended, that is an error, with the bytes
    /// still there. With `may_end` the connection is over when that has happened twice, with a poll in between.
    pub(crate) fn read_found<R>(
        &self,
        may_end: bool,
        mut find: impl FnMut(u64, &mut RecvBuffer) -> Result<Option<Found>, Unusable>,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        let mut inner = self.readable()?;
        if inner.recv.owner.is_taken() {
            return Ok(None);
        }
        let generation = self.state().generation();
        // What was there when the call began, once that is known: no more is taken, however fast the peer sends.
        let mut behind = None;
        loop {
            match find(generation, &mut inner.recv.buffer) {
                Ok(None) => {}
                Ok(Some(found)) => {
                    let taken = take(&inner.recv.buffer.unread()[found.wanted]);
                    inner.recv.buffer.skip(found.total);
                    if found.is_message {
                        inner.recv.traffic.count_message();
                    }
                    self.report_received(&mut inner);
                    return Ok(Some(taken));
                }
                Err(why) => {
                    self.report_received(&mut inner);
                    return Err(why.of(inner.peer()));
                }
            }
            if behind == Some(0) {
                self.send_coalesced(&mut inner);
                self.report_received(&mut inner);
                return Ok(None);
            }
            let received = self.fill(&mut inner, behind.unwrap_or(REFILL));
            match received {
                Received::Bytes(count) => self.count_down(&mut inner, &mut behind, count),
                Received::Nothing if self.has_nothing_more(&inner) => {
                    return Err(self.end_reading(inner));
                }
                Received::Nothing if matches!(inner.send.phase, SendPhase::Failed(_)) => {
                    return Err(what_ended(&inner));
                }
                Received::Nothing => {
                    self.send_coalesced(&mut inner);
                    self.report_received(&mut inner);
                    return Ok(None);
                }
                Received::End if inner.recv.buffer.is_empty() => {
                    return Err(self.end_reading(inner));
                }
                // What is left stays, to be read in another way, until a second search after a poll has met the end too.
                Received::End => {
                    if may_end && inner.recv.give_up() {
                        return Err(self.end_reading(inner));
                    }
                    self.report_received(&mut inner);
                    return Err(what_ended(&inner));
                }
            }
        }
    }

    /// Reads everything that is there, at most `limit` bytes, without waiting, and gives it to `take`. What arrives while it
    /// reads is left for the next call, and so may be what is behind a boundary (urgent data, or data that came with
    /// descriptors). `take` runs with the connection locked, so it must not use the connection.
    pub fn try_read_with<R>(
        &self,
        limit: usize,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, ReadError> {
        let mut inner = self.readable()?;
        if inner.recv.owner.is_taken() {
            return Ok(take(&[]));
        }
        let mut behind = None;
        if inner.recv.buffer.is_empty() || !inner.recv.view.is_probably_empty() {
            while inner.recv.buffer.len() < limit && behind != Some(0) {
                match self.fill(&mut inner, behind.unwrap_or(REFILL)) {
                    Received::Bytes(count) => self.count_down(&mut inner, &mut behind, count),
                    Received::Nothing | Received::End => break,
                }
            }
        }
        if limit > 0 && self.has_nothing_more(&inner) {
            return Err(self.end_reading(inner));
        }
        let buffer = &mut inner.recv.buffer;
        let count = buffer.len().min(limit);
        let taken = take(&buffer.unread()[..count]);
        if count > 0 {
            buffer.skip(count);
        } else if limit > 0 {
            self.send_coalesced(&mut inner);
        }
        self.report_received(&mut inner);
        Ok(taken)
    }

    /// Takes `count` received bytes from what was there when a call began. After the first receive it asks the kernel how
    /// much there is behind it, unless that has shown it.
    fn count_down(&self, inner: &mut Inner, behind: &mut Option<usize>, count: usize) {
        let Inner {
            transport, recv, ..
        } = inner;
        *behind = Some(match (*behind, transport.connected_socket()) {
            (Some(behind), _) => behind.saturating_sub(count),
            (None, Some(socket)) if !recv.view.is_probably_empty() => recv.count(socket),
            (None, _) => 0,
        });
    }

    /// Looks what has come in; an end or a failure without something to read before it ends the session.
    pub(crate) fn poll_connected(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        is_visit: bool,
    ) -> Result<Option<u64>, PollError> {
        self.send_queue(&mut inner);
        if inner.recv.owner.is_taken() {
            // Its user sees what this poll would see.
            return Ok(None);
        }
        self.probe(&mut inner, is_visit);
        if !inner.recv.buffer.is_empty() {
            inner.recv.note_poll();
            return Ok(Some(inner.recv.traffic.bytes()));
        }
        let peer = inner.peer();
        if let SendPhase::Failed(error) = &inner.send.phase {
            let source = copy_of(error);
            self.retire(inner, CloseReason::PollFailed);
            return Err(PollError::Send { peer, source });
        }
        match &inner.recv.end {
            None => return Ok(None),
            Some(RecvEnd::Failure(error)) => {
                let source = copy_of(error);
                self.retire(inner, CloseReason::PollFailed);
                return Err(PollError::Receive { peer, source });
            }
            Some(RecvEnd::Stream) => {}
        }
        if !self.is_half_open(&inner) {
            self.retire(inner, CloseReason::EndOfStream);
            return Ok(None);
        }
        // Reads have nothing more to tell, so the socket's failure has to be asked for.
        let socket = inner.transport.connected_socket();
        let failure = socket.and_then(|socket| socket.take_error().ok()?);
        let Some(source) = failure else {
            return Ok(None);
        };
        inner.recv.end = Some(RecvEnd::Failure(copy_of(&source)));
        self.retire(inner, CloseReason::PollFailed);
        Err(PollError::Receive { peer, source })
    }

    /// Looks, without waiting, what has come in, on behalf of the only group or of anybody else.
    pub(crate) fn probe(&self, inner: &mut Inner, is_visit: bool) {
        recording::record_received(inner, |inner| {
            let Inner {
                transport, recv, ..
            } = inner;
            if let Some(socket) = transport.connected_socket() {
                recv.poll(socket, &self.watching);
            }
        });
        if is_visit && self.subscriptions.count() == 1 {
            inner.recv.has_unreported = false;
        }
        self.report_received(inner);
    }

    /// The lock, if there is a connection to read from.
    #[inline]
    fn readable(&self) -> Result<MutexGuard<'_, Inner>, ReadError> {
        let inner = self.lock();
        match self.status() {
            Status::Connected => Ok(inner),
            _ => Err(self.cannot_read()),
        }
    }

    /// The error of a read without a connection.
    #[cold]
    fn cannot_read(&self) -> ReadError {
        match self.status() {
            Status::Connecting => ReadError::Connecting,
            _ => ReadError::NotConnected,
        }
    }

    /// Reports to the groups that something was received: the kernel will not report this data again.
    #[inline]
    pub(crate) fn report_received(&self, inner: &mut Inner) {
        if std::mem::take(&mut inner.recv.has_unreported) {
            self.subscriptions.report();
        }
    }

    /// Has the groups visit the connection. A group that visits it gets no report of what it receives meanwhile, so another
    /// one needs this if the connection has moved there.
    pub(crate) fn report(&self) {
        self.subscriptions.report();
    }

    /// What is left after a visit of a group, once its handlers have run.
    pub(crate) fn rest(&self) -> Rest {
        let inner = self.lock();
        let recv = &inner.recv;
        let was_notified = self.watching.readiness.is_notified();
        let is_settled = recv.end.is_some() || recv.view.is_empty() && !was_notified;
        // A listener has read what was left, or a send has failed: the next poll ends the session.
        let is_over = self.has_nothing_more(&inner) && !self.is_half_open(&inner);
        let is_taken = recv.owner.is_taken();
        let has_unread = !is_taken && !recv.buffer.is_empty();
        Rest {
            has_unread,
            // Whoever uses the direction sees what comes, and reports when it is done.
            is_settled: is_taken || is_settled && !is_over,
            is_probably_settled: recv.view.is_probably_empty() && !was_notified && !is_over,
            received: recv.traffic.bytes(),
            is_read_closed: recv.end.is_some(),
        }
    }

    /// Whether nothing is unread and nothing more comes.
    fn has_nothing_more(&self, inner: &Inner) -> bool {
        inner.recv.buffer.is_empty()
            && (inner.recv.end.is_some() || matches!(inner.send.phase, SendPhase::Failed(_)))
    }

    /// Whether the peer's end of the stream, which has been reached, leaves the other direction open: because that is
    /// allowed, or for a call that is writing. The end asks for ours, it does not cut it.
    fn is_half_open(&self, inner: &Inner) -> bool {
        (self.allows_half_open() || inner.send.owner.is_taken())
            && matches!(inner.recv.end, Some(RecvEnd::Stream))
            && matches!(inner.send.phase, SendPhase::Open | SendPhase::Draining)
    }

    /// Ends the session because a reader has come to its end, unless it may be half-open. A send that has failed before is
    /// the reason then.
    fn end_reading(&self, mut inner: MutexGuard<'_, Inner>) -> ReadError {
        if self.is_half_open(&inner) {
            self.report_received(&mut inner);
            return ReadError::EndOfStream;
        }
        let failure = match (&inner.recv.end, &inner.send.phase) {
            (Some(RecvEnd::Failure(error)), _) | (_, SendPhase::Failed(error)) => {
                Some(copy_of(error))
            }
            _ => None,
        };
        let peer = inner.peer();
        match failure {
            None => {
                self.retire(inner, CloseReason::EndOfStream);
                ReadError::EndOfStream
            }
            Some(source) => {
                self.retire(inner, CloseReason::TransferFailed);
                ReadError::Socket { peer, source }
            }
        }
    }
}

/// What is left after a visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    /// There are bytes to read.
    pub(crate) has_unread: bool,
    /// The kernel has nothing more, or reports when it has: no other visit is needed before that.
    pub(crate) is_settled: bool,
    /// The last receive brought less than it could: nothing more is there, unless it has met a boundary.
    pub(crate) is_probably_settled: bool,
    /// How many bytes the session has received in all.
    pub(crate) received: u64,
    /// Nothing more comes.
    pub(crate) is_read_closed: bool,
}

/// What was looked for in the unread bytes.
#[derive(Debug)]
pub(crate) struct Found {
    /// The bytes that are wanted.
    pub(crate) wanted: Range<usize>,
    /// How many are read with them, from the first unread one on.
    pub(crate) total: usize,
    /// Whether the statistics count them as one message.
    pub(crate) is_message: bool,
}

impl Found {
    /// Enough was seen, and nothing is to be read.
    pub(crate) const NOTHING: Found = Found {
        wanted: 0..0,
        total: 0,
        is_message: false,
    };

    fn first(count: usize) -> Found {
        Found {
            wanted: 0..count,
            total: count,
            is_message: false,
        }
    }
}

/// Fills `out`, which is not empty, from the buffer, if there is enough in it. Only a connected session has something there.
#[inline]
fn take_buffered(inner: &mut Inner, out: &mut [MaybeUninit<u8>]) -> bool {
    let recv = &mut inner.recv;
    let is_there = recv.buffer.len() >= out.len() && !out.is_empty() && !recv.owner.is_taken();
    if is_there {
        recv.buffer.take(out);
    }
    is_there
}

/// Whether the socket has failed.
fn has_failed(outcome: &io::Result<usize>) -> bool {
    matches!(outcome, Err(error) if error.kind() != ErrorKind::WouldBlock)
}

/// Why a blocking read does not go on.
#[derive(Debug)]
enum Stop {
    /// It was interrupted. The connection may be as it was.
    Interrupted(Interrupted),
    /// Nothing more comes.
    Over,
}

/// Why nothing more comes behind what is unread.
fn what_ended(inner: &Inner) -> ReadError {
    match (&inner.recv.end, &inner.send.phase) {
        (Some(RecvEnd::Failure(error)), _) | (_, SendPhase::Failed(error)) => ReadError::Socket {
            peer: inner.peer(),
            source: copy_of(error),
        },
        _ => ReadError::EndOfStream,
    }
}
