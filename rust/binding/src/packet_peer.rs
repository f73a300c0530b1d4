//! `PacketPeerSocketRs`: packets in the stream of a peer.
//!
//! The virtual methods of `PacketPeer` are direct methods on the part, [`PacketPeerPart`]. `poll`
//! is not: it takes the object itself, because it polls the object of the stream too.

use std::sync::Arc;

use godot::builtin::{GString, PackedByteArray, Variant};
use godot::classes::PacketPeerExtension;
use godot::global::{Error, bytes_to_var, bytes_to_var_with_objects};
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api};

use crate::bridge::{self, ObjectRef, Optional};
use crate::class_trees::PACKET_PEER;
use crate::frame_poll::{self, FramePoll};
use crate::parts::{
    Details, FramingKind, FramingSettings, LastError, PacketPeerObject, PacketPeerPart, Packets,
};
use crate::peer::StreamPeerSocketRs;
use crate::shared_methods::{Failing, auto_poll_methods, last_error_methods};
use crate::{json, text, variant_format};

/// The reason why a packet is not text.
const NOT_TEXT: &str = "packet is not UTF-8 text, or contains a null character";

#[derive(GodotClass)]
#[class(tool, init, base = PacketPeerExtension)]
pub struct PacketPeerSocketRs {
    #[init(val = announced(PacketPeerPart::new()))]
    pub(crate) packets: Arc<PacketPeerPart<ObjectRef>>,
    frame_poll: FramePoll,
    base: Base<PacketPeerExtension>,
    #[var(get = get_stream, set = set_stream)]
    stream: PhantomVar<Option<Gd<StreamPeerSocketRs>>>,
    #[var(get = get_framing, set = set_framing, hint = ENUM, hint_string = "Length,Delimiter,Content-Length")]
    framing: PhantomVar<i64>,
    #[var(get = get_length_bytes, set = set_length_bytes)]
    length_bytes: PhantomVar<i64>,
    #[var(get = is_big_endian, set = set_big_endian)]
    big_endian: PhantomVar<bool>,
    #[var(get = is_length_including_itself, set = set_length_includes_itself)]
    length_includes_itself: PhantomVar<bool>,
    #[var(get = get_delimiter, set = set_delimiter)]
    delimiter: PhantomVar<PackedByteArray>,
    #[var(get = get_max_packet_bytes, set = set_max_packet_bytes)]
    max_packet_bytes: PhantomVar<i64>,
    #[var(get = get_max_packets_per_poll, set = set_max_packets_per_poll)]
    max_packets_per_poll: PhantomVar<i64>,
}

fn announced(packets: PacketPeerPart<ObjectRef>) -> Arc<PacketPeerPart<ObjectRef>> {
    let packets = Arc::new(packets);
    packets.watch();
    bridge::announce(&packets);
    packets
}

#[godot_api]
impl PacketPeerSocketRs {
    #[signal]
    fn packet_received(packet: PackedByteArray);

    #[signal]
    fn failed(error: Error);

    // It takes the object and not gdext's cell, because it runs handlers of signals.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) -> Error {
        let member = Self::with_object(&this);
        let Some(stream) = member.packets.channel.peer() else {
            return Error::ERR_UNCONFIGURED;
        };
        let code = stream.poll();
        member.packets.channel.poll(&member);
        code
    }

    #[func]
    fn get_incoming_packet_bytes(&self) -> i64 {
        let received = self.packets.channel.incoming().received;
        i64::try_from(received).unwrap_or(i64::MAX)
    }

    #[func]
    fn get_incoming_packet_size(&self) -> i64 {
        let total = self.packets.channel.incoming().total;
        total.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
    }

    #[func]
    fn put_text(&self, text: GString) -> Error {
        self.packets.put_packet(text.to_string().as_bytes())
    }

    #[func]
    fn get_text(&self) -> Variant {
        self.take_text()
            .map_or_else(Variant::nil, |text| text.to_variant())
    }

    #[func]
    fn put_json(&self, value: Variant) -> Error {
        self.packets.put_packet(json::stringify(&value).as_bytes())
    }

    #[func]
    fn encode_json(value: Variant) -> PackedByteArray {
        PackedByteArray::from(json::stringify(&value).as_bytes())
    }

    #[func]
    fn encode_text(text: GString) -> PackedByteArray {
        PackedByteArray::from(text.to_string().as_bytes())
    }

    #[func]
    fn get_json(&self) -> Variant {
        // The packet is parsed after the connection's lock is released.
        let Ok(Some(packet)) = self.packets.take(<[u8]>::to_vec) else {
            return Variant::nil();
        };
        let parsed = std::str::from_utf8(&packet).map(|_| json::parse(&packet));
        let (code, message) = match parsed {
            Ok(Ok(value)) => return value,
            Ok(Err(why)) => (
                Error::ERR_PARSE_ERROR,
                format!("get_json: invalid JSON: {why}"),
            ),
            Err(_) => (Error::ERR_INVALID_DATA, NOT_TEXT.into()),
        };
        self.packets.last_error.record_message(code, message);
        Variant::nil()
    }

    // The engine's own function prints a line for each byte that is not UTF-8, so a remote side
    // could flood the log.
    #[func]
    fn decode_text(packet: PackedByteArray) -> GString {
        text::decoded(packet.as_slice())
    }

    #[func]
    fn decode_json(
        packet: PackedByteArray,
        #[opt(default = Optional::nil())] invalid: Optional<Variant>,
    ) -> Variant {
        json::parse(packet.as_slice()).unwrap_or_else(|_| invalid.into_inner())
    }

    #[func]
    fn decode_var(
        packet: PackedByteArray,
        #[opt(default = Optional::nil())] invalid: Optional<Variant>,
        #[opt(default = false)] allow_objects: bool,
    ) -> Variant {
        if !variant_format::is_valid(packet.as_slice(), allow_objects) {
            return invalid.into_inner();
        }
        match allow_objects {
            true => bytes_to_var_with_objects(&packet),
            false => bytes_to_var(&packet),
        }
    }

    #[func]
    fn set_stream(&self, stream: Option<Gd<StreamPeerSocketRs>>) {
        frame_poll::begin_hints();
        let stream = stream.as_ref().map(StreamPeerSocketRs::with_object);
        // Dropping the previous stream may free its object, and that object's script may call this
        // object when it is notified.
        drop(self.packets.channel.set_peer(stream));
    }

    #[func]
    fn get_stream(&self) -> Option<Gd<StreamPeerSocketRs>> {
        let stream = self.packets.channel.peer()?;
        Some(stream.object.to_gd().cast())
    }

    #[func]
    fn set_framing(&self, framing: i64) {
        let kinds = [
            FramingKind::Length,
            FramingKind::Delimiter,
            FramingKind::ContentLength,
        ];
        match kinds.into_iter().find(|&kind| kind as i64 == framing) {
            Some(kind) => self.packets.configure(|settings| settings.kind = kind),
            None => {
                self.refuse(&format!("framing: {framing} is not a Framing constant"));
            }
        }
    }

    #[func]
    fn get_framing(&self) -> i64 {
        self.settings().kind as i64
    }

    #[func]
    fn set_length_bytes(&self, bytes: i64) {
        match bytes {
            0 | 1 | 2 | 4 | 8 => self
                .packets
                .configure(|settings| settings.length_bytes = bytes.unsigned_abs() as usize),
            _ => {
                self.refuse(&format!(
                    "length_bytes: {bytes} is not one of 0, 1, 2, 4 and 8"
                ));
            }
        }
    }

    #[func]
    fn get_length_bytes(&self) -> i64 {
        self.settings().length_bytes as i64
    }

    #[func]
    fn set_big_endian(&self, enabled: bool) {
        self.packets
            .configure(|settings| settings.big_endian = enabled);
    }

    #[func]
    fn is_big_endian(&self) -> bool {
        self.settings().big_endian
    }

    #[func]
    fn set_length_includes_itself(&self, enabled: bool) {
        self.packets
            .configure(|settings| settings.length_includes_itself = enabled);
    }

    #[func]
    fn is_length_including_itself(&self) -> bool {
        self.settings().length_includes_itself
    }

    #[func]
    fn set_delimiter(&self, delimiter: PackedByteArray) {
        if delimiter.is_empty() {
            self.refuse(&"delimiter: must not be empty");
            return;
        }
        self.packets
            .configure(|settings| settings.delimiter = delimiter.to_vec());
    }

    #[func]
    fn get_delimiter(&self) -> PackedByteArray {
        PackedByteArray::from(self.settings().delimiter.as_slice())
    }

    #[func]
    fn set_max_packet_bytes(&self, bytes: i64) {
        // Godot counts the bytes of a packet with a 32-bit int.
        match i32::try_from(bytes)
            .ok()
            .and_then(|bytes| usize::try_from(bytes).ok())
        {
            Some(bytes) => self.packets.set_max_packet_bytes(bytes),
            None => {
                self.refuse(&format!(
                    "max_packet_bytes: {bytes} is not between 0 and 2147483647"
                ));
            }
        }
    }

    #[func]
    fn get_max_packet_bytes(&self) -> i64 {
        self.packets.max_packet_bytes()
    }

    #[func]
    fn set_max_packets_per_poll(&self, count: i64) {
        let count = usize::try_from(count).unwrap_or(0);
        self.packets.channel.set_max_packets_per_poll(count);
    }

    #[func]
    fn get_max_packets_per_poll(&self) -> i64 {
        let count = self.packets.channel.max_packets_per_poll();
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

impl PacketPeerSocketRs {
    /// A packet peer over `stream`, with the framing and the limit of `format`.
    pub(crate) fn over(
        stream: Gd<StreamPeerSocketRs>,
        format: &PacketPeerPart<ObjectRef>,
    ) -> Gd<Self> {
        let packets = bridge::new_object(PACKET_PEER, |base| Self {
            packets: announced(PacketPeerPart::like(format)),
            frame_poll: FramePoll::default(),
            base,
            stream: PhantomVar::default(),
            framing: PhantomVar::default(),
            length_bytes: PhantomVar::default(),
            big_endian: PhantomVar::default(),
            length_includes_itself: PhantomVar::default(),
            delimiter: PhantomVar::default(),
            max_packet_bytes: PhantomVar::default(),
            max_packets_per_poll: PhantomVar::default(),
        });
        packets.bind().set_stream(Some(stream));
        packets
    }

    /// `packets` with its part.
    pub(crate) fn with_object(packets: &Gd<Self>) -> PacketPeerObject<ObjectRef> {
        PacketPeerObject {
            object: ObjectRef::new(packets),
            packets: packets.bind().packets.clone(),
        }
    }

    fn settings(&self) -> FramingSettings {
        self.packets.settings()
    }

    /// Takes the next packet as text. A packet that is not text is skipped, with an error.
    fn take_text(&self) -> Option<GString> {
        let text = self.packets.take(text::exactly_decoded).ok()??;
        if text.is_none() {
            let last_error = &self.packets.last_error;
            last_error.record_message(Error::ERR_INVALID_DATA, NOT_TEXT.into());
        }
        text
    }
}

last_error_methods!(PacketPeerSocketRs);
auto_poll_methods!(PacketPeerSocketRs);

impl Failing for PacketPeerSocketRs {
    fn last_error(&self) -> &LastError {
        &self.packets.last_error
    }

    fn details(&self) -> Details {
        self.packets.details()
    }
}
