//! The calls that accept data without waiting.

use crate::connection::Connection;
use crate::connection::inner::Inner;
use crate::connection::send::flush::{FlushError, no_room};
use crate::connection::send::state::{COALESCE_LIMIT, Unit};
use crate::connection::send::write::send_locked;
use crate::error::WriteError;

impl Connection {
    /// Writes as much of `data` as possible. Never waits.
    ///
    /// Returns the number of bytes at the start of `data` that were accepted. 0 means that the peer
    /// reads too slowly, or that a blocking write of another thread is waiting. Allowed in the same
    /// statuses as [`write_fully`](Self::write_fully).
    ///
    /// # Errors
    /// Those of [`write_fully`](Self::write_fully), but for [`WriteError::TimedOut`],
    /// [`WriteError::Busy`] and [`WriteError::TooLarge`]. If the socket fails after it has accepted
    /// some bytes, this call returns their number, and the next one returns the error.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, _other) = Connection::pair()?;
    /// let data = vec![7; 64 << 20];
    /// let count = one.try_write(&data)?;
    /// assert!(count > 0 && count < data.len(), "more than the kernel buffers");
    /// assert_eq!(one.try_write(&data[count..])?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_write(&self, data: &[u8]) -> Result<usize, WriteError> {
        let queue_limit = self.queue_limit();
        let mut inner = self.writable(queue_limit)?;
        // The owner is waiting for room as well.
        if inner.owners.own_send() {
            return Ok(0);
        }
        let limit = match queue_limit {
            0 if self.coalesces() => COALESCE_LIMIT,
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
                // The next call reports the failure.
                Err(FlushError { unaccepted, .. }) if unaccepted < count => Ok(count - unaccepted),
                Err(FlushError { error, .. }) => Err(self.fail_writing(inner, error)),
            };
        }
        if !inner.send.queue.is_empty() {
            return Ok(0);
        }
        match send_locked(&mut inner, data) {
            (count, None) => Ok(count),
            // The next call reports the failure.
            (count, Some(error)) if count > 0 => {
                self.fail_sending(&mut inner, error);
                Ok(count)
            }
            (_, Some(error)) => Err(self.fail_writing(inner, error)),
        }
    }

    /// Queues all of `data` or nothing. The queue may have at most `limit` bytes, which replaces
    /// the [queue limit](Self::set_queue_limit) for this call. Never waits, and sends only to make
    /// room.
    ///
    /// Call [`try_flush`](Self::try_flush) soon after it. Several small messages to a peer then
    /// cost one system call. Returns whether the queue was empty before: then the caller is
    /// responsible for the flush. Allowed in the same statuses as
    /// [`write_fully`](Self::write_fully) with a queue.
    ///
    /// # Errors
    /// Those of [`write_fully`](Self::write_fully), but for [`WriteError::TimedOut`].
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// assert!(one.enqueue(b"one ", 1024)?);
    /// assert!(!one.enqueue(b"call", 1024)?);
    /// one.try_flush();
    /// assert_eq!(other.read_count(8, <[u8]>::to_vec)?.as_deref(), Some(&b"one call"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn enqueue(&self, data: &[u8], limit: usize) -> Result<bool, WriteError> {
        self.enqueue_unit(data, limit, Unit::Bytes)
    }

    /// Like [`enqueue`](Self::enqueue). The connection that accepts `message` counts it in its
    /// statistics, under the same lock.
    pub(crate) fn enqueue_message(&self, message: &[u8], limit: usize) -> Result<bool, WriteError> {
        self.enqueue_unit(message, limit, Unit::Message)
    }

    fn enqueue_unit(&self, data: &[u8], limit: usize, unit: Unit) -> Result<bool, WriteError> {
        let mut inner = self.writable(limit)?;
        let was_empty = inner.send.queue.is_empty();
        let has_no_room = |inner: &Inner| inner.send.queue.len() + data.len() > limit;
        let is_taken = inner.owners.own_send();
        if has_no_room(&inner)
            && !is_taken
            && let Err(failure) = self.flush_now(&mut inner, usize::MAX)
        {
            return Err(self.fail_writing(inner, failure.error));
        }
        // Data may be queued after the owner's, unless the owner has unaccepted bytes of its own in
        // the queue.
        if has_no_room(&inner) || inner.send.unaccepted > 0 {
            return Err(no_room(&inner, data.len(), limit));
        }
        inner.send.queue.push(data);
        inner.send.accept(unit);
        self.update_has_work(&mut inner);
        Ok(was_empty)
    }
}
