//! The first part of a connection's life: from [`Connection::connect`] to the established
//! connection.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::address::Target;
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::connecting::{ConnectProgress, ConnectStart, Connecting};
use crate::connection::Connection;
use crate::connection::inner::{Attempts, Inner};
use crate::connection::recv::state::RecvState;
use crate::connection::send::state::SendState;
use crate::connection::status::{Input, transition};
use crate::connection::traffic::Lifetime;
use crate::connection::transport::Transport;
use crate::error::{ConnectError, EndError, PollError};
use crate::event::{ConnectEnd, Event, Status};
use crate::poll::shared_poller;
use crate::totals;

impl Connection {
    /// Starts to connect to `target`. Never blocks.
    ///
    /// A name is resolved on another thread, and its addresses are tried as Happy Eyeballs
    /// prescribes (RFC 8305). [`poll`](Self::poll) advances the connect, and fails it once it has
    /// taken longer than `limit`; `None` is unlimited. A [bound](Self::bind) socket can serve one
    /// address, of its own family.
    ///
    /// Allowed in [`Status::None`] and [`Status::Error`]. On success the status is
    /// [`Status::Connecting`], or [`Status::Connected`] if the system connects at once. On an error
    /// it is [`Status::None`], and a bound socket is closed.
    ///
    /// # Errors
    /// - [`ConnectError::AlreadyConnected`]: the status does not allow a connect. Nothing changes.
    /// - Any other: an error of the system that is known at once.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// use stream_socket::{Address, BindAddress, Connection, Target};
    /// use stream_socket::{ListenOptions, Listener, Status};
    ///
    /// let listener = Listener::new();
    /// listener.listen(&BindAddress::Inet(([127, 0, 0, 1], 0).into()), ListenOptions::default())?;
    /// let address = Address::Inet(([127, 0, 0, 1], listener.local_port()).into());
    ///
    /// let client = Connection::new();
    /// client.connect(Target::Address(address), Some(Duration::from_secs(5)), Instant::now())?;
    /// while client.status() == Status::Connecting {
    ///     client.poll(Instant::now)?;
    /// }
    /// assert_eq!(client.status(), Status::Connected);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connect(
        &self,
        target: Target,
        limit: Option<Duration>,
        now: Instant,
    ) -> Result<(), ConnectError> {
        let mut inner = self.lock();
        if transition(self.status(), Input::Connect).is_none() {
            return Err(ConnectError::AlreadyConnected { target });
        }
        let bound = match std::mem::take(&mut inner.transport) {
            Transport::Bound(bound) => Some(bound),
            _ => None,
        };
        let mut log = Box::new(AttemptLog::new(now));
        let begun = Connecting::begin(target, bound, limit, &inner.rare.options(), now, &mut log);
        inner.attempts = Attempts::Log(log);
        inner.lifetime = Lifetime::None;
        inner.rare.set_ended(None);
        match begun {
            ConnectStart::Failed(error) => {
                inner.recv = RecvState::default();
                inner.send = SendState::default();
                if self.status() == Status::Error {
                    self.change(&mut inner, Input::Disconnect);
                }
                inner.set_peer(None);
                totals::failed();
                Err(error)
            }
            ConnectStart::Connecting(connecting) => {
                self.begin(&mut inner);
                inner.set_peer(connecting.address().cloned());
                inner.transport = Transport::Connecting(Box::new(connecting));
                Ok(())
            }
            ConnectStart::Established(attempt) => {
                self.begin(&mut inner);
                self.establish(&mut inner, attempt, now);
                Ok(())
            }
        }
    }

    /// Whether the connection is connecting, and nobody has polled it since
    /// [`connect`](Self::connect): neither [`poll`](Self::poll) nor a group. Such a connect does
    /// not end.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::{Connection, Target};
    ///
    /// let client = Connection::new();
    /// let name = Target::Name { host: "name.invalid".into(), port: 80 };
    /// client.connect(name, None, Instant::now())?;
    /// assert!(client.is_unpolled_connect());
    /// let _ = client.poll(Instant::now);
    /// assert!(!client.is_unpolled_connect());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_unpolled_connect(&self) -> bool {
        self.status() == Status::Connecting
            && matches!(&self.lock().transport,
                Transport::Connecting(connecting) if !connecting.was_polled())
    }

    /// Begins a new connection of this object: a new generation with empty directions.
    fn begin(&self, inner: &mut Inner) {
        self.change(inner, Input::Connect);
        inner.recv = RecvState::new(self.state().generation());
        inner.send = SendState::default();
    }

    /// Makes a successful attempt the connection.
    fn establish(&self, inner: &mut Inner, attempt: Attempt, now: Instant) {
        self.subscriptions.opened(&attempt.stream.socket);
        inner.establish(attempt, now);
        totals::connected();
        shared_poller::record_activity();
        self.change(inner, Input::Established);
        self.emit(inner, Event::ConnectFinished(ConnectEnd::Connected));
    }

    /// Does the part of a poll for [`Status::Connecting`].
    #[cold]
    pub(super) fn poll_connecting(&self, now: Instant) -> Result<(), PollError> {
        let mut inner = self.lock();
        let options = inner.rare.options();
        // Another thread may have polled or disconnected since the status was loaded.
        let Inner {
            transport: Transport::Connecting(connecting),
            attempts: Attempts::Log(log),
            ..
        } = &mut *inner
        else {
            return Ok(());
        };
        // The socket comes before the clock: a late poll must not fail a connection that is
        // established.
        let error = match connecting.advance(&options, now, log) {
            ConnectProgress::Established(attempt) => {
                self.establish(&mut inner, attempt, now);
                self.send_queue(&mut inner);
                return Ok(());
            }
            ConnectProgress::Undecided => {
                let address = connecting.address().cloned();
                let deadline = connecting.deadline();
                let timed_out = connecting.timed_out_at(now);
                inner.set_peer(address);
                if let Some(deadline) = deadline {
                    self.change(&mut inner, Input::Undecided { now, deadline });
                }
                debug_assert_eq!(timed_out.is_some(), self.status() == Status::Error);
                match timed_out {
                    Some(error) => error,
                    None => return Ok(()),
                }
            }
            ConnectProgress::Failed(error) => {
                self.change(&mut inner, Input::ConnectFailed);
                error
            }
        };
        let transport = std::mem::take(&mut inner.transport);
        inner.give_up_attempts(now);
        totals::failed();
        inner.send.take_at_end();
        self.report_work(&mut inner);
        inner.set_peer(None);
        let end = match &error {
            ConnectError::Resolve { .. } => ConnectEnd::Unresolved,
            ConnectError::TimedOut { .. } => ConnectEnd::TimedOut,
            _ => ConnectEnd::Refused,
        };
        let error = Arc::new(error);
        let ended = self.ended_now(EndError::Connect(error.clone()));
        inner.rare.set_ended(Some(ended));
        self.emit(&mut inner, Event::ConnectFinished(end));
        drop(inner);
        // The sockets are closed without the lock.
        drop(transport);
        shared_poller::record_activity();
        Err(PollError::Connect(error))
    }
}
