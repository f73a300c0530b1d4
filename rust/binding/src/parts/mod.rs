//! The parts of the objects that several classes use. They are plain Rust: a connection or a
//! listener of the core, with further state for Godot's methods. Godot holds the part as the
//! instance of the object. The parts know neither the classes of the objects nor how Godot finds
//! them.
//!
//! [`part`] has the traits that the bridge requires. [`peer`], [`server`] and [`packet_peer`] are
//! the parts; [`peer_object`] and [`packet_peer_object`] are parts together with the object that
//! emits their signals. [`websocket`] has the part of a WebSocket. [`presence`] knows whether the
//! object of a part is alive. [`codes`], [`last_error`] and [`signal`] translate errors and events
//! of the core, and [`received_packet`] is a packet as a signal's argument. [`lent`] keeps packets
//! that Godot reads after the call. [`frame_poll_state`] is the `auto_poll` of an object. [`live`]
//! lists the sockets that exist, and [`hints`] finds mistakes that nothing else reports.

mod codes;
mod frame_poll_state;
pub(crate) mod hints;
mod last_error;
mod lent;
pub(crate) mod live;
mod packet_peer;
mod packet_peer_object;
mod part;
mod peer;
mod peer_object;
mod presence;
mod received_packet;
mod server;
mod signal;
pub(crate) mod websocket;

pub(crate) use codes::{Code, end_code};
pub(crate) use frame_poll_state::{FramePoll, FramePolled};
pub(crate) use last_error::{Details, LastError};
pub(crate) use packet_peer::{FramingKind, PacketFormat, PacketPeerPart, advice_for};
pub(crate) use packet_peer_object::PacketPeerObject;
pub(crate) use part::{Constructible, Emitter, Packets, Part, Polled, Stream, TakesObject};
pub(crate) use peer::PeerPart;
pub(crate) use peer_object::PeerObject;
pub(crate) use presence::{ObjectAddress, Presence};
pub(crate) use received_packet::ReceivedPacket;
pub(crate) use server::ServerPart;
pub(crate) use signal::Signal;
pub(crate) use websocket::{
    EngineOutput, EngineStream, NO_CLOSE_FRAME, WebSocketObject, WebSocketPart, WebSocketSettings,
    WebSocketStream,
};
