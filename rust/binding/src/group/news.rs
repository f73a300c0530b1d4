//! The signals of a group.

use std::sync::OnceLock;

use godot::builtin::{PackedByteArray, StringName, Variant};
use godot::classes::{Object, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, Gd};

use super::StreamPeerSocketGroupRs;

/// Tells the scripts that listen to a group. Handlers run meanwhile, which may do anything: the caller holds no lock.
pub(super) struct Teller {
    group: Gd<Object>,
}

struct Names {
    peer_connected: StringName,
    peer_data_available: StringName,
    peer_packet_received: StringName,
    peer_disconnected: StringName,
}

fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(|| Names {
        peer_connected: "peer_connected".into(),
        peer_data_available: "peer_data_available".into(),
        peer_packet_received: "peer_packet_received".into(),
        peer_disconnected: "peer_disconnected".into(),
    })
}

impl Teller {
    pub(super) fn new(group: &Gd<StreamPeerSocketGroupRs>) -> Teller {
        Teller {
            group: group.clone().upcast(),
        }
    }

    /// Whether somebody listens to packets. Otherwise they are left to be taken.
    pub(super) fn hears_packets(&self) -> bool {
        self.group.has_connections(&names().peer_packet_received)
    }

    pub(super) fn connected(&mut self, peer: &Gd<RefCounted>) {
        self.tell(&names().peer_connected, &[peer.to_variant()]);
    }

    pub(super) fn data_available(&mut self, peer: &Gd<RefCounted>) {
        self.tell(&names().peer_data_available, &[peer.to_variant()]);
    }

    pub(super) fn packet_received(&mut self, peer: &Gd<RefCounted>, packet: &PackedByteArray) {
        let arguments = [peer.to_variant(), packet.to_variant()];
        self.tell(&names().peer_packet_received, &arguments);
    }

    pub(super) fn disconnected(&mut self, peer: &Gd<RefCounted>, error: Error) {
        let arguments = [peer.to_variant(), i64::from(error.ord()).to_variant()];
        self.tell(&names().peer_disconnected, &arguments);
    }

    fn tell(&mut self, signal: &StringName, arguments: &[Variant]) {
        // Asking costs less than emitting to nobody.
        if self.group.has_connections(signal) {
            self.group.emit_signal(signal, arguments);
        }
    }
}
