//! One connection: its life from connect to disconnect, and the data in between.

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::address::{Address, BindAddress, inet_address};
use crate::connecting::{Attempt, Established, Progress};
use crate::error::{BindError, ConnectError, OptionError, PollError, ReadError, WriteError};
use crate::options::Options;
use crate::read_side::{End, ReadSide, Received};
use crate::socket_file::SocketFile;
use crate::status::{Event, Status, transition};
use crate::stream_socket::StreamSocket;
use crate::sys::{self, Interest};

/// A stream connection, over TCP or a Unix domain socket.
///
/// Every method may be called from any thread. The two blocking ones, [`read_exact`](Self::read_exact) and
/// [`write_all`](Self::write_all), hold up nobody but a second reader or a second writer, and
/// [`disconnect`](Self::disconnect) ends them.
///
/// # Locks
/// `read_side` and `write_side` are held while their direction is in use, a blocking wait included; `state`
/// only for moments. `state` is taken last, and a writer takes `read_side` only if it is free, so no order
/// of calls can deadlock. The status is read without a lock.
#[derive(Debug, Default)]
pub struct Connection {
    /// The [`Session`]: status and epoch in one word. Changed only under `state`.
    session: AtomicU64,
    state: Mutex<State>,
    read_side: Mutex<ReadSide>,
    write_side: Mutex<()>,
}

/// What is changed by connecting and disconnecting.
#[derive(Debug, Default)]
struct State {
    link: Link,
    options: Options,
    peer: Option<Address>,
    /// Why a write has failed although there was still something to read.
    write_failure: Option<io::Error>,
}

#[derive(Debug, Default)]
enum Link {
    #[default]
    Closed,
    Bound(StreamSocket),
    Connecting(Attempt),
    Connected {
        /// Shared with the transfers that are under way, so that its descriptor is not reused under them.
        socket: Arc<Socket>,
        /// The file of a bound path; it goes with the connection.
        _file: Option<SocketFile>,
    },
}

/// A status, and the number of times a connection has begun or ended before. A transfer that finds another
/// epoch than the one it began in has lost its connection meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Session(u64);

impl Session {
    fn status(self) -> Status {
        Status::ALL[(self.0 & 3) as usize]
    }

    fn epoch(self) -> u64 {
        self.0 >> 2
    }

    fn next(self, status: Status) -> Session {
        Session(((self.epoch() + 1) << 2) | status as u64)
    }
}

/// How many times this process has sent something on any connection. A `Relaxed` count suffices: whoever relies
/// on a send of another thread has been told of it by other means.
static SENDS: AtomicU64 = AtomicU64::new(0);

impl Connection {
    /// A connection to nobody: [`Status::None`].
    pub fn new() -> Connection {
        Connection::default()
    }

    /// The connection a listener has accepted.
    pub(crate) fn accepted(stream: StreamSocket, peer: Address) -> Connection {
        let connection = Connection::new();
        let mut state = connection.state();
        let established = Established {
            stream,
            address: peer,
        };
        connection.change(&mut state, Event::Accepted);
        state.establish(established);
        drop(state);
        connection
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

    /// Starts to connect to the first of `addresses` that accepts, one after the other. [`poll`](Self::poll)
    /// advances it, and fails it once it has taken longer than `limit`. Allowed in [`Status::None`] and
    /// [`Status::Error`]; if all addresses refuse at once, the status is [`Status::None`] and a bound socket
    /// is closed. A bound socket can serve the first address only.
    ///
    /// # Panics
    /// If `addresses` is empty.
    pub fn connect(
        &self,
        addresses: Vec<Address>,
        limit: Duration,
        now: Instant,
    ) -> Result<(), ConnectError> {
        let mut state = self.state();
        if !self.change(&mut state, Event::Connect) {
            return Err(ConnectError::AlreadyConnected);
        }
        let bound = match std::mem::take(&mut state.link) {
            Link::Bound(bound) => Some(bound),
            _ => None,
        };
        // A limit that no clock can hold is none.
        let deadline = now
            .checked_add(limit)
            .unwrap_or_else(|| now + Duration::from_secs(u64::from(u32::MAX)));
        match Attempt::start(addresses, bound, &state.options, deadline) {
            Progress::Undecided(attempt) => {
                state.peer = Some(attempt.address().clone());
                state.link = Link::Connecting(attempt);
                Ok(())
            }
            Progress::Established(established) => {
                self.change(&mut state, Event::Established);
                state.establish(established);
                Ok(())
            }
            Progress::Failed(error) => {
                self.change(&mut state, Event::Refused);
                Err(error)
            }
        }
    }

    /// Advances a connect under way, and notices the end or the failure of an established connection. Never
    /// blocks. Everything received can be read before an end shows: the status stays [`Status::Connected`]
    /// until then. An end gives [`Status::None`], a failure [`Status::Error`].
    pub fn poll(&self, now: Instant) -> Result<(), PollError> {
        let session = self.session();
        match session.status() {
            Status::None | Status::Error => Ok(()),
            Status::Connecting => Ok(self.poll_connecting(now)?),
            Status::Connected => self.poll_connected(session),
        }
    }

    fn poll_connecting(&self, now: Instant) -> Result<(), ConnectError> {
        let mut state = self.state();
        let attempt = match std::mem::take(&mut state.link) {
            Link::Connecting(attempt) => attempt,
            // Another thread has polled or disconnected meanwhile.
            other => {
                state.link = other;
                return Ok(());
            }
        };
        // First the socket, then the clock: a connection that is there is not given up for being polled late.
        match attempt.advance(&state.options) {
            Progress::Established(established) => {
                self.change(&mut state, Event::Established);
                state.establish(established);
                Ok(())
            }
            Progress::Undecided(attempt) => {
                let deadline = attempt.deadline;
                state.peer = Some(attempt.address().clone());
                state.link = Link::Connecting(attempt);
                self.change(&mut state, Event::Undecided { now, deadline });
                if self.status() == Status::Connecting {
                    return Ok(());
                }
                let Link::Connecting(attempt) = state.close() else {
                    unreachable!("it was just put there")
                };
                Err(ConnectError::TimedOut {
                    address: attempt.address().clone(),
                })
            }
            Progress::Failed(error) => {
                self.change(&mut state, Event::ConnectFailed);
                state.close();
                Err(error)
            }
        }
    }

    fn poll_connected(&self, session: Session) -> Result<(), PollError> {
        // Whoever holds the read side is reading, and sees what this poll would see.
        let Some(mut read_side) = self.try_read_side(session) else {
            return Ok(());
        };
        let sends = SENDS.load(Ordering::Relaxed);
        read_side.poll(|| self.socket(session), sends);
        if !read_side.unread().is_empty() {
            return Ok(());
        }
        match read_side.take_end() {
            None => Ok(()),
            Some(End::Stream) => {
                self.finish(session, Event::EndOfStream);
                Ok(())
            }
            Some(End::Failure(error)) => {
                self.finish(session, Event::PollFailed);
                Err(PollError::Socket(error))
            }
        }
    }

    /// Closes the connection or the bound socket: [`Status::None`], from every status. Ends the blocking calls
    /// that other threads are in.
    pub fn disconnect(&self) {
        let mut state = self.state();
        self.change(&mut state, Event::Disconnect);
        let link = state.close();
        drop(state);
        if let Link::Connected { socket, .. } = &link {
            // Wakes the threads that wait for the socket. Closing the descriptor would not, and it stays open
            // until they have let go of it.
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        drop(link);
        if let Ok(mut read_side) = self.read_side.try_lock() {
            *read_side = ReadSide::default();
        }
    }

    /// The number of bytes that can be read without waiting, or `None` if there is no connection.
    #[inline]
    pub fn available(&self) -> Option<usize> {
        let session = self.session();
        match session.status() {
            Status::None | Status::Error => return None,
            Status::Connecting => return Some(0),
            Status::Connected => {}
        }
        let Some(mut read_side) = self.try_read_side(session) else {
            // Somebody is reading: there is nothing but what the kernel has.
            let socket = self.socket(session)?;
            return sys::unread_bytes(&socket).ok();
        };
        let sends = SENDS.load(Ordering::Relaxed);
        Some(read_side.available(|| self.socket(session), sends))
    }

    /// Fills `out`, waiting as long as it takes. On an error the second value is the number of bytes at the
    /// start of `out` that were received before it; nothing else in `out` has been written.
    #[inline]
    pub fn read_exact(&self, out: &mut [MaybeUninit<u8>]) -> Result<(), (ReadError, usize)> {
        let session = self.session();
        if session.status() != Status::Connected {
            return Err((ReadError::NotConnected, 0));
        }
        let mut read_side = lock(&self.read_side);
        if self.session() != session {
            return Err((ReadError::Disconnected, 0));
        }
        read_side.enter(session.epoch());
        let filled = read_side.take(out);
        if filled == out.len() {
            return Ok(());
        }
        self.read_rest(session, read_side, out, filled)
    }

    fn read_rest(
        &self,
        session: Session,
        mut read_side: MutexGuard<'_, ReadSide>,
        out: &mut [MaybeUninit<u8>],
        mut filled: usize,
    ) -> Result<(), (ReadError, usize)> {
        let Some(socket) = self.socket(session) else {
            return Err((ReadError::Disconnected, filled));
        };
        loop {
            if read_side.end().is_none() {
                match read_side.receive(&socket, &mut out[filled..]) {
                    Received::Bytes(count) => {
                        filled += count;
                        if filled == out.len() {
                            return Ok(());
                        }
                        continue;
                    }
                    Received::Nothing => {
                        if let Err(error) = sys::wait(&socket, Interest::Readable, None) {
                            return Err((ReadError::Socket(error), filled));
                        }
                    }
                    Received::End => {}
                }
            }
            if self.session() != session {
                return Err((ReadError::Disconnected, filled));
            }
            if let Some(end) = read_side.take_end() {
                return Err((self.end_reading(session, end), filled));
            }
        }
    }

    /// Reads what is there, at most what fits `out`, without waiting. The number of bytes at the start of `out`
    /// that were received, 0 if there are none for now.
    pub fn read_available(&self, out: &mut [MaybeUninit<u8>]) -> Result<usize, ReadError> {
        let session = self.session();
        if session.status() != Status::Connected {
            return Err(ReadError::NotConnected);
        }
        if out.is_empty() {
            return Ok(0);
        }
        // A thread that waits for data gets it.
        let Some(mut read_side) = self.try_read_side(session) else {
            return Ok(0);
        };
        let mut filled = read_side.take(out);
        let complete = filled == out.len() || filled > 0 && read_side.is_drained();
        if !complete && read_side.end().is_none() {
            let Some(socket) = self.socket(session) else {
                return Err(ReadError::Disconnected);
            };
            if let Received::Bytes(count) = read_side.receive(&socket, &mut out[filled..]) {
                filled += count;
            }
        }
        if filled == 0
            && let Some(end) = read_side.take_end()
        {
            return Err(self.end_reading(session, end));
        }
        Ok(filled)
    }

    /// Writes all of `data`, waiting as long as it takes.
    pub fn write_all(&self, data: &[u8]) -> Result<(), WriteError> {
        let session = self.session();
        if session.status() != Status::Connected {
            return Err(WriteError::NotConnected);
        }
        let _write_side = lock(&self.write_side);
        let socket = self.socket(session).ok_or(WriteError::Disconnected)?;
        let mut rest = data;
        loop {
            rest = &rest[self.send(session, &socket, rest)?..];
            if rest.is_empty() {
                return Ok(());
            }
            sys::wait(&socket, Interest::Writable, None).map_err(WriteError::Socket)?;
            if self.session() != session {
                return Err(WriteError::Disconnected);
            }
        }
    }

    /// Writes what the kernel takes of `data` without waiting. The number of bytes written, 0 if the peer is
    /// not reading fast enough.
    pub fn write_available(&self, data: &[u8]) -> Result<usize, WriteError> {
        let session = self.session();
        if session.status() != Status::Connected {
            return Err(WriteError::NotConnected);
        }
        let _write_side = match self.write_side.try_lock() {
            Ok(guard) => guard,
            // The thread in there is waiting for room.
            Err(TryLockError::WouldBlock) => return Ok(0),
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        let socket = self.socket(session).ok_or(WriteError::Disconnected)?;
        self.send(session, &socket, data)
    }

    /// Sends until the kernel takes no more. The number of bytes it has taken.
    fn send(&self, session: Session, socket: &Socket, data: &[u8]) -> Result<usize, WriteError> {
        let mut sent = 0;
        while sent < data.len() {
            let outcome = sys::send(socket, &data[sent..]);
            SENDS.fetch_add(1, Ordering::Relaxed);
            match outcome {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) if self.session() != session => return Err(WriteError::Disconnected),
                Err(error) => return Err(self.fail_writing(session, error)),
            }
        }
        Ok(sent)
    }

    /// The address connected or connecting to, until the connection ends. For an accepted connection over a
    /// Unix domain socket that is the listener's path: the other end has none.
    pub fn peer_address(&self) -> Option<Address> {
        self.state().peer.clone()
    }

    /// The local TCP port, 0 if there is none.
    pub fn local_port(&self) -> u16 {
        let state = self.state();
        let address = state.socket().and_then(|socket| socket.local_addr().ok());
        address
            .and_then(|address| inet_address(&address))
            .map_or(0, |address| address.port())
    }

    /// Sends small writes at once instead of gathering them (tcp(7), TCP_NODELAY). Set before connecting, it
    /// holds for the connections to come; it means nothing to a Unix domain socket.
    pub fn set_no_delay(&self, enabled: bool) -> Result<(), OptionError> {
        let mut state = self.state();
        state.options.no_delay = enabled;
        if matches!(state.peer, Some(Address::Inet(_)))
            && let Some(socket) = state.socket()
        {
            socket
                .set_tcp_nodelay(enabled)
                .map_err(|source| OptionError {
                    option: "TCP_NODELAY",
                    source,
                })?;
        }
        Ok(())
    }

    #[inline]
    fn session(&self) -> Session {
        Session(self.session.load(Ordering::Acquire))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The read side, if nobody is using it and `session` is still the current one.
    fn try_read_side(&self, session: Session) -> Option<MutexGuard<'_, ReadSide>> {
        let mut read_side = match self.read_side.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        if self.session() != session {
            return None;
        }
        read_side.enter(session.epoch());
        Some(read_side)
    }

    /// The socket of `session`, if that is still the current one.
    fn socket(&self, session: Session) -> Option<Arc<Socket>> {
        let state = self.state();
        match &state.link {
            Link::Connected { socket, .. } if self.session() == session => Some(socket.clone()),
            _ => None,
        }
    }

    /// Changes the status as `event` says; false if it means nothing now. `_state` shows that it is locked.
    fn change(&self, _state: &mut MutexGuard<'_, State>, event: Event) -> bool {
        let session = self.session();
        let Some(status) = transition(session.status(), event) else {
            return false;
        };
        if status != session.status() || event == Event::Disconnect {
            self.session
                .store(session.next(status).0, Ordering::Release);
        }
        true
    }

    /// Ends `session`, unless another thread has done so.
    fn finish(&self, session: Session, event: Event) {
        let mut state = self.state();
        if self.session() == session {
            self.change(&mut state, event);
            state.close();
        }
    }

    /// Ends `session` because a reader has come to the end of the stream. A write that has failed before is the
    /// reason then.
    fn end_reading(&self, session: Session, end: End) -> ReadError {
        let write_failure = self.state().write_failure.take();
        match (end, write_failure) {
            (End::Stream, None) => {
                self.finish(session, Event::EndOfStream);
                ReadError::EndOfStream
            }
            (End::Stream, Some(error)) | (End::Failure(error), _) => {
                self.finish(session, Event::TransferFailed);
                ReadError::Socket(error)
            }
        }
    }

    /// Ends `session` because a write has failed, unless there is something left to read: then the reader ends
    /// it, after that.
    fn fail_writing(&self, session: Session, error: io::Error) -> WriteError {
        if let Some(mut read_side) = self.try_read_side(session) {
            read_side.poll(|| self.socket(session), SENDS.load(Ordering::Relaxed));
            if read_side.unread().is_empty() {
                self.finish(session, Event::TransferFailed);
                return WriteError::Socket(error);
            }
        }
        let mut state = self.state();
        if self.session() == session {
            state.write_failure = Some(copy(&error));
        }
        WriteError::Socket(error)
    }
}

impl State {
    fn establish(&mut self, established: Established) {
        self.peer = Some(established.address);
        self.link = Link::Connected {
            socket: Arc::new(established.stream.socket),
            _file: established.stream.file,
        };
    }

    fn close(&mut self) -> Link {
        self.peer = None;
        self.write_failure = None;
        std::mem::take(&mut self.link)
    }

    fn socket(&self) -> Option<&Socket> {
        match &self.link {
            Link::Closed => None,
            Link::Bound(stream) => Some(&stream.socket),
            Link::Connecting(attempt) => Some(attempt.socket()),
            Link::Connected { socket, .. } => Some(socket),
        }
    }
}

fn copy(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

/// Locks `mutex`. Nothing in here panics while holding a lock, and if it did, the data would still be sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
