//! The tables that the bridge makes the classes from: the class trees, the types of their parts,
//! and a row for each method that gdext cannot register correctly.
//!
//! A method needs a row here in four cases: it is a direct method, which the bridge answers without
//! gdext; its return type in Rust does not name the class or enumeration that ClassDB should show;
//! its name is misleading about whether it is const (`get_*` and `is_*` are const, all others are
//! not); or it is static. A prefix determines which class of a tree a method belongs to:
//! `tcp_listen` is `TCPServerRs.listen`. A debug build with a row or a property whose names match
//! no `#[func]` ends when it is loaded.

use std::sync::OnceLock;

use stream_socket::Status;
use stream_socket_web::websocket::session::State;

use crate::bridge::MethodKind::{Const, Mutating, Static};
use crate::bridge::PropertyKind::{
    self, Bool, Float, Int, Object, PackedByteArray, PackedStringArray,
};
use crate::bridge::{
    Class, ClassTree, Enumeration, MethodRow, ObjectRef, PartKind, Property, Returned, flush,
    get_status, packet_virtuals, poll, receive, set_object, stream_virtuals,
};
use crate::parts::{FramingKind, PacketPeerPart, PeerPart, ServerPart, WebSocketPart};

/// The properties of each class that has both accessors, whether it belongs to a class tree or not.
pub(crate) static SHARED_PROPERTIES: [Property; 1] = [Property::new(
    "auto_poll",
    Bool,
    "set_auto_poll",
    "is_auto_polling",
)];

pub(crate) static TCP_PEER: &Class = &PEER_CLASSES[0];
pub(crate) static UDS_PEER: &Class = &PEER_CLASSES[1];
pub(crate) static PACKET_PEER: &Class = &PACKET_PEER_CLASSES[0];
pub(crate) static WEBSOCKET_PEER: &Class = &WEBSOCKET_CLASSES[0];

pub(crate) const PEER_METHODS: &[MethodRow] = &[
    MethodRow::direct("poll", Mutating, poll::<PeerPart>()),
    MethodRow::direct("get_status", Const, get_status::<PeerPart>())
        .returning(Returned::OwnEnumeration("Status")),
    MethodRow::direct("flush", Mutating, flush::<PeerPart>()),
    MethodRow::direct("receive", Mutating, receive::<PeerPart>()),
    MethodRow::by_gdext("uds_create_pair", Static),
];

pub(crate) const SERVER_METHODS: &[MethodRow] = &[
    MethodRow::direct("poll", Mutating, poll::<ServerPart>()),
    MethodRow::by_gdext("take_socket_connection", Mutating)
        .returning(Returned::Class("StreamPeerSocketRs")),
    MethodRow::by_gdext("tcp_take_connection", Mutating)
        .returning(Returned::Class("StreamPeerTCPRs")),
    MethodRow::by_gdext("uds_take_connection", Mutating)
        .returning(Returned::Class("StreamPeerUDSRs")),
];

// gdext answers `poll`, because it polls the object of the stream too.
const PACKET_PEER_METHODS: &[MethodRow] = &[
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

// gdext answers `poll` and `accept_stream`, because they use the object of the stream too.
const WEBSOCKET_METHODS: &[MethodRow] = &[
    MethodRow::by_gdext("get_ready_state", Const).returning(Returned::OwnEnumeration("State")),
    MethodRow::by_gdext("send", Mutating).taking(1, "WriteMode"),
    MethodRow::by_gdext("broadcast", Static).taking(2, "WriteMode"),
    MethodRow::by_gdext("was_string_packet", Const),
];

static PEER_CLASSES: [Class; 2] = [
    Class::new("StreamPeerTCPRs", "tcp_", &PEERS),
    Class::new("StreamPeerUDSRs", "uds_", &PEERS),
];

static SERVER_CLASSES: [Class; 2] = [
    Class::new("TCPServerRs", "tcp_", &SERVERS),
    Class::new("UDSServerRs", "uds_", &SERVERS),
];

static PACKET_PEER_CLASSES: [Class; 1] = [Class::new("PacketPeerSocketRs", "", &PACKET_PEERS)];

static WEBSOCKET_CLASSES: [Class; 1] = [Class::new("WebSocketPeerRs", "", &WEBSOCKETS)];

pub(crate) static PEERS: ClassTree = ClassTree {
    base: "StreamPeerSocketRs",
    classes: &PEER_CLASSES,
    enumerations: &[Enumeration {
        name: "Status",
        constants: &[
            ("STATUS_NONE", Status::None as i64),
            ("STATUS_CONNECTING", Status::Connecting as i64),
            ("STATUS_CONNECTED", Status::Connected as i64),
            ("STATUS_ERROR", Status::Error as i64),
        ],
    }],
    properties: &[
        Property::new(
            "connect_timeout",
            Float,
            "set_connect_timeout",
            "get_connect_timeout",
        ),
        Property::new(
            "read_timeout",
            Float,
            "set_read_timeout",
            "get_read_timeout",
        ),
        Property::new(
            "write_timeout",
            Float,
            "set_write_timeout",
            "get_write_timeout",
        ),
        Property::new(
            "allow_half_open",
            Bool,
            "set_allow_half_open",
            "is_half_open_allowed",
        ),
        Property::new(
            "write_buffer_limit",
            Int,
            "set_write_buffer_limit",
            "get_write_buffer_limit",
        ),
        Property::new(
            "coalesce_writes",
            Bool,
            "set_coalesce_writes",
            "is_coalescing_writes",
        ),
    ],
    methods: PEER_METHODS,
    virtuals: Some(stream_virtuals::<PeerPart>()),
    parts: PartKind::of::<PeerPart>(),
    engine_class: OnceLock::new(),
};

pub(crate) static SERVERS: ClassTree = ClassTree {
    base: "SocketServerRs",
    classes: &SERVER_CLASSES,
    enumerations: &[],
    properties: &[
        Property::new(
            "max_pending_connections",
            Int,
            "set_max_pending_connections",
            "get_max_pending_connections",
        ),
        Property::new(
            "socket_mode",
            Int,
            "uds_set_socket_mode",
            "uds_get_socket_mode",
        ),
    ],
    methods: SERVER_METHODS,
    virtuals: None,
    parts: PartKind::of::<ServerPart>(),
    engine_class: OnceLock::new(),
};

pub(crate) static PACKET_PEERS: ClassTree = ClassTree {
    base: "PacketPeerSocketRs",
    classes: &PACKET_PEER_CLASSES,
    enumerations: &[Enumeration {
        name: "Framing",
        constants: &[
            ("FRAMING_LENGTH", FramingKind::Length as i64),
            ("FRAMING_DELIMITER", FramingKind::Delimiter as i64),
            ("FRAMING_CONTENT_LENGTH", FramingKind::ContentLength as i64),
        ],
    }],
    properties: &[
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
            PackedByteArray,
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
    methods: PACKET_PEER_METHODS,
    virtuals: Some(packet_virtuals::<PacketPeerPart<ObjectRef>>()),
    parts: PartKind::of::<PacketPeerPart<ObjectRef>>(),
    engine_class: OnceLock::new(),
};

static WEBSOCKET_PROPERTIES: [Property; 14] = [
    Property::new(
        "keep_alive_in_background",
        Bool,
        "set_keep_alive_in_background",
        "is_kept_alive_in_background",
    ),
    Property::new(
        "handshake_headers",
        PackedStringArray,
        "set_handshake_headers",
        "get_handshake_headers",
    ),
    Property::new(
        "heartbeat_interval",
        Float,
        "set_heartbeat_interval",
        "get_heartbeat_interval",
    ),
    Property::new(
        "inbound_buffer_size",
        Int,
        "set_inbound_buffer_size",
        "get_inbound_buffer_size",
    ),
    Property::new(
        "max_queued_packets",
        Int,
        "set_max_queued_packets",
        "get_max_queued_packets",
    ),
    Property::new(
        "outbound_buffer_size",
        Int,
        "set_outbound_buffer_size",
        "get_outbound_buffer_size",
    ),
    Property::new(
        "supported_protocols",
        PackedStringArray,
        "set_supported_protocols",
        "get_supported_protocols",
    ),
    Property::new(
        "max_message_bytes",
        Int,
        "set_max_message_bytes",
        "get_max_message_bytes",
    ),
    Property::new(
        "max_frame_bytes",
        Int,
        "set_max_frame_bytes",
        "get_max_frame_bytes",
    ),
    Property::new(
        "handshake_timeout",
        Float,
        "set_handshake_timeout",
        "get_handshake_timeout",
    ),
    Property::new(
        "compression",
        Bool,
        "set_compression",
        "is_compression_allowed",
    ),
    Property::new(
        "compression_threshold",
        Int,
        "set_compression_threshold",
        "get_compression_threshold",
    ),
    Property::new(
        "compression_window_bits",
        Int,
        "set_compression_window_bits",
        "get_compression_window_bits",
    ),
    Property::new(
        "compression_context_takeover",
        Bool,
        "set_compression_context_takeover",
        "is_compression_context_kept",
    ),
];

pub(crate) static WEBSOCKETS: ClassTree = ClassTree {
    base: "WebSocketPeerRs",
    classes: &WEBSOCKET_CLASSES,
    enumerations: &[
        Enumeration {
            name: "WriteMode",
            constants: &[("WRITE_MODE_TEXT", 0), ("WRITE_MODE_BINARY", 1)],
        },
        Enumeration {
            name: "State",
            constants: &[
                ("STATE_CONNECTING", State::Connecting as i64),
                ("STATE_OPEN", State::Open as i64),
                ("STATE_CLOSING", State::Closing as i64),
                ("STATE_CLOSED", State::Closed as i64),
            ],
        },
    ],
    properties: &WEBSOCKET_PROPERTIES,
    methods: WEBSOCKET_METHODS,
    virtuals: Some(packet_virtuals::<WebSocketPart<ObjectRef>>()),
    parts: PartKind::of::<WebSocketPart<ObjectRef>>(),
    engine_class: OnceLock::new(),
};
