//! A packet peer together with the object that emits its signals.

use std::sync::Arc;

use godot::builtin::PackedByteArray;
use stream_socket::dispatch::{OwnEvent, Source, Subject};

use super::codes::Code;
use super::packet_peer::PacketPeerPart;
use super::part::Emitter;
use super::peer_object::PeerObject;
use super::signal::Signal;

/// A packet peer: its part, and its object, which this keeps alive.
pub(crate) struct PacketPeerObject<O> {
    pub(crate) object: O,
    pub(crate) packets: Arc<PacketPeerPart<O>>,
}

impl<O: Emitter> Subject for PacketPeerObject<O> {
    type Peer = PeerObject<O>;
    type Packet = PackedByteArray;

    fn id(&self) -> u64 {
        self.object.id()
    }

    fn source(&self) -> Source<'_, PeerObject<O>> {
        Source::Packets(&self.packets.channel)
    }

    fn packet(bytes: &[u8]) -> PackedByteArray {
        PackedByteArray::from(bytes)
    }

    fn wants_packets(&self) -> bool {
        self.object.listens(Signal::packet_received())
    }

    fn notify(&self, event: OwnEvent<'_, PackedByteArray>) {
        match event {
            OwnEvent::PacketReceived(packet) => {
                self.object.emit(&Signal::PacketReceived(packet.clone()));
            }
            OwnEvent::Failed(reason) => self.object.emit(&Signal::Failed(reason.exact())),
            // A packet peer has no other event.
            _ => {}
        }
    }
}
