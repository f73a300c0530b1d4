//! One connection: its life from connect to disconnect. Reading and writing are in files of their own.

use std::net::Shutdown;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket};

use crate::address::{Address, BindAddress, Target, inet_address};
use crate::closing;
use crate::error::{BindError, ConnectError, OptionError, PollError};
use crate::group::Memberships;
use crate::in_use::InUse;
use crate::limit::Limit;
use crate::lock::lock;
use crate::options::Options;
use crate::race::{Established, Progress};
use crate::read_side::ReadSide;
use crate::readiness::Readiness;
use crate::session::{ConnectEnd, Connecting, DisconnectCause, Link, Notice, Session, State};
use crate::status::{Event, Status, transition};
use crate::stream_socket::StreamSocket;
use crate::sweep;
use crate::sys::{self, Credentials};
use crate::write_side::WriteSide;

/// A stream connection, over TCP or a Unix domain socket.
///
/// Every method may be called from any thread. The blocking ones, [`read_exact`](Self::read_exact) and
/// [`write_all`](Self::write_all), hold up nobody but a second reader or a second writer, and
/// [`disconnect`](Self::disconnect) ends them.
///
/// # Locks
/// `read_side` and `write_side` are held while their direction is in use, a blocking wait included; `state` only for
/// moments. `state` is taken last, and who has one side takes the other only if it is free, so no order of calls can
/// deadlock. The status is read without a lock.
#[derive(Debug, Default)]
pub struct Connection {
    /// The [`Session`]: status and epoch in one word. Changed only under `state`.
    session: AtomicU64,
    /// Whether `state` holds notices.
    has_notices: AtomicBool,
    pub(crate) state: Mutex<State>,
    pub(crate) read_side: Mutex<ReadSide>,
    pub(crate) write_side: Mutex<WriteSide>,
    /// What is known of the socket without asking the kernel. Shared with those whom the kernel tells.
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) settings: Settings,
}

/// What a user has chosen about reading and writing, and what has come of it, read without a lock by every transfer.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) read_limit: Limit,
    pub(crate) write_limit: Limit,
    /// Bytes; 0 is no queue.
    pub(crate) queue_limit: AtomicUsize,
    pub(crate) coalesces: AtomicBool,
    pub(crate) allows_half_open: AtomicBool,
    /// Whether the write side may hold something to send.
    pub(crate) has_queue: AtomicBool,
    /// The epoch, plus one, of the session whose writing has been shut down.
    pub(crate) shut_down_epoch: AtomicU64,
}

impl Connection {
    /// A connection to nobody: [`Status::None`].
    pub fn new() -> Connection {
        Connection::default()
    }

    /// The connection a listener has accepted.
    pub(crate) fn accepted(stream: StreamSocket, address: Address) -> Connection {
        let connection = Connection::new();
        let mut state = connection.state();
        connection.change(&mut state, Event::Accepted);
        state.establish(Established { stream, address });
        // It is handed over connected, so for its user nothing has changed.
        state.notices.clear();
        connection.has_notices.store(false, Ordering::Relaxed);
        drop(state);
        connection
    }

    /// Two Unix domain connections that are each other's peer, without a path (socketpair(2)).
    pub fn pair() -> Result<(Connection, Connection), OptionError> {
        let (one, other) = sys::socket_pair().map_err(|source| OptionError {
            operation: "make a pair of sockets",
            source,
        })?;
        let end = |socket| {
            Connection::accepted(
                StreamSocket::connected(socket, Domain::UNIX),
                Address::Unix(Default::default()),
            )
        };
        Ok((end(one), end(other)))
    }

    /// Where the connection is in its life. Never blocks.
    #[inline]
    pub fn status(&self) -> Status {
        self.session().status()
    }

    /// Opens the socket and binds it to a local address. The next [`connect`](Self::connect) uses it;
    /// [`disconnect`](Self::disconnect) closes it. A bind that fails leaves the connection as it was.
    pub fn bind(&self, address: &BindAddress) -> Result<(), BindError> {
        let mut state = self.state();
        if !matches!(state.link, Link::Closed) {
            return Err(BindError::AlreadyOpen);
        }
        state.link = Link::Bound(StreamSocket::bind(address, |_| Ok(()))?);
        Ok(())
    }

    /// Starts to connect to `target`. Never blocks: a name is looked up elsewhere, and its addresses are tried as
    /// Happy Eyeballs says (RFC 8305). [`poll`](Self::poll) advances it, and fails it once it has taken longer than
    /// `limit`. Allowed in [`Status::None`] and [`Status::Error`]. If a connect to an address fails at once, the status
    /// is [`Status::None`] and a bound socket is closed. A bound socket can serve one address, of its own family.
    pub fn connect(
        &self,
        target: Target,
        limit: Option<Duration>,
        now: Instant,
    ) -> Result<(), ConnectError> {
        let mut state = self.state();
        if transition(self.status(), Event::Connect).is_none() {
            return Err(ConnectError::AlreadyConnected);
        }
        let bound = match std::mem::take(&mut state.link) {
            Link::Bound(bound) => Some(bound),
            _ => None,
        };
        // A limit that no clock can hold is none.
        let deadline = limit.and_then(|limit| now.checked_add(limit));
        let mut connecting = Connecting::new(target, bound, deadline);
        match connecting.begin(&state.options(), now) {
            Progress::Failed(error) => {
                if self.status() == Status::Error {
                    self.change(&mut state, Event::Disconnect);
                }
                state.peer = None;
                Err(error)
            }
            Progress::Undecided => {
                self.change(&mut state, Event::Connect);
                state.peer = connecting.address().cloned();
                state.link = Link::Connecting(Box::new(connecting));
                Ok(())
            }
            Progress::Established(established) => {
                self.change(&mut state, Event::Connect);
                self.establish(&mut state, established);
                Ok(())
            }
        }
    }

    fn establish(&self, state: &mut MutexGuard<'_, State>, established: Established) {
        self.groups().opened(&established.stream.socket);
        state.establish(established);
        self.change(state, Event::Established);
        self.notice(state, Notice::ConnectFinished(ConnectEnd::Connected));
    }

    /// Advances a connect under way, sends what is queued, and notices the end or the failure of an established
    /// connection. Never blocks. Everything received can be read before an end shows: the status stays
    /// [`Status::Connected`] until then. An end gives [`Status::None`], a failure [`Status::Error`].
    /// True if there is something to read. `clock` is asked once at most.
    pub fn poll(&self, clock: impl FnOnce() -> Instant) -> Result<bool, PollError> {
        let session = self.session();
        match session.status() {
            Status::None | Status::Error => Ok(false),
            Status::Connecting => {
                self.poll_connecting(clock())?;
                self.send_queue(self.session())?;
                Ok(false)
            }
            Status::Connected => {
                self.send_queue(session)?;
                self.poll_reading(session)
            }
        }
    }

    fn poll_connecting(&self, now: Instant) -> Result<(), ConnectError> {
        let mut state = self.state();
        let options = state.options();
        // Another thread may have polled or disconnected meanwhile.
        let Link::Connecting(connecting) = &mut state.link else {
            return Ok(());
        };
        // First the socket, then the clock: a connection that is there is not given up for being polled late.
        let error = match connecting.advance(&options, now) {
            Progress::Established(established) => {
                self.establish(&mut state, established);
                return Ok(());
            }
            Progress::Undecided => {
                let deadline = connecting.deadline;
                state.peer = connecting.address().cloned();
                let Some(deadline) = deadline else {
                    return Ok(());
                };
                self.change(&mut state, Event::Undecided { now, deadline });
                match &state.link {
                    Link::Connecting(late) if self.status() == Status::Error => late.timed_out(),
                    _ => return Ok(()),
                }
            }
            Progress::Failed(error) => {
                self.change(&mut state, Event::ConnectFailed);
                error
            }
        };
        state.close();
        state.peer = None;
        let end = match &error {
            ConnectError::Resolve { .. } => ConnectEnd::Unresolved,
            ConnectError::TimedOut { .. } => ConnectEnd::TimedOut,
            _ => ConnectEnd::Refused,
        };
        self.notice(&mut state, Notice::ConnectFinished(end));
        Err(error)
    }

    /// Closes the connection or the bound socket: [`Status::None`], from every status. Ends the blocking calls that
    /// other threads are in. The peer gets everything that was written, then the end of the stream: what is still
    /// queued goes out in the background, for as long as the write limit allows, or 30 seconds without one.
    pub fn disconnect(&self) {
        self.disconnect_with(closing::close);
    }

    /// Closes at once and resets a TCP connection: what is unsent is discarded, and the peer's calls fail.
    pub fn abort(&self) {
        self.disconnect_with(|socket, _, _| closing::reset(socket));
    }

    fn disconnect_with(&self, close: impl FnOnce(Arc<Socket>, Vec<u8>, Duration)) {
        let mut state = self.state();
        let session = self.session();
        self.change(&mut state, Event::Disconnect);
        let link = state.close();
        state.peer = None;
        match &link {
            Link::Connecting(_) => {
                self.notice(&mut state, Notice::ConnectFinished(ConnectEnd::Cancelled));
            }
            Link::Connected { .. } => {
                self.notice(&mut state, Notice::Disconnected(DisconnectCause::Local));
            }
            Link::Closed | Link::Bound(_) => {}
        }
        drop(state);
        if let Link::Connected { socket, .. } = link {
            // Somebody who is writing is not queueing.
            let queue = self
                .try_enter(&self.write_side)
                .map(|mut side| side.take_queue(session.epoch()))
                .unwrap_or_default();
            let limit = self.write_limit().unwrap_or(closing::LINGER_LIMIT);
            close(socket, queue, limit);
            sweep::has_sent();
        }
        if let Some(mut read_side) = self.try_enter(&self.read_side) {
            *read_side = ReadSide::default();
        }
    }

    /// The oldest thing that has happened and was not told yet. One at a time, so that whoever is told can ask again
    /// before the next one, and the order stays that in which things happened.
    pub fn next_notice(&self) -> Option<Notice> {
        if !self.has_notices() {
            return None;
        }
        let mut state = self.state();
        let notice = state.notices.pop_front();
        self.has_notices
            .store(!state.notices.is_empty(), Ordering::Relaxed);
        notice
    }

    /// A number that is another one whenever the status is another one or another connection's, so that nobody who compares
    /// it misses a change that was undone.
    pub fn generation(&self) -> u64 {
        self.session().0
    }

    /// Whether [`next_notice`](Self::next_notice) would give one.
    #[inline]
    pub fn has_notices(&self) -> bool {
        self.has_notices.load(Ordering::Relaxed)
    }

    /// The address connected or connecting to. It is kept when an established connection ends, until the next one or a
    /// [`disconnect`](Self::disconnect). For an accepted connection over a Unix domain socket it is the listener's
    /// path, since the other end rarely has one. While a name is looked up there is none.
    pub fn peer_address(&self) -> Option<Address> {
        self.state().peer.clone()
    }

    /// The local TCP address, if there is an open socket that has one.
    pub fn local_address(&self) -> Option<std::net::SocketAddr> {
        let state = self.state();
        inet_address(&state.socket()?.local_addr().ok()?)
    }

    /// Who is at the other end of a Unix domain connection (unix(7), SO_PEERCRED). For a connection that was accepted
    /// that is the process that connected, otherwise the one that listens.
    pub fn peer_credentials(&self) -> Result<Credentials, OptionError> {
        let failed = |source| OptionError {
            operation: "ask for the peer's credentials",
            source,
        };
        match self.state().link.connected_socket() {
            Some(socket) => sys::peer_credentials(socket).map_err(failed),
            None => Err(failed(std::io::ErrorKind::NotConnected.into())),
        }
    }

    /// The socket options.
    pub fn options(&self) -> Options {
        self.state().options()
    }

    /// Changes the socket options, for the open socket and for those to come. If the system refuses, nothing is
    /// remembered.
    pub fn set_options(
        &self,
        operation: &'static str,
        change: impl FnOnce(&mut Options),
    ) -> Result<(), OptionError> {
        let mut state = self.state();
        let old = state.options();
        let mut options = old;
        change(&mut options);
        if let Some(socket) = state.socket() {
            let address = socket.local_addr();
            let is_tcp = address.is_ok_and(|address| address.as_socket().is_some());
            options
                .change(&old, socket, is_tcp)
                .map_err(|source| OptionError { operation, source })?;
        }
        state.options = (options != Options::default()).then(|| Box::new(options));
        Ok(())
    }

    /// The sizes in bytes of the kernel's buffers for sending and receiving, if there is an open socket. The kernel takes
    /// a size it was asked for as a wish: Linux doubles it, and has its own limits (socket(7), SO_SNDBUF).
    pub fn buffer_sizes(&self) -> Option<(usize, usize)> {
        let state = self.state();
        let socket = state.socket()?;
        Some((
            socket.send_buffer_size().ok()?,
            socket.recv_buffer_size().ok()?,
        ))
    }

    /// Whether the peer may end its direction of the stream without ending the connection. Without that, the
    /// default, its end is the end.
    pub fn set_allow_half_open(&self, allowed: bool) {
        self.settings
            .allows_half_open
            .store(allowed, Ordering::Relaxed);
    }

    /// See [`set_allow_half_open`](Self::set_allow_half_open).
    pub fn allows_half_open(&self) -> bool {
        self.settings.allows_half_open.load(Ordering::Relaxed)
    }

    #[inline]
    pub(crate) fn session(&self) -> Session {
        Session(self.session.load(Ordering::Acquire))
    }

    /// The groups that it is in.
    pub(crate) fn groups(&self) -> &Memberships {
        &self.readiness.occupancy.groups
    }

    /// Calls `change` with the groups that it is in and with its socket, if it is connected. Neither changes meanwhile.
    pub(crate) fn with_groups(&self, change: impl FnOnce(&Memberships, Option<&Socket>)) {
        let state = self.state();
        change(
            self.groups(),
            state.link.connected_socket().map(Arc::as_ref),
        );
    }

    /// One of the sides, once nobody else is using it.
    #[inline]
    pub(crate) fn enter<'a, T>(&'a self, side: &'a Mutex<T>) -> InUse<'a, T> {
        self.readiness.occupancy.enter(side)
    }

    /// One of the sides, if nobody else is using it.
    #[inline]
    pub(crate) fn try_enter<'a, T>(&'a self, side: &'a Mutex<T>) -> Option<InUse<'a, T>> {
        self.readiness.occupancy.try_enter(side)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The socket of `session`, if that is still the current one.
    pub(crate) fn socket(&self, session: Session) -> Option<Arc<Socket>> {
        let state = self.state();
        let socket = state.link.connected_socket();
        socket.filter(|_| self.session() == session).cloned()
    }

    /// The other end, for a message.
    pub(crate) fn peer(&self) -> Address {
        let unnamed = || Address::Unix(Default::default());
        self.state().peer.clone().unwrap_or_else(unnamed)
    }

    /// Changes the status as `event` says, if it means something now.
    fn change(&self, state: &mut MutexGuard<'_, State>, event: Event) {
        let session = self.session();
        let Some(status) = transition(session.status(), event) else {
            return;
        };
        if status != session.status() {
            self.session
                .store(session.with(status).0, Ordering::Release);
            self.notice(state, Notice::Status(status));
        }
    }

    fn notice(&self, state: &mut MutexGuard<'_, State>, notice: Notice) {
        state.notice(notice);
        self.has_notices.store(true, Ordering::Relaxed);
        self.groups().tell();
    }

    pub(crate) fn notice_drained(&self) {
        self.notice(&mut self.state(), Notice::Drained);
    }

    /// Ends `session`, unless another thread has done so.
    pub(crate) fn finish(&self, session: Session, event: Event) {
        let mut state = self.state();
        if self.session() != session {
            return;
        }
        self.change(&mut state, event);
        let link = state.close();
        let cause = match event {
            Event::EndOfStream => DisconnectCause::EndOfStream,
            _ => DisconnectCause::Failure,
        };
        self.notice(&mut state, Notice::Disconnected(cause));
        drop(state);
        if let Link::Connected { socket, .. } = link {
            if Arc::strong_count(&socket) > 1 {
                // Wakes the threads that wait in the other direction.
                let _ = socket.shutdown(Shutdown::Both);
            }
            drop(socket);
            sweep::has_sent();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.disconnect();
    }
}
