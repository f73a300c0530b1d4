//! The part of a packet peer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use godot::builtin::{PackedByteArray, StringName};
use godot::global::Error;
use stream_socket::{Framing, LengthField, PacketReader, ReadError, Width};

use super::last_error::LastError;
use super::lent;
use super::part::{Packets, Part};
use super::peer::Peer;
use super::signal::Signal;

/// How long a packet may be, unless a script says otherwise.
const MAX_PACKET_BYTES: usize = 16 << 20;

/// What is wrong where there should be a stream.
const NO_STREAM: &str = "the packet peer has no stream";

/// The packets in the stream of a peer.
#[derive(Debug)]
pub(crate) struct PacketPeer {
    state: Mutex<State>,
    pub(crate) last_error: LastError,
    failure: Mutex<Option<Failure>>,
}

/// The stream could not be cut into packets any more, and was disconnected.
#[derive(Clone, Copy, Debug)]
struct Failure {
    code: Error,
    /// The stream's generation from then on, as long as it does not connect again.
    generation: u64,
    /// The signal `failed` was emitted.
    is_told: bool,
}

#[derive(Debug)]
struct State {
    stream: Option<Arc<Peer>>,
    settings: Settings,
    /// What the settings say. Packet peers that were made alike share it.
    format: Arc<Format>,
    reader: PacketReader,
}

/// What packets look like in a stream.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) framing: Framing,
    pub(crate) limit: usize,
}

/// The framing, as a script sets it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) kind: Kind,
    /// In bytes; 0 stands for a varint.
    pub(crate) length_bytes: usize,
    pub(crate) big_endian: bool,
    pub(crate) length_includes_itself: bool,
    pub(crate) delimiter: Vec<u8>,
}

/// The kinds of framing, as Godot numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Length = 0,
    Delimiter = 1,
    ContentLength = 2,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            kind: Kind::Length,
            length_bytes: 4,
            big_endian: false,
            length_includes_itself: false,
            delimiter: b"\n".to_vec(),
        }
    }
}

impl Settings {
    fn framing(&self) -> Framing {
        match self.kind {
            Kind::Length => Framing::Length(LengthField {
                width: match self.length_bytes {
                    0 => Width::Varint,
                    width => Width::Bytes(width),
                },
                big_endian: self.big_endian,
                includes_itself: self.length_includes_itself,
            }),
            Kind::Delimiter => Framing::Delimiter(self.delimiter.clone()),
            Kind::ContentLength => Framing::ContentLength,
        }
    }
}

impl State {
    fn set_format(&mut self, framing: Framing, limit: usize) {
        self.reader = PacketReader::new(framing.clone(), limit);
        self.format = Arc::new(Format { framing, limit });
    }
}

impl PacketPeer {
    pub(crate) fn new() -> PacketPeer {
        let settings = Settings::default();
        let format = Format {
            framing: settings.framing(),
            limit: MAX_PACKET_BYTES,
        };
        PacketPeer::with(settings, Arc::new(format))
    }

    fn with(settings: Settings, format: Arc<Format>) -> PacketPeer {
        PacketPeer {
            state: Mutex::new(State {
                stream: None,
                settings,
                reader: PacketReader::new(format.framing.clone(), format.limit),
                format,
            }),
            last_error: LastError::default(),
            failure: Mutex::new(None),
        }
    }

    /// One with the framing and the limit of `other`.
    pub(crate) fn like(other: &PacketPeer) -> PacketPeer {
        let other = other.state();
        PacketPeer::with(other.settings.clone(), other.format.clone())
    }

    pub(crate) fn stream(&self) -> Option<Arc<Peer>> {
        self.state().stream.clone()
    }

    /// What a packet looks like in the stream.
    pub(crate) fn format(&self) -> Arc<Format> {
        self.state().format.clone()
    }

    pub(crate) fn set_stream(&self, stream: Option<Arc<Peer>>) {
        let mut state = self.state();
        state.stream = stream;
        state.reader.forget();
        *self.failure() = None;
    }

    pub(crate) fn settings(&self) -> Settings {
        self.state().settings.clone()
    }

    /// Changes how packets are told apart, from the next one on.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Settings)) {
        let mut state = self.state();
        change(&mut state.settings);
        let (framing, limit) = (state.settings.framing(), state.format.limit);
        state.set_format(framing, limit);
    }

    pub(crate) fn set_max_packet_bytes(&self, bytes: usize) {
        let mut state = self.state();
        let framing = state.format.framing.clone();
        state.set_format(framing, bytes);
    }

    /// Takes the next packet, if there is one, and makes a value of it.
    pub(crate) fn take<R>(&self, value: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Error> {
        let mut state = self.state();
        let State { stream, reader, .. } = &mut *state;
        let Some(stream) = stream else {
            return Err(self.has_no_stream());
        };
        let generation = stream.connection.generation();
        match reader.read(&stream.connection, value) {
            Ok(packet) => {
                self.last_error.clear();
                Ok(packet)
            }
            Err(error) => Err(self.note_failure(stream, generation, &error)),
        }
    }

    /// Remembers why there is no packet. If there will be none any more, since the stream cannot be cut into packets,
    /// nobody can do anything with it, and it ends here, unless another thread has ended that `generation` of it already.
    #[cold]
    fn note_failure(&self, stream: &Peer, generation: u64, error: &ReadError) -> Error {
        let code = self.last_error.record(error);
        if matches!(
            error,
            ReadError::Malformed { .. }
                | ReadError::PacketTooLong { .. }
                | ReadError::Truncated { .. }
        ) && let Some(generation) = stream.connection.disconnect_generation(generation)
        {
            *self.failure() = Some(Failure {
                code,
                generation,
                is_told: false,
            });
        }
        code
    }

    /// The failure that `failed` has not told of. One whose stream has connected again is history.
    fn untold_failure(&self) -> Option<Error> {
        let stream = self.stream()?;
        let generation = stream.connection.generation();
        let failure = *self.failure();
        let failure = failure.filter(|failure| !failure.is_told);
        failure
            .filter(|failure| failure.generation == generation)
            .map(|failure| failure.code)
    }

    /// The same, which is told of now.
    fn tell_failure(&self) -> Option<Error> {
        let code = self.untold_failure()?;
        let mut failure = self.failure();
        let failure = failure.as_mut().filter(|failure| !failure.is_told)?;
        failure.is_told = true;
        Some(code)
    }

    /// Why packets have ended, if they have since the stream had this `generation`, whether it was told or not.
    pub(crate) fn failure_since(&self, generation: u64) -> Option<Error> {
        let failure = *self.failure();
        failure
            .filter(|failure| failure.generation > generation)
            .map(|failure| failure.code)
    }

    #[cold]
    fn has_no_stream(&self) -> Error {
        self.last_error
            .record_message(Error::ERR_UNCONFIGURED, NO_STREAM.into())
    }

    /// How many bytes are there, in packets or in parts of them.
    fn available(&self) -> usize {
        let state = self.state();
        let stream = state.stream.as_ref();
        stream
            .and_then(|stream| stream.connection.available())
            .unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self) -> MutexGuard<'_, Option<Failure>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part for PacketPeer {
    type Signals = PacketSignals;

    fn freed(&self) {}

    /// Reads packets if somebody hears of them. The stream is polled by itself.
    fn poll(
        self: &Arc<Self>,
        is_heard: impl Fn(&StringName) -> bool,
    ) -> (Error, Option<PacketSignals>) {
        let left = match is_heard(Signal::packet_received()) {
            true => self.available(),
            false => 0,
        };
        let has_failed = self.untold_failure().is_some() && is_heard(Signal::failed());
        let signals = (left > 0 || has_failed).then(|| PacketSignals {
            peer: self.clone(),
            left,
        });
        (Error::OK, signals)
    }
}

/// The signals of a packet peer: one for each packet of what was there when the poll began, and `failed` if it comes to
/// that. Packets are taken one by one, so that a handler that takes some itself, or changes the framing, gets what it
/// expects.
pub(crate) struct PacketSignals {
    peer: Arc<PacketPeer>,
    /// So many bytes are left of what was there.
    left: usize,
}

impl Iterator for PacketSignals {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        if self.left > 0 {
            match self.peer.take(|bytes| PackedByteArray::from(bytes)) {
                Ok(Some(packet)) => {
                    // What stands around it counts as one byte: it is that much at least.
                    self.left = self.left.saturating_sub(packet.len() + 1);
                    return Some(Signal::PacketReceived(packet));
                }
                Ok(None) | Err(_) => self.left = 0,
            }
        }
        self.peer.tell_failure().map(Signal::Failed)
    }
}

impl Packets for PacketPeer {
    fn get_packet(&self) -> Result<(*const u8, usize), Error> {
        match self.take(|bytes| Box::from(bytes))? {
            Some(packet) => Ok(lent::lend(packet)),
            None => Err(Error::ERR_UNAVAILABLE),
        }
    }

    fn put_packet(&self, packet: &[u8]) -> Error {
        let Some(stream) = self.stream() else {
            return self.has_no_stream();
        };
        let format = self.format();
        // It may wait, and holds up no other call.
        let connection = &stream.connection;
        let written = connection.write_packet(&format.framing, format.limit, packet);
        self.last_error.note(written)
    }

    fn packet_count(&self) -> i64 {
        let mut state = self.state();
        let State { stream, reader, .. } = &mut *state;
        let Some(stream) = stream else { return 0 };
        let generation = stream.connection.generation();
        match reader.count(&stream.connection) {
            Ok(count) => i64::try_from(count).unwrap_or(i64::MAX),
            Err(error) => {
                self.note_failure(stream, generation, &error);
                0
            }
        }
    }

    fn max_packet_bytes(&self) -> i64 {
        i64::try_from(self.state().format.limit).unwrap_or(i64::MAX)
    }
}
