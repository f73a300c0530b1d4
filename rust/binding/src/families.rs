//! Which classes there are: the families, and the parts of their objects.

use std::sync::OnceLock;

use crate::bridge::{Calls, Class, Family, Object, Property};
use crate::parts::{PacketPeer, Peer, Server};

pub(crate) static ALL: [&Family; 3] = [&PEERS, &SERVERS, &PACKET_PEERS];

pub(crate) static TCP_PEER: &Class = &PEER_CLASSES[0];
pub(crate) static UDS_PEER: &Class = &PEER_CLASSES[1];
pub(crate) static PACKET_PEER: &Class = &PACKET_PEER_CLASSES[0];

static PEER_CLASSES: [Class; 2] = [
    Class::new("StreamPeerTCPRs", "tcp_", &PEERS),
    Class::new("StreamPeerUDSRs", "uds_", &PEERS),
];

static SERVER_CLASSES: [Class; 2] = [
    Class::new("TCPServerRs", "tcp_", &SERVERS),
    Class::new("UDSServerRs", "uds_", &SERVERS),
];

static PACKET_PEER_CLASSES: [Class; 1] = [Class::new("PacketPeerSocketRs", "", &PACKET_PEERS)];

static PEERS: Family = Family {
    base: "StreamPeerSocketRs",
    classes: &PEER_CLASSES,
    enumeration: Some((
        "Status",
        &[
            ("STATUS_NONE", 0),
            ("STATUS_CONNECTING", 1),
            ("STATUS_CONNECTED", 2),
            ("STATUS_ERROR", 3),
        ],
    )),
    properties: &[],
    returns: &[("get_status", "StreamPeerSocketRs.Status")],
    taking: &[],
    calls: Calls::of_stream::<Peer>(),
    callbacks: OnceLock::new(),
};

static SERVERS: Family = Family {
    base: "SocketServerRs",
    classes: &SERVER_CLASSES,
    enumeration: None,
    properties: &[Property {
        name: "socket_mode",
        setter: "uds_set_socket_mode",
        getter: "uds_get_socket_mode",
    }],
    returns: &[
        ("take_socket_connection", "StreamPeerSocketRs"),
        ("tcp_take_connection", "StreamPeerTCPRs"),
        ("uds_take_connection", "StreamPeerUDSRs"),
    ],
    taking: &[],
    calls: Calls::of_polled::<Server>(),
    callbacks: OnceLock::new(),
};

static PACKET_PEERS: Family = Family {
    base: "PacketPeerSocketRs",
    classes: &PACKET_PEER_CLASSES,
    enumeration: Some((
        "Framing",
        &[
            ("FRAMING_LENGTH", 0),
            ("FRAMING_DELIMITER", 1),
            ("FRAMING_CONTENT_LENGTH", 2),
        ],
    )),
    properties: &[],
    returns: &[("get_framing", "PacketPeerSocketRs.Framing")],
    taking: &["get_text", "get_json"],
    calls: Calls::of_packets::<PacketPeer<Object>>(),
    callbacks: OnceLock::new(),
};
