//! The part of a peer.

use std::borrow::Borrow;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use godot::builtin::{PackedByteArray, StringName};
use godot::global::Error;
use stream_socket::Connection;
use stream_socket::dispatch::PeerEvents;

use super::codes::Code;
use super::last_error::{Details, LastError};
use super::part::{Part, Polled, Stream};
use super::signal::Signal;

/// A read of at most so many bytes takes all of them or none: a typed value is not torn by a timeout.
const WHOLE: usize = 8;

/// A connection, and what the methods of a peer know besides.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) connection: Connection,
    pub(crate) last_error: LastError,
    /// The number of bytes that the last `get_data` has received.
    last_read: AtomicI64,
    /// The number of bytes that the last `put_data` has handed over.
    last_written: AtomicI64,
    /// The bits of the `connect_timeout`, a number of seconds; -1 for the project setting.
    connect_timeout: AtomicU64,
}

impl Peer {
    pub(crate) fn new(connection: Connection) -> Peer {
        Peer {
            connection,
            last_error: LastError::default(),
            last_read: AtomicI64::new(0),
            last_written: AtomicI64::new(0),
            connect_timeout: AtomicU64::new((-1.0_f64).to_bits()),
        }
    }

    /// The last thing that went wrong, or why the connection has ended.
    pub(crate) fn details(&self) -> Details {
        self.last_error.of(&self.connection)
    }

    pub(crate) fn last_read(&self) -> i64 {
        self.last_read.load(Ordering::Relaxed)
    }

    pub(crate) fn last_written(&self) -> i64 {
        self.last_written.load(Ordering::Relaxed)
    }

    pub(crate) fn connect_timeout(&self) -> f64 {
        f64::from_bits(self.connect_timeout.load(Ordering::Relaxed))
    }

    pub(crate) fn set_connect_timeout(&self, seconds: f64) {
        self.connect_timeout
            .store(seconds.to_bits(), Ordering::Relaxed);
    }

    /// The value in `outcome`, whose error becomes the last one.
    pub(crate) fn found<T>(&self, outcome: Result<T, impl Code>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.last_error.clear();
                Some(value)
            }
            Err(error) => {
                self.last_error.record(&error);
                None
            }
        }
    }

    /// The code and the count of a transfer. Success clears the last error.
    #[inline]
    fn outcome(&self, result: Result<usize, (impl Code, usize)>) -> (Error, usize) {
        match result {
            Ok(count) => {
                self.last_error.clear();
                (Error::OK, count)
            }
            Err((error, count)) => (self.last_error.record(&error), count),
        }
    }
}

impl Part for Peer {
    fn freed(&self) {
        self.connection.disconnect();
    }
}

impl Polled for Peer {
    type Signals = PeerSignals;

    #[inline]
    fn poll(
        self: &Arc<Self>,
        is_heard: impl Fn(&StringName) -> bool,
    ) -> (Error, Option<PeerSignals>) {
        let (code, has_unread) = match self.connection.poll(Instant::now) {
            Ok(has_unread) => (Error::OK, has_unread),
            Err(error) => (self.last_error.record(&error), false),
        };
        // Asking whether anything is connected to a signal costs less than emitting to nobody.
        let is_heard = if self.connection.has_events() {
            let is_heard = Signal::names_of_peer().any(is_heard);
            if !is_heard {
                while self.connection.next_event().is_some() {}
            }
            is_heard
        } else {
            has_unread && is_heard(Signal::data_available())
        };
        let signals = is_heard.then(|| PeerSignals::begin(self)).flatten();
        (code, signals)
    }
}

/// The signals of a peer: what has happened, in the order in which it did, and then `data_available` if there is
/// something to read.
pub(crate) struct PeerSignals(PeerEvents<Shared>);

/// The connection of a part that is kept.
struct Shared(Arc<Peer>);

impl Borrow<Connection> for Shared {
    fn borrow(&self) -> &Connection {
        &self.0.connection
    }
}

impl PeerSignals {
    fn begin(peer: &Arc<Peer>) -> Option<PeerSignals> {
        PeerEvents::begin(Shared(peer.clone())).map(PeerSignals)
    }
}

impl Iterator for PeerSignals {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        self.0.next().map(Signal::from)
    }
}

impl Stream for Peer {
    #[inline]
    fn status(&self) -> i64 {
        self.connection.status() as i64
    }

    fn flush(&self) -> Error {
        self.last_error.note(self.connection.flush_queue())
    }

    #[inline]
    fn get_buffered(&self, buffer: &mut [MaybeUninit<u8>]) -> bool {
        let is_there = self.connection.read_buffered(buffer);
        if is_there {
            self.last_error.clear();
            self.last_read.store(buffer.len() as i64, Ordering::Relaxed);
        }
        is_there
    }

    #[inline]
    fn get_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize) {
        let read = if buffer.len() <= WHOLE {
            self.connection.read_fully_or_nothing(buffer)
        } else {
            self.connection.read_fully(buffer)
        };
        let read = read.map(|()| buffer.len());
        let (code, filled) =
            self.outcome(read.map_err(|failure| (failure.error, failure.received)));
        self.last_read.store(filled as i64, Ordering::Relaxed);
        (code, filled)
    }

    #[inline]
    fn get_partial_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize) {
        let read = self.connection.try_read(buffer);
        self.outcome(read.map_err(|error| (error, 0)))
    }

    fn receive(&self, most: i64) -> PackedByteArray {
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        let received = self
            .connection
            .try_read_with(limit, |bytes| PackedByteArray::from(bytes));
        self.found(received).unwrap_or_default()
    }

    #[inline]
    fn put_data(&self, bytes: &[u8]) -> (Error, usize) {
        let written = self.connection.write_fully(bytes).map(|()| bytes.len());
        let (code, count) =
            self.outcome(written.map_err(|failure| (failure.error, failure.accepted)));
        self.last_written.store(count as i64, Ordering::Relaxed);
        (code, count)
    }

    #[inline]
    fn put_partial_data(&self, bytes: &[u8]) -> (Error, usize) {
        let written = self.connection.try_write(bytes);
        self.outcome(written.map_err(|error| (error, 0)))
    }

    #[inline]
    fn available_bytes(&self) -> i64 {
        let available = self.connection.available();
        available.map_or(-1, |count| i64::try_from(count).unwrap_or(i64::MAX))
    }

    #[cold]
    fn refuse_size(&self, call: &str) -> Error {
        let what =
            format!("{call}: the size is more than one call can take, which is 2147483647 bytes");
        match call {
            "get_data" => self.last_read.store(0, Ordering::Relaxed),
            "put_data" => self.last_written.store(0, Ordering::Relaxed),
            _ => {}
        }
        self.last_error.refuse(Error::ERR_INVALID_PARAMETER, &what)
    }
}
