//! The calls that write all of their data, and wait for the kernel if there is no queue.

use crate::connection::Connection;
use crate::connection::direction::{DirectionGuard, Interrupted};
use crate::connection::inner::Inner;
use crate::connection::send::flush::{FlushError, no_room, send_now, socket_error};
use crate::connection::send::state::{COALESCE_LIMIT, SendPhase, SendState, Unit};
use crate::error::{EndError, WriteError, WriteFailure, copy_of};
use crate::event::Status;
use crate::sync::MutexGuard;
use crate::sys::Interests;

/// From this size on, data is copied to the kernel without the lock.
const LARGE: usize = 64 * 1024;

impl Connection {
    /// Writes all of `data`.
    ///
    /// Without a [queue](Self::set_queue_limit), waits for at most the [write
    /// timeout](Self::set_write_timeout) until the kernel has accepted everything. With a queue,
    /// never waits and accepts all or nothing; this is also allowed while connecting. Another
    /// writer waits until this one has finished; a reader does not.
    ///
    /// # Errors
    /// [`WriteFailure`] holds the error and the number of bytes at the start of `data` that were
    /// accepted. These are sent, the others never are.
    /// - [`WriteError::NotConnected`] and [`WriteError::Connecting`]: the status does not allow a
    ///   write.
    /// - [`WriteError::ShutDown`]: after [`shut_down_writing`](Self::shut_down_writing).
    /// - [`WriteError::TimedOut`]: the connection is intact.
    /// - [`WriteError::Busy`]: the queue has no room now, or a blocking write of another thread is
    ///   in progress.
    /// - [`WriteError::TooLarge`]: `data` is larger than the queue may become.
    /// - [`WriteError::Socket`]: the socket has failed. The connection ends once everything
    ///   received before has been read.
    /// - [`WriteError::Disconnected`]: another thread has disconnected.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(b"ping")?;
    /// assert_eq!(other.read_count(4, <[u8]>::to_vec)?.as_deref(), Some(&b"ping"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn write_fully(&self, data: &[u8]) -> Result<(), WriteFailure> {
        self.write(data, Unit::Bytes)
    }

    /// Like [`write_fully`](Self::write_fully), for a message that must not be cut.
    ///
    /// If it gives up with a part of the message sent, it disconnects before another thread can
    /// write after that part. The connection that accepts the message counts it in its statistics,
    /// under the same lock. A later connection of this object is never affected.
    pub(crate) fn write_message(&self, message: &[u8]) -> Result<(), WriteError> {
        let outcome = self.write(message, Unit::Message);
        outcome.map_err(|failure| failure.error)
    }

    #[inline]
    fn write(&self, data: &[u8], unit: Unit) -> Result<(), WriteFailure> {
        // Loaded once, because another thread may change it at any time.
        let limit = self.queue_limit();
        let mut inner = self
            .writable(limit)
            .map_err(|error| WriteFailure::after(0, error))?;
        if limit > 0 {
            return self.write_queued(inner, data, limit, unit);
        }
        let coalesces = self.coalesces();
        if inner.owners.own_send()
            || data.len() >= LARGE
            || !coalesces && !inner.send.queue.is_empty()
        {
            return self.write_waiting(inner, data, 0, unit);
        }
        if coalesces {
            return self.coalesce(inner, data, unit);
        }
        match send_locked(&mut inner, data) {
            (count, None) if count == data.len() => {
                inner.send.accept(unit);
                Ok(())
            }
            (count, None) => self.write_waiting(inner, data, count, unit),
            (count, Some(error)) => {
                Err(WriteFailure::after(count, self.fail_writing(inner, error)))
            }
        }
    }

    /// Sends or queues `data`. The queue may have at most `limit` bytes.
    fn write_queued(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        data: &[u8],
        limit: usize,
        unit: Unit,
    ) -> Result<(), WriteFailure> {
        let is_taken = inner.owners.own_send();
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
        match self.push_data(&mut inner, data) {
            Ok(()) => {
                inner.send.accept(unit);
                Ok(())
            }
            Err(failure) => {
                let count = data.len() - failure.unaccepted;
                let error = self.fail_writing(inner, failure.error);
                Err(WriteFailure::after(count, error))
            }
        }
    }

    /// Adds `data` to the coalesced data, and sends everything once it reaches [`COALESCE_LIMIT`].
    fn coalesce(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        data: &[u8],
        unit: Unit,
    ) -> Result<(), WriteFailure> {
        if inner.send.queue.len() + data.len() >= COALESCE_LIMIT {
            return self.write_waiting(inner, data, 0, unit);
        }
        inner.send.queue.push(data);
        inner.send.accept(unit);
        self.report_work(&mut inner);
        Ok(())
    }

    /// Does the part of a [`write`](Self::write) that may wait. The first `sent` bytes of `data`
    /// are sent.
    #[cold]
    pub(super) fn write_waiting(
        &self,
        inner: MutexGuard<'_, Inner>,
        data: &[u8],
        mut sent: usize,
        unit: Unit,
    ) -> Result<(), WriteFailure> {
        debug_assert!(sent <= data.len());
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
        let give_up = |guard: DirectionGuard<'_, SendState>, why, sent| {
            let is_cut = unit == Unit::Message && sent > 0;
            if is_cut && !matches!(why, Interrupted::Disconnected) {
                let inner = guard.release();
                let error = match &why {
                    Interrupted::Os(source) => WriteError::Socket {
                        peer: peer.clone(),
                        source: copy_of(source),
                    },
                    Interrupted::TimedOut | Interrupted::Disconnected => WriteError::TimedOut {
                        peer: peer.clone(),
                        sent,
                    },
                };
                self.retire_for(inner, EndError::Write(error));
            }
            interrupted(why, sent)
        };
        let mut guard = match DirectionGuard::<SendState>::take(self, inner, &mut deadline) {
            Ok(guard) => guard,
            Err(why) => return interrupted(why, sent),
        };
        // While this call waited for the direction, the stream may have been shut down, or have
        // failed.
        match check_phase(&guard) {
            Err(WriteError::ShutDown) if data.is_empty() => {}
            checked => checked.map_err(|error| WriteFailure::after(sent, error))?,
        }
        // Small data is sent together with the coalesced data before it. It is accepted once it is
        // sent.
        let joins_queue = sent == 0 && self.coalesces() && data.len() < LARGE;
        let mut unaccepted = 0;
        if joins_queue {
            guard.send.queue.push(data);
            guard.send.unaccepted = data.len();
            unaccepted = data.len();
        }
        loop {
            if let Err(failure) = self.flush_now(&mut guard, usize::MAX) {
                let FlushError { error, unaccepted } = failure;
                let count = if joins_queue {
                    data.len() - unaccepted
                } else {
                    sent
                };
                let error = self.fail_writing(guard.release(), error);
                return Err(WriteFailure::after(count, error));
            }
            if joins_queue {
                unaccepted = guard.send.unaccepted;
            }
            if guard.send.queue.is_empty() {
                break;
            }
            if let Err(why) = guard.wait(Interests::WRITABLE, &mut deadline) {
                if !matches!(why, Interrupted::Disconnected) {
                    guard.send.take_back_unaccepted();
                }
                let count = if joins_queue {
                    data.len() - unaccepted
                } else {
                    sent
                };
                return give_up(guard, why, count);
            }
        }
        if joins_queue || sent == data.len() {
            guard.send.accept(unit);
            return Ok(());
        }
        let generation = self.state().generation();
        while sent < data.len() {
            let ((count, error), checked) =
                guard.unlocked(|socket| send_now(Some(socket), &data[sent..]));
            let bytes = &data[sent..sent + count];
            sent += count;
            let accepted = (sent == data.len()).then_some(unit);
            match &checked {
                Ok(()) => {
                    guard.add_sent(bytes);
                    if let Some(unit) = accepted {
                        guard.send.accept(unit);
                    }
                }
                Err(_) => self.count_late_send(bytes, accepted, generation),
            }
            match (error, checked) {
                _ if sent == data.len() => break,
                // The kernel reports a failure once, so this call has to, even after a disconnect.
                (Some(source), Err(_)) => return interrupted(Interrupted::Os(source), sent),
                (None, Err(why)) => return interrupted(why, sent),
                (Some(error), Ok(())) => {
                    // Before the direction is released: the release would send a requested end of
                    // the stream, and the peer would take the cut data for all of it.
                    self.fail_sending(&mut guard, copy_of(&error));
                    let error = self.fail_writing(guard.release(), error);
                    return Err(WriteFailure::after(sent, error));
                }
                (None, Ok(())) => {}
            }
            if let Err(why) = guard.wait(Interests::WRITABLE, &mut deadline) {
                return give_up(guard, why, sent);
            }
        }
        Ok(())
    }

    /// Counts what a call has sent without the lock while another thread ended its connection, of
    /// `generation`. The call returns these bytes as accepted.
    #[cold]
    fn count_late_send(&self, sent: &[u8], accepted: Option<Unit>, generation: u64) {
        let mut inner = self.lock();
        if inner.recv.belongs_to(generation) {
            inner.add_sent(sent);
            if let Some(unit) = accepted {
                inner.send.accept(unit);
            }
        }
    }

    /// Returns the lock if data can be written.
    #[inline]
    pub(super) fn writable(&self, queue_limit: usize) -> Result<MutexGuard<'_, Inner>, WriteError> {
        let inner = self.lock();
        self.check_status(queue_limit)?;
        check_phase(&inner)?;
        Ok(inner)
    }

    /// Returns an error unless the status allows a write. The caller holds the lock.
    #[inline]
    pub(super) fn check_status(&self, queue_limit: usize) -> Result<(), WriteError> {
        match self.status() {
            Status::Connected => Ok(()),
            Status::Connecting if queue_limit > 0 => Ok(()),
            _ => Err(self.cannot_write()),
        }
    }

    /// Returns the error of a write in a status that does not allow it.
    #[cold]
    pub(super) fn cannot_write(&self) -> WriteError {
        match self.status() {
            Status::Connecting => WriteError::Connecting,
            _ => WriteError::NotConnected,
        }
    }
}

/// Returns an error unless the phase allows a write.
#[inline]
fn check_phase(inner: &Inner) -> Result<(), WriteError> {
    match &inner.send.phase {
        SendPhase::Open => Ok(()),
        SendPhase::Draining | SendPhase::Shut => Err(WriteError::ShutDown),
        SendPhase::Failed(failure) => Err(socket_error(inner, copy_of(&failure.source))),
        SendPhase::Over { .. } => Err(WriteError::NotConnected),
    }
}

/// Sends `data` with the lock held. Nothing that was accepted before may be unsent.
#[inline]
pub(super) fn send_locked(inner: &mut Inner, data: &[u8]) -> (usize, Option<std::io::Error>) {
    debug_assert!(
        inner.send.queue.is_empty() && !inner.owners.own_send(),
        "this send overtakes what was accepted before"
    );
    debug_assert!(matches!(inner.send.phase, SendPhase::Open));
    let outcome = send_now(inner.transport.connected_socket(), data);
    inner.add_sent(&data[..outcome.0]);
    outcome
}
