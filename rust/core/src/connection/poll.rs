//! Polls of a connection, by the user and by groups.
//!
//! A poll of a quiet connection takes no lock and usually makes no system call. A connection is
//! quiet while the last receive returned `EAGAIN`, and the shared poller watches its socket and has
//! reported nothing since.

use std::time::Instant;

use crate::connection::Connection;
use crate::connection::close_reason::CloseReason;
use crate::connection::inner::Inner;
use crate::connection::recording::record_received;
use crate::connection::recv::state::{RecvEnd, is_quiet};
use crate::connection::send::state::SendPhase;
use crate::error::{PollError, copy_of};
use crate::event::Status;
use crate::poll::group::{Pollable, PollableRef, Watched};
use crate::poll::readiness_slab::ReadinessRef;
use crate::poll::subscriptions::Subscriptions;
use crate::sync::MutexGuard;
use crate::sync::atomic::Ordering;
use crate::sys::Socket;

impl Connection {
    /// Advances a connect, sends queued data, and detects the end or the failure of an established
    /// connection. Never blocks. Allowed in every status.
    ///
    /// Returns whether there is data to read. This is false while a blocking read of another thread
    /// is in progress, because that read receives the data. The status stays [`Status::Connected`]
    /// until all of it has been read, even if the stream has ended or the socket has failed. Then
    /// an end of the stream changes the status to [`Status::None`], and a failure to
    /// [`Status::Error`]. `clock` is called at most once.
    ///
    /// # Errors
    /// - [`PollError::Connect`]: the connect has failed. The status is [`Status::Error`].
    /// - [`PollError::Receive`] and [`PollError::Send`]: the socket has failed. The status is
    ///   [`Status::Error`].
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::Connection;
    ///
    /// let (one, other) = Connection::pair()?;
    /// assert!(!other.poll(Instant::now)?);
    /// one.write_fully(b"ping")?;
    /// assert!(other.poll(Instant::now)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn poll(&self, clock: impl FnOnce() -> Instant) -> Result<bool, PollError> {
        Ok(self.poll_unread(false, clock)?.is_some())
    }

    /// Like [`poll`](Self::poll). If there is data to read, returns the number of bytes that the
    /// connection has received in total.
    ///
    /// A group sets `is_visit` for a visit. It decides by itself when to visit the connection
    /// again, so it is not notified of the data that this poll receives.
    #[inline]
    pub(crate) fn poll_unread(
        &self,
        is_visit: bool,
        clock: impl FnOnce() -> Instant,
    ) -> Result<Option<u64>, PollError> {
        let state = self.state();
        match state.status() {
            Status::None | Status::Error => Ok(None),
            Status::Connecting => self.poll_connecting(clock()).map(|()| None),
            Status::Connected => {
                let watching = &self.watching;
                if !self.has_work.load(Ordering::Relaxed)
                    && is_quiet(&watching.readiness, state.generation(), &watching.poll_mark)
                {
                    return Ok(None);
                }
                let inner = self.lock();
                // Another thread may have disconnected since the status was loaded.
                match self.status() {
                    Status::Connected => self.poll_connected(inner, is_visit),
                    _ => Ok(None),
                }
            }
        }
    }

    /// Does the part of a poll for [`Status::Connected`].
    fn poll_connected(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        is_visit: bool,
    ) -> Result<Option<u64>, PollError> {
        self.send_queue(&mut inner);
        if inner.owners.own_recv() {
            // The owner finds whatever this poll would find.
            return Ok(None);
        }
        self.probe(&mut inner, is_visit);
        if !inner.recv.buffer.is_empty() {
            inner.recv.buffer.note_poll();
            return Ok(Some(inner.recv.traffic.bytes()));
        }
        let peer = inner.peer();
        // A failed receive says more than the failed send, and `ended` reports it too.
        if let Some(RecvEnd::Failure(error)) = &inner.recv.end {
            let source = copy_of(error);
            self.retire(inner, CloseReason::PollFailed);
            return Err(PollError::Receive { peer, source });
        }
        if let SendPhase::Failed(failure) = &inner.send.phase {
            let source = copy_of(&failure.source);
            self.retire(inner, CloseReason::PollFailed);
            return Err(PollError::Send { peer, source });
        }
        if inner.recv.end.is_none() {
            return Ok(None);
        }
        if !self.is_half_open(&inner) {
            self.retire(inner, CloseReason::EndOfStream);
            return Ok(None);
        }
        // After the end of the stream, a receive no longer reports a failure, so the poll queries
        // SO_ERROR (socket(7)).
        let socket = inner.transport.connected_socket();
        let failure = socket.and_then(|socket| socket.take_error().ok()?);
        let Some(source) = failure else {
            return Ok(None);
        };
        inner.recv.end = Some(RecvEnd::Failure(copy_of(&source)));
        self.retire(inner, CloseReason::PollFailed);
        Err(PollError::Receive { peer, source })
    }

    /// Receives one small block if the buffer is empty. Never waits. With `is_visit`, the caller is
    /// a group. If it is the only one, no group is notified.
    pub(super) fn probe(&self, inner: &mut Inner, is_visit: bool) {
        record_received(inner, |inner| {
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

    /// Makes the groups visit the connection if data was received. The kernel will not report that
    /// data again.
    #[inline]
    pub(super) fn report_received(&self, inner: &mut Inner) {
        if std::mem::take(&mut inner.recv.has_unreported) {
            self.subscriptions.report();
        }
    }

    /// Makes the groups visit the connection. Call it when the connection has moved to another
    /// group, or when a layer above has received its data outside of a poll: the kernel does not
    /// report data again that was received.
    pub fn report(&self) {
        self.subscriptions.report();
    }

    /// Returns what is left after a visit of a group, once its handlers have run.
    pub(crate) fn rest(&self) -> Rest {
        let inner = self.lock();
        let recv = &inner.recv;
        let was_notified = self.watching.readiness.is_notified();
        let is_settled = recv.end.is_some() || recv.view.is_empty() && !was_notified;
        // A handler has read the rest, or a send has failed. The next poll ends the connection.
        let is_over = self.is_exhausted(&inner) && !self.is_half_open(&inner);
        let is_taken = inner.owners.own_recv();
        let has_unread = !is_taken && !recv.buffer.is_empty();
        Rest {
            has_unread,
            // The owner finds new data, and notifies the groups when it releases the direction.
            is_settled: is_taken || is_settled && !is_over,
            is_probably_settled: recv.view.is_probably_empty() && !was_notified && !is_over,
            received: recv.traffic.bytes(),
            is_read_closed: recv.end.is_some(),
            is_refused: inner.send.is_refused(),
        }
    }
}

/// What is left after a visit of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rest {
    /// There are bytes to read.
    pub(crate) has_unread: bool,
    /// The kernel has nothing more, or will report it. The connection needs no visit before that.
    pub(crate) is_settled: bool,
    /// The last receive returned less than it could: the kernel has nothing more, unless the
    /// receive ended at a boundary.
    pub(crate) is_probably_settled: bool,
    /// The number of bytes received in total.
    pub(crate) received: u64,
    /// Nothing more will be received.
    pub(crate) is_read_closed: bool,
    /// The kernel has refused a part of the queue.
    pub(crate) is_refused: bool,
}

impl Pollable for Connection {
    fn as_pollable(&self) -> PollableRef<'_> {
        PollableRef(self)
    }
}

impl Watched for Connection {
    fn readiness(&self) -> Option<ReadinessRef> {
        Some(self.watching.readiness.share())
    }

    fn with_subscriptions(&self, change: &mut dyn FnMut(&Subscriptions, Option<&Socket>)) {
        let inner = self.lock();
        let socket = inner.transport.connected_socket();
        change(&self.subscriptions, socket);
    }
}
