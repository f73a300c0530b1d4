//! What an event loop needs of a session: a protocol over a connection that begins and ends by
//! itself, such as a WebSocket.

use std::time::Instant;

use crate::dispatch::outlet::Outlet;
use crate::dispatch::subject::Subject;
use crate::event::EndCause;

/// A protocol over a connection that begins, transfers packets and ends by itself. It may have
/// another connection later.
///
/// A poll calls [`begin_poll`](Self::begin_poll), and then [`exchange`](Self::exchange) and
/// [`take`](Self::take) in turn. Each may be called from any thread, and several at once.
pub trait Session<S: Subject> {
    /// The event loops that the session is in.
    fn outlet(&self) -> &Outlet;

    /// The peer whose connection carries the session, if there is one that can be watched. Changes
    /// with [`Outlet::replace_peer`] only.
    fn peer(&self) -> Option<S::Peer>;

    /// Whether the peer is polled with the session. Otherwise it is only watched, because a layer
    /// between the two reads from it.
    fn polls_peer(&self) -> bool;

    /// Begins a poll at `now`, after the peer was polled.
    fn begin_poll(&self, now: Instant);

    /// Moves what can be moved now between the connection and the session, and does not wait.
    /// Returns whether another call may receive more.
    fn exchange(&self) -> bool;

    /// When the session has to be polled, apart from events of its connection.
    fn next_poll(&self) -> NextPoll;

    /// Whether a packet can be taken.
    fn has_packet(&self) -> bool;

    /// Takes the next of what has happened. A packet only if `wants_packet`; otherwise, events pass
    /// by the packets. Calls `share` with it, without a lock.
    fn take(
        &self,
        wants_packet: bool,
        share: &mut dyn FnMut(Shared<'_>),
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
pub enum Shared<'a> {
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

/// What was taken of a session.
pub enum Taken<'a, T> {
    /// A packet.
    Packet(T),
    /// An event. The function notifies the session's own listeners.
    Event(Box<dyn FnOnce() + 'a>),
}

impl<T> std::fmt::Debug for Taken<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Taken::Packet(_) => "Packet",
            Taken::Event(_) => "Event",
        })
    }
}
