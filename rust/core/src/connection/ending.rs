//! The one way out of an established connection, [`Connection::retire`].
//!
//! Under the lock, `retire` changes the state word and moves everything that belongs to the
//! connection out of `Inner`. A call that is late finds another generation and touches nothing of
//! the next connection. After that, without the lock, the socket is reset or handed to a lingering
//! close:
//!
//! | end | unsent data | socket |
//! | --- | --- | --- |
//! | disconnect, end of stream, rejected data, silent peer | is sent | lingering close |
//! | abort, failure, stalled peer, linger of zero | is discarded | reset |
//! | disconnect in a forked child | stays with the parent | the copy is closed |

use std::sync::Arc;
use std::time::Duration;

use crate::connection::Connection;
use crate::connection::RecvProgress;
use crate::connection::close_reason::{CloseReason, Ended, cause_of};
use crate::connection::closer;
use crate::connection::inner::Inner;
use crate::connection::lingering_close::{LingeringClose, reset};
use crate::connection::recv::state::RecvEnd;
use crate::connection::send::state::SendPhase;
use crate::connection::status::transition;
use crate::connection::transport::Transport;
use crate::error::{EndError, ReadError, WriteError, copy_of};
use crate::event::{ConnectEnd, DisconnectCause, Event, Status};
use crate::poll::shared_poller;
use crate::socket::socket_file::BoundName;
use crate::sync::MutexGuard;
use crate::sys;
use crate::totals;

/// The time limit of a lingering close if the user has set none.
const LINGER_LIMIT: Duration = Duration::from_secs(30);

impl Connection {
    /// Closes the connection or the bound socket. Never waits.
    ///
    /// Allowed in every status. The status becomes [`Status::None`], and blocking calls of other
    /// threads return with an error.
    ///
    /// The close is graceful and continues in the background: the peer receives everything that was
    /// accepted, then the end of the stream. Queued data may take as long as the write timeout or
    /// [`Options::linger`](crate::Options::linger), or 30 seconds without either. After that, input
    /// from the peer is discarded until the peer ends the stream, or has been silent for 5 seconds;
    /// with many such closes at once, for less. When the process runs out of descriptors, the
    /// closes that lose least end early. A socket that is closed with unread input would send a
    /// reset, and the reset could destroy data on its way to the peer (RFC 2525, section 2.17). If
    /// the time runs out with unsent data, a TCP peer sees a reset.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::{Connection, Status};
    ///
    /// let (one, other) = Connection::pair()?;
    /// one.write_fully(b"bye\n")?;
    /// one.disconnect();
    /// assert_eq!(one.status(), Status::None);
    /// let line = other.read_until(b"\n", 100, <[u8]>::to_vec)?;
    /// assert_eq!(line.as_deref(), Some(&b"bye\n"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn disconnect(&self) {
        self.retire(self.lock(), CloseReason::Disconnect);
    }

    /// Closes the connection at once, discards unsent data, and resets a TCP connection (RFC 9293,
    /// section 3.10.5). The calls of a TCP peer fail; a Unix domain peer sees the end of the
    /// stream. Never waits.
    ///
    /// Allowed in every status, as [`disconnect`](Self::disconnect) is.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::{Connection, Status};
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.abort();
    /// assert_eq!(one.status(), Status::None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn abort(&self) {
        self.retire(self.lock(), CloseReason::Abort);
    }

    /// Returns why the last connection, or the last connect, ended. `None` if there was none, if
    /// this side has disconnected, and from the next [`connect`](Self::connect) or
    /// [`bind`](Self::bind) on.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::{Connection, EndError, Status};
    ///
    /// let (one, other) = Connection::pair()?;
    /// other.disconnect();
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while one.status() == Status::Connected {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     one.poll(Instant::now)?;
    /// }
    /// let ended = one.ended().expect("the connection has ended");
    /// assert!(matches!(*ended.error, EndError::EndOfStream { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ended(&self) -> Option<Ended> {
        self.lock().rare.ended().cloned()
    }

    /// Ends the connection of this [`version`](Self::version) because the layer above cannot use
    /// the received bytes, for the reason `error`. Accepted data is still sent.
    ///
    /// Returns false, and does nothing, if that connection has already ended.
    pub fn end_unusable(&self, version: u64, error: ReadError) -> bool {
        let inner = self.lock();
        if self.version() != version || self.status() != Status::Connected {
            return false;
        }
        self.retire_for(inner, EndError::Read(error));
        true
    }

    /// Ends the connection of this `state` because its peer accepts nothing: nothing of the queue
    /// was sent for `waited`. Unsent data is discarded, and a TCP connection is reset.
    ///
    /// Returns false, and does nothing, if that connection has ended or has no queue.
    pub(crate) fn end_stalled(&self, generation: u64, waited: Duration) -> bool {
        let inner = self.lock();
        let is_it = self.status() == Status::Connected && self.state().generation() == generation;
        if !is_it || !inner.send.is_refused() {
            return false;
        }
        let peer = inner.peer();
        let error = EndError::Stalled { peer, waited };
        self.retire_with(inner, CloseReason::Stalled, Some(error));
        true
    }

    /// Ends the connection because its peer sends nothing: there was no `progress` for `waited`.
    /// Accepted data is still sent.
    ///
    /// Returns false, and does nothing, if that connection has ended or received more.
    pub(crate) fn end_silent(&self, progress: RecvProgress, waited: Duration) -> bool {
        let mut inner = self.lock();
        let is_it = self.recv_progress_of(&mut inner) == Some(progress);
        if is_it {
            let peer = inner.peer();
            self.retire_for(inner, EndError::Silent { peer, waited });
        }
        is_it
    }

    /// Ends the connection because of `error`. Accepted data is still sent. Releases the lock.
    pub(super) fn retire_for(&self, inner: MutexGuard<'_, Inner>, error: EndError) {
        let reason = CloseReason::Rejected(cause_of(&error));
        self.retire_with(inner, reason, Some(error));
    }

    /// Returns why the last connection ended.
    pub(crate) fn last_cause(&self) -> DisconnectCause {
        let inner = self.lock();
        let ended = inner.rare.ended();
        ended.map_or(DisconnectCause::Local, |ended| cause_of(&ended.error))
    }

    /// Ends the connection for `reason`. Releases the lock.
    pub(super) fn retire(&self, inner: MutexGuard<'_, Inner>, reason: CloseReason) {
        let error = end_error(&inner, reason);
        self.retire_with(inner, reason, error);
    }

    /// Creates the record of an end. The status must have changed already.
    pub(super) fn ended_now(&self, error: EndError) -> Ended {
        debug_assert!(!matches!(
            self.status(),
            Status::Connecting | Status::Connected
        ));
        Ended {
            version: self.version(),
            at: sys::now(),
            error: Arc::new(error),
        }
    }

    fn retire_with(
        &self,
        mut inner: MutexGuard<'_, Inner>,
        reason: CloseReason,
        error: Option<EndError>,
    ) {
        // The connection may have ended already.
        if transition(self.status(), reason.input()).is_none() {
            return;
        }
        let was_open = matches!(
            inner.transport,
            Transport::Connecting(_) | Transport::Connected { .. }
        );
        self.change(&mut inner, reason.input());
        if was_open {
            let ended = error.map(|error| self.ended_now(error));
            inner.rare.set_ended(ended);
        }
        let transport = std::mem::take(&mut inner.transport);
        let recv = inner.recv.take_at_end();
        let mut send = inner.send.take_at_end();
        self.report_work(&mut inner);
        inner.owners.end();
        self.wake_waiting_calls(&inner);
        if reason.is_local() {
            inner.has_left_peer = true;
        }
        match &transport {
            Transport::Connecting(_) => {
                inner.give_up_attempts(sys::now());
                self.emit(&mut inner, Event::ConnectFinished(ConnectEnd::Cancelled));
            }
            Transport::Connected { .. } => {
                inner.lifetime = inner.lifetime.until(sys::now());
                totals::ended();
                if reason.has_failed() {
                    totals::failed();
                }
                self.emit(&mut inner, Event::Disconnected(reason.cause()));
            }
            Transport::Closed | Transport::Bound(_) => {}
        }
        let linger = inner.rare.options().linger;
        if cfg!(debug_assertions) {
            self.check(&inner);
        }
        drop(inner);

        let Transport::Connected { name, socket } = transport else {
            drop(transport);
            shared_poller::record_activity();
            return;
        };
        if recv.is_inherited() {
            // The connection belongs to the parent process. A send or a shutdown would act in its
            // name.
            return;
        }
        let holds_name = name.as_deref().is_some_and(BoundName::is_held);
        drop(name);
        let peer_has_ended = matches!(recv.end, Some(RecvEnd::Stream));
        // Drops the unread bytes, and ends the watch of the socket.
        drop(recv);
        self.subscriptions.retired(&socket);
        send.take_back_unaccepted();
        let has_failed = reason.has_failed() || matches!(send.phase, SendPhase::Failed(_));
        if has_failed || reason == CloseReason::Abort || linger == Some(Duration::ZERO) {
            reset(&socket);
            drop(socket);
            shared_poller::record_activity();
            return;
        }
        let limit = linger.or(self.write_timeout()).unwrap_or(LINGER_LIMIT);
        closer::begin(
            LingeringClose {
                socket,
                queue: send.queue,
                is_shut: matches!(send.phase, SendPhase::Shut),
                peer_has_ended,
                holds_name,
            },
            limit,
        );
    }
}

/// Returns the error that [`Connection::ended`] reports for `reason`; `None` if the user ends the
/// connection.
fn end_error(inner: &Inner, reason: CloseReason) -> Option<EndError> {
    let peer = inner.peer();
    match reason {
        CloseReason::Disconnect | CloseReason::Abort => return None,
        CloseReason::EndOfStream => return Some(EndError::EndOfStream { peer }),
        CloseReason::TransferFailed
        | CloseReason::PollFailed
        | CloseReason::Stalled
        | CloseReason::Rejected(_) => {}
    }
    let failure = match (&inner.recv.end, &inner.send.phase) {
        (Some(RecvEnd::Failure(source)), _) => EndError::Read(ReadError::Socket {
            peer,
            source: copy_of(source),
        }),
        (_, SendPhase::Failed(failure)) => EndError::Write(WriteError::Socket {
            peer,
            source: copy_of(&failure.source),
        }),
        _ => EndError::EndOfStream { peer },
    };
    Some(failure)
}
