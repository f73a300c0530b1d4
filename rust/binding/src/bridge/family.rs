//! Which classes there are, and which method belongs to which: the table behind the registration.

use std::sync::OnceLock;

use godot::builtin::StringName;

use super::instance::Callbacks;

/// An abstract base class with its subclasses. gdext knows the base only.
pub(crate) struct Family {
    pub(crate) base: &'static str,
    pub(crate) subclasses: [Class; 2],
    /// The enum of the base: its name and its constants.
    pub(crate) enumeration: Option<(&'static str, &'static [(&'static str, i64)])>,
    /// gdext's own callbacks for the base, known once it has registered it.
    pub(super) callbacks: OnceLock<Callbacks>,
}

/// A subclass. Its methods are the Rust functions of the family's struct whose name starts with its prefix.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(super) family: &'static Family,
    godot_name: OnceLock<StringName>,
    method_prefix: &'static str,
}

pub(crate) static PEERS: Family = Family {
    base: "StreamPeerSocketRs",
    subclasses: [
        Class {
            name: "StreamPeerTCPRs",
            family: &PEERS,
            godot_name: OnceLock::new(),
            method_prefix: "tcp_",
        },
        Class {
            name: "StreamPeerUDSRs",
            family: &PEERS,
            godot_name: OnceLock::new(),
            method_prefix: "uds_",
        },
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
    callbacks: OnceLock::new(),
};

pub(crate) static SERVERS: Family = Family {
    base: "SocketServerRs",
    subclasses: [
        Class {
            name: "TCPServerRs",
            family: &SERVERS,
            godot_name: OnceLock::new(),
            method_prefix: "tcp_",
        },
        Class {
            name: "UDSServerRs",
            family: &SERVERS,
            godot_name: OnceLock::new(),
            method_prefix: "uds_",
        },
    ],
    enumeration: None,
    callbacks: OnceLock::new(),
};

pub(crate) static TCP_PEER: &Class = &PEERS.subclasses[0];
pub(crate) static UDS_PEER: &Class = &PEERS.subclasses[1];

/// Where a method goes, and how ClassDB shows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route<'a> {
    pub(crate) class: &'static str,
    pub(crate) method: &'a str,
    /// Whether it changes nothing. The engine's naming tells.
    pub(crate) is_const: bool,
    /// The class or enum it returns, where Rust's type does not say it.
    pub(crate) returns: Option<&'static str>,
}

impl Class {
    /// The name as Godot wants it, for each new object.
    pub(super) fn name(&self) -> &StringName {
        self.godot_name.get_or_init(|| StringName::from(self.name))
    }
}

impl Family {
    pub(crate) fn of_base(base: &str) -> Option<&'static Family> {
        [&PEERS, &SERVERS]
            .into_iter()
            .find(|family| family.base == base)
    }

    /// Routes the Rust function `function`: to the subclass whose prefix it has, without it, or to the base.
    pub(crate) fn route<'a>(&self, function: &'a str) -> Route<'a> {
        let (class, method) = self
            .subclasses
            .iter()
            .find_map(|class| Some((class.name, function.strip_prefix(class.method_prefix)?)))
            .unwrap_or((self.base, function));
        let returns = match (class, method) {
            (_, "get_status") => Some("StreamPeerSocketRs.Status"),
            (_, "take_socket_connection") => Some(PEERS.base),
            ("TCPServerRs", "take_connection") => Some(TCP_PEER.name),
            ("UDSServerRs", "take_connection") => Some(UDS_PEER.name),
            _ => None,
        };
        Route {
            class,
            method,
            is_const: method.starts_with("get_") || method.starts_with("is_"),
            returns,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_routes_a_method_to_its_subclass() {
        let route = PEERS.route("tcp_connect_to_host");
        assert_eq!(
            (route.class, route.method),
            ("StreamPeerTCPRs", "connect_to_host")
        );
        let route = SERVERS.route("uds_take_connection");
        assert_eq!(
            (route.class, route.method),
            ("UDSServerRs", "take_connection")
        );
        assert_eq!(route.returns, Some("StreamPeerUDSRs"));
    }

    #[test]
    fn a_method_without_a_prefix_is_the_base_s() {
        let route = PEERS.route("get_status");
        assert_eq!(
            (route.class, route.method),
            ("StreamPeerSocketRs", "get_status")
        );
        assert!(route.is_const);
        assert!(!PEERS.route("poll").is_const);
    }
}
