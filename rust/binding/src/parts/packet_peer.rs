//! The part of a packet peer: the packets of a stream, and how a script has set their framing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use godot::global::Error;
use stream_socket::Status;
use stream_socket::dispatch::{Format, PacketChannel};
use stream_socket::packets::{Framing, LengthField, Width};

use super::codes::Code;
use super::frame_poll_state::FramePoll;
use super::hints::{self, HintedPackets};
use super::last_error::{Details, LastError};
use super::lent;
use super::part::{Constructible, Emitter, Packets, Part, TakesObject};
use super::peer_object::PeerObject;
use super::presence::{ObjectAddress, Presence};

/// The default limit of the length of a packet.
const MAX_PACKET_BYTES: usize = 16 << 20;

/// How many of the first bytes of an incomplete packet a hint shows.
const FIRST_BYTES: usize = 16;

/// The packets in the stream of a peer whose object has the type `O`.
#[derive(Debug)]
pub(crate) struct PacketPeerPart<O> {
    presence: Presence,
    pub(crate) channel: PacketChannel<PeerObject<O>>,
    settings: Mutex<FramingSettings>,
    pub(crate) last_error: LastError,
    pub(crate) frame_poll: FramePoll,
}

/// The framing and the limits of a packet peer.
pub(crate) struct PacketFormat {
    settings: FramingSettings,
    format: Arc<Format>,
    /// `None`: the default.
    max_packets_per_poll: Option<usize>,
}

/// The framing as a script sets it.
#[derive(Clone, Debug)]
pub(crate) struct FramingSettings {
    pub(crate) kind: FramingKind,
    /// In bytes; 0 is a varint.
    pub(crate) length_bytes: usize,
    pub(crate) big_endian: bool,
    pub(crate) length_includes_itself: bool,
    pub(crate) delimiter: Vec<u8>,
}

/// The kinds of framing, with their values in GDScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingKind {
    Length = 0,
    Delimiter = 1,
    ContentLength = 2,
}

impl FramingKind {
    /// The name of the constant in GDScript.
    fn name(self) -> &'static str {
        match self {
            FramingKind::Length => "FRAMING_LENGTH",
            FramingKind::Delimiter => "FRAMING_DELIMITER",
            FramingKind::ContentLength => "FRAMING_CONTENT_LENGTH",
        }
    }
}

impl Default for FramingSettings {
    fn default() -> FramingSettings {
        FramingSettings {
            kind: FramingKind::Length,
            length_bytes: 4,
            big_endian: false,
            length_includes_itself: false,
            delimiter: b"\n".to_vec(),
        }
    }
}

impl Default for PacketFormat {
    fn default() -> PacketFormat {
        let settings = FramingSettings::default();
        let format = Format {
            framing: settings.framing(),
            limit: MAX_PACKET_BYTES,
        };
        PacketFormat {
            settings,
            format: Arc::new(format),
            max_packets_per_poll: None,
        }
    }
}

impl FramingSettings {
    fn framing(&self) -> Framing {
        match self.kind {
            FramingKind::Length => Framing::Length(LengthField {
                width: match self.length_bytes {
                    0 => Width::Varint,
                    width => Width::Bytes(width),
                },
                big_endian: self.big_endian,
                includes_itself: self.length_includes_itself,
            }),
            FramingKind::Delimiter => Framing::Delimiter(self.delimiter.clone()),
            FramingKind::ContentLength => Framing::ContentLength,
        }
    }
}

impl<O: Emitter> PacketPeerPart<O> {
    /// The part of `object`, with the framing and the limits of `format`.
    pub(crate) fn with(object: ObjectAddress, format: &PacketFormat) -> PacketPeerPart<O> {
        let channel = PacketChannel::new(format.format.clone());
        if let Some(max) = format.max_packets_per_poll {
            channel.outlet().set_max_packets_per_poll(max);
        }
        PacketPeerPart {
            presence: Presence::of(object),
            channel,
            settings: Mutex::new(format.settings.clone()),
            last_error: LastError::default(),
            frame_poll: FramePoll::default(),
        }
    }

    pub(crate) fn format(&self) -> PacketFormat {
        PacketFormat {
            settings: self.settings(),
            format: self.channel.format(),
            max_packets_per_poll: Some(self.channel.outlet().max_packets_per_poll()),
        }
    }

    pub(crate) fn settings(&self) -> FramingSettings {
        self.lock_settings().clone()
    }

    /// Changes the framing, from the next packet on.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut FramingSettings)) {
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

    /// Takes the next packet, if there is one, and converts it with `value`.
    pub(crate) fn take<R>(&self, value: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Error> {
        match self.channel.take(value) {
            None => Err(self.has_no_stream("receive")),
            Some(Ok(packet)) => {
                self.last_error.clear();
                Ok(packet)
            }
            Some(Err(error)) => Err(self.record(&error)),
        }
    }

    /// Records `error` of a call, unless the reason why the connection has ended explains it.
    /// Returns its code.
    #[cold]
    pub(crate) fn record(&self, error: &impl Code) -> Error {
        match self.channel.endpoint() {
            Some(stream) => self.last_error.record_of(&stream.peer.connection, error),
            None => self.last_error.record(error),
        }
    }

    /// The last error, or the reason why the connection has ended. Without a connection and without
    /// such a reason, the last error of the stream counts as well: its connect failed at once.
    pub(crate) fn details(&self) -> Details {
        let Some(stream) = self.channel.endpoint() else {
            return self.last_error.get();
        };
        let connection = &stream.peer.connection;
        let is_open = matches!(connection.status(), Status::Connecting | Status::Connected);
        match is_open || connection.ended().is_some() {
            true => self.last_error.of(connection),
            false => self.last_error.newer(&stream.peer.last_error),
        }
    }

    #[cold]
    fn has_no_stream(&self, operation: &str) -> Error {
        let message = format!("{operation}: packet peer has no stream");
        self.last_error
            .record_message(Error::ERR_UNCONFIGURED, message)
    }

    fn lock_settings(&self) -> MutexGuard<'_, FramingSettings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<O: Emitter> HintedPackets for PacketPeerPart<O> {
    fn incomplete_position(&self) -> Option<(u64, u64)> {
        let packet = self.channel.incomplete(0)?;
        Some((packet.generation, packet.received))
    }

    fn hint(&self) -> Option<String> {
        let packet = self.channel.incomplete(FIRST_BYTES)?;
        let stream = self.channel.endpoint()?;
        let connection = &stream.peer.connection;
        // The rest may have arrived, if nobody polls.
        if connection.available()? != packet.arrived {
            return None;
        }
        let address = connection.peer_address()?;
        let settings = self.settings();
        let awaited = match (settings.kind, packet.length) {
            (FramingKind::Delimiter, _) => {
                format!("the delimiter \"{}\"", settings.delimiter.escape_ascii())
            }
            (_, Some(length)) => format!("a packet of {length} bytes"),
            (FramingKind::Length, None) => "the length of a packet".into(),
            (FramingKind::ContentLength, None) => "the end of the headers".into(),
        };
        let (arrived, framing) = (packet.arrived, settings.kind.name());
        let first_bytes = packet.first_bytes.escape_ascii();
        Some(format!(
            "packets from {address}: waiting for {awaited}, after {arrived} bytes that begin with \
             \"{first_bytes}\" ({framing}); does the other side use another framing?"
        ))
    }
}

impl<O: Emitter> Constructible for PacketPeerPart<O> {
    fn new(object: ObjectAddress) -> PacketPeerPart<O> {
        PacketPeerPart::with(object, &PacketFormat::default())
    }
}

impl<O: Emitter> Part for PacketPeerPart<O> {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, _: &'static str) {
        if hints::are_on() {
            let packets: Arc<dyn HintedPackets> = self.clone();
            hints::watch_packets(Arc::downgrade(&packets));
        }
    }

    fn freed(&self, _: &dyn Fn(&str) -> bool) {}
}

impl<O: Emitter> TakesObject for PacketPeerPart<O> {
    const CLASS: &'static str = "StreamPeerSocketRs";

    fn refuse_object(&self, other: &str) {
        let advice = advice_for(other);
        let what = format!("stream: {other} is not a StreamPeerSocketRs{advice}");
        self.last_error.refuse(Error::ERR_INVALID_PARAMETER, &what);
    }
}

/// What to use instead of an object of `class`, if it is a class of the engine that does similar
/// things.
pub(crate) fn advice_for(class: &str) -> &'static str {
    match class {
        "StreamPeerTLS" => {
            "; poll it yourself, and for packets use the engine's PacketPeerStream over it: see \
             \"TLS\" in docs/recipes-servers.md"
        }
        "StreamPeerTCP" => "; use StreamPeerTCPRs",
        "StreamPeerUDS" => "; use StreamPeerUDSRs",
        "TCPServer" => "; use TCPServerRs",
        "UDSServer" => "; use UDSServerRs",
        _ => "",
    }
}

impl<O: Emitter> Packets for PacketPeerPart<O> {
    fn get_packet(&self) -> Result<(*const u8, usize), Error> {
        let frame = lent::free_returned();
        match self.take(|bytes| Box::from(bytes))? {
            Some(packet) => Ok(lent::lend(packet, frame)),
            None => Err(Error::ERR_UNAVAILABLE),
        }
    }

    fn put_packet(&self, packet: &[u8]) -> Error {
        let Some(stream) = self.channel.endpoint() else {
            return self.has_no_stream("send");
        };
        let format = self.channel.format();
        // May block, without holding any lock of this struct.
        let connection = &stream.peer.connection;
        let written = connection.write_packet(&format.framing, format.limit, packet);
        self.last_error.note_of(connection, written)
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
