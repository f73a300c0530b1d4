//! The tables that the bridge makes the classes from: the class trees, the types of their parts,
//! and a row for each method that gdext cannot register correctly.
//!
//! A method needs a row here in three cases: it is a direct method, which the bridge answers
//! without gdext; its return type in Rust does not name the class or enumeration that ClassDB
//! should show; or its name is misleading about whether it is const. (`get_*` and `is_*` are const,
//! all others are not.) A prefix determines which class of a tree a method belongs to: `tcp_listen`
//! is `TCPServerRs.listen`. A debug build with a row or a property whose names match no `#[func]`
//! ends when it is loaded.

use std::sync::OnceLock;

use stream_socket::Status;
use stream_socket_web::websocket::session::State;

use crate::bridge::Constness::{Const, Mutating};
use crate::bridge::{
    Class, ClassTree, Enumeration, HandleKind, MethodRow, ObjectRef, Property, PropertyKind,
    Returned, flush, get_status, packet_virtuals, poll, receive, set_object, stream_virtuals,
};
use crate::parts::{FramingKind, PacketPeerPart, PeerPart, ServerPart, WebSocketPart};

pub(crate) static ALL: [&ClassTree; 4] = [&PEERS, &SERVERS, &PACKET_PEERS, &WEBSOCKETS];

/// The properties of each class that has both accessors, whether it belongs to a class tree or not.
pub(crate) static SHARED_PROPERTIES: [Property; 1] = [Property {
    name: "auto_poll",
    kind: PropertyKind::Bool,
    setter: "set_auto_poll",
    getter: "is_auto_polling",
}];

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
];

// gdext answers `poll` and `accept_stream`, because they use the object of the stream too.
const WEBSOCKET_METHODS: &[MethodRow] = &[
    MethodRow::by_gdext("get_ready_state", Const).returning(Returned::OwnEnumeration("State")),
    MethodRow::by_gdext("send", Mutating).taking(1, "WriteMode"),
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

static PEERS: ClassTree = ClassTree {
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
    properties: &[],
    methods: PEER_METHODS,
    virtuals: Some(stream_virtuals::<PeerPart>()),
    handles: HandleKind::of::<PeerPart>(),
    storage_callbacks: OnceLock::new(),
};

static SERVERS: ClassTree = ClassTree {
    base: "SocketServerRs",
    classes: &SERVER_CLASSES,
    enumerations: &[],
    properties: &[Property {
        name: "socket_mode",
        kind: PropertyKind::Int,
        setter: "uds_set_socket_mode",
        getter: "uds_get_socket_mode",
    }],
    methods: SERVER_METHODS,
    virtuals: None,
    handles: HandleKind::of::<ServerPart>(),
    storage_callbacks: OnceLock::new(),
};

static PACKET_PEERS: ClassTree = ClassTree {
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
    properties: &[],
    methods: PACKET_PEER_METHODS,
    virtuals: Some(packet_virtuals::<PacketPeerPart<ObjectRef>>()),
    handles: HandleKind::of::<PacketPeerPart<ObjectRef>>(),
    storage_callbacks: OnceLock::new(),
};

static WEBSOCKET_PROPERTIES: [Property; 14] = [
    Property {
        name: "keep_alive_in_background",
        kind: PropertyKind::Bool,
        setter: "set_keep_alive_in_background",
        getter: "is_kept_alive_in_background",
    },
    Property {
        name: "handshake_headers",
        kind: PropertyKind::PackedStringArray,
        setter: "set_handshake_headers",
        getter: "get_handshake_headers",
    },
    Property {
        name: "heartbeat_interval",
        kind: PropertyKind::Float,
        setter: "set_heartbeat_interval",
        getter: "get_heartbeat_interval",
    },
    Property {
        name: "inbound_buffer_size",
        kind: PropertyKind::Int,
        setter: "set_inbound_buffer_size",
        getter: "get_inbound_buffer_size",
    },
    Property {
        name: "max_queued_packets",
        kind: PropertyKind::Int,
        setter: "set_max_queued_packets",
        getter: "get_max_queued_packets",
    },
    Property {
        name: "outbound_buffer_size",
        kind: PropertyKind::Int,
        setter: "set_outbound_buffer_size",
        getter: "get_outbound_buffer_size",
    },
    Property {
        name: "supported_protocols",
        kind: PropertyKind::PackedStringArray,
        setter: "set_supported_protocols",
        getter: "get_supported_protocols",
    },
    Property {
        name: "max_message_bytes",
        kind: PropertyKind::Int,
        setter: "set_max_message_bytes",
        getter: "get_max_message_bytes",
    },
    Property {
        name: "max_frame_bytes",
        kind: PropertyKind::Int,
        setter: "set_max_frame_bytes",
        getter: "get_max_frame_bytes",
    },
    Property {
        name: "handshake_timeout",
        kind: PropertyKind::Float,
        setter: "set_handshake_timeout",
        getter: "get_handshake_timeout",
    },
    Property {
        name: "compression",
        kind: PropertyKind::Bool,
        setter: "set_compression",
        getter: "is_compression_allowed",
    },
    Property {
        name: "compression_threshold",
        kind: PropertyKind::Int,
        setter: "set_compression_threshold",
        getter: "get_compression_threshold",
    },
    Property {
        name: "compression_window_bits",
        kind: PropertyKind::Int,
        setter: "set_compression_window_bits",
        getter: "get_compression_window_bits",
    },
    Property {
        name: "compression_context_takeover",
        kind: PropertyKind::Bool,
        setter: "set_compression_context_takeover",
        getter: "is_compression_context_kept",
    },
];

static WEBSOCKETS: ClassTree = ClassTree {
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
    handles: HandleKind::of::<WebSocketPart<ObjectRef>>(),
    storage_callbacks: OnceLock::new(),
};
