//! The signals that a group emits while it is polled.

use std::sync::OnceLock;

use godot::builtin::Variant;
use godot::meta::ToGodot;
use godot::obj::EngineEnum;
use stream_socket::dispatch::{LoopEvent, LoopHandler};

use super::member::GroupMember;
use crate::bridge::{ObjectRef, SignalName};
use crate::parts::{ReceivedPacket, end_code};

const CONNECTED: &str = "peer_connected";
const DATA_AVAILABLE: &str = "peer_data_available";
pub(super) const PACKET_RECEIVED: &str = "peer_packet_received";
const DISCONNECTED: &str = "peer_disconnected";

/// The names of all signals.
pub(super) const SIGNALS: [&str; 4] = [CONNECTED, DATA_AVAILABLE, PACKET_RECEIVED, DISCONNECTED];

/// Emits the signals of a group while it is polled.
pub(super) struct GroupSignals {
    group: ObjectRef,
    names: &'static GroupSignalNames,
    /// Checked once in a poll. A handler that is connected during a poll is called by the next one.
    wants_data: bool,
}

struct GroupSignalNames {
    connected: SignalName,
    data_available: SignalName,
    packet_received: SignalName,
    disconnected: SignalName,
}

fn names() -> &'static GroupSignalNames {
    static NAMES: OnceLock<GroupSignalNames> = OnceLock::new();
    NAMES.get_or_init(|| GroupSignalNames {
        connected: SignalName::new(CONNECTED),
        data_available: SignalName::new(DATA_AVAILABLE),
        packet_received: SignalName::new(PACKET_RECEIVED),
        disconnected: SignalName::new(DISCONNECTED),
    })
}

impl GroupSignals {
    pub(super) fn of(group: ObjectRef) -> GroupSignals {
        let names = names();
        let wants_data = group.has_connections(&names.data_available);
        GroupSignals {
            group,
            names,
            wants_data,
        }
    }

    fn emit(&self, name: &SignalName, arguments: &[&Variant]) {
        // Checking for connections costs less than emitting a signal without connections.
        if self.group.has_connections(name) {
            self.group.emit_signal(name, arguments);
        }
    }
}

impl LoopHandler<GroupMember> for GroupSignals {
    fn wants_packets(&mut self) -> bool {
        self.group.has_connections(&self.names.packet_received)
    }

    fn notify(&mut self, member: &GroupMember, event: LoopEvent<'_, ReceivedPacket>) {
        let names = self.names;
        let object = member.object().variant();
        match event {
            LoopEvent::Connected => self.emit(&names.connected, &[object]),
            LoopEvent::DataAvailable if self.wants_data => {
                self.group.emit_signal(&names.data_available, &[object]);
            }
            LoopEvent::PacketReceived(packet) => {
                if let GroupMember::WebSocket(member) = member {
                    member.part.note_text(packet.is_text);
                }
                let arguments = [object, &packet.bytes.to_variant()];
                self.group.emit_signal(&names.packet_received, &arguments);
            }
            LoopEvent::Disconnected(cause) => {
                let code = i64::from(end_code(cause).ord()).to_variant();
                self.emit(&names.disconnected, &[object, &code]);
            }
            _ => {}
        }
    }
}
