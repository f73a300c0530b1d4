//! Writing to a connection: at once, gathered, or queued.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::connection::ending::Ending;
use crate::connection::inner::Inner;
use crate::connection::receiving::End;
use crate::connection::sending::{Phase, Sending};
use crate::connection::turn::{Interrupted, Turn};
use crate::error::{WriteError, copy_of};
use crate::event::Event;
use crate::event::Status;
use crate::poll::shared_poller;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;
use crate::sys::{Interests, Socket};
use crate::totals;

/// So many gathered bytes are sent without being asked to.
const GATHERED: usize = 16 * 1024;

/// From so many bytes on the lock is not held while they are copied to the kernel.
const LARGE: usize = 64 * 1024;

/// So much of a queue one poll hands to the system.
const MOST_PER_POLL: usize = 1 << 20;

impl Connection {
    /// How long [`write_all`](Self::write_all) and [`flush`](Self::flush) may wait; `None`, the default, is for ever. It is
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

    /// Whether small writes are gathered, to be sent together by [`flush`](Self::flush), [`poll`](Self::poll), a read that
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
        self.lock().sending.pending()
    }

    /// Writes all of `data`. Without a queue it waits for at most the write timeout; with one it never waits, and takes
    /// all or nothing. On an error the second value is the number of bytes at the start of `data` that were accepted: these
    /// are sent, the others never are.
    #[inline]
    pub fn write_all(&self, data: &[u8]) -> Result<(), (WriteError, usize)> {
        self.write(data, false)
    }

    /// As [`write_all`](Self::write_all), but one that gives up with a part of `data` sent disconnects. It does so before
    /// anybody else can write behind that part, and never ends a connection that came after its own.
    pub(crate) fn write_whole(&self, data: &[u8]) -> Result<(), WriteError> {
        self.write(data, true).map_err(|(error, _)| error)
    }

    #[inline]
    fn write(&self, data: &[u8], whole: bool) -> Result<(), (WriteError, usize)> {
        // Asked once: another thread may change it at any time.
        let limit = self.queue_limit();
        let mut inner = self.writable(limit).map_err(|error| (error, 0))?;
        if limit > 0 {
            return self.write_queued(inner, data, limit);
        }
        let joins = self.coalesces();
        if inner.sending.slot.is_taken()
            || data.len() >= LARGE
            || !joins && !inner.sending.queue.is_empty()
        {
            return self.write_waiting(inner, data, 0, whole);
        }
        if joins {
            return self.gather(inner, data, whole);
        }
        match send_locked(&mut inner, data) {
            (count, None) if count == data.len() => Ok(()),
            (count, None) => self.write_waiting(inner, data, count, whole),
            (count, Some(error)) => Err((self.fail_writing(inner, error), count)),
        }
    }

    /// Queues all of `data` or nothing, as long as no more than `limit` bytes wait, whatever the
    /// [`queue_limit`](Self::set_queue_limit) is. Sends what is queued only if there is no room otherwise, and never waits. The
    /// caller has to call [`send_posted`](Self::send_posted) soon: a broadcast of many small messages then costs one system
    /// call per peer. The answer is whether nothing waited before.
    pub fn post(&self, data: &[u8], limit: usize) -> Result<bool, WriteError> {
        let mut inner = self.writable(limit)?;
        let was_empty = inner.sending.queue.is_empty();
        let has_no_room = |inner: &Inner| inner.sending.queue.len() + data.len() > limit;
        let is_taken = inner.sending.slot.is_taken();
        if has_no_room(&inner)
            && !is_taken
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        // Behind a call that is writing there is room, unless that keeps a part of its own in the queue.
        if has_no_room(&inner) || inner.sending.unaccepted > 0 {
            return Err(no_room(&inner, data.len(), limit));
        }
        inner.sending.queue.push(data);
        self.note_work(&mut inner);
        Ok(was_empty)
    }

    /// Counts a packet as accepted.
    pub(crate) fn count_sent_packet(&self) {
        self.lock().sending.traffic.add_packet();
        totals::sent_packet();
    }

    /// Sends what the system takes now of what is queued, without waiting. A failure is told by the next call.
    pub fn send_posted(&self) {
        let mut inner = self.lock();
        if self.status() == Status::Connected {
            self.send_queue(&mut inner);
        }
    }

    /// Writes what can be written of `data` without waiting. The number of bytes taken, 0 if the peer is not reading
    /// fast enough.
    pub fn write_available(&self, data: &[u8]) -> Result<usize, WriteError> {
        let queue_limit = self.queue_limit();
        let mut inner = self.writable(queue_limit)?;
        // The thread in there is waiting for room.
        if inner.sending.slot.is_taken() {
            return Ok(0);
        }
        let limit = match queue_limit {
            0 if self.coalesces() => GATHERED,
            limit => limit,
        };
        let needs_room = limit == 0 || inner.sending.queue.len() + data.len() > limit;
        if needs_room && let Err(failure) = self.flush_now(&mut inner, usize::MAX) {
            return Err(self.fail_writing(inner, failure.error));
        }
        if limit > 0 {
            let room = limit.saturating_sub(inner.sending.queue.len());
            let count = data.len().min(room);
            return match self.enqueue(&mut inner, &data[..count]) {
                Ok(()) => Ok(count),
                // What was taken is told first; the next call tells of the failure.
                Err(FlushError { unaccepted, .. }) if unaccepted < count => Ok(count - unaccepted),
                Err(FlushError { error, .. }) => Err(self.fail_writing(inner, error)),
            };
        }
        if !inner.sending.queue.is_empty() {
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

    /// Sends what is gathered or queued. Without a queue it waits for at most the write timeout; with one it sends what
    /// the system takes, and if that is not all the answer is [`WriteError::Busy`].
    pub fn flush(&self) -> Result<(), WriteError> {
        let limit = self.queue_limit();
        let mut inner = self.lock();
        self.check_status(limit)?;
        if let Phase::Failed(error) = &inner.sending.phase {
            return Err(socket_error(&inner, copy_of(error)));
        }
        if limit == 0 {
            return self
                .write_waiting(inner, &[], 0, false)
                .map_err(|(error, _)| error);
        }
        if !inner.sending.slot.is_taken()
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        if inner.sending.queue.is_empty() {
            return Ok(());
        }
        let peer = inner.peer();
        Err(WriteError::Busy { peer, limit })
    }

    /// Ends the stream from this side, after what is gathered or queued and after a call that is writing: the peer reads
    /// everything, then the end. This side can go on reading. Once the peer has ended its side too, the connection is over.
    /// Never waits.
    pub fn shut_down_writing(&self) -> Result<(), WriteError> {
        let mut inner = self.lock();
        if self.status() != Status::Connected {
            return Err(self.cannot_write());
        }
        match &inner.sending.phase {
            Phase::Open => inner.sending.phase = Phase::Draining,
            Phase::Draining | Phase::Shut => {}
            Phase::Failed(error) => return Err(socket_error(&inner, copy_of(error))),
        }
        // A thread that is writing shuts down when it is done.
        if !inner.sending.slot.is_taken()
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        if is_over(&inner) {
            self.retire(inner, Ending::EndOfStream);
        }
        Ok(())
    }

    /// Sends, without waiting, what is queued; part of a poll.
    pub(super) fn send_queue(&self, inner: &mut Inner) {
        if inner.sending.slot.is_taken() {
            return;
        }
        let before = inner.sending.queue.len();
        // A failure is remembered, and told once everything that was received before has been read.
        let _ = self.flush_now(inner, MOST_PER_POLL);
        let left = inner.sending.queue.len();
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
    ) -> Result<(), (WriteError, usize)> {
        let is_taken = inner.sending.slot.is_taken();
        let has_no_room = |inner: &Inner| inner.sending.queue.len() + data.len() > limit;
        if has_no_room(&inner)
            && !is_taken
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err((self.fail_writing(inner, failure.error), 0));
        }
        if is_taken || has_no_room(&inner) {
            return Err((no_room(&inner, data.len(), limit), 0));
        }
        self.enqueue(&mut inner, data).map_err(|failure| {
            let count = data.len() - failure.unaccepted;
            (self.fail_writing(inner, failure.error), count)
        })
    }

    /// Adds `data` to what is gathered, and sends it if that is enough.
    fn gather(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        data: &[u8],
        whole: bool,
    ) -> Result<(), (WriteError, usize)> {
        if inner.sending.queue.len() + data.len() >= GATHERED {
            return self.write_waiting(inner, data, 0, whole);
        }
        inner.sending.queue.push(data);
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
    ) -> Result<(), (WriteError, usize)> {
        let mut deadline = self.settings.write_timeout.deadline();
        let peer = inner.peer();
        let interrupted = |why, sent| {
            let peer = peer.clone();
            let error = match why {
                Interrupted::Disconnected => WriteError::Disconnected,
                Interrupted::TimedOut => WriteError::TimedOut { peer, sent },
                Interrupted::Os(source) => WriteError::Socket { peer, source },
            };
            Err((error, sent))
        };
        let gives_up = |turn: Turn<'_, Sending>, why, sent| {
            if whole && sent > 0 && !matches!(why, Interrupted::Disconnected) {
                self.retire(turn.end(), Ending::Disconnect);
            }
            interrupted(why, sent)
        };
        let mut turn = match Turn::<Sending>::take(self, inner, &mut deadline) {
            Ok(turn) => turn,
            Err(why) => return interrupted(why, sent),
        };
        // While it waited for its turn the stream may have been ended, or have failed.
        match check_phase(&turn) {
            Err(WriteError::ShutDown) if data.is_empty() => {}
            checked => checked.map_err(|error| (error, sent))?,
        }
        // What is gathered goes out together with what joins it. Until that is sent it is not accepted.
        let joins = sent == 0 && self.coalesces() && data.len() < LARGE;
        let mut left = 0;
        if joins {
            turn.sending.queue.push(data);
            turn.sending.unaccepted = data.len();
            left = data.len();
        }
        loop {
            if let Err(FlushError { error, unaccepted }) = self.flush_now(&mut turn, usize::MAX) {
                let count = if joins { data.len() - unaccepted } else { sent };
                return Err((self.fail_writing(turn.end(), error), count));
            }
            if joins {
                left = turn.sending.unaccepted;
            }
            if turn.sending.queue.is_empty() {
                break;
            }
            if let Err(why) = turn.sleep(Interests::WRITABLE, &mut deadline) {
                if !matches!(why, Interrupted::Disconnected) {
                    turn.sending.take_back_unaccepted();
                }
                let count = if joins { data.len() - left } else { sent };
                return gives_up(turn, why, count);
            }
        }
        if joins {
            return Ok(());
        }
        let epoch = self.session().epoch();
        while sent < data.len() {
            let ((count, error), checked) =
                turn.unlocked(|socket| send(Some(socket), &data[sent..]));
            let taken = &data[sent..sent + count];
            sent += count;
            match &checked {
                Ok(()) => turn.note_sent(taken),
                Err(_) => self.note_late(taken, epoch),
            }
            match (error, checked) {
                _ if sent == data.len() => break,
                // The kernel tells of a failure once, so it has to be told here even if the session is over.
                (Some(source), Err(_)) => return interrupted(Interrupted::Os(source), sent),
                (None, Err(why)) => return interrupted(why, sent),
                (Some(error), Ok(())) => {
                    // Before the turn ends: with it an end that was asked for would be sent, as if this was all.
                    self.fail_sending(&mut turn, copy_of(&error));
                    return Err((self.fail_writing(turn.end(), error), sent));
                }
                (None, Ok(())) => {}
            }
            if let Err(why) = turn.sleep(Interests::WRITABLE, &mut deadline) {
                return gives_up(turn, why, sent);
            }
        }
        Ok(())
    }

    /// Counts what a call has sent while the lock was free and its session, `epoch`, was ended: it tells that it has.
    #[cold]
    fn note_late(&self, sent: &[u8], epoch: u64) {
        let mut inner = self.lock();
        if inner.receiving.is_of(epoch) {
            inner.note_sent(sent);
        }
    }

    /// Takes note of whether there is something to send, or a failure to be told, for the next poll and for a thread that
    /// waits in a read.
    #[inline]
    pub(super) fn note_queue(&self, inner: &mut Inner) {
        if self.note_work(inner) {
            self.subscriptions.report();
        }
    }

    /// The same without a report to the groups: the caller sends the queue. Whether there is one.
    #[inline]
    fn note_work(&self, inner: &mut Inner) -> bool {
        let has_queue = !inner.sending.queue.is_empty();
        let has_failed = matches!(inner.sending.phase, Phase::Failed(_));
        self.settings
            .has_work
            .store(has_queue || has_failed, Ordering::Relaxed);
        if has_queue {
            inner.receiving.slot.wake();
        }
        has_queue
    }

    /// Sends or queues `data`, for which there is room. If that fails, some of it may be on its way.
    fn enqueue(&self, inner: &mut Inner, data: &[u8]) -> Result<(), FlushError> {
        let was_empty = inner.sending.queue.is_empty();
        inner.sending.queue.push(data);
        let is_due = if self.coalesces() {
            inner.sending.queue.len() >= GATHERED
        } else {
            // Behind a queue nothing can be sent that would not have been sent by now.
            was_empty
        };
        if is_due {
            inner.sending.unaccepted = data.len();
            self.flush_now(inner, usize::MAX)?;
            // What was not sent is queued.
            inner.sending.unaccepted = 0;
        }
        self.note_queue(inner);
        Ok(())
    }

    /// Sends of the queue what the system takes now, at most `limit` bytes. After a failure there is no queue any more.
    /// Nobody else uses the direction.
    pub(super) fn flush_now(&self, inner: &mut Inner, limit: usize) -> Result<(), FlushError> {
        if self.status() == Status::Connecting {
            inner.sending.has_waited |= !inner.sending.queue.is_empty();
            return Ok(());
        }
        if matches!(inner.sending.phase, Phase::Failed(_)) {
            return Ok(());
        }
        if !inner.sending.queue.is_empty() {
            let Inner {
                link,
                sending,
                recorder,
                ..
            } = inner;
            let unsent = sending.queue.unsent();
            let unsent = &unsent[..unsent.len().min(limit)];
            let (count, error) = send(link.connected_socket().map(Arc::as_ref), unsent);
            if let Some(recorder) = recorder {
                recorder.sent(&unsent[..count]);
            }
            sending.count(count);
            sending.sent(count);
            if let Some(error) = error {
                let unaccepted = inner.sending.unaccepted;
                self.fail_sending(inner, copy_of(&error));
                return Err(FlushError { error, unaccepted });
            }
            if !inner.sending.queue.is_empty() {
                inner.sending.has_waited = true;
                return Ok(());
            }
            self.note_queue(inner);
        }
        if std::mem::take(&mut inner.sending.has_waited) {
            self.emit(inner, Event::Drained);
        }
        inner.shut_down_if_drained();
        Ok(())
    }

    /// Takes note that a send has failed with `source`: nothing more is sent, and whoever reads, polls or asks the group
    /// next is told.
    fn fail_sending(&self, inner: &mut Inner, source: io::Error) {
        inner.sending.phase = Phase::Failed(source);
        inner.sending.queue.clear();
        inner.sending.unaccepted = 0;
        self.note_queue(inner);
        inner.receiving.slot.wake();
        self.watching.readiness.tell();
        self.subscriptions.report();
    }

    /// The error of a call whose send has failed with `source`. The session ends, unless there is something left to read:
    /// then it ends after that.
    fn fail_writing(&self, mut inner: MutexGuard<'_, Inner>, source: io::Error) -> WriteError {
        let error = socket_error(&inner, copy_of(&source));
        self.fail_sending(&mut inner, source);
        // A thread that is reading reads what there is, and then ends the session.
        if !inner.receiving.slot.is_taken() {
            self.look(&mut inner, false);
            if inner.receiving.buffer.is_empty() {
                self.retire(inner, Ending::TransferFailed);
            }
        }
        error
    }
}

/// Why a queue could not be sent.
#[derive(Debug)]
pub(super) struct FlushError {
    error: io::Error,
    /// So many bytes of the call that was writing had not been accepted when it failed.
    unaccepted: usize,
}

/// Whether both directions have ended, and everything was read.
pub(super) fn is_over(inner: &Inner) -> bool {
    matches!(inner.sending.phase, Phase::Shut)
        && matches!(inner.receiving.end, Some(End::Stream))
        && inner.receiving.buffer.is_empty()
        && !inner.receiving.slot.is_taken()
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
    match &inner.sending.phase {
        Phase::Open => Ok(()),
        Phase::Draining | Phase::Shut => Err(WriteError::ShutDown),
        Phase::Failed(error) => Err(socket_error(inner, copy_of(error))),
    }
}

/// The same as [`send`], with the lock held.
#[inline]
fn send_locked(inner: &mut Inner, data: &[u8]) -> (usize, Option<io::Error>) {
    let outcome = send(inner.link.connected_socket().map(Arc::as_ref), data);
    inner.note_sent(&data[..outcome.0]);
    outcome
}

/// Sends until the system takes no more. How many bytes it has taken, and the failure that has ended it.
#[inline]
fn send(socket: Option<&Socket>, data: &[u8]) -> (usize, Option<io::Error>) {
    let Some(socket) = socket else {
        return (0, Some(io::ErrorKind::NotConnected.into()));
    };
    let mut sent = 0;
    while sent < data.len() {
        let outcome = socket.send(&data[sent..]);
        shared_poller::acted();
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
