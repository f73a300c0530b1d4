//! The class tree of WebSockets.

use std::sync::OnceLock;

use stream_socket_web::websocket::session::State;

use crate::bridge::MethodKind::{Const, Mutating, Static};
use crate::bridge::PropertyKind::{Bool, Float, Int, PackedStringArray};
use crate::bridge::{
    Class, ClassTree, Enumeration, MethodRow, ObjectRef, PartKind, Property, Returned,
    packet_virtuals,
};
use crate::parts::WebSocketPart;
use crate::shared_methods::AUTO_POLL;

pub(super) static CLASS: [Class; 1] = [Class::new("WebSocketPeerRs", "", &TREE)];

// gdext answers `poll` and `accept_stream`, because they use the object of the stream too.
const METHODS: &[MethodRow] = &[
    MethodRow::by_gdext("get_ready_state", Const).returning(Returned::OwnEnumeration("State")),
    MethodRow::by_gdext("send", Mutating).taking(1, "WriteMode"),
    MethodRow::by_gdext("broadcast", Static).taking(2, "WriteMode"),
    MethodRow::by_gdext("was_string_packet", Const),
];

static PROPERTIES: [Property; 15] = [
    AUTO_POLL,
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

pub(crate) static TREE: ClassTree = ClassTree {
    base: "WebSocketPeerRs",
    classes: &CLASS,
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
    properties: &PROPERTIES,
    methods: METHODS,
    virtuals: Some(packet_virtuals::<WebSocketPart<ObjectRef>>()),
    parts: PartKind::of::<WebSocketPart<ObjectRef>>(),
    engine_class: OnceLock::new(),
};
