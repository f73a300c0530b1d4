//! The members of a group, as the event loop of the core sees them.

use std::sync::Arc;

use godot::classes::RefCounted;
use godot::obj::Gd;
use stream_socket::dispatch::{OwnEvent, Source, Subject};
use stream_socket::{Connection, WriteError};
use stream_socket_web::websocket::SharedMessage;

use crate::bridge::{ObjectRef, part_of};
use crate::packet_peer::{self, PacketPeerSocketRs};
use crate::parts::{
    Code, Emitter, PacketFormat, PacketPeerObject, PeerObject, ReceivedPacket, ServerPart, Signal,
    WebSocketObject, advice_for, hints,
};
use crate::peer::{self, StreamPeerSocketRs};
use crate::server::{self, SocketServerRs};
use crate::websocket::{self, AcceptedWebSockets, WebSocketPeerRs};

/// An object that is a member, with its part. The member keeps the object alive.
pub(super) enum GroupMember {
    Peer(PeerObject<ObjectRef>),
    Packets(PacketPeerObject<ObjectRef>),
    WebSocket(WebSocketObject<ObjectRef>),
    Server {
        object: ObjectRef,
        server: Arc<ServerPart>,
    },
}

/// What the accepted connections of a server become.
#[derive(Default)]
pub(super) struct AcceptedForm {
    kind: AcceptedKind,
    /// A connection with the options that each gets.
    options: Option<Connection>,
}

#[derive(Default)]
enum AcceptedKind {
    #[default]
    Peers,
    /// Packet peers with this framing and these limits.
    Packets(PacketFormat),
    WebSockets(AcceptedWebSockets),
}

/// Why an object cannot be the template of accepted connections.
pub(super) enum NoForm {
    /// It is an object of another class.
    Class,
    /// Its properties are invalid, for this reason.
    Properties(String),
}

impl NoForm {
    /// What is wrong with the object, which is of `class`.
    pub(super) fn text(&self, class: &str) -> String {
        match self {
            NoForm::Class => format!(
                "{class} is not a StreamPeerSocketRs, a PacketPeerSocketRs or a WebSocketPeerRs{}",
                advice_for(class)
            ),
            NoForm::Properties(why) => why.clone(),
        }
    }
}

impl AcceptedForm {
    /// A form like the current state of `object`: a WebSocket, a packet peer, or a peer.
    pub(super) fn like(object: Gd<RefCounted>) -> Result<AcceptedForm, NoForm> {
        let object = match object.try_cast::<WebSocketPeerRs>() {
            Ok(peer) => {
                let websockets = AcceptedWebSockets::like(&peer).map_err(NoForm::Properties)?;
                let kind = AcceptedKind::WebSockets(websockets);
                let stream = websocket::with_part(&peer).part.stream();
                let stream = stream.and_then(|stream| stream.socket().cloned());
                return Ok(AcceptedForm::of(kind, stream.as_ref()));
            }
            Err(object) => object,
        };
        let (kind, stream) = match object.try_cast::<PacketPeerSocketRs>() {
            Ok(packets) => {
                let packets = part_of(&packets);
                let kind = AcceptedKind::Packets(packets.format());
                (kind, packets.channel.endpoint())
            }
            Err(object) => {
                let peer = object.try_cast::<StreamPeerSocketRs>();
                let peer = peer.map_err(|_| NoForm::Class)?;
                let stream = peer::with_part(&peer, part_of(&peer));
                (AcceptedKind::Peers, Some(stream))
            }
        };
        Ok(AcceptedForm::of(kind, stream.as_ref()))
    }

    fn of(kind: AcceptedKind, stream: Option<&PeerObject<ObjectRef>>) -> AcceptedForm {
        let options = stream.map(|stream| {
            let options = Connection::new();
            // Without a socket, no system call can fail.
            let _ = options.set_all_like(&stream.peer.connection);
            options
        });
        AcceptedForm { kind, options }
    }

    /// Sets the options of an accepted connection.
    fn prepare(&self, connection: &Connection) {
        let Some(options) = &self.options else { return };
        let queue_limit = connection.queue_limit();
        // A client that has gone already may make an option fail. Its end is reported anyway.
        let _ = connection.set_all_like(options);
        if options.queue_limit() == 0 {
            connection.set_queue_limit(queue_limit);
        }
    }
}

impl GroupMember {
    /// `object` as a member, or `None` if it cannot be one.
    pub(super) fn of(object: Gd<RefCounted>) -> Option<GroupMember> {
        let object = match object.try_cast::<StreamPeerSocketRs>() {
            Ok(peer) => return Some(GroupMember::peer(&peer)),
            Err(object) => object,
        };
        let object = match object.try_cast::<PacketPeerSocketRs>() {
            Ok(packets) => return Some(GroupMember::packets(&packets)),
            Err(object) => object,
        };
        let object = match object.try_cast::<WebSocketPeerRs>() {
            Ok(peer) => return Some(GroupMember::WebSocket(websocket::with_part(&peer))),
            Err(object) => object,
        };
        let server = object.try_cast::<SocketServerRs>().ok()?;
        Some(GroupMember::server(&server))
    }

    pub(super) fn peer(peer: &Gd<StreamPeerSocketRs>) -> GroupMember {
        GroupMember::Peer(peer::with_part(peer, part_of(peer)))
    }

    pub(super) fn packets(packets: &Gd<PacketPeerSocketRs>) -> GroupMember {
        GroupMember::Packets(packet_peer::with_part(packets, part_of(packets)))
    }

    pub(super) fn server(server: &Gd<SocketServerRs>) -> GroupMember {
        let part = part_of(server);
        hints::used(&*part);
        GroupMember::Server {
            object: ObjectRef::new(server),
            server: part,
        }
    }

    /// A member over an accepted connection.
    pub(super) fn accepted(connection: Connection, form: &AcceptedForm) -> GroupMember {
        form.prepare(&connection);
        let (peer, part) = server::accepted_peer(connection);
        let peer = peer::with_part(&peer, part);
        match &form.kind {
            AcceptedKind::Peers => GroupMember::Peer(peer),
            AcceptedKind::Packets(format) => GroupMember::Packets(packet_peer::over(peer, format)),
            AcceptedKind::WebSockets(websockets) => {
                // The settings were checked, so this cannot fail.
                let websocket = websockets.accept(peer.clone());
                websocket.map_or(GroupMember::Peer(peer), GroupMember::WebSocket)
            }
        }
    }

    pub(super) fn is_server(&self) -> bool {
        matches!(self, GroupMember::Server { .. })
    }

    pub(super) fn object(&self) -> &ObjectRef {
        match self {
            GroupMember::Peer(peer) => &peer.object,
            GroupMember::Packets(member) => &member.object,
            GroupMember::WebSocket(member) => &member.object,
            GroupMember::Server { object, .. } => object,
        }
    }

    /// Records why the member did not take a broadcast.
    pub(super) fn record(&self, error: &WriteError) {
        match self {
            GroupMember::Peer(peer) => peer.peer.record(error),
            GroupMember::Packets(member) => member.packets.record(error),
            GroupMember::WebSocket(_) | GroupMember::Server { .. } => error.returned(),
        };
    }
}

impl Subject for GroupMember {
    type Endpoint = PeerObject<ObjectRef>;
    type Packet = ReceivedPacket;
    type Message<'a> = SharedMessage<'a>;

    fn id(&self) -> u64 {
        self.object().id()
    }

    fn source(&self) -> Source<'_, Self> {
        match self {
            GroupMember::Peer(peer) => Source::Endpoint(peer),
            GroupMember::Packets(member) => Source::Packets(&member.packets.channel),
            GroupMember::WebSocket(member) => Source::Session(member),
            GroupMember::Server { server, .. } => Source::Server(&server.listener),
        }
    }

    fn packet(bytes: &[u8], is_text: bool) -> ReceivedPacket {
        ReceivedPacket::new(bytes, is_text)
    }

    fn wants_packets(&self) -> bool {
        self.object().listens(Signal::packet_received())
    }

    fn notify(&self, event: OwnEvent<'_, ReceivedPacket>) {
        match self {
            GroupMember::Peer(_) => {}
            GroupMember::Packets(member) => member.notify(event),
            GroupMember::WebSocket(member) => member.notify(event),
            GroupMember::Server { object, server } => match event {
                OwnEvent::ConnectionAvailable => object.emit(&Signal::ConnectionAvailable),
                OwnEvent::AcceptFailed(error) => drop(server.last_error.record(error)),
                _ => {}
            },
        }
    }
}
