//! The part of a packet peer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use godot::global::Error;
use stream_socket::ReadError;
use stream_socket::dispatch::{Format, PacketChannel};
use stream_socket::packets::{Framing, LengthField, Width};

use super::codes::Code;
use super::last_error::{Details, LastError};
use super::lent;
use super::part::{Emitter, Packets, Part};
use super::peer_object::PeerObject;

/// How long a packet may be, unless a script says otherwise.
const MAX_PACKET_BYTES: usize = 16 << 20;

/// What is wrong where there should be a stream.
const NO_STREAM: &str = "the packet peer has no stream";

/// The packets in the stream of a peer, whose object is an `O`.
#[derive(Debug)]
pub(crate) struct PacketPeer<O> {
    pub(crate) channel: PacketChannel<PeerObject<O>>,
    settings: Mutex<Settings>,
    pub(crate) last_error: LastError,
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

impl<O: Emitter> PacketPeer<O> {
    pub(crate) fn new() -> PacketPeer<O> {
        let settings = Settings::default();
        let format = Format {
            framing: settings.framing(),
            limit: MAX_PACKET_BYTES,
        };
        PacketPeer::with(settings, Arc::new(format))
    }

    fn with(settings: Settings, format: Arc<Format>) -> PacketPeer<O> {
        PacketPeer {
            channel: PacketChannel::new(format),
            settings: Mutex::new(settings),
            last_error: LastError::default(),
        }
    }

    /// One with the framing and the limit of `other`.
    pub(crate) fn like(other: &PacketPeer<O>) -> PacketPeer<O> {
        PacketPeer::with(other.settings(), other.channel.format())
    }

    pub(crate) fn settings(&self) -> Settings {
        self.lock_settings().clone()
    }

    /// Changes how packets are told apart, from the next one on.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Settings)) {
        let mut settings = self.lock_settings();
        change(&mut settings);
        self.set_format(settings.framing(), self.channel.format().limit);
    }

    pub(crate) fn set_max_packet_bytes(&self, bytes: usize) {
        let settings = self.lock_settings();
        self.set_format(settings.framing(), bytes);
    }

    fn set_format(&self, framing: Framing, limit: usize) {
        self.channel.set_format(Arc::new(Format { framing, limit }));
    }

    /// Takes the next packet, if there is one, and makes a value of it.
    pub(crate) fn take<R>(&self, value: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Error> {
        match self.channel.take(value) {
            None => Err(self.has_no_stream()),
            Some(Ok(packet)) => {
                self.last_error.clear();
                Ok(packet)
            }
            // Why there is no connection any more says more.
            Some(Err(error @ ReadError::NotConnected)) if self.has_ended() => Err(error.returned()),
            Some(Err(error)) => Err(self.last_error.record(&error)),
        }
    }

    fn has_ended(&self) -> bool {
        let stream = self.channel.peer();
        stream.is_some_and(|stream| stream.peer.connection.ended().is_some())
    }

    /// The last thing that went wrong, or why the connection has ended.
    pub(crate) fn details(&self) -> Details {
        match self.channel.peer() {
            Some(stream) => self.last_error.of(&stream.peer.connection),
            None => self.last_error.get(),
        }
    }

    #[cold]
    fn has_no_stream(&self) -> Error {
        self.last_error
            .record_message(Error::ERR_UNCONFIGURED, NO_STREAM.into())
    }

    fn lock_settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O: Emitter> Part for PacketPeer<O> {
    fn freed(&self) {}
}

impl<O: Emitter> Packets for PacketPeer<O> {
    fn get_packet(&self) -> Result<(*const u8, usize), Error> {
        lent::take_back();
        match self.take(|bytes| Box::from(bytes))? {
            Some(packet) => Ok(lent::lend(packet)),
            None => Err(Error::ERR_UNAVAILABLE),
        }
    }

    fn put_packet(&self, packet: &[u8]) -> Error {
        let Some(stream) = self.channel.peer() else {
            return self.has_no_stream();
        };
        let format = self.channel.format();
        // It may wait, and holds up no other call.
        let connection = &stream.peer.connection;
        let written = connection.write_packet(&format.framing, format.limit, packet);
        self.last_error.note(written)
    }

    fn packet_count(&self) -> i64 {
        match self.channel.count() {
            Some(Ok(count)) => i64::try_from(count).unwrap_or(i64::MAX),
            _ => 0,
        }
    }

    fn max_packet_bytes(&self) -> i64 {
        i64::try_from(self.channel.format().limit).unwrap_or(i64::MAX)
    }
}
