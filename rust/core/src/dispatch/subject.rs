//! The traits of what can be a member of an event loop, of sessions, and of the handler of a loop.

use std::fmt;
use std::time::Instant;

use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::outlet::Outlet;
use crate::dispatch::packet_channel::PacketChannel;
use crate::error::{AcceptError, EndError};
use crate::event::EndCause;
use crate::listener::Listener;

/// What can be a member of an [`EventLoop`](crate::dispatch::EventLoop): a source of events with
/// handlers of its own.
pub trait Subject: Sized {
    /// The type of the endpoints.
    type Endpoint: Endpoint;
    /// A packet, as handlers receive it.
    type Packet;
    /// A message that goes to many, as [sessions](PacketSession) get it.
    type Message<'a>;

    /// A number that identifies the subject. No other subject has it while this one exists.
    fn id(&self) -> u64;

    /// Where its events come from.
    fn source(&self) -> Source<'_, Self>;

    /// Makes a packet of its bytes. `is_text` is whether it was sent as text: never by a packet
    /// channel. Runs with the connection locked, so it must not use the connection.
    fn packet(bytes: &[u8], is_text: bool) -> Self::Packet;

    /// Whether there is a handler for [`OwnEvent::PacketReceived`]. Packets are taken only for
    /// handlers.
    fn wants_packets(&self) -> bool;

    /// Notifies the subject's own handlers of what its endpoint does not report itself. They may do
    /// anything in the meantime.
    fn notify(&self, event: OwnEvent<'_, Self::Packet>);
}

/// Where the events of a subject come from.
#[non_exhaustive]
pub enum Source<'a, S: Subject> {
    /// A connection.
    Endpoint(&'a S::Endpoint),
    /// The packets of a connection.
    Packets(&'a PacketChannel<S::Endpoint>),
    /// A session over a connection.
    Session(&'a dyn PacketSession<S>),
    /// A listening socket.
    Server(&'a Listener),
}

impl<S: Subject> fmt::Debug for Source<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Endpoint(_) => "Endpoint",
            Source::Packets(_) => "Packets",
            Source::Session(_) => "Session",
            Source::Server(_) => "Server",
        })
    }
}

/// What a packet channel or a listening socket reports to its own handlers.
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

/// The handler of an [`EventLoop`](crate::dispatch::EventLoop).
pub trait LoopHandler<S: Subject> {
    /// Whether there is a handler for [`LoopEvent::PacketReceived`]. Called before each packet is
    /// taken.
    fn wants_packets(&mut self) -> bool;

    /// Reports an event of `member`. The handler may do anything in the meantime.
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
    /// Its connection or its session ended, or its connect failed. A member that the loop accepted
    /// was removed before.
    Disconnected(EndCause),
}

/// A protocol over a connection that begins, transfers packets and ends by itself. It may have
/// another connection later.
///
/// A poll calls [`begin_poll`](Self::begin_poll), polls the endpoint, and then calls
/// [`exchange`](Self::exchange) and [`take`](Self::take) in turn. Each may be called from any
/// thread, and several at once.
pub trait PacketSession<S: Subject> {
    /// The event loops that the session is in.
    fn outlet(&self) -> &Outlet;

    /// The endpoint whose connection carries the session, if there is one that can be watched.
    /// Changes with [`Outlet::replace_endpoint`] only.
    fn endpoint(&self) -> Option<S::Endpoint>;

    /// Whether the endpoint is polled with the session. Otherwise it is only watched, because a
    /// layer between the two reads from it.
    fn polls_endpoint(&self) -> bool;

    /// Begins a poll at `now`, before the endpoint is polled.
    fn begin_poll(&self, now: Instant);

    /// Moves what can be moved now between the connection and the session, and does not wait. Does
    /// what is due at `now`. Returns whether another call may receive more.
    fn exchange(&self, now: Instant) -> bool;

    /// When the session has to be polled, apart from events of its connection.
    fn next_poll(&self) -> NextPoll;

    /// Whether a packet can be taken.
    fn has_packet(&self) -> bool;

    /// Takes the next of what has happened. A packet only if `wants_packet`; otherwise, events pass
    /// by the packets. Calls `share` with it, without a lock.
    fn take(
        &self,
        wants_packet: bool,
        share: &mut dyn FnMut(SharedEvent<'_>),
    ) -> Option<Taken<'_, S::Packet>>;

    /// Queues a message that goes to many. `None` if the session does not transfer packets now.
    /// Otherwise whether [`flush`](Self::flush) has to be called.
    fn send(&self, message: &mut S::Message<'_>) -> Option<Result<bool, Refusal>>;

    /// Sends as much of what is queued as the system accepts now.
    fn flush(&self);
}

/// A session does not send a message. Why is recorded in the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal;

/// When a session has to be polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextPoll {
    /// With the next poll: there is something to do.
    Now,
    /// A few milliseconds later: what it waits for cannot be watched.
    Soon,
    /// At this time; `None` is never.
    At(Option<Instant>),
}

/// What was taken of a session, as other event loops get it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum SharedEvent<'a> {
    /// The session has begun.
    Opened,
    /// It has ended, or has not begun.
    Closed(EndCause),
    /// A packet.
    Packet {
        /// Its bytes.
        bytes: &'a [u8],
        /// Whether it was sent as text.
        is_text: bool,
    },
}

/// What was taken of a session. Exhaustive: a session gives a packet or reports an event.
pub enum Taken<'a, T> {
    /// A packet.
    Packet(T),
    /// An event. The function notifies the session's own handlers.
    Event(Box<dyn FnOnce() + 'a>),
}

impl<T> fmt::Debug for Taken<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Taken::Packet(_) => "Packet",
            Taken::Event(_) => "Event",
        })
    }
}
