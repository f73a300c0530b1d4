//! The signals of a group.

use godot::builtin::{PackedByteArray, StringName, Variant};
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, Gd};
use stream_socket::{LoopEvent, LoopListener};

use super::StreamPeerSocketGroupRs;
use super::member::Member;
use crate::bridge::Object;
use crate::parts::end_code;

/// Emits the signals of a group while it is polled.
pub(super) struct Signals {
    group: Object,
    names: Names,
}

/// The names of the signals, each as it is asked for and as it is emitted. Making one anew for each signal would cost as much as
/// emitting it.
struct Names {
    connected: Name,
    data_available: Name,
    packet_received: Name,
    disconnected: Name,
}

struct Name {
    name: StringName,
    variant: Variant,
}

/// The name of the signal with a packet.
pub(super) const PACKET_RECEIVED: &str = "peer_packet_received";

impl Name {
    fn new(name: &str) -> Name {
        let name = StringName::from(name);
        let variant = name.to_variant();
        Name { name, variant }
    }
}

impl Signals {
    pub(super) fn of(group: &Gd<StreamPeerSocketGroupRs>) -> Signals {
        Signals {
            group: Object::new(group),
            names: Names {
                connected: Name::new("peer_connected"),
                data_available: Name::new("peer_data_available"),
                packet_received: Name::new(PACKET_RECEIVED),
                disconnected: Name::new("peer_disconnected"),
            },
        }
    }

    fn emit(&self, name: &Name, arguments: &[&Variant]) {
        // Asking costs less than emitting to nobody.
        if self.group.has_connections(&name.name) {
            self.group.emit_signal(&name.variant, arguments);
        }
    }
}

impl LoopListener<Member> for Signals {
    fn wants_packets(&mut self) -> bool {
        self.group.has_connections(&self.names.packet_received.name)
    }

    fn notify(&mut self, member: &Member, event: LoopEvent<'_, PackedByteArray>) {
        let names = &self.names;
        let member = member.object().variant();
        match event {
            LoopEvent::Connected => self.emit(&names.connected, &[member]),
            LoopEvent::DataAvailable => self.emit(&names.data_available, &[member]),
            LoopEvent::PacketReceived(packet) => {
                let packet = packet.to_variant();
                self.group
                    .emit_signal(&names.packet_received.variant, &[member, &packet]);
            }
            LoopEvent::Disconnected(cause) => {
                let code = i64::from(end_code(cause).ord()).to_variant();
                self.emit(&names.disconnected, &[member, &code]);
            }
        }
    }
}
