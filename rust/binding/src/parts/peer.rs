//! The part of a peer.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use godot::builtin::{PackedByteArray, StringName};
use godot::global::Error;
use godot::obj::EngineEnum;
use stream_socket::{Connection, Status};

use super::codes::Code;
use super::last_error::LastError;
use super::part::{Part, Stream};
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
    /// How the last connection has ended, as a poll has told it: a code of Godot's.
    end: AtomicI32,
}

impl Peer {
    pub(crate) fn new(connection: Connection) -> Peer {
        Peer {
            connection,
            last_error: LastError::default(),
            last_read: AtomicI64::new(0),
            last_written: AtomicI64::new(0),
            connect_timeout: AtomicU64::new((-1.0_f64).to_bits()),
            end: AtomicI32::new(0),
        }
    }

    /// How the last connection, or the last attempt, has ended, as far as a poll has told: [`Error::OK`] if this side has
    /// ended it.
    pub(crate) fn end(&self) -> Error {
        Error::try_from_ord(self.end.load(Ordering::Relaxed)).unwrap_or(Error::FAILED)
    }

    /// What is to be told next, as a signal.
    fn next_signal(&self) -> Option<Signal> {
        let signal = Signal::from(self.connection.next_event()?);
        if let Signal::ConnectFinished(code) | Signal::Disconnected(code) = signal {
            self.end.store(code.ord(), Ordering::Relaxed);
        }
        Some(signal)
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

    /// Remembers that a poll has found the end of the stream, if that is why the connection is gone: the other side's
    /// address is kept then, and is not when this side has disconnected meanwhile.
    #[cold]
    fn note_end(&self) {
        if self.connection.status() == Status::None
            && let Some(peer) = self.connection.peer_address()
        {
            let message = format!("receive from {peer}: end of stream");
            self.last_error.record_message(Error::ERR_FILE_EOF, message);
        }
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

    /// The code and the count of a transfer. One that has gone well makes an error before it history.
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
    type Signals = PeerSignals;

    fn freed(&self) {
        self.connection.disconnect();
    }

    #[inline]
    fn poll(
        self: &Arc<Self>,
        is_heard: impl Fn(&StringName) -> bool,
    ) -> (Error, Option<PeerSignals>) {
        let before = self.connection.status();
        let (code, has_unread) = match self.connection.poll(Instant::now) {
            Ok(has_unread) => (Error::OK, has_unread),
            Err(error) => (self.last_error.record(&error), false),
        };
        // Asking whether anything is connected to a signal costs less than emitting to nobody.
        let is_heard = if self.connection.has_events() {
            // An end that a read has met is remembered by that read.
            if before == Status::Connected {
                self.note_end();
            }
            let is_heard = Signal::names_of_peer().any(is_heard);
            if !is_heard {
                while self.next_signal().is_some() {}
            }
            is_heard
        } else {
            has_unread && is_heard(Signal::DataAvailable.name())
        };
        (code, is_heard.then(|| PeerSignals::of(self)))
    }
}

/// The signals of a peer: what has happened, in the order in which it did, and then `data_available` if there is
/// something to read. What has happened is taken one by one, so that a handler that polls hears the rest before what it
/// has brought about itself.
pub(crate) struct PeerSignals {
    peer: Arc<Peer>,
    is_over: bool,
}

impl PeerSignals {
    fn of(peer: &Arc<Peer>) -> PeerSignals {
        PeerSignals {
            peer: peer.clone(),
            is_over: false,
        }
    }
}

impl Iterator for PeerSignals {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        if self.is_over {
            return None;
        }
        if let Some(signal) = self.peer.next_signal() {
            return Some(signal);
        }
        self.is_over = true;
        self.peer
            .connection
            .has_unread()
            .then_some(Signal::DataAvailable)
    }
}

impl Stream for Peer {
    #[inline]
    fn status(&self) -> i64 {
        self.connection.status() as i64
    }

    fn flush(&self) -> Error {
        self.last_error.note(self.connection.flush())
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
            self.connection.read_whole(buffer)
        } else {
            self.connection.read_exact(buffer)
        };
        let (code, filled) = self.outcome(read.map(|()| buffer.len()));
        self.last_read.store(filled as i64, Ordering::Relaxed);
        (code, filled)
    }

    #[inline]
    fn get_partial_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize) {
        let read = self.connection.read_available(buffer);
        self.outcome(read.map_err(|error| (error, 0)))
    }

    fn receive(&self, most: i64) -> PackedByteArray {
        let limit = usize::try_from(most).unwrap_or(usize::MAX);
        let received = self
            .connection
            .read_all_available(limit, |bytes| PackedByteArray::from(bytes));
        self.found(received).unwrap_or_default()
    }

    #[inline]
    fn put_data(&self, bytes: &[u8]) -> (Error, usize) {
        let written = self.connection.write_all(bytes).map(|()| bytes.len());
        let (code, count) = self.outcome(written);
        self.last_written.store(count as i64, Ordering::Relaxed);
        (code, count)
    }

    #[inline]
    fn put_partial_data(&self, bytes: &[u8]) -> (Error, usize) {
        let written = self.connection.write_available(bytes);
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
