//! A packet peer together with the object that emits its signals.

use std::sync::Arc;

use stream_socket::dispatch::{OwnEvent, Source, Subject};

use super::codes::Code;
use super::packet_peer::PacketPeerPart;
use super::part::Emitter;
use super::peer_object::PeerObject;
use super::received_packet::ReceivedPacket;
use super::signal::Signal;

/// A packet peer: its part, and its object, which this keeps alive.
pub(crate) struct PacketPeerObject<O> {
    pub(crate) object: O,
    pub(crate) packets: Arc<PacketPeerPart<O>>,
}

impl<O: Emitter> PacketPeerObject<O> {
    /// Notifies the handlers of the packet peer.
    pub(crate) fn notify(&self, event: OwnEvent<'_, ReceivedPacket>) {
        match event {
            OwnEvent::PacketReceived(packet) => {
                self.object
                    .emit(&Signal::PacketReceived(packet.bytes.clone()));
            }
            OwnEvent::Failed(reason) => self.object.emit(&Signal::Failed(reason.exact())),
            // A packet peer has no other event.
            _ => {}
        }
    }
}

impl<O: Emitter> Subject for PacketPeerObject<O> {
    type Endpoint = PeerObject<O>;
    type Packet = ReceivedPacket;
    type Message<'a> = ();

    fn id(&self) -> u64 {
        self.object.id()
    }

    fn source(&self) -> Source<'_, Self> {
        Source::Packets(&self.packets.channel)
    }

    fn packet(bytes: &[u8], is_text: bool) -> ReceivedPacket {
        ReceivedPacket::new(bytes, is_text)
    }

    fn wants_packets(&self) -> bool {
        self.object.listens(Signal::packet_received())
    }

    fn notify(&self, event: OwnEvent<'_, ReceivedPacket>) {
        PacketPeerObject::notify(self, event);
    }
}
