//! One connection, from the connect to the end of its lingering close.
//!
//! | file | content |
//! | --- | --- |
//! | `mod` | the object, its status and its addresses |
//! | `connect`, `poll` | the connect, and polls in every status |
//! | `options`, `events`, `pending_events` | what the user sets, and what the user is notified of |
//! | `status`, `state_word` | the state machine as a pure function, and its state in one word |
//! | `inner`, `invariants` | everything behind the lock, and what holds whenever the lock is free |
//! | `transport`, `rare` | its socket, and what few connections have |
//! | `recv`, `send` | the two directions: calls, state, bytes |
//! | `direction`, `owner`, `interrupters` | how a blocking call owns a direction |
//! | `spin` | when a blocking read busy-waits before it sleeps |
//! | `ending`, `close_reason` | the one way out |
//! | `lingering_close`, `lingering_closes` | one graceful close, and the limits of all of them |
//! | `closer` | the thread that finishes them |
//! | `byte_queue` | the queue of bytes that both directions use |
//! | `statistics`, `recording`, `recorder` | counters, and traffic kept for debugging |
//! | `std_io` | the traits of std |
//!
//! # One lock
//! The state of a connection is in [`Inner`], behind one lock. No call waits while it holds the
//! lock. Three atomics are read without it: the [`StateWord`], `has_work` and `has_events`. They
//! change only under the lock, so they agree with `Inner` whenever the lock is free (`invariants`).
//! Three parts outlive a connection and are not behind the lock: the settings and what the shared
//! poll reports are atomics, and the list of groups has a lock of its own.
//!
//! # Directions and their owners
//! A blocking call owns its direction, and releases the lock while it waits or copies large data.
//! Another call for the same direction waits for the owner, or returns as if there were nothing to
//! do. A poll leaves the direction to the owner.
//!
//! | blocking write (owner) | other thread |
//! | --- | --- |
//! | takes the direction, unlocks, waits for room | |
//! | | `enqueue`: queues data after the owner's |
//! | | `shut_down_writing`: requests the end of the stream |
//! | | `write_fully`: waits for the direction |
//! | locks, sends, releases the direction | |
//! | sends the requested end, notifies the next writer | |
//!
//! # Ends
//! What was received can be read before an end or a failure of either direction is reported. A
//! connection ends when both of its directions have ended. Unless half-open connections are
//! allowed, an end by the peer also ends this side's stream, after the queue and after a call that
//! is writing. The last call that uses a descriptor closes it, so the kernel does not reuse its
//! number during a call.
//!
//! # Generations
//! One object can connect many times. The generation in the state word increases when a connection
//! begins and when it ends. A call that has released the lock compares the state word after it has
//! locked again. If it differs, the connection of the call is over, and the call touches nothing of
//! the next one.
//!
//! # The one way out
//! Every end of an established connection, requested or not, goes through `retire` (`ending`), and
//! so does a disconnect in any other status. `retire` moves everything of the connection out of
//! `Inner` under the lock, and interrupts the owners. Without the lock, it then resets the socket
//! or begins a lingering close, in which the closer thread delivers what was accepted.

mod byte_queue;
mod close_reason;
mod closer;
mod connect;
mod direction;
mod ending;
mod events;
mod inner;
mod interrupters;
mod invariants;
mod lingering_close;
mod lingering_closes;
mod options;
mod owner;
mod pending_events;
mod poll;
mod rare;
mod recorder;
mod recording;
mod recv;
mod send;
mod settings;
mod spin;
mod state_word;
mod statistics;
mod status;
mod std_io;
mod traffic;
mod transport;

pub(crate) use recv::try_read::Found;

pub use close_reason::Ended;
pub use recorder::Recording;
pub use statistics::Statistics;
pub(crate) use statistics::{RecvProgress, SendProgress};
pub use std_io::SocketHandle;

use crate::address::{Address, BindAddress, canonical};
use crate::error::{BindError, OptionError};
use crate::event::{Event, Status};
use crate::poll::subscriptions::Subscriptions;
use crate::socket::stream_socket::StreamSocket;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard, lock};
use crate::sys::{self, AddressFamily, Credentials, Socket};
use crate::totals;
use inner::Inner;
use recv::state::{RecvState, Watching};
use settings::Settings;
use state_word::StateWord;
use status::{Input, transition};
use transport::Transport;

/// A stream connection over TCP or a Unix domain socket.
///
/// # Threads
/// Every method may be called from any thread. The blocking methods are
/// [`read_fully`](Self::read_fully), [`read_fully_or_nothing`](Self::read_fully_or_nothing),
/// [`write_fully`](Self::write_fully), [`write_packet`](Self::write_packet),
/// [`flush_queue`](Self::flush_queue), and those of [`Read`](std::io::Read) and
/// [`Write`](std::io::Write). They delay only a second reader or a second writer, and
/// [`disconnect`](Self::disconnect) ends them. All other methods return at once.
///
/// # Delivery
/// Data is accepted when `write_fully` returns `Ok`, or when another call returns its number of
/// bytes. Accepted data reaches the peer in order and without a gap, followed by the end of the
/// stream, if the peer reads within the write timeout. This holds through `disconnect`, drop, the
/// end of the peer's stream, and [`shut_down_writing`](Self::shut_down_writing). If delivery fails,
/// the next call returns the error, or the peer sees a reset. Only [`abort`](Self::abort) discards
/// accepted data.
///
/// # Forks
/// A forked child has copies of its parent's connections. Its calls act on the shared socket. Its
/// disconnects and drops only close the copy, and send nothing that was queued.
///
/// # Examples
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
// The fields that a poll of an idle connection reads come first, within 64 bytes, so that it reads
// two cache lines at most.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Connection {
    /// The [`StateWord`]. Changed only under the lock.
    state: AtomicU64,
    watching: Watching,
    /// Whether there are events. Changed only under the lock.
    has_events: AtomicBool,
    /// Whether a poll has data to send or a failed send to report. Changed only under the lock.
    has_work: AtomicBool,
    coalesces: AtomicBool,
    allows_half_open: AtomicBool,
    /// Notified when a direction is released, and when the connection ends.
    released: Condvar,
    inner: Mutex<Inner>,
    subscriptions: Subscriptions,
    settings: Settings,
}

// A simulation's atomics are larger.
#[cfg(all(target_pointer_width = "64", not(stream_socket_simulated)))]
const _: () = {
    let last = std::mem::offset_of!(Connection, has_work);
    assert!(last + size_of::<AtomicBool>() <= 64, "a cache line");
};

impl Connection {
    /// Creates an unconnected `Connection`, with [`Status::None`].
    pub fn new() -> Connection {
        Connection::default()
    }

    /// Creates the connection that a listener has accepted.
    pub(crate) fn accepted(stream: StreamSocket, address: Address) -> Connection {
        let connection = Connection::new();
        // The user gets it connected, so there is no change to notify.
        let status = transition(Status::None, Input::Accepted);
        let state = StateWord::default().with(status.unwrap_or(Status::Connected));
        {
            let mut inner = connection.lock();
            connection.state.store(state.0, Ordering::Release);
            inner.recv = RecvState::new(state.generation());
            inner.set_peer(Some(address));
            inner.set_stream(stream, sys::now());
            totals::accepted();
        }
        connection
    }

    /// Creates two Unix domain connections that are connected to each other (socketpair(2)). They
    /// have no paths.
    ///
    /// # Errors
    /// The system has no descriptor or no memory left.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::{Connection, Status};
    ///
    /// let (one, other) = Connection::pair()?;
    /// assert_eq!(one.status(), Status::Connected);
    /// other.write_fully(b"ping")?;
    /// assert_eq!(one.available(), Some(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pair() -> Result<(Connection, Connection), OptionError> {
        let (one, other) = Socket::pair().map_err(|source| OptionError {
            operation: "create socket pair",
            source,
        })?;
        let connection = |socket| {
            Connection::accepted(
                StreamSocket::from_socket(socket, AddressFamily::Unix),
                Address::Unix(Default::default()),
            )
        };
        Ok((connection(one), connection(other)))
    }

    /// Opens a socket and binds it to a local address. The next [`connect`](Self::connect) uses the
    /// socket; [`disconnect`](Self::disconnect) closes it. Never blocks.
    ///
    /// # Errors
    /// [`BindError::AlreadyOpen`] if there is an open socket, otherwise the error of the system.
    /// Nothing changes then.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, Instant};
    /// use stream_socket::{Connection, Status, Target};
    ///
    /// # let listener = stream_socket::Listener::new();
    /// # listener.listen(&"127.0.0.1:0".parse()?, stream_socket::ListenOptions::default())?;
    /// # let server_address = listener.local_address().expect("it listens");
    /// let client = Connection::new();
    /// client.bind(&"127.0.0.1:0".parse()?)?;
    /// let bound = client.local_address();
    ///
    /// let target = Target::Address(server_address);
    /// client.connect(target, Some(Duration::from_secs(5)), Instant::now())?;
    /// while client.status() == Status::Connecting {
    ///     client.poll(Instant::now)?;
    /// }
    /// assert_eq!(client.local_address(), bound);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bind(&self, address: &BindAddress) -> Result<(), BindError> {
        let mut inner = self.lock();
        if !matches!(inner.transport, Transport::Closed) {
            let address = address.clone();
            return Err(BindError::AlreadyOpen { address });
        }
        inner.transport = Transport::Bound(StreamSocket::bind(address, |_| Ok(()))?);
        inner.rare.set_ended(None);
        Ok(())
    }

    /// Returns the status. Takes no lock.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::{Connection, Status};
    ///
    /// let (one, other) = Connection::pair()?;
    /// assert_eq!(one.status(), Status::Connected);
    /// let version = one.version();
    ///
    /// other.disconnect();
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while one.status() == Status::Connected {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     one.poll(Instant::now)?;
    /// }
    /// assert_eq!(one.status(), Status::None);
    /// assert_ne!(one.version(), version);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn status(&self) -> Status {
        self.state().status()
    }

    /// Returns a number that changes on every status change and on every new connection. Two calls
    /// that return the same version saw the same connection, and its status has not changed in
    /// between. Takes no lock. See the example of [`status`](Self::status).
    pub fn version(&self) -> u64 {
        self.state().0
    }

    /// Returns the address of the peer, or the address that a connect tries at the moment. `None`
    /// before the first connect, while a name is resolved, and after a connect has failed.
    ///
    /// The address is kept when an established connection ends, until the next connect or a
    /// [`disconnect`](Self::disconnect). An accepted Unix domain connection has the path of its
    /// listener, because the peer rarely has a path.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::{Connection, Target};
    ///
    /// # let listener = stream_socket::Listener::new();
    /// # listener.listen(&"127.0.0.1:0".parse()?, stream_socket::ListenOptions::default())?;
    /// # let server_address = listener.local_address().expect("it listens");
    /// let client = Connection::new();
    /// client.connect(Target::Address(server_address.clone()), None, Instant::now())?;
    /// assert_eq!(client.peer_address(), Some(server_address));
    /// client.disconnect();
    /// assert_eq!(client.peer_address(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peer_address(&self) -> Option<Address> {
        self.lock().peer_address().cloned()
    }

    /// Returns the local TCP address. `None` without an open socket, and for a Unix domain socket.
    /// See the example of [`bind`](Self::bind).
    pub fn local_address(&self) -> Option<std::net::SocketAddr> {
        self.lock()
            .transport
            .socket()?
            .local_address()
            .map(canonical)
    }

    /// Returns the process and the user of a Unix domain peer (unix(7), `SO_PEERCRED`). For an
    /// accepted connection this is the process that connected, otherwise the process that listens.
    ///
    /// # Errors
    /// The status is not [`Status::Connected`], or the system has no credentials for this socket.
    ///
    /// # Examples
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use stream_socket::Connection;
    ///
    /// let (one, _other) = Connection::pair()?;
    /// assert_eq!(one.peer_credentials()?.pid, i64::from(std::process::id()));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peer_credentials(&self) -> Result<Credentials, OptionError> {
        let failed = |source| OptionError {
            operation: "get peer credentials",
            source,
        };
        match self.lock().transport.connected_socket() {
            Some(socket) => socket.peer_credentials().map_err(failed),
            None => Err(failed(std::io::ErrorKind::NotConnected.into())),
        }
    }

    #[inline]
    fn state(&self) -> StateWord {
        StateWord(self.state.load(Ordering::Acquire))
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, Inner> {
        let inner = lock(&self.inner);
        if cfg!(debug_assertions) {
            self.check(&inner);
        }
        inner
    }

    /// Changes the status for `input`, if the status allows that input, and emits the event.
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

    /// Wakes the calls that wait for a direction.
    #[inline]
    fn wake_waiting_calls(&self, inner: &Inner) {
        if inner.owners.has_waiting() {
            self.released.notify_all();
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.disconnect();
    }
}

/// Allows lingering closes again after a [`shut_down`].
pub(crate) fn start_up() {
    closer::start_up();
}

/// Ends all lingering closes and their thread, and closes the interrupters that are kept for
/// blocking calls.
pub(crate) fn shut_down() {
    closer::shut_down();
    interrupters::shut_down();
}
