//! The calls that read without waiting.
//!
//! A call takes only what was there when it began: after its first receive it asks the kernel how
//! many bytes are left. A fast sender therefore cannot keep a call busy.

use std::mem::MaybeUninit;
use std::ops::Range;

use crate::connection::Connection;
use crate::connection::inner::Inner;
use crate::connection::recording::record_received;
use crate::connection::recv::buffer::RecvBuffer;
use crate::connection::recv::end::error_at_end;
use crate::connection::recv::state::{MAX_FILL, Received, is_known_quiet, is_quiet};
use crate::connection::send::state::SendPhase;
use crate::error::{ReadError, Unusable};
use crate::event::Status;
use crate::sync::MutexGuard;

impl Connection {
    /// Returns the number of bytes that can be read without waiting: those in the receive buffer,
    /// and those that the kernel reports. `None` in [`Status::None`] and [`Status::Error`].
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// assert_eq!(other.available(), Some(0));
    /// one.write_fully(b"ping")?;
    /// assert_eq!(other.available(), Some(4));
    /// other.disconnect();
    /// assert_eq!(other.available(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn available(&self) -> Option<usize> {
        let state = self.state();
        match state.status() {
            Status::None | Status::Error => return None,
            Status::Connecting => return Some(0),
            Status::Connected => {}
        }
        let watching = &self.watching;
        if is_quiet(
            &watching.readiness,
            state.generation(),
            &watching.available_mark,
        ) {
            if self.coalesces() {
                self.send_coalesced(&mut self.lock());
            }
            return Some(0);
        }
        let mut inner = self.lock();
        let available = record_received(&mut inner, |inner| {
            let Inner {
                transport,
                recv,
                owners,
                ..
            } = inner;
            let socket = transport.connected_socket()?;
            if owners.own_recv() {
                // The buffer belongs to the owner.
                return Some(recv.count_in_kernel(socket));
            }
            Some(recv.available(socket, watching))
        });
        if available == Some(0) {
            self.send_coalesced(&mut inner);
        }
        self.report_received(&mut inner);
        available
    }

    /// Returns what [`available`](Self::available) would, if that is more than 0 and known without
    /// a system call.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(b"ping")?;
    /// assert_eq!(other.known_available(), None);
    /// assert_eq!(other.available(), Some(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn known_available(&self) -> Option<usize> {
        let state = self.state();
        // An idle connection has nothing. That needs no lock.
        if state.status() != Status::Connected
            || is_known_quiet(&self.watching.readiness, state.generation())
        {
            return None;
        }
        let inner = self.lock();
        let has_unread = !inner.owners.own_recv() && !inner.recv.buffer.is_empty();
        has_unread.then(|| inner.recv.known_available()).flatten()
    }

    /// Whether the receive buffer holds unread bytes. Does not ask the kernel: see
    /// [`available`](Self::available).
    #[inline]
    pub fn has_unread(&self) -> bool {
        let inner = self.lock();
        !inner.owners.own_recv() && !inner.recv.buffer.is_empty()
    }

    /// Whether nothing more will be received, because the peer has ended the stream or the socket
    /// has failed. Data that is available can still be read.
    pub fn is_read_closed(&self) -> bool {
        self.status() == Status::Connected && self.lock().recv.end.is_some()
    }

    /// Reads what has been received, at most as much as fits into `out`. Never waits.
    ///
    /// Returns the number of bytes at the start of `out` that were read; 0 if there are none, or if
    /// a blocking read of another thread is waiting for them.
    ///
    /// # Errors
    /// Those of [`read_fully`](Self::read_fully), except [`ReadError::TimedOut`].
    ///
    /// # Examples
    /// ```
    /// use std::mem::MaybeUninit;
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// let mut out = [MaybeUninit::uninit(); 16];
    /// assert_eq!(other.try_read(&mut out)?, 0);
    /// one.write_fully(b"ping")?;
    /// assert_eq!(other.try_read(&mut out)?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_read(&self, out: &mut [MaybeUninit<u8>]) -> Result<usize, ReadError> {
        let mut inner = self.readable()?;
        if out.is_empty() || inner.owners.own_recv() {
            return Ok(0);
        }
        let mut filled = inner.recv.buffer.take(out);
        let is_complete = filled == out.len() || filled > 0 && inner.recv.view.is_probably_empty();
        if !is_complete && inner.recv.end.is_none() {
            let rest = &mut out[filled..];
            if rest.len() < MAX_FILL {
                self.fill(&mut inner, MAX_FILL);
                filled += inner.recv.buffer.take(rest);
            } else {
                // A large receive bypasses the buffer.
                let Inner {
                    transport,
                    recv,
                    rare,
                    ..
                } = &mut *inner;
                let socket = transport
                    .connected_socket()
                    .ok_or(ReadError::Disconnected)?;
                let probe = recv.begin_probe(&self.watching, rest.len());
                let outcome = socket.receive(rest).map(|received| {
                    if let Some(recorder) = rare.recorder() {
                        recorder.add_received(received);
                    }
                    received.len()
                });
                recv.finish_probe(probe, &outcome);
                filled += outcome.unwrap_or(0);
            }
            self.report_received(&mut inner);
        }
        if filled == 0 {
            if self.is_exhausted(&inner) {
                return Err(self.end_reading(inner));
            }
            self.send_coalesced(&mut inner);
        }
        Ok(filled)
    }

    /// Sends coalesced data, for a read that does not wait and has found too little: the peer may
    /// be waiting for that data. The next call reports a failure.
    fn send_coalesced(&self, inner: &mut Inner) {
        let is_coalesced = self.coalesces() && !inner.send.queue.is_empty();
        if is_coalesced && !inner.owners.own_send() {
            let _ = self.flush_now(inner, usize::MAX);
        }
    }

    /// Searches the first `limit` unread bytes for `delimiter`. If it is there, reads everything up
    /// to its end and passes that to `take`. Otherwise reads nothing and returns `None`. Never
    /// waits.
    ///
    /// `take` runs with the connection locked, so it must not use the connection. The next search
    /// for the same delimiter skips the bytes that were searched before. An empty delimiter is
    /// never found.
    ///
    /// # Errors
    /// - [`ReadError::TooLong`]: the first `limit` bytes do not contain the delimiter. Nothing is
    ///   read.
    /// - [`ReadError::EndOfStream`] and [`ReadError::Socket`]: the delimiter can no longer arrive.
    ///   Unread bytes can still be read in another way. If they are still there when a second
    ///   search fails, with a [`poll`](Self::poll) in between, the connection ends.
    /// - [`ReadError::NotConnected`] and [`ReadError::Connecting`], as for
    ///   [`read_fully`](Self::read_fully).
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(b"half a ")?;
    /// assert_eq!(other.read_until(b"\n", 100, <[u8]>::to_vec)?, None);
    /// one.write_fully(b"line\n")?;
    /// let line = other.read_until(b"\n", 100, <[u8]>::to_vec)?;
    /// assert_eq!(line.as_deref(), Some(&b"half a line\n"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Reads exactly `count` bytes once all of them are there, and passes them to `take`. Until
    /// then reads nothing and returns `None`. Never waits.
    ///
    /// The bytes are collected in memory, so `count` may exceed the receive buffer of the kernel.
    /// `take` runs with the connection locked, so it must not use the connection.
    ///
    /// # Errors
    /// Those of [`read_until`](Self::read_until), except [`ReadError::TooLong`].
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(&[1, 2, 3])?;
    /// assert_eq!(other.read_count(4, <[u8]>::to_vec)?, None);
    /// one.write_fully(&[4])?;
    /// assert_eq!(other.read_count(4, <[u8]>::to_vec)?, Some(vec![1, 2, 3, 4]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_count<R>(
        &self,
        count: usize,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        let find =
            |_, buffer: &mut RecvBuffer| Ok((buffer.len() >= count).then_some(Found::first(count)));
        self.read_found(true, find, take)
    }

    /// Reads what `find` finds in the unread bytes, and passes it to `take`. Never waits.
    ///
    /// `find` is called with the generation of the connection and the buffer, again after each
    /// receive. If the stream has ended before it finds anything, that is an error, and the bytes
    /// stay unread. With `ends_connection`, the second such error, with a poll after the first one,
    /// ends the connection.
    pub(crate) fn read_found<R>(
        &self,
        ends_connection: bool,
        mut find: impl FnMut(u64, &mut RecvBuffer) -> Result<Option<Found>, Unusable>,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        let mut inner = self.readable()?;
        if inner.owners.own_recv() {
            return Ok(None);
        }
        let generation = self.state().generation();
        let mut left_in_kernel = None;
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
            if left_in_kernel == Some(0) {
                self.send_coalesced(&mut inner);
                self.report_received(&mut inner);
                return Ok(None);
            }
            let received = self.fill(&mut inner, left_in_kernel.unwrap_or(MAX_FILL));
            match received {
                Received::Bytes(count) => {
                    self.update_left(&mut inner, &mut left_in_kernel, count);
                }
                Received::Nothing if self.is_exhausted(&inner) => {
                    return Err(self.end_reading(inner));
                }
                Received::Nothing if matches!(inner.send.phase, SendPhase::Failed(_)) => {
                    return Err(error_at_end(&inner));
                }
                Received::Nothing => {
                    self.send_coalesced(&mut inner);
                    self.report_received(&mut inner);
                    return Ok(None);
                }
                Received::End if inner.recv.buffer.is_empty() => {
                    return Err(self.end_reading(inner));
                }
                Received::End => {
                    if ends_connection && inner.recv.note_failed_search() {
                        return Err(self.end_reading(inner));
                    }
                    self.report_received(&mut inner);
                    return Err(error_at_end(&inner));
                }
            }
        }
    }

    /// Calls `probe` with the generation of the connection, the number of bytes received in total,
    /// and the buffer. Receives nothing. `None` unless the status is [`Status::Connected`], and
    /// while a blocking read of another thread owns the buffer.
    pub(crate) fn probe_unread<R>(
        &self,
        probe: impl FnOnce(u64, u64, &RecvBuffer) -> R,
    ) -> Option<R> {
        let inner = self.readable().ok()?;
        let recv = &inner.recv;
        let generation = self.state().generation();
        (!inner.owners.own_recv()).then(|| probe(generation, recv.traffic.bytes(), &recv.buffer))
    }

    /// Reads everything that has been received, at most `limit` bytes, and passes it to `take`.
    /// Never waits.
    ///
    /// `take` gets an empty slice if there is nothing. Data that arrives during the call is left to
    /// the next one, and so may be data after a boundary: urgent data, or data that came with
    /// descriptors. `take` runs with the connection locked, so it must not use the connection.
    ///
    /// # Errors
    /// Those of [`try_read`](Self::try_read).
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(b"ping")?;
    /// let count = other.try_read_with(usize::MAX, |bytes| bytes.len())?;
    /// assert_eq!(count, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_read_with<R>(
        &self,
        limit: usize,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, ReadError> {
        let mut inner = self.readable()?;
        if inner.owners.own_recv() {
            return Ok(take(&[]));
        }
        let mut left_in_kernel = None;
        if inner.recv.buffer.is_empty() || !inner.recv.view.is_probably_empty() {
            while inner.recv.buffer.len() < limit && left_in_kernel != Some(0) {
                match self.fill(&mut inner, left_in_kernel.unwrap_or(MAX_FILL)) {
                    Received::Bytes(count) => {
                        self.update_left(&mut inner, &mut left_in_kernel, count);
                    }
                    Received::Nothing | Received::End => break,
                }
            }
        }
        if limit > 0 && self.is_exhausted(&inner) {
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

    /// Updates the number of bytes that a call may still receive, after it has received `count`.
    /// After the first receive it asks the kernel, unless a short receive has shown that nothing is
    /// left.
    fn update_left(&self, inner: &mut Inner, left_in_kernel: &mut Option<usize>, count: usize) {
        let Inner {
            transport, recv, ..
        } = inner;
        *left_in_kernel = Some(match (*left_in_kernel, transport.connected_socket()) {
            (Some(left), _) => left.saturating_sub(count),
            (None, Some(socket)) if !recv.view.is_probably_empty() => recv.count_in_kernel(socket),
            (None, _) => 0,
        });
    }

    /// Returns the lock if the connection can be read from.
    #[inline]
    fn readable(&self) -> Result<MutexGuard<'_, Inner>, ReadError> {
        let inner = self.lock();
        match self.status() {
            Status::Connected => Ok(inner),
            _ => Err(self.cannot_read()),
        }
    }
}

/// What a search has found at the start of the unread bytes.
#[derive(Debug)]
pub(crate) struct Found {
    /// The bytes to pass to the caller.
    pub(crate) wanted: Range<usize>,
    /// The number of bytes to read, which includes `wanted`.
    pub(crate) total: usize,
    /// Whether the statistics count these bytes as one message.
    pub(crate) is_message: bool,
}

impl Found {
    /// The search is over, and nothing is to be read.
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
