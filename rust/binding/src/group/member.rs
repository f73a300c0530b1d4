//! The members of a group, as its event loop sees them.

use std::sync::Arc;

use godot::builtin::PackedByteArray;
use godot::classes::RefCounted;
use godot::obj::Gd;
use stream_socket::dispatch::{OwnEvent, Source, Subject};
use stream_socket::{Connection, WriteError};

use crate::bridge::Object;
use crate::packet_peer::PacketPeerSocketRs;
use crate::parts::{Code, Emitter, PacketPeer, PeerObject, Server, Signal};
use crate::peer::StreamPeerSocketRs;
use crate::server::{self, SocketServerRs};

/// An object that is a member, with its part. It is kept alive.
pub(super) enum Member {
    Peer(PeerObject<Object>),
    Packets(PacketMember),
    Server { object: Object, server: Arc<Server> },
}

/// A packet peer, with its object.
pub(crate) struct PacketMember {
    pub(crate) object: Object,
    pub(crate) packets: Arc<PacketPeer<Object>>,
}

impl Member {
    /// `object` as a member, if it can be one.
    pub(super) fn of(object: Gd<RefCounted>) -> Option<Member> {
        let object = match object.try_cast::<StreamPeerSocketRs>() {
            Ok(peer) => return Some(Member::peer(&peer)),
            Err(object) => object,
        };
        let object = match object.try_cast::<PacketPeerSocketRs>() {
            Ok(packets) => return Some(Member::packets(&packets)),
            Err(object) => object,
        };
        let server = object.try_cast::<SocketServerRs>().ok()?;
        Some(Member::server(&server))
    }

    pub(super) fn peer(peer: &Gd<StreamPeerSocketRs>) -> Member {
        Member::Peer(StreamPeerSocketRs::with_object(peer))
    }

    pub(super) fn packets(packets: &Gd<PacketPeerSocketRs>) -> Member {
        Member::Packets(PacketPeerSocketRs::with_object(packets))
    }

    pub(super) fn server(server: &Gd<SocketServerRs>) -> Member {
        Member::Server {
            object: Object::new(server),
            server: server.bind().server.clone(),
        }
    }

    /// A member over a connection that was accepted: a packet peer with the framing and the limit of `format`, if there is
    /// one.
    pub(super) fn accepted(connection: Connection, format: Option<&PacketPeer<Object>>) -> Member {
        let peer = server::accepted_peer(connection);
        match format {
            None => Member::peer(&peer),
            Some(format) => Member::packets(&PacketPeerSocketRs::over(peer, format)),
        }
    }

    pub(super) fn object(&self) -> &Object {
        match self {
            Member::Peer(peer) => &peer.object,
            Member::Packets(member) => &member.object,
            Member::Server { object, .. } => object,
        }
    }

    /// Remembers why the member did not take a broadcast.
    pub(super) fn record(&self, error: &WriteError) {
        match self {
            Member::Peer(peer) => peer.peer.last_error.record(error),
            Member::Packets(member) => member.packets.last_error.record(error),
            Member::Server { .. } => error.returned(),
        };
    }
}

impl Subject for Member {
    type Peer = PeerObject<Object>;
    type Packet = PackedByteArray;

    fn id(&self) -> u64 {
        self.object().id()
    }

    fn source(&self) -> Source<'_, PeerObject<Object>> {
        match self {
            Member::Peer(peer) => Source::Peer(peer),
            Member::Packets(member) => member.source(),
            Member::Server { server, .. } => Source::Server(&server.listener),
        }
    }

    fn packet(bytes: &[u8]) -> PackedByteArray {
        PackedByteArray::from(bytes)
    }

    fn wants_packets(&self) -> bool {
        self.object().listens(Signal::packet_received())
    }

    fn notify(&self, event: OwnEvent<'_, PackedByteArray>) {
        match self {
            Member::Peer(_) => {}
            Member::Packets(member) => member.notify(event),
            Member::Server { object, server } => match event {
                OwnEvent::ConnectionAvailable => object.emit(&Signal::ConnectionAvailable),
                OwnEvent::AcceptFailed(error) => drop(server.last_error.record(error)),
                _ => {}
            },
        }
    }
}

impl Subject for PacketMember {
    type Peer = PeerObject<Object>;
    type Packet = PackedByteArray;

    fn id(&self) -> u64 {
        self.object.id()
    }

    fn source(&self) -> Source<'_, PeerObject<Object>> {
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
            _ => {}
        }
    }
}
