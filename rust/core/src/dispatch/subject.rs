//! Whom an event is about, and who listens: what the layer knows of objects.

use crate::connection::Connection;
use crate::dispatch::packet_channel::PacketChannel;
use crate::dispatch::peer_events::{PeerEvent, PeerEvents};
use crate::error::{AcceptError, EndError};
use crate::event::EndCause;
use crate::listener::Listener;

/// A connection, with those who listen to it alone. A clone is the same peer.
pub trait Peer: Clone {
    /// The connection.
    fn connection(&self) -> &Connection;

    /// Whether anybody listens to [`PeerEvent::DataAvailable`].
    fn wants_data(&self) -> bool;

    /// Notifies the listeners of the peer. They may do anything meanwhile.
    fn notify(&self, event: PeerEvent);
}

/// What can be a member of an [`EventLoop`](crate::dispatch::EventLoop), with those who listen to it alone.
pub trait Subject {
    /// The peers.
    type Peer: Peer;
    /// A packet, as listeners get it.
    type Packet;

    /// A number that no other subject has as long as this one is there.
    fn id(&self) -> u64;

    /// Where its events come from.
    fn source(&self) -> Source<'_, Self::Peer>;

    /// Makes a packet of its bytes. Runs with the connection locked, so it must not use it.
    fn packet(bytes: &[u8]) -> Self::Packet;

    /// Whether anybody listens to [`OwnEvent::PacketReceived`]. A packet is taken only for a listener.
    fn wants_packets(&self) -> bool;

    /// Notifies those who listen to this subject alone, of what its peer does not. They may do anything meanwhile.
    fn notify(&self, event: OwnEvent<'_, Self::Packet>);
}

/// Where the events of a subject come from.
#[derive(Debug)]
pub enum Source<'a, P> {
    /// A connection.
    Peer(&'a P),
    /// The packets of a connection.
    Packets(&'a PacketChannel<P>),
    /// A listening socket.
    Server(&'a Listener),
}

/// What is reported of a packet channel or a listening socket by itself.
#[derive(Debug)]
pub enum OwnEvent<'a, T> {
    /// A packet was taken.
    PacketReceived(&'a T),
    /// The stream cannot be cut into packets any more, and was disconnected.
    Failed(&'a EndError),
    /// A connection can be accepted.
    ConnectionAvailable,
    /// A connection that waits cannot be accepted now.
    AcceptFailed(&'a AcceptError),
}

/// Who listens to an [`EventLoop`](crate::dispatch::EventLoop).
pub trait LoopListener<S: Subject> {
    /// Whether anybody listens to [`LoopEvent::PacketReceived`]. Asked before each packet is taken.
    fn wants_packets(&mut self) -> bool;

    /// Notifies the listeners of something about `member`. They may do anything meanwhile.
    fn notify(&mut self, member: &S, event: LoopEvent<'_, S::Packet>);
}

/// What an event loop reports of a member.
#[derive(Clone, Copy, Debug)]
pub enum LoopEvent<'a, T> {
    /// It was accepted, or its connect has succeeded.
    Connected,
    /// It has unread bytes.
    DataAvailable,
    /// A packet was taken.
    PacketReceived(&'a T),
    /// Its connection has ended, or its connect has failed. An accepted member is not a member any more.
    Disconnected(EndCause),
}

/// Delivers what `peer`, which was polled, has to report to its own listeners. Part of a poll.
pub(super) fn deliver<P: Peer>(peer: &P) {
    for event in PeerEvents::within(peer.connection()) {
        peer.notify(event);
    }
}
