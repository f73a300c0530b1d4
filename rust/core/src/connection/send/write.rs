//! Writing to a connection: at once, coalesced, or queued.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::connection::direction::{DirectionGuard, Interrupted};
use crate::connection::ending::CloseReason;
use crate::connection::inner::Inner;
use crate::connection::recv::state::RecvEnd;
use crate::connection::send::state::{SendPhase, SendState};
use crate::error::{WriteError, WriteFailure, copy_of};
use crate::event::Event;
use crate::event::Status;
use crate::poll::shared_poller;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;
use crate::sys::{Interests, Socket};
use crate::totals;

/// So many coalesced bytes are sent without being asked to.
const COALESCED: usize = 16 * 1024;

/// From so many bytes on the lock is not held while they are copied to the kernel.
const LARGE: usize = 64 * 1024;

/// So much of a queue one poll hands to the system.
const MOST_PER_POLL: usize = 1 << 20;

impl Connection {
    /// How long [`write_fully`](Self::write_fully) and [`flush_queue`](Self::flush_queue) may wait; `None`, the default, is for ever. It is
    /// also the time that a [`disconnect`](Self::disconnect) leaves to what is queued, 30 seconds by default.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) {
        self.settings.write_timeout.set(timeout);
    }

    /// See [`set_write_timeout`](Self::set_write_timeout).
    pub fn write_timeout(&self) -> Option<Duration> {
        self.settings.write_timeout.get()
    }

    /// How many bytes may wait to be sent. With 0, the default, writing waits instead. With more it never does: what
    /// the system does not take is queued, also while connecting, and [`poll`](Self::poll) sends it.
    pub fn set_queue_limit(&self, bytes: usize) {
        self.settings.queue_limit.store(bytes, Ordering::Relaxed);
    }

    /// See [`set_queue_limit`](Self::set_queue_limit).
    pub fn queue_limit(&self) -> usize {
        self.settings.queue_limit.load(Ordering::Relaxed)
    }

    /// Whether small writes are coalesced, to be sent together by [`flush_queue`](Self::flush_queue), [`poll`](Self::poll), a read that
    /// has to wait or finds nothing, or when there are 16 KiB.
    pub fn set_coalesces(&self, enabled: bool) {
        self.settings.coalesces.store(enabled, Ordering::Relaxed);
    }

    /// See [`set_coalesces`](Self::set_coalesces).
    pub fn coalesces(&self) -> bool {
        self.settings.coalesces.load(Ordering::Relaxed)
    }

    /// The number of bytes that are accepted and were not handed to the system yet.
    pub fn pending_bytes(&self) -> usize {
        self.lock().send.pending()
    }

    /// Writes all of `data`. Without a queue it waits for at most the write timeout; with one it never waits, and takes
    /// all or nothing. On an error the second value is the number of bytes at the start of `data` that were accepted: these
    /// are sent, the others never are.
    #[inline]
    pub fn write_fully(&self, data: &[u8]) -> Result<(), WriteFailure> {
        self.write(data, false)
    }

    /// As [`write_fully`](Self::write_fully), but one that gives up with a part of `data` sent disconnects. It does so before
    /// anybody else can write behind that part, and never ends a connection that came after its own.
    pub(crate) fn write_whole(&self, data: &[u8]) -> Result<(), WriteError> {
        self.write(data, true).map_err(|failure| failure.error)
    }

    #[inline]
    fn write(&self, data: &[u8], whole: bool) -> Result<(), WriteFailure> {
        // Asked once: another thread may change it at any time.
        let limit = self.queue_limit();
        let mut inner = self
            .writable(limit)
            .map_err(|error| WriteFailure::after(0, error))?;
        if limit > 0 {
            return self.write_queued(inner, data, limit);
        }
        let joins = self.coalesces();
        if inner.send.owner.is_taken()
            || data.len() >= LARGE
            || !joins && !inner.send.queue.is_empty()
        {
            return self.write_waiting(inner, data, 0, whole);
        }
        if joins {
            return self.coalesce(inner, data, whole);
        }
        match send_locked(&mut inner, data) {
            (count, None) if count == data.len() => Ok(()),
            (count, None) => self.write_waiting(inner, data, count, whole),
            (count, Some(error)) => {
                Err(WriteFailure::after(count, self.fail_writing(inner, error)))
            }
        }
    }

    /// Queues all of `data` or nothing, as long as no more than `limit` bytes wait, whatever the
    /// [`queue_limit`](Self::set_queue_limit) is. Sends what is queued only if there is no room otherwise, and never waits. The
    /// caller has to call [`try_flush`](Self::try_flush) soon: a broadcast of many small messages then costs one system
    /// call per peer. The answer is whether nothing waited before.
    pub fn enqueue(&self, data: &[u8], limit: usize) -> Result<bool, WriteError> {
        let mut inner = self.writable(limit)?;
        let was_empty = inner.send.queue.is_empty();
        let has_no_room = |inner: &Inner| inner.send.queue.len() + data.len() > limit;
        let is_taken = inner.send.owner.is_taken();
        if has_no_room(&inner)
            && !is_taken
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        // Behind a call that is writing there is room, unless that keeps a part of its own in the queue.
        if has_no_room(&inner) || inner.send.unaccepted > 0 {
            return Err(no_room(&inner, data.len(), limit));
        }
        inner.send.queue.push(data);
        self.note_work(&mut inner);
        Ok(was_empty)
    }

    /// Counts a packet as accepted.
    pub(crate) fn count_sent_packet(&self) {
        self.lock().send.traffic.add_packet();
        totals::sent_packet();
    }

    /// Sends what the system takes now of what is queued, without waiting. A failure is told by the next call.
    pub fn try_flush(&self) {
        let mut inner = self.lock();
        if self.status() == Status::Connected {
            self.send_queue(&mut inner);
        }
    }

    /// Writes what can be written of `data` without waiting. The number of bytes taken, 0 if the peer is not reading
    /// fast enough.
    pub fn try_write(&self, data: &[u8]) -> Result<usize, WriteError> {
        let queue_limit = self.queue_limit();
        let mut inner = self.writable(queue_limit)?;
        // The thread in there is waiting for room.
        if inner.send.owner.is_taken() {
            return Ok(0);
        }
        let limit = match queue_limit {
            0 if self.coalesces() => COALESCED,
            limit => limit,
        };
        let needs_room = limit == 0 || inner.send.queue.len() + data.len() > limit;
        if needs_room && let Err(failure) = self.flush_now(&mut inner, usize::MAX) {
            return Err(self.fail_writing(inner, failure.error));
        }
        if limit > 0 {
            let room = limit.saturating_sub(inner.send.queue.len());
            let count = data.len().min(room);
            return match self.push_data(&mut inner, &data[..count]) {
                Ok(()) => Ok(count),
                // What was taken is told first; the next call tells of the failure.
                Err(FlushError { unaccepted, .. }) if unaccepted < count => Ok(count - unaccepted),
                Err(FlushError { error, .. }) => Err(self.fail_writing(inner, error)),
            };
        }
        if !inner.send.queue.is_empty() {
            return Ok(0);
        }
        match send_locked(&mut inner, data) {
            (count, None) => Ok(count),
            // What was taken is told first; the next call tells of the failure.
            (count, Some(error)) if count > 0 => {
                self.fail_sending(&mut inner, error);
                Ok(count)
            }
            (_, Some(error)) => Err(self.fail_writing(inner, error)),
        }
    }

    /// Sends what is coalesced or queued. Without a queue it waits for at most the write timeout; with one it sends what
    /// the system takes, and if that is not all the answer is [`WriteError::Busy`].
    pub fn flush_queue(&self) -> Result<(), WriteError> {
        let limit = self.queue_limit();
        let mut inner = self.lock();
        self.check_status(limit)?;
        if let SendPhase::Failed(error) = &inner.send.phase {
            return Err(socket_error(&inner, copy_of(error)));
        }
        if limit == 0 {
            return self
                .write_waiting(inner, &[], 0, false)
                .map_err(|failure| failure.error);
        }
        if !inner.send.owner.is_taken()
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        if inner.send.queue.is_empty() {
            return Ok(());
        }
        let peer = inner.peer();
        Err(WriteError::Busy { peer, limit })
    }

    /// Ends the stream from this side, after what is coalesced or queued and after a call that is writing: the peer reads
    /// everything, then the end. This side can go on reading. Once the peer has ended its side too, the connection is over.
    /// Never waits.
    pub fn shut_down_writing(&self) -> Result<(), WriteError> {
        let mut inner = self.lock();
        if self.status() != Status::Connected {
            return Err(self.cannot_write());
        }
        match &inner.send.phase {
            SendPhase::Open => inner.send.phase = SendPhase::Draining,
            SendPhase::Draining | SendPhase::Shut => {}
            SendPhase::Failed(error) => return Err(socket_error(&inner, copy_of(error))),
        }
        // A thread that is writing shuts down when it is done.
        if !inner.send.owner.is_taken()
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        if is_over(&inner) {
            self.retire(inner, CloseReason::EndOfStream);
        }
        Ok(())
    }

    /// Sends, without waiting, what is queued; part of a poll.
    pub(crate) fn send_queue(&self, inner: &mut Inner) {
        if inner.send.owner.is_taken() {
            return;
        }
        let before = inner.send.queue.len();
        // A failure is remembered, and told once everything that was received before has been read.
        let _ = self.flush_now(inner, MOST_PER_POLL);
        let left = inner.send.queue.len();
        if left > 0 && before - left >= MOST_PER_POLL {
            // The kernel tells the groups of new room only after it has refused something.
            self.note_queue(inner);
        }
    }

    /// The lock, if something can be written.
    #[inline]
    fn writable(&self, queue_limit: usize) -> Result<MutexGuard<'_, Inner>, WriteError> {
        let inner = self.lock();
        self.check_status(queue_limit)?;
        check_phase(&inner)?;
        Ok(inner)
    }

    /// Whether the status lets something be written. Called with the lock held.
    #[inline]
    fn check_status(&self, queue_limit: usize) -> Result<(), WriteError> {
        match self.status() {
            Status::Connected => Ok(()),
            Status::Connecting if queue_limit > 0 => Ok(()),
            _ => Err(self.cannot_write()),
        }
    }

    /// The error of a write without a connection.
    #[cold]
    fn cannot_write(&self) -> WriteError {
        match self.status() {
            Status::Connecting => WriteError::Connecting,
            _ => WriteError::NotConnected,
        }
    }

    fn write_queued(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        data: &[u8],
        limit: usize,
    ) -> Result<(), WriteFailure> {
        let is_taken = inner.send.owner.is_taken();
        let has_no_room = |inner: &Inner| inner.send.queue.len() + data.len() > limit;
        if has_no_room(&inner)
            && !is_taken
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(WriteFailure::after(
                0,
                self.fail_writing(inner, failure.error),
            ));
        }
        if is_taken || has_no_room(&inner) {
            return Err(WriteFailure::after(0, no_room(&inner, data.len(), limit)));
        }
        self.push_data(&mut inner, data).map_err(|failure| {
            let count = data.len() - failure.unaccepted;
            WriteFailure::after(count, self.fail_writing(inner, failure.error))
        })
    }

    /// Adds `data` to what is coalesced, and sends it if that is enough.
    fn coalesce(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        data: &[u8],
        whole: bool,
    ) -> Result<(), WriteFailure> {
        if inner.send.queue.len() + data.len() >= COALESCED {
            return self.write_waiting(inner, data, 0, whole);
        }
        inner.send.queue.push(data);
        self.note_queue(&mut inner);
        Ok(())
    }

    /// A [`write`](Self::write) that may have to wait; of `data` the first `sent` bytes are sent already.
    #[cold]
    fn write_waiting(
        &self,
        inner: MutexGuard<'_, Inner>,
        data: &[u8],
        mut sent: usize,
        whole: bool,
    ) -> Result<(), WriteFailure> {
        let mut deadline = self.settings.write_timeout.deadline();
        let peer = inner.peer();
        let interrupted = |why, sent| {
            let peer = peer.clone();
            let error = match why {
                Interrupted::Disconnected => WriteError::Disconnected,
                Interrupted::TimedOut => WriteError::TimedOut { peer, sent },
                Interrupted::Os(source) => WriteError::Socket { peer, source },
            };
            Err(WriteFailure::after(sent, error))
        };
        let gives_up = |guard: DirectionGuard<'_, SendState>, why, sent| {
            if whole && sent > 0 && !matches!(why, Interrupted::Disconnected) {
                self.retire(guard.end(), CloseReason::Disconnect);
            }
            interrupted(why, sent)
        };
        let mut guard = match DirectionGuard::<SendState>::take(self, inner, &mut deadline) {
            Ok(guard) => guard,
            Err(why) => return interrupted(why, sent),
        };
        // While it waited for its turn the stream may have been ended, or have failed.
        match check_phase(&guard) {
            Err(WriteError::ShutDown) if data.is_empty() => {}
            checked => checked.map_err(|error| WriteFailure::after(sent, error))?,
        }
        // What is coalesced goes out together with what joins it. Until that is sent it is not accepted.
        let joins = sent == 0 && self.coalesces() && data.len() < LARGE;
        let mut left = 0;
        if joins {
            guard.send.queue.push(data);
            guard.send.unaccepted = data.len();
            left = data.len();
        }
        loop {
            if let Err(FlushError { error, unaccepted }) = self.flush_now(&mut guard, usize::MAX) {
                let count = if joins { data.len() - unaccepted } else { sent };
                return Err(WriteFailure::after(
                    count,
                    self.fail_writing(guard.end(), error),
                ));
            }
            if joins {
                left = guard.send.unaccepted;
            }
            if guard.send.queue.is_empty() {
                break;
            }
            if let Err(why) = guard.sleep(Interests::WRITABLE, &mut deadline) {
                if !matches!(why, Interrupted::Disconnected) {
                    guard.send.take_back_unaccepted();
                }
                let count = if joins { data.len() - left } else { sent };
                return gives_up(guard, why, count);
            }
        }
        if joins {
            return Ok(());
        }
        let generation = self.state().generation();
        while sent < data.len() {
            let ((count, error), checked) =
                guard.unlocked(|socket| send_now(Some(socket), &data[sent..]));
            let taken = &data[sent..sent + count];
            sent += count;
            match &checked {
                Ok(()) => guard.note_sent(taken),
                Err(_) => self.note_late(taken, generation),
            }
            match (error, checked) {
                _ if sent == data.len() => break,
                // The kernel tells of a failure once, so it has to be told here even if the session is over.
                (Some(source), Err(_)) => return interrupted(Interrupted::Os(source), sent),
                (None, Err(why)) => return interrupted(why, sent),
                (Some(error), Ok(())) => {
                    // Before the turn ends: with it an end that was asked for would be sent, as if this was all.
                    self.fail_sending(&mut guard, copy_of(&error));
                    return Err(WriteFailure::after(
                        sent,
                        self.fail_writing(guard.end(), error),
                    ));
                }
                (None, Ok(())) => {}
            }
            if let Err(why) = guard.sleep(Interests::WRITABLE, &mut deadline) {
                return gives_up(guard, why, sent);
            }
        }
        Ok(())
    }

    /// Counts what a call has sent while the lock was free and its session, `generation`, was ended: it tells that it has.
    #[cold]
    fn note_late(&self, sent: &[u8], generation: u64) {
        let mut inner = self.lock();
        if inner.recv.is_of(generation) {
            inner.note_sent(sent);
        }
    }

    /// Takes note of whether there is something to send, or a failure to be told, for the next poll and for a thread that
    /// waits in a read.
    #[inline]
    pub(crate) fn note_queue(&self, inner: &mut Inner) {
        if self.note_work(inner) {
            self.subscriptions.report();
        }
    }

    /// The same without a report to the groups: the caller sends the queue. Whether there is one.
    #[inline]
    fn note_work(&self, inner: &mut Inner) -> bool {
        let has_queue = !inner.send.queue.is_empty();
        let has_failed = matches!(inner.send.phase, SendPhase::Failed(_));
        self.settings
            .has_work
            .store(has_queue || has_failed, Ordering::Relaxed);
        if has_queue {
            inner.recv.owner.wake();
        }
        has_queue
    }

    /// Sends or queues `data`, for which there is room. If that fails, some of it may be on its way.
    fn push_data(&self, inner: &mut Inner, data: &[u8]) -> Result<(), FlushError> {
        let was_empty = inner.send.queue.is_empty();
        inner.send.queue.push(data);
        let is_due = if self.coalesces() {
            inner.send.queue.len() >= COALESCED
        } else {
            // Behind a queue nothing can be sent that would not have been sent by now.
            was_empty
        };
        if is_due {
            inner.send.unaccepted = data.len();
            self.flush_now(inner, usize::MAX)?;
            // What was not sent is queued.
            inner.send.unaccepted = 0;
        }
        self.note_queue(inner);
        Ok(())
    }

    /// Sends of the queue what the system takes now, at most `limit` bytes. After a failure there is no queue any more.
    /// Nobody else uses the direction.
    pub(crate) fn flush_now(&self, inner: &mut Inner, limit: usize) -> Result<(), FlushError> {
        if self.status() == Status::Connecting {
            inner.send.has_waited |= !inner.send.queue.is_empty();
            return Ok(());
        }
        if matches!(inner.send.phase, SendPhase::Failed(_)) {
            return Ok(());
        }
        if !inner.send.queue.is_empty() {
            let Inner {
                transport,
                send,
                recorder,
                ..
            } = inner;
            let unsent = send.queue.unsent();
            let unsent = &unsent[..unsent.len().min(limit)];
            let (count, error) = send_now(transport.connected_socket().map(Arc::as_ref), unsent);
            if let Some(recorder) = recorder {
                recorder.sent(&unsent[..count]);
            }
            send.count(count);
            send.sent(count);
            if let Some(error) = error {
                let unaccepted = inner.send.unaccepted;
                self.fail_sending(inner, copy_of(&error));
                return Err(FlushError { error, unaccepted });
            }
            if !inner.send.queue.is_empty() {
                inner.send.has_waited = true;
                return Ok(());
            }
            self.note_queue(inner);
        }
        if std::mem::take(&mut inner.send.has_waited) {
            self.emit(inner, Event::Drained);
        }
        inner.shut_down_if_drained();
        Ok(())
    }

    /// Takes note that a send has failed with `source`: nothing more is sent, and whoever reads, polls or asks the group
    /// next is told.
    fn fail_sending(&self, inner: &mut Inner, source: io::Error) {
        inner.send.phase = SendPhase::Failed(source);
        inner.send.queue.clear();
        inner.send.unaccepted = 0;
        self.note_queue(inner);
        inner.recv.owner.wake();
        self.watching.readiness.notify();
        self.subscriptions.report();
    }

    /// The error of a call whose send has failed with `source`. The session ends, unless there is something left to read:
    /// then it ends after that.
    fn fail_writing(&self, mut inner: MutexGuard<'_, Inner>, source: io::Error) -> WriteError {
        let error = socket_error(&inner, copy_of(&source));
        self.fail_sending(&mut inner, source);
        // A thread that is reading reads what there is, and then ends the session.
        if !inner.recv.owner.is_taken() {
            self.probe(&mut inner, false);
            if inner.recv.buffer.is_empty() {
                self.retire(inner, CloseReason::TransferFailed);
            }
        }
        error
    }
}

/// Why a queue could not be sent.
#[derive(Debug)]
pub(crate) struct FlushError {
    error: io::Error,
    /// So many bytes of the call that was writing had not been accepted when it failed.
    unaccepted: usize,
}

/// Whether both directions have ended, and everything was read.
pub(crate) fn is_over(inner: &Inner) -> bool {
    matches!(inner.send.phase, SendPhase::Shut)
        && matches!(inner.recv.end, Some(RecvEnd::Stream))
        && inner.recv.buffer.is_empty()
        && !inner.recv.owner.is_taken()
}

/// Why `bytes` bytes cannot be queued: they do not fit now, or never will.
fn no_room(inner: &Inner, bytes: usize, limit: usize) -> WriteError {
    let peer = inner.peer();
    match bytes > limit {
        true => WriteError::TooLarge { peer, bytes, limit },
        false => WriteError::Busy { peer, limit },
    }
}

fn socket_error(inner: &Inner, source: io::Error) -> WriteError {
    let peer = inner.peer();
    WriteError::Socket { peer, source }
}

/// Whether data can be written.
#[inline]
fn check_phase(inner: &Inner) -> Result<(), WriteError> {
    match &inner.send.phase {
        SendPhase::Open => Ok(()),
        SendPhase::Draining | SendPhase::Shut => Err(WriteError::ShutDown),
        SendPhase::Failed(error) => Err(socket_error(inner, copy_of(error))),
    }
}

/// The same as [`send_now`], with the lock held.
#[inline]
fn send_locked(inner: &mut Inner, data: &[u8]) -> (usize, Option<io::Error>) {
    let outcome = send_now(inner.transport.connected_socket().map(Arc::as_ref), data);
    inner.note_sent(&data[..outcome.0]);
    outcome
}

/// Sends until the system takes no more. How many bytes it has taken, and the failure that has ended it.
#[inline]
fn send_now(socket: Option<&Socket>, data: &[u8]) -> (usize, Option<io::Error>) {
    let Some(socket) = socket else {
        return (0, Some(io::ErrorKind::NotConnected.into()));
    };
    let mut sent = 0;
    while sent < data.len() {
        let outcome = socket.send(&data[sent..]);
        shared_poller::record_activity();
        match outcome {
            Ok(count) => {
                totals::sent(count);
                sent += count;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return (sent, Some(error)),
        }
    }
    (sent, None)
}
