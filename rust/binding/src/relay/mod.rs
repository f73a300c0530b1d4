//! `SocketRelayRs`: forwards clients to a target through a simulated bad network.
//!
//! A `Relay` of the crate `stream-socket-relay` does the work. [`conditions`] is the resource that
//! sets what the network does.

mod conditions;
mod part;

use std::sync::OnceLock;

use godot::builtin::GString;
use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api};
use stream_socket::{Address, BindAddress, Target};

use self::conditions::SocketConditionsRs;
pub(crate) use self::conditions::TREE as CONDITIONS_TREE;
use self::part::{RelayDirection, RelayPart};
use crate::bridge::PropertyKind::{Int, Object};
use crate::bridge::{Bridged, Class, ClassTree, PartKind, Property};
use crate::shared_methods::{
    AUTO_POLL, Failing, auto_poll_methods, last_error_methods, last_os_error_method,
};
use crate::{settings, text};

/// The class of relays. There is no value of this type: the bridge makes an object with a
/// [`RelayPart`].
#[derive(GodotClass)]
#[class(tool, no_init, base = RefCounted)]
pub struct SocketRelayRs {
    // gdext requires it of a class with signals.
    _base: Base<RefCounted>,
}

static CLASS: [Class; 1] = [Class::new("SocketRelayRs", "", &TREE)];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "SocketRelayRs",
    classes: &CLASS,
    enumerations: &[],
    properties: &[
        AUTO_POLL,
        Property::new(
            "to_target",
            Object("SocketConditionsRs"),
            "set_to_target",
            "get_to_target",
        ),
        Property::new(
            "to_client",
            Object("SocketConditionsRs"),
            "set_to_client",
            "get_to_client",
        ),
        Property::new("seed", Int, "set_seed", "get_seed"),
    ],
    methods: &[],
    virtuals: None,
    parts: PartKind::of::<RelayPart>(),
    engine_class: OnceLock::new(),
};

impl Bridged for SocketRelayRs {
    type Part = RelayPart;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

#[godot_api]
impl SocketRelayRs {
    #[signal]
    fn link_opened(link: i64);

    #[signal]
    fn link_closed(link: i64, error: Error);

    #[func]
    fn listen(port: i64, #[opt(default = "*")] bind_address: GString) -> Error {
        let this = Self::this();
        match this.accept(text::listen_address(&bind_address, port)) {
            Ok(address) => this.listen_at(&address),
            Err(code) => code,
        }
    }

    #[func]
    fn listen_at_path(path: GString) -> Error {
        let this = Self::this();
        match text::path(&path) {
            Ok(path) => this.listen_at(&BindAddress::Unix(path)),
            Err(what) => this.refuse(&format!("listen: {what}")),
        }
    }

    #[func]
    fn set_target_host(host: GString, port: i64) -> Error {
        let this = Self::this();
        let host = host.to_string();
        let Some(port) = u16::try_from(port).ok().filter(|&port| port > 0) else {
            return this.refuse(&format!(
                "set_target_host: port {port} is not between 1 and 65535"
            ));
        };
        match Target::new(&host, port) {
            Ok(target) => this.set_target(target, settings::tcp_connect_timeout()),
            Err(error) => this.refuse(&format!("set_target_host {host:?}: {error}")),
        }
    }

    #[func]
    fn set_target_path(path: GString) -> Error {
        let this = Self::this();
        match text::path(&path) {
            Ok(path) => {
                let target = Target::Address(Address::Unix(path));
                this.set_target(target, settings::unix_connect_timeout())
            }
            Err(what) => this.refuse(&format!("set_target_path: {what}")),
        }
    }

    #[func]
    fn is_listening() -> bool {
        Self::this().relay().is_listening()
    }

    #[func]
    fn get_local_port() -> i32 {
        Self::this().relay().local_port().into()
    }

    #[func]
    fn get_listen_path() -> GString {
        match Self::this().relay().local_address() {
            Some(Address::Unix(path)) => GString::from(path.to_string_lossy().as_ref()),
            _ => GString::new(),
        }
    }

    #[func]
    fn stop() {
        Self::this().relay().stop();
    }

    #[func]
    fn poll() -> Error {
        part::poll(&Self::this())
    }

    #[func]
    fn close_all() {
        Self::this().relay().close_all();
    }

    #[func]
    fn abort_all() {
        Self::this().relay().abort_all();
    }

    #[func]
    fn get_link_count() -> i64 {
        Self::this().relay().link_count() as i64
    }

    #[func]
    fn get_bytes_to_target() -> i64 {
        Self::this().relay().bytes_to_target() as i64
    }

    #[func]
    fn get_bytes_to_client() -> i64 {
        Self::this().relay().bytes_to_client() as i64
    }

    #[func]
    fn get_bytes_under_way() -> i64 {
        Self::this().relay().bytes_in_transit() as i64
    }

    #[func]
    fn set_to_target(conditions: Option<Gd<SocketConditionsRs>>) {
        Self::this().set_conditions(RelayDirection::ToTarget, conditions);
    }

    #[func]
    fn get_to_target() -> Option<Gd<SocketConditionsRs>> {
        Some(Self::this().conditions(RelayDirection::ToTarget))
    }

    #[func]
    fn set_to_client(conditions: Option<Gd<SocketConditionsRs>>) {
        Self::this().set_conditions(RelayDirection::ToClient, conditions);
    }

    #[func]
    fn get_to_client() -> Option<Gd<SocketConditionsRs>> {
        Some(Self::this().conditions(RelayDirection::ToClient))
    }

    #[func]
    fn set_seed(seed: i64) {
        let this = Self::this();
        this.chosen().seed = seed;
        this.relay().set_seed(seed as u64);
    }

    #[func]
    fn get_seed() -> i64 {
        Self::this().chosen().seed
    }
}

last_error_methods!(SocketRelayRs);
last_os_error_method!(SocketRelayRs);
auto_poll_methods!(SocketRelayRs, part::poll);
