//! The part of a peer: its direct methods, on a connection of the core.

use std::borrow::Borrow;
use std::mem::MaybeUninit;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use godot::builtin::{PackedByteArray, StringName};
use godot::global::Error;
use stream_socket::dispatch::EndpointEvents;
use stream_socket::{Connection, Status};

use super::codes::Code;
use super::frame_poll_state::FramePoll;
use super::hints::{self, Connects};
use super::last_error::{Details, LastError};
use super::live::{self, Live, Report};
use super::part::{Constructible, Part, Polled, Stream};
use super::presence::{ObjectAddress, Presence};
use super::signal::Signal;
use crate::settings;

/// A read of at most this many bytes takes all of them or none, so that a timeout does not tear a
/// typed value.
const WHOLE: usize = 8;

/// A connection, with further state for the methods of a peer.
#[derive(Debug)]
pub(crate) struct PeerPart {
    presence: Presence,
    pub(crate) connection: Connection,
    pub(crate) last_error: LastError,
    pub(crate) frame_poll: FramePoll,
    /// The number of bytes that the last `get_data` received. Godot counts them with 32 bits.
    last_read: AtomicU32,
    /// The number of bytes that the last `put_data` queued or sent.
    last_written: AtomicU32,
    /// The bits of `connect_timeout`, a number of seconds; -1 is the project setting.
    connect_timeout: AtomicU64,
}

impl PeerPart {
    /// The part of `object`, over a connection.
    pub(crate) fn over(object: ObjectAddress, connection: Connection) -> PeerPart {
        PeerPart {
            presence: Presence::of(object),
            connection,
            last_error: LastError::default(),
            frame_poll: FramePoll::default(),
            last_read: AtomicU32::new(0),
            last_written: AtomicU32::new(0),
            connect_timeout: AtomicU64::new((-1.0_f64).to_bits()),
        }
    }

    /// The last error, or the reason why the connection has ended.
    pub(crate) fn details(&self) -> Details {
        self.last_error.of(&self.connection)
    }

    pub(crate) fn last_read(&self) -> i64 {
        self.last_read.load(Ordering::Relaxed).into()
    }

    pub(crate) fn last_written(&self) -> i64 {
        self.last_written.load(Ordering::Relaxed).into()
    }

    pub(crate) fn connect_timeout(&self) -> f64 {
        f64::from_bits(self.connect_timeout.load(Ordering::Relaxed))
    }

    pub(crate) fn set_connect_timeout(&self, seconds: f64) {
        self.connect_timeout
            .store(seconds.to_bits(), Ordering::Relaxed);
    }

    /// Records `error` of a call, unless the reason why the connection has ended explains it.
    /// Returns its code.
    #[cold]
    pub(crate) fn record(&self, error: &impl Code) -> Error {
        self.last_error.record_of(&self.connection, error)
    }

    /// The value in `outcome`. An error is recorded. Success clears the last error.
    pub(crate) fn found<T>(&self, outcome: Result<T, impl Code>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.last_error.clear();
                Some(value)
            }
            Err(error) => {
                self.record(&error);
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
            Err((error, count)) => (self.record(&error), count),
        }
    }
}

impl Constructible for PeerPart {
    fn new(object: ObjectAddress) -> PeerPart {
        PeerPart::over(object, Connection::new())
    }
}

impl Part for PeerPart {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, class: &'static str) {
        settings::apply();
        live::add(class, self);
    }

    fn freed(&self, _: &dyn Fn(&str) -> bool) {
        self.connection.disconnect();
    }
}

impl Live for PeerPart {
    fn report(&self, now: Instant) -> Report {
        let status = match self.connection.status() {
            Status::None => "not connected",
            Status::Connecting => "connecting",
            Status::Connected => "connected",
            Status::Error => "failed",
        };
        Report {
            status,
            error: self.details().message,
            ..Report::of(&self.connection, now)
        }
    }

    fn queued_bytes(&self) -> usize {
        self.connection.pending_bytes()
    }

    fn with_connection(&self, then: &mut dyn FnMut(&Connection)) {
        then(&self.connection);
    }
}

impl Connects for PeerPart {
    fn unpolled_version(&self) -> Option<u64> {
        let version = self.connection.version();
        self.connection.is_unpolled_connect().then_some(version)
    }
}

impl Polled for PeerPart {
    type Signals = PeerSignals;

    #[inline]
    fn poll(
        self: &Arc<Self>,
        has_handler: impl Fn(&StringName) -> bool,
    ) -> (Error, Option<PeerSignals>) {
        let (code, has_unread) = match self.connection.poll(Instant::now) {
            Ok(has_unread) => (Error::OK, has_unread),
            Err(error) => (self.record(&error), false),
        };
        // Checking for connections costs less than emitting a signal without connections.
        let has_handler = if self.connection.has_events() {
            let has_handler = Signal::names_of_peer().any(has_handler);
            if !has_handler {
                while self.connection.next_event().is_some() {}
            }
            has_handler
        } else {
            has_unread && has_handler(Signal::data_available())
        };
        let signals = has_handler.then(|| PeerSignals::begin(self)).flatten();
        (code, signals)
    }
}

/// The signals of a peer: its events in order, and then `data_available` if there is something to
/// read.
pub(crate) struct PeerSignals(EndpointEvents<PartConnection>);

/// The connection of a part, which this keeps.
struct PartConnection(Arc<PeerPart>);

impl Borrow<Connection> for PartConnection {
    fn borrow(&self) -> &Connection {
        &self.0.connection
    }
}

impl PeerSignals {
    fn begin(peer: &Arc<PeerPart>) -> Option<PeerSignals> {
        EndpointEvents::begin(PartConnection(peer.clone())).map(PeerSignals)
    }
}

impl Iterator for PeerSignals {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        self.0.next().map(Signal::from)
    }
}

impl Stream for PeerPart {
    #[inline]
    fn status(&self) -> i64 {
        let status = self.connection.status();
        if status == Status::Connecting {
            hints::status_asked(self);
        }
        status as i64
    }

    fn flush(&self) -> Error {
        self.last_error
            .note_of(&self.connection, self.connection.flush_queue())
    }

    #[inline]
    fn get_buffered(&self, buffer: &mut [MaybeUninit<u8>]) -> bool {
        let is_there = self.connection.read_buffered(buffer);
        if is_there {
            self.last_error.clear();
            self.last_read.store(buffer.len() as u32, Ordering::Relaxed);
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
        self.last_read.store(filled as u32, Ordering::Relaxed);
        (code, filled)
    }

    #[inline]
    fn get_partial_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize) {
        let read = self.connection.try_read(buffer);
        self.outcome(read.map_err(|error| (error, 0)))
    }

    fn receive(&self, max_bytes: i64) -> PackedByteArray {
        let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
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
        self.last_written.store(count as u32, Ordering::Relaxed);
        (code, count)
    }

    #[inline]
    fn put_partial_data(&self, bytes: &[u8]) -> (Error, usize) {
        let written = self.connection.try_write(bytes);
        self.outcome(written.map_err(|error| (error, 0)))
    }

    #[inline]
    fn known_available_bytes(&self) -> Option<i64> {
        self.connection.known_available().map(as_int)
    }

    #[inline]
    fn available_bytes(&self) -> i64 {
        self.connection.available().map_or(-1, as_int)
    }

    #[cold]
    fn refuse_size(&self, call: &str) -> Error {
        let what = format!("{call}: size exceeds the limit of 2147483647 bytes");
        match call {
            "get_data" => self.last_read.store(0, Ordering::Relaxed),
            "put_data" => self.last_written.store(0, Ordering::Relaxed),
            _ => {}
        }
        self.last_error.refuse(Error::ERR_INVALID_PARAMETER, &what)
    }
}

fn as_int(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
