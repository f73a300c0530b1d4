//! `PacketPeerSocketRs`: packets in the stream of a peer.
//!
//! The virtual methods of `PacketPeer` are direct methods on the part, [`PacketPeerPart`]. `poll`
//! is not: it takes the object itself, because it polls the object of the stream too.

use std::sync::{Arc, OnceLock};

use godot::builtin::{GString, PackedByteArray, Variant};
use godot::classes::PacketPeerExtension;
use godot::global::{Error, bytes_to_var, bytes_to_var_with_objects};
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api};

use crate::bridge::MethodKind::{Const, Mutating, Static};
use crate::bridge::PropertyKind::{self, Bool, Int, Object};
use crate::bridge::{
    self, Bridged, Class, ClassTree, Enumeration, MethodRow, ObjectRef, Optional, PartKind,
    Property, Returned, packet_virtuals, set_object,
};
use crate::parts::{
    Details, FramingKind, LastError, PacketFormat, PacketPeerObject, PacketPeerPart, Packets,
    PeerObject,
};
use crate::peer::{self, StreamPeerSocketRs};
use crate::shared_methods::{AUTO_POLL, Failing, auto_poll_methods, last_error_methods};
use crate::{frame_poll, json, numbers, text, variant_format};

/// The reason why a packet is not text.
const NOT_TEXT: &str = "packet is not UTF-8 text, or contains a null character";

/// The class of packet peers. There is no value of this type: the bridge makes an object with a
/// [`PacketPeerPart`].
#[derive(GodotClass)]
#[class(tool, no_init, base = PacketPeerExtension)]
pub struct PacketPeerSocketRs {
    // gdext requires it of a class with signals.
    _base: Base<PacketPeerExtension>,
}

static CLASS: [Class; 1] = [Class::new("PacketPeerSocketRs", "", &TREE)];

// gdext answers `poll`, because it polls the object of the stream too.
const METHODS: &[MethodRow] = &[
    MethodRow::direct(
        "set_stream",
        Mutating,
        set_object::<PacketPeerPart<ObjectRef>>(),
    ),
    MethodRow::by_gdext("get_framing", Const).returning(Returned::OwnEnumeration("Framing")),
    MethodRow::by_gdext("get_text", Mutating),
    MethodRow::by_gdext("get_json", Mutating),
    MethodRow::by_gdext("encode_json", Static),
    MethodRow::by_gdext("encode_text", Static),
    MethodRow::by_gdext("decode_text", Static),
    MethodRow::by_gdext("decode_json", Static),
    MethodRow::by_gdext("decode_var", Static),
];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "PacketPeerSocketRs",
    classes: &CLASS,
    enumerations: &[Enumeration {
        name: "Framing",
        constants: &[
            ("FRAMING_LENGTH", FramingKind::Length as i64),
            ("FRAMING_DELIMITER", FramingKind::Delimiter as i64),
            ("FRAMING_CONTENT_LENGTH", FramingKind::ContentLength as i64),
        ],
    }],
    properties: &[
        AUTO_POLL,
        Property::new(
            "stream",
            Object("StreamPeerSocketRs"),
            "set_stream",
            "get_stream",
        ),
        Property::new(
            "framing",
            PropertyKind::Enumeration("Length,Delimiter,Content-Length"),
            "set_framing",
            "get_framing",
        ),
        Property::new("length_bytes", Int, "set_length_bytes", "get_length_bytes"),
        Property::new("big_endian", Bool, "set_big_endian", "is_big_endian"),
        Property::new(
            "length_includes_itself",
            Bool,
            "set_length_includes_itself",
            "is_length_including_itself",
        ),
        Property::new(
            "delimiter",
            PropertyKind::PackedByteArray,
            "set_delimiter",
            "get_delimiter",
        ),
        Property::new(
            "max_packet_bytes",
            Int,
            "set_max_packet_bytes",
            "get_max_packet_bytes",
        ),
        Property::new(
            "max_packets_per_poll",
            Int,
            "set_max_packets_per_poll",
            "get_max_packets_per_poll",
        ),
    ],
    methods: METHODS,
    virtuals: Some(packet_virtuals::<PacketPeerPart<ObjectRef>>()),
    parts: PartKind::of::<PacketPeerPart<ObjectRef>>(),
    engine_class: OnceLock::new(),
};

impl Bridged for PacketPeerSocketRs {
    type Part = PacketPeerPart<ObjectRef>;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

#[godot_api]
impl PacketPeerSocketRs {
    #[signal]
    fn packet_received(packet: PackedByteArray);

    #[signal]
    fn failed(error: Error);

    #[func]
    fn poll() -> Error {
        poll(&Self::this())
    }

    #[func]
    fn get_incoming_packet_bytes() -> i64 {
        let received = Self::this().channel.incoming().received;
        i64::try_from(received).unwrap_or(i64::MAX)
    }

    #[func]
    fn get_incoming_packet_size() -> i64 {
        let total = Self::this().channel.incoming().total;
        total.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX))
    }

    #[func]
    fn put_text(text: GString) -> Error {
        Self::this().put_packet(text.to_string().as_bytes())
    }

    #[func]
    fn get_text() -> Variant {
        Self::this()
            .take_text()
            .map_or_else(Variant::nil, |text| text.to_variant())
    }

    #[func]
    fn put_json(value: Variant) -> Error {
        Self::this().put_packet(json::stringify(&value).as_bytes())
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
    fn get_json() -> Variant {
        // The packet is parsed after the connection's lock is released.
        let Ok(Some(packet)) = Self::this().take(<[u8]>::to_vec) else {
            return Variant::nil();
        };
        let parsed = std::str::from_utf8(&packet).map(|_| json::parse(&packet));
        let (code, message) = match parsed {
            Ok(Ok(value)) => return value,
            Ok(Err(why)) => (
                Error::ERR_PARSE_ERROR,
                format!("get_json: invalid JSON: {why}"),
            ),
            Err(_) => (Error::ERR_INVALID_DATA, format!("get_json: {NOT_TEXT}")),
        };
        Self::this().last_error.record_message(code, message);
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
    fn set_stream(stream: Option<Gd<StreamPeerSocketRs>>) {
        frame_poll::begin_hints();
        let stream = stream.map(|stream| peer::with_part(&stream, bridge::part_of(&stream)));
        // Dropping the previous stream may free its object, and that object's script may call this
        // object when it is notified.
        drop(Self::this().channel.set_endpoint(stream));
    }

    #[func]
    fn get_stream() -> Option<Gd<StreamPeerSocketRs>> {
        let stream = Self::this().channel.endpoint()?;
        Some(stream.object.to_gd().cast())
    }

    #[func]
    fn set_framing(framing: i64) {
        let kinds = [
            FramingKind::Length,
            FramingKind::Delimiter,
            FramingKind::ContentLength,
        ];
        match kinds.into_iter().find(|&kind| kind as i64 == framing) {
            Some(kind) => Self::this().configure(|settings| settings.kind = kind),
            None => {
                Self::this().refuse(&format!("framing: {framing} is not a Framing constant"));
            }
        }
    }

    #[func]
    fn get_framing() -> i64 {
        Self::this().settings().kind as i64
    }

    #[func]
    fn set_length_bytes(bytes: i64) {
        match bytes {
            0 | 1 | 2 | 4 | 8 => Self::this()
                .configure(|settings| settings.length_bytes = bytes.unsigned_abs() as usize),
            _ => {
                Self::this().refuse(&format!(
                    "length_bytes: {bytes} is not one of 0, 1, 2, 4 and 8"
                ));
            }
        }
    }

    #[func]
    fn get_length_bytes() -> i64 {
        Self::this().settings().length_bytes as i64
    }

    #[func]
    fn set_big_endian(enabled: bool) {
        Self::this().configure(|settings| settings.big_endian = enabled);
    }

    #[func]
    fn is_big_endian() -> bool {
        Self::this().settings().big_endian
    }

    #[func]
    fn set_length_includes_itself(enabled: bool) {
        Self::this().configure(|settings| settings.length_includes_itself = enabled);
    }

    #[func]
    fn is_length_including_itself() -> bool {
        Self::this().settings().length_includes_itself
    }

    #[func]
    fn set_delimiter(delimiter: PackedByteArray) {
        if delimiter.is_empty() {
            Self::this().refuse(&"delimiter: is empty");
            return;
        }
        Self::this().configure(|settings| settings.delimiter = delimiter.to_vec());
    }

    #[func]
    fn get_delimiter() -> PackedByteArray {
        PackedByteArray::from(Self::this().settings().delimiter.as_slice())
    }

    #[func]
    fn set_max_packet_bytes(bytes: i64) {
        let this = Self::this();
        let bytes = numbers::count_within("max_packet_bytes", bytes, numbers::INT_SIZES);
        if let Ok(bytes) = this.accept(bytes) {
            this.set_max_packet_bytes(bytes);
        }
    }

    #[func]
    fn get_max_packet_bytes() -> i64 {
        Self::this().max_packet_bytes()
    }

    #[func]
    fn set_max_packets_per_poll(count: i64) {
        let this = Self::this();
        if let Ok(count) = this.accept(numbers::count("max_packets_per_poll", count)) {
            this.channel.outlet().set_max_packets_per_poll(count);
        }
    }

    #[func]
    fn get_max_packets_per_poll() -> i64 {
        let count = Self::this().channel.outlet().max_packets_per_poll();
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

fn poll(this: &Arc<PacketPeerPart<ObjectRef>>) -> Error {
    let Some(stream) = this.channel.endpoint() else {
        return Error::ERR_UNCONFIGURED;
    };
    let object = bridge::object_of(&**this);
    let code = stream.poll();
    // An object that is being freed emits nothing.
    if let Some(object) = object {
        let packets = this.clone();
        this.channel.poll(&PacketPeerObject { object, packets });
    }
    code
}

/// A packet peer over `stream`, with the framing and the limits of `format`.
pub(crate) fn over(
    stream: PeerObject<ObjectRef>,
    format: &PacketFormat,
) -> PacketPeerObject<ObjectRef> {
    frame_poll::begin_hints();
    let (object, packets) = bridge::new_object::<PacketPeerSocketRs>(&CLASS[0], |object| {
        PacketPeerPart::with(object, format)
    });
    drop(packets.channel.set_endpoint(Some(stream)));
    with_part(&object, packets)
}

/// `packets`, whose part is `part`.
pub(crate) fn with_part(
    packets: &Gd<PacketPeerSocketRs>,
    part: Arc<PacketPeerPart<ObjectRef>>,
) -> PacketPeerObject<ObjectRef> {
    PacketPeerObject {
        object: ObjectRef::new(packets),
        packets: part,
    }
}

impl PacketPeerPart<ObjectRef> {
    /// Takes the next packet as text. A packet that is not text is skipped, with an error.
    fn take_text(&self) -> Option<GString> {
        let text = self.take(text::exactly_decoded).ok()??;
        if text.is_none() {
            let message = format!("get_text: {NOT_TEXT}");
            self.last_error
                .record_message(Error::ERR_INVALID_DATA, message);
        }
        text
    }
}

last_error_methods!(PacketPeerSocketRs);
auto_poll_methods!(PacketPeerSocketRs, poll);

impl Failing for PacketPeerPart<ObjectRef> {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }

    fn details(&self) -> Details {
        PacketPeerPart::details(self)
    }
}
