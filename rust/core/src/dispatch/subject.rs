//! The traits of what can be a member of an event loop, and of what listens to the loop.

use std::fmt;

use crate::dispatch::packet_channel::PacketChannel;
use crate::dispatch::peer::Peer;
use crate::dispatch::session::Session;
use crate::error::{AcceptError, EndError};
use crate::event::EndCause;
use crate::listener::Listener;

/// What can be a member of an [`EventLoop`](crate::dispatch::EventLoop): a source of events with
/// listeners of its own.
pub trait Subject: Sized {
    /// The type of the peers.
    type Peer: Peer;
    /// A packet, as listeners receive it.
    type Packet;
    /// A message that goes to many, as [sessions](Session) get it.
    type Message<'a>;

    /// A number that identifies the subject. No other subject has it while this one exists.
    fn id(&self) -> u64;

    /// Where its events come from.
    fn source(&self) -> Source<'_, Self>;

    /// Makes a packet of its bytes. `is_text` is whether it was sent as text: never by a packet
    /// channel. Runs with the connection locked, so it must not use the connection.
    fn packet(bytes: &[u8], is_text: bool) -> Self::Packet;

    /// Whether anything listens to [`OwnEvent::PacketReceived`]. Packets are taken only for
    /// listeners.
    fn wants_packets(&self) -> bool;

    /// Notifies the subject's own listeners of what its peer does not report itself. They may do
    /// anything in the meantime.
    fn notify(&self, event: OwnEvent<'_, Self::Packet>);
}

/// Where the events of a subject come from.
#[non_exhaustive]
pub enum Source<'a, S: Subject> {
    /// A connection.
    Peer(&'a S::Peer),
    /// The packets of a connection.
    Packets(&'a PacketChannel<S::Peer>),
    /// A session over a connection.
    Session(&'a dyn Session<S>),
    /// A listening socket.
    Server(&'a Listener),
}

impl<S: Subject> fmt::Debug for Source<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Peer(_) => "Peer",
            Source::Packets(_) => "Packets",
            Source::Session(_) => "Session",
            Source::Server(_) => "Server",
        })
    }
}

/// What a packet channel or a listening socket reports to its own listeners.
#[derive(Debug)]
#[non_exhaustive]
pub enum OwnEvent<'a, T> {
    /// A packet was taken.
    PacketReceived(&'a T),
    /// No further packet can be found in the stream, and it was disconnected.
    Failed(&'a EndError),
    /// A connection can be accepted.
    ConnectionAvailable,
    /// A connection is waiting, but cannot be accepted now.
    AcceptFailed(&'a AcceptError),
}

/// The listener of an [`EventLoop`](crate::dispatch::EventLoop).
pub trait LoopListener<S: Subject> {
    /// Whether anything listens to [`LoopEvent::PacketReceived`]. Called before each packet is
    /// taken.
    fn wants_packets(&mut self) -> bool;

    /// Reports an event of `member`. The listener may do anything in the meantime.
    fn notify(&mut self, member: &S, event: LoopEvent<'_, S::Packet>);
}

/// What an event loop reports of a member.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum LoopEvent<'a, T> {
    /// It was accepted, or its connect succeeded. A session has begun.
    Connected,
    /// It has unread bytes.
    DataAvailable,
    /// A packet was taken.
    PacketReceived(&'a T),
    /// Its connection or its session ended, or its connect failed. A member that the loop accepted was removed
    /// before.
    Disconnected(EndCause),
}
