//! Sending the queue, the end of the stream, and what happens when a send fails.

use std::io;

use crate::connection::Connection;
use crate::connection::close_reason::CloseReason;
use crate::connection::inner::Inner;
use crate::connection::recv::state::RecvEnd;
use crate::connection::send::state::{COALESCE_LIMIT, SendPhase, Unit};
use crate::error::{WriteError, copy_of};
use crate::event::{Event, Status};
use crate::poll::shared_poller;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;
use crate::sys::Socket;
use crate::totals;

/// The maximum number of bytes of a queue that one poll sends.
const MAX_SENT_PER_POLL: usize = 1 << 20;

impl Connection {
    /// Returns the number of accepted bytes that have not been sent. Allowed in every status. See
    /// the example of [`set_queue_limit`](Self::set_queue_limit).
    pub fn pending_bytes(&self) -> usize {
        self.lock().send.pending()
    }

    /// Sends as much of the queue as the kernel accepts. Never waits. The next call reports a
    /// failure.
    ///
    /// Does nothing unless the status is [`Status::Connected`]. For an example see
    /// [`enqueue`](Self::enqueue).
    pub fn try_flush(&self) {
        let mut inner = self.lock();
        if self.status() == Status::Connected {
            self.send_queue(&mut inner);
        }
    }

    /// Sends coalesced and queued data. Without a [queue](Self::set_queue_limit), waits for at most
    /// the write timeout. With a queue, never waits.
    ///
    /// # Errors
    /// Those of [`write_fully`](Self::write_fully). [`WriteError::Busy`] means that the kernel has
    /// not accepted all of the queue.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.set_coalesces(true);
    /// one.write_fully(b"small")?;
    /// assert_eq!(one.pending_bytes(), 5);
    /// one.flush_queue()?;
    /// assert_eq!(one.pending_bytes(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flush_queue(&self) -> Result<(), WriteError> {
        let limit = self.queue_limit();
        let mut inner = self.lock();
        self.check_status(limit)?;
        if let SendPhase::Failed(failure) = &inner.send.phase {
            return Err(socket_error(&inner, copy_of(&failure.source)));
        }
        if limit == 0 {
            return self
                .write_waiting(inner, &[], 0, Unit::Bytes)
                .map_err(|failure| failure.error);
        }
        if !inner.owners.own_send()
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

    /// Ends the stream from this side: the peer reads everything that was accepted, then the end
    /// (shutdown(2), `SHUT_WR`). Never waits.
    ///
    /// The end is sent after the queue, and after a blocking write of another thread. This side can
    /// still read. Once the peer has ended its side too, and everything has been read, the
    /// connection ends. A second call has no effect.
    ///
    /// # Errors
    /// [`WriteError::NotConnected`] and [`WriteError::Connecting`]: the status is not
    /// [`Status::Connected`]. [`WriteError::Socket`]: the socket has failed.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::{Connection, ReadError};
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.shut_down_writing()?;
    /// let end = other.read_count(1, <[u8]>::to_vec);
    /// assert!(matches!(end, Err(ReadError::EndOfStream)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shut_down_writing(&self) -> Result<(), WriteError> {
        let mut inner = self.lock();
        if self.status() != Status::Connected {
            return Err(self.cannot_write());
        }
        match &inner.send.phase {
            SendPhase::Open => inner.send.phase = SendPhase::Draining,
            SendPhase::Draining | SendPhase::Shut => {}
            SendPhase::Failed(failure) => {
                return Err(socket_error(&inner, copy_of(&failure.source)));
            }
            SendPhase::Over { .. } => return Err(WriteError::NotConnected),
        }
        // An owner sends the end when it releases the direction.
        if !inner.owners.own_send()
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        if has_ended_both_ways(&inner) {
            self.retire(inner, CloseReason::EndOfStream);
        }
        Ok(())
    }

    /// Sends a part of the queue; for a poll.
    pub(in crate::connection) fn send_queue(&self, inner: &mut Inner) {
        if inner.owners.own_send() {
            return;
        }
        let before = inner.send.queue.len();
        // The send phase keeps a failure, which is reported once everything received before it has
        // been read.
        let _ = self.flush_now(inner, MAX_SENT_PER_POLL);
        let left = inner.send.queue.len();
        if left > 0 && before - left >= MAX_SENT_PER_POLL {
            // The kernel has refused nothing, so it will not report that there is room.
            self.report_work(inner);
        }
    }

    /// Updates `has_work`, and makes the groups visit a connection with a queue.
    #[inline]
    pub(in crate::connection) fn report_work(&self, inner: &mut Inner) {
        if self.update_has_work(inner) {
            self.subscriptions.report();
        }
    }

    /// Updates `has_work`, and interrupts a reader that waits, so that it sends the queue. Returns
    /// whether there is a queue. The groups are not notified.
    #[inline]
    pub(super) fn update_has_work(&self, inner: &mut Inner) -> bool {
        let has_queue = !inner.send.queue.is_empty();
        self.has_work
            .store(inner.send.has_work(), Ordering::Relaxed);
        if has_queue {
            inner.owners.interrupt_recv();
        }
        has_queue
    }

    /// Sends or queues `data`; the caller has checked that there is room. After a failure a part
    /// may have been sent.
    pub(super) fn push_data(&self, inner: &mut Inner, data: &[u8]) -> Result<(), FlushError> {
        let was_empty = inner.send.queue.is_empty();
        inner.send.queue.push(data);
        let is_due = if self.coalesces() {
            inner.send.queue.len() >= COALESCE_LIMIT
        } else {
            // The kernel has refused the data before it, and would refuse this as well.
            was_empty
        };
        if is_due {
            inner.send.unaccepted = data.len();
            self.flush_now(inner, usize::MAX)?;
            // The rest is in the queue, so it is accepted.
            inner.send.unaccepted = 0;
        }
        self.report_work(inner);
        Ok(())
    }

    /// Sends at most `limit` bytes of the queue, as much as the kernel accepts. After the last byte
    /// sends the end of the stream if it was requested. A failure clears the queue. The caller owns
    /// the direction, or the direction has no owner.
    pub(in crate::connection) fn flush_now(
        &self,
        inner: &mut Inner,
        limit: usize,
    ) -> Result<(), FlushError> {
        if self.status() == Status::Connecting {
            if !inner.send.queue.is_empty() {
                inner.send.note_refusal();
            }
            return Ok(());
        }
        if matches!(inner.send.phase, SendPhase::Failed(_)) {
            return Ok(());
        }
        if !inner.send.queue.is_empty() {
            debug_assert!(!matches!(inner.send.phase, SendPhase::Shut));
            let Inner {
                transport,
                send,
                rare,
                ..
            } = inner;
            let unsent = send.queue.as_slice();
            let unsent = &unsent[..unsent.len().min(limit)];
            let (count, error) = send_now(transport.connected_socket(), unsent);
            if let Some(recorder) = rare.recorder() {
                recorder.add_sent(&unsent[..count]);
            }
            send.count_sent(count);
            send.remove_sent(count);
            if let Some(error) = error {
                let unaccepted = inner.send.unaccepted;
                self.fail_sending(inner, copy_of(&error));
                return Err(FlushError { error, unaccepted });
            }
            if !inner.send.queue.is_empty() {
                if inner.send.note_refusal() {
                    self.subscriptions.report_refusal();
                }
                return Ok(());
            }
            self.report_work(inner);
        }
        if std::mem::take(&mut inner.send.refused_at) > 0 {
            self.emit(inner, Event::Drained);
        }
        inner.shut_down_if_drained();
        Ok(())
    }

    /// Records that a send has failed with `source`. Nothing more is sent. A reader that waits, a
    /// poll and the groups find the failure next.
    pub(super) fn fail_sending(&self, inner: &mut Inner, source: io::Error) {
        inner.send.fail(source);
        self.report_work(inner);
        inner.owners.interrupt_recv();
        self.watching.readiness.notify();
        self.subscriptions.report();
    }

    /// Records that a send has failed with `source`, and returns the error for the call. The
    /// connection ends now, or once everything that was received has been read.
    pub(super) fn fail_writing(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        source: io::Error,
    ) -> WriteError {
        let error = socket_error(&inner, copy_of(&source));
        self.fail_sending(&mut inner, source);
        // The owner of the receiving direction reads the rest, and then ends the connection.
        if !inner.owners.own_recv() {
            self.probe(&mut inner, false);
            if inner.recv.buffer.is_empty() {
                self.retire(inner, CloseReason::TransferFailed);
            }
        }
        error
    }
}

/// The queue could not be sent.
#[derive(Debug)]
pub(in crate::connection) struct FlushError {
    pub(super) error: io::Error,
    /// The number of bytes that the current call had not accepted when the send failed.
    pub(super) unaccepted: usize,
}

/// Whether both directions have ended and everything has been read.
fn has_ended_both_ways(inner: &Inner) -> bool {
    matches!(inner.send.phase, SendPhase::Shut)
        && matches!(inner.recv.end, Some(RecvEnd::Stream))
        && inner.recv.buffer.is_empty()
        && !inner.owners.own_recv()
}

/// Returns the error for `bytes` bytes that do not fit into the queue: [`WriteError::TooLarge`] if
/// they exceed its limit, otherwise [`WriteError::Busy`].
pub(super) fn no_room(inner: &Inner, bytes: usize, limit: usize) -> WriteError {
    let peer = inner.peer();
    match bytes > limit {
        true => WriteError::TooLarge { peer, bytes, limit },
        false => WriteError::Busy { peer, limit },
    }
}

pub(super) fn socket_error(inner: &Inner, source: io::Error) -> WriteError {
    let peer = inner.peer();
    WriteError::Socket { peer, source }
}

/// Sends until the kernel accepts no more. Returns the number of bytes sent, and the failure that
/// stopped it.
#[inline]
pub(super) fn send_now(socket: Option<&Socket>, data: &[u8]) -> (usize, Option<io::Error>) {
    let Some(socket) = socket else {
        return (0, Some(io::ErrorKind::NotConnected.into()));
    };
    let mut sent = 0;
    while sent < data.len() {
        let outcome = socket.send(&data[sent..]);
        shared_poller::record_activity();
        match outcome {
            Ok(count) => {
                debug_assert!(count > 0 && sent + count <= data.len());
                totals::sent(count);
                sent += count;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return (sent, Some(error)),
        }
    }
    (sent, None)
}
