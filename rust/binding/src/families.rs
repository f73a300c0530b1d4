//! Which classes there are: the two families, and the parts of their objects.

use std::sync::OnceLock;

use crate::bridge::{Calls, Class, Family, Property};
use crate::parts::{Peer, Server};

pub(crate) static ALL: [&Family; 2] = [&PEERS, &SERVERS];

pub(crate) static TCP_PEER: &Class = &PEERS.subclasses[0];
pub(crate) static UDS_PEER: &Class = &PEERS.subclasses[1];

static PEERS: Family = Family {
    base: "StreamPeerSocketRs",
    subclasses: [
        Class::new("StreamPeerTCPRs", "tcp_", &PEERS),
        Class::new("StreamPeerUDSRs", "uds_", &PEERS),
    ],
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
    calls: Calls::of_stream::<Peer>(),
    callbacks: OnceLock::new(),
};

static SERVERS: Family = Family {
    base: "SocketServerRs",
    subclasses: [
        Class::new("TCPServerRs", "tcp_", &SERVERS),
        Class::new("UDSServerRs", "uds_", &SERVERS),
    ],
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
    calls: Calls::of_part::<Server>(),
    callbacks: OnceLock::new(),
};
