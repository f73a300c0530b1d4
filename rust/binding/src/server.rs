//! `SocketServerRs`: the methods of all servers.
//!
//! The methods of one class are in [`server_tcp`](crate::server_tcp) and
//! [`server_uds`](crate::server_uds). The methods that call the core are in the part,
//! [`ServerPart`].

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api};
use stream_socket::{Address, Connection};

use crate::bridge::MethodKind::Mutating;
use crate::bridge::PropertyKind::Int;
use crate::bridge::{
    self, Bridged, Class, ClassTree, MethodRow, PartKind, Property, Returned, poll,
};
use crate::numbers;
use crate::parts::{LastError, PeerPart, ServerPart, hints};
use crate::peer::{self, StreamPeerSocketRs, TCP_PEER, UDS_PEER};
use crate::shared_methods::{
    AUTO_POLL, Failing, auto_poll_methods, last_error_methods, last_os_error_method,
};

/// The server classes. There is no value of this type: the bridge makes an object with a
/// [`ServerPart`], and decides its class.
#[derive(GodotClass)]
#[class(tool, no_init, base = RefCounted)]
pub struct SocketServerRs {
    // gdext requires it of a class with signals.
    _base: Base<RefCounted>,
}

static CLASSES: [Class; 2] = [
    Class::new("TCPServerRs", "tcp_", &TREE),
    Class::new("UDSServerRs", "uds_", &TREE),
];

const METHODS: &[MethodRow] = &[
    MethodRow::direct("poll", Mutating, poll::<ServerPart>()),
    MethodRow::by_gdext("take_socket_connection", Mutating)
        .returning(Returned::Class("StreamPeerSocketRs")),
    MethodRow::by_gdext("tcp_take_connection", Mutating)
        .returning(Returned::Class("StreamPeerTCPRs")),
    MethodRow::by_gdext("uds_take_connection", Mutating)
        .returning(Returned::Class("StreamPeerUDSRs")),
];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "SocketServerRs",
    classes: &CLASSES,
    enumerations: &[],
    properties: &[
        AUTO_POLL,
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
    methods: METHODS,
    virtuals: None,
    parts: PartKind::of::<ServerPart>(),
    engine_class: OnceLock::new(),
};

impl Bridged for SocketServerRs {
    type Part = ServerPart;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

#[godot_api]
impl SocketServerRs {
    #[signal]
    fn connection_available();

    #[func]
    fn poll() -> Error {
        bridge::poll_part(&Self::this())
    }

    #[func]
    fn is_connection_available() -> bool {
        Self::this().is_connection_available().unwrap_or(false)
    }

    #[func]
    fn is_listening() -> bool {
        Self::this().listener.is_listening()
    }

    #[func]
    fn stop() {
        let this = Self::this();
        hints::used(&*this);
        this.listener.stop();
    }

    #[func]
    pub(crate) fn take_socket_connection() -> Option<Gd<StreamPeerSocketRs>> {
        let this = Self::this();
        hints::used(&*this);
        let connection = match this.listener.accept() {
            Ok(accepted) => {
                let connection = accepted?;
                this.last_error.clear();
                connection
            }
            Err(error) => {
                this.last_error.record(&error);
                return None;
            }
        };
        Some(accepted_peer(connection).0)
    }

    #[func]
    fn set_max_pending_connections(count: i64) {
        let this = Self::this();
        if let Ok(count) = this.accept(numbers::count("max_pending_connections", count)) {
            this.backlog.store(count, Ordering::Relaxed);
        }
    }

    #[func]
    fn get_max_pending_connections() -> i64 {
        i64::try_from(Self::this().backlog.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
    }
}

/// A peer over an accepted connection, with its part.
pub(crate) fn accepted_peer(connection: Connection) -> (Gd<StreamPeerSocketRs>, Arc<PeerPart>) {
    let class = match connection.peer_address() {
        Some(Address::Unix(_)) => UDS_PEER,
        _ => TCP_PEER,
    };
    peer::from_connection(class, connection)
}

last_error_methods!(SocketServerRs);
last_os_error_method!(SocketServerRs);
auto_poll_methods!(SocketServerRs, bridge::poll_part);

impl Failing for ServerPart {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }
}
