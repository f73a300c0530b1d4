//! One connection: its life from connect to disconnect.
//!
//! | file | what it is |
//! | --- | --- |
//! | `mod` | connecting, polling, asking |
//! | `status`, `session` | the state machine, one pure function; its state in one word |
//! | `inner` | everything that the lock guards |
//! | `reading`, `receiving`, `receive_buffer`, `kernel_view` | the receiving direction: calls, state, bytes, knowledge |
//! | `writing`, `sending`, `send_queue` | the sending direction: calls, state, bytes |
//! | `turn`, `owner`, `wakes` | how a blocking call uses a direction, who uses it, how its wait is ended |
//! | `ending`, `lingering close`, `closer` | the one way out, what is done for a socket after it, and who does it |
//! | `statistics`, `recording` | what is counted, and what is kept while somebody looks |
//! | `std_io` | std's traits |

mod closer;
mod direction;
mod ending;
mod inner;
mod interrupters;
mod lingering_close;
mod owner;
mod recording;
mod recv;
mod send;
mod state_word;
mod statistics;
mod status;
mod std_io;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use recv::read::Found;

pub use ending::Ended;
pub use recording::Recording;
pub use statistics::Statistics;
pub use std_io::SocketHandle;

use crate::address::{Address, BindAddress, Target, canonical};
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::connecting::{ConnectProgress, ConnectStart, Connecting};
use crate::deadline::Timeout;
use crate::error::{BindError, ConnectError, EndError, OptionError, PollError};
use crate::event::{ConnectEnd, Delivery, Event, Status};
use crate::poll::group::{Pollable, PollableRef, Watched};
use crate::poll::readiness::Readiness;
use crate::poll::shared_poller;
use crate::poll::subscriptions::Subscriptions;
use crate::socket::options::Options;
use crate::socket::stream_socket::StreamSocket;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, lock};
use crate::sys::{self, AddressFamily, Credentials, Socket};
use crate::totals;
use ending::CloseReason;
use inner::{Inner, Transport};
use recv::state::{RecvState, Watching, is_quiet};
use send::state::SendState;
use state_word::StateWord;
use statistics::Lifetime;
use status::{Input, transition};

/// How long the rest of a queue may take after a disconnect when the user has set no limit.
const LINGER_LIMIT: Duration = Duration::from_secs(30);

/// A stream connection, over TCP or a Unix domain socket.
///
/// Every method may be called from any thread. The blocking ones, [`read_fully`](Self::read_fully),
/// [`read_fully_or_nothing`](Self::read_fully_or_nothing), [`write_fully`](Self::write_fully) and [`flush_queue`](Self::flush_queue), hold up nobody but a second
/// reader or a second writer, and [`disconnect`](Self::disconnect) ends them.
///
/// # Delivery
/// What `write_fully` answered with `Ok`, and what the other calls counted, reaches the peer in order and without a gap, and then
/// the end of the stream, as long as the peer reads, within the write timeout: through `disconnect`, dropping, the peer's end
/// of the stream, and [`shut_down_writing`](Self::shut_down_writing). If that fails, the next call tells, or the peer sees a
/// reset. Only [`abort`](Self::abort) drops.
///
/// # Forks
/// A child that was forked has copies of its parent's connections. What it does to one before it disconnects, it does to the
/// socket that both share; a disconnect or a drop in the child only closes its copy, and sends nothing of what was queued.
///
/// # One lock
/// Everything that belongs to a session is behind one lock, so nobody acts on one session with what it knows of another. It
/// is held for a moment at a time: a call that has to wait, or that copies much, takes its direction (a turn) and
/// gives the lock back meanwhile. The status, and whether an idle connection has news, are read without it.
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status, Target};
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
/// client.write_fully(b"hello\n")?;
///
/// let server = loop {
///     if let Some(connection) = listener.accept()? {
///         break connection;
///     }
/// };
/// let line = loop {
///     if let Some(line) = server.read_until(b"\n", 1024, <[u8]>::to_vec)? {
///         break line;
///     }
/// };
/// assert_eq!(line, b"hello\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Connection {
    /// The [`StateWord`]. Changed only under `inner`.
    state: AtomicU64,
    /// Whether there are events. Changed only under `inner`.
    has_events: AtomicBool,
    inner: Mutex<Inner>,
    /// A direction has become free, or the session has ended.
    released: Condvar,
    watching: Watching,
    subscriptions: Subscriptions,
    settings: Settings,
}

/// What a user has chosen about reading and writing, read without the lock.
#[derive(Debug, Default)]
struct Settings {
    read_timeout: Timeout,
    write_timeout: Timeout,
    /// Bytes; 0 is no queue.
    queue_limit: AtomicUsize,
    coalesces: AtomicBool,
    allows_half_open: AtomicBool,
    /// Whether there is something for a poll to do or to tell about the sending direction. Changed only under the lock.
    has_work: AtomicBool,
}

impl Connection {
    /// A connection to nobody: [`Status::None`].
    pub fn new() -> Connection {
        Connection::default()
    }

    /// The connection a listener has accepted.
    pub(crate) fn accepted(stream: StreamSocket, address: Address) -> Connection {
        let mut connection = Connection::new();
        // It is handed over connected, so for its user nothing has changed, and there is nothing to tell.
        let status = transition(Status::None, Input::Accepted);
        let state = StateWord::default().with(status.unwrap_or(Status::Connected));
        connection.state = AtomicU64::new(state.0);
        {
            let mut inner = connection.lock();
            inner.recv = RecvState::of(state.generation());
            inner.peer = Some(address);
            inner.connect_through(stream, sys::now());
            totals::accepted();
        }
        connection
    }

    /// Two Unix domain connections that are each other's peer, without a path (socketpair(2)).
    pub fn pair() -> Result<(Connection, Connection), OptionError> {
        let (one, other) = Socket::pair().map_err(|source| OptionError {
            operation: "make a pair of sockets",
            source,
        })?;
        let end = |socket| {
            Connection::accepted(
                StreamSocket::connected(socket, AddressFamily::Unix),
                Address::Unix(Default::default()),
            )
        };
        Ok((end(one), end(other)))
    }

    /// Where the connection is in its life. Never blocks.
    #[inline]
    pub fn status(&self) -> Status {
        self.state().status()
    }

    /// Opens the socket and binds it to a local address. The next [`connect`](Self::connect) uses it;
    /// [`disconnect`](Self::disconnect) closes it. A bind that fails leaves the connection as it was.
    pub fn bind(&self, address: &BindAddress) -> Result<(), BindError> {
        let mut inner = self.lock();
        if !matches!(inner.transport, Transport::Closed) {
            return Err(BindError::AlreadyOpen);
        }
        inner.transport = Transport::Bound(StreamSocket::bind(address, |_| Ok(()))?);
        inner.ended = None;
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
        let mut inner = self.lock();
        if transition(self.status(), Input::Connect).is_none() {
            return Err(ConnectError::AlreadyConnected);
        }
        let bound = match std::mem::take(&mut inner.transport) {
            Transport::Bound(bound) => Some(bound),
            _ => None,
        };
        let mut log = Box::new(AttemptLog::new(now));
        let begun = Connecting::begin(target, bound, limit, &inner.options(), now, &mut log);
        inner.attempts = Some(log);
        inner.lifetime = Lifetime::None;
        inner.ended = None;
        match begun {
            ConnectStart::Failed(error) => {
                inner.recv = RecvState::default();
                inner.send = SendState::default();
                if self.status() == Status::Error {
                    self.change(&mut inner, Input::Disconnect);
                }
                inner.peer = None;
                totals::failed();
                Err(error)
            }
            ConnectStart::Connecting(connecting) => {
                self.begin(&mut inner);
                inner.peer = connecting.address().cloned();
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

    /// Begins the session of a connect.
    fn begin(&self, inner: &mut Inner) {
        self.change(inner, Input::Connect);
        inner.recv = RecvState::of(self.state().generation());
        inner.send = SendState::default();
    }

    fn establish(&self, inner: &mut Inner, attempt: Attempt, now: Instant) {
        self.subscriptions.opened(&attempt.stream.socket);
        inner.establish(attempt, now);
        totals::connected();
        shared_poller::record_activity();
        self.change(inner, Input::Established);
        self.emit(inner, Event::ConnectFinished(ConnectEnd::Connected));
    }

    /// Advances a connect under way, sends what is queued, and notices the end or the failure of an established
    /// connection. Never blocks. Everything received can be read before an end shows: the status stays
    /// [`Status::Connected`] until then. An end gives [`Status::None`], a failure [`Status::Error`].
    /// True if there is something to read. `clock` is asked once at most.
    #[inline]
    pub fn poll(&self, clock: impl FnOnce() -> Instant) -> Result<bool, PollError> {
        Ok(self.poll_unread(false, clock)?.is_some())
    }

    /// As [`poll`](Self::poll). If there is something to read, the number of bytes that the session has received in all. A
    /// group that visits the connection decides by itself when to visit it again, and gets no report of what this receives.
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
                if !self.settings.has_work.load(Ordering::Relaxed)
                    && is_quiet(&watching.readiness, state.generation(), &watching.polled)
                {
                    return Ok(None);
                }
                let inner = self.lock();
                // Another thread may have disconnected meanwhile.
                match self.status() {
                    Status::Connected => self.poll_connected(inner, is_visit),
                    _ => Ok(None),
                }
            }
        }
    }

    #[cold]
    fn poll_connecting(&self, now: Instant) -> Result<(), PollError> {
        let mut inner = self.lock();
        let options = inner.options();
        // Another thread may have polled or disconnected meanwhile.
        let Inner {
            transport: Transport::Connecting(connecting),
            attempts: Some(log),
            ..
        } = &mut *inner
        else {
            return Ok(());
        };
        // First the socket, then the clock: a connection that is there is not given up for being polled late.
        let error = match connecting.advance(&options, now, log) {
            ConnectProgress::Established(attempt) => {
                self.establish(&mut inner, attempt, now);
                self.send_queue(&mut inner);
                return Ok(());
            }
            ConnectProgress::Undecided => {
                let address = connecting.address().cloned();
                let deadline = connecting.deadline();
                let late = connecting.timed_out_at(now);
                inner.peer = address;
                if let Some(deadline) = deadline {
                    self.change(&mut inner, Input::Undecided { now, deadline });
                }
                match late {
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
        inner.send = SendState::default();
        self.note_queue(&mut inner);
        inner.peer = None;
        let end = match &error {
            ConnectError::Resolve { .. } => ConnectEnd::Unresolved,
            ConnectError::TimedOut { .. } => ConnectEnd::TimedOut,
            _ => ConnectEnd::Refused,
        };
        let error = Arc::new(error);
        inner.ended = Some(self.ended_now(EndError::Connect(error.clone())));
        self.emit(&mut inner, Event::ConnectFinished(end));
        drop(inner);
        drop(transport);
        shared_poller::record_activity();
        Err(PollError::Connect(error))
    }

    /// Closes the connection or the bound socket: [`Status::None`], from every status. Ends the blocking calls that
    /// other threads are in. Never waits. The peer gets everything that was written, then the end of the stream: what is
    /// still queued goes out in the background, for as long as the write timeout (or [`Options::linger`]) allows, or 30
    /// seconds without one; then what the peer still sends is read away until its end, or until it has been silent for 5
    /// seconds. If time runs out with something unsent, a TCP peer sees a reset.
    pub fn disconnect(&self) {
        self.retire(self.lock(), CloseReason::Disconnect);
    }

    /// Closes at once and resets a TCP connection: what is unsent is discarded, and the peer's calls fail.
    pub fn abort(&self) {
        self.retire(self.lock(), CloseReason::Abort);
    }

    /// The oldest event that was not delivered yet, for a program with one thread that polls the connection.
    pub fn next_event(&self) -> Option<Event> {
        if !self.has_events() {
            return None;
        }
        let mut inner = self.lock();
        let event = inner.events.pop();
        self.note_events(&inner);
        event
    }

    /// Begins to deliver the events: see [`EventQueue`](crate::dispatch::EventQueue).
    pub(crate) fn begin_delivery(&self) -> Delivery {
        self.lock().events.begin()
    }

    /// The next event, for a thread that delivers. If there is none, a delivery that has begun here ends.
    pub(crate) fn next_delivery(&self, delivery: Delivery) -> Option<Event> {
        let mut inner = self.lock();
        let event = inner.events.next_or_end(delivery);
        self.note_events(&inner);
        event
    }

    pub(crate) fn end_delivery(&self, delivery: Delivery) {
        self.lock().events.end(delivery);
    }

    fn note_events(&self, inner: &Inner) {
        self.has_events
            .store(!inner.events.is_empty(), Ordering::Relaxed);
    }

    /// Why the last connection, or the last attempt, has ended. `None` if there was none, if this side has disconnected it,
    /// and from the next connect on.
    pub fn ended(&self) -> Option<Ended> {
        self.lock().ended.as_deref().cloned()
    }

    /// Whether [`next_event`](Self::next_event) would give one.
    #[inline]
    pub fn has_events(&self) -> bool {
        self.has_events.load(Ordering::Relaxed)
    }

    /// Changes on every status change and every new connection. Two calls that return the same version
    /// saw the same connection, and its status has not changed in between.
    pub fn version(&self) -> u64 {
        self.state().0
    }

    /// The address connected or connecting to. It is kept when an established connection ends, until the next one or a
    /// [`disconnect`](Self::disconnect). For an accepted connection over a Unix domain socket it is the listener's
    /// path, since the other end rarely has one. While a name is looked up there is none.
    pub fn peer_address(&self) -> Option<Address> {
        self.lock().peer.clone()
    }

    /// The local TCP address, if there is an open socket that has one.
    pub fn local_address(&self) -> Option<std::net::SocketAddr> {
        self.lock().socket()?.local_address().map(canonical)
    }

    /// Who is at the other end of a Unix domain connection (unix(7), SO_PEERCRED). For a connection that was accepted
    /// that is the process that connected, otherwise the one that listens.
    pub fn peer_credentials(&self) -> Result<Credentials, OptionError> {
        let failed = |source| OptionError {
            operation: "ask for the peer's credentials",
            source,
        };
        match self.lock().transport.connected_socket() {
            Some(socket) => socket.peer_credentials().map_err(failed),
            None => Err(failed(std::io::ErrorKind::NotConnected.into())),
        }
    }

    /// The socket options.
    pub fn options(&self) -> Options {
        self.lock().options()
    }

    /// Changes the socket options, for the open sockets and for those to come. If the system refuses, nothing is
    /// remembered. `change` runs with the connection locked, so it must not use the connection.
    pub fn set_options(
        &self,
        operation: &'static str,
        change: impl FnOnce(&mut Options),
    ) -> Result<(), OptionError> {
        let mut inner = self.lock();
        let old = inner.options();
        let mut options = old;
        change(&mut options);
        let failed = |source| OptionError { operation, source };
        options.check(&old).map_err(failed)?;
        match &inner.transport {
            Transport::Closed => {}
            Transport::Bound(stream) => options
                .change(&old, &stream.socket, stream.family)
                .map_err(failed)?,
            // Any of the attempts may become the connection.
            Transport::Connecting(connecting) => {
                for stream in connecting.streams() {
                    options
                        .change(&old, &stream.socket, stream.family)
                        .map_err(failed)?;
                }
            }
            Transport::Connected { socket, .. } => {
                let family = inner
                    .peer
                    .as_ref()
                    .map_or(AddressFamily::Unix, Address::family);
                options.change(&old, socket, family).map_err(failed)?;
            }
        }
        inner.options = (options != Options::default()).then(|| Box::new(options));
        Ok(())
    }

    /// The sizes in bytes of the kernel's buffers for sending and receiving, if there is an open socket. The kernel takes
    /// a size it was asked for as a wish: Linux doubles it, and has its own limits (socket(7), SO_SNDBUF).
    pub fn buffer_sizes(&self) -> Option<(usize, usize)> {
        self.lock().socket()?.buffer_sizes().ok()
    }

    /// Whether the peer may end its direction of the stream without ending the connection. Without that, the
    /// default, its end asks for ours: once it was read the connection is over, and what is queued goes out in the
    /// background. With it the connection is over when both have ended: the peer's, and ours by
    /// [`shut_down_writing`](Self::shut_down_writing), behind everything that was queued.
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
    fn state(&self) -> StateWord {
        StateWord(self.state.load(Ordering::Acquire))
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }

    /// Changes the status as `input` says, if it means something now.
    fn change(&self, inner: &mut Inner, input: Input) {
        let state = self.state();
        let Some(status) = transition(state.status(), input) else {
            return;
        };
        if status != state.status() {
            self.state.store(state.with(status).0, Ordering::Release);
            self.emit(inner, Event::StatusChanged(status));
        }
    }

    /// Has those who wait for their turn look again.
    #[inline]
    fn wake_waiting(&self, inner: &Inner) {
        if inner.waiting > 0 {
            self.released.notify_all();
        }
    }

    /// Takes note of an event, to be told.
    fn emit(&self, inner: &mut Inner, event: Event) {
        inner.events.push_merged(event);
        if let Some(recorder) = &mut inner.recorder {
            recorder.happened(event);
        }
        self.has_events.store(true, Ordering::Relaxed);
        self.subscriptions.report_event(event);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.disconnect();
    }
}

impl Pollable for Connection {
    fn as_pollable(&self) -> PollableRef<'_> {
        PollableRef(self)
    }
}

impl Watched for Connection {
    fn readiness(&self) -> Option<Arc<Readiness>> {
        Some(self.watching.readiness.clone())
    }

    fn with_subscriptions(&self, change: &mut dyn FnMut(&Subscriptions, Option<&Socket>)) {
        let inner = self.lock();
        let socket = inner.transport.connected_socket().map(Arc::as_ref);
        change(&self.subscriptions, socket);
    }
}

/// Allows lingering closes again after a [`shut_down`].
pub(crate) fn start_up() {
    closer::start_up();
}

/// Ends the lingering closes and their thread, and closes what is kept for blocking calls.
pub(crate) fn shut_down() {
    closer::shut_down();
    interrupters::shut_down();
}
