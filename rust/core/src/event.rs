//! The events of a connection, and the queue from which one thread at a time delivers them.

use std::collections::VecDeque;

use crate::sync::thread::{self, ThreadId};

/// The status of a connection. Exhaustive: there are exactly the four states of the engine's
/// `StreamPeerSocket`, with the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Not connected: never connected, disconnected, or ended by the peer.
    None = 0,
    /// A connect is under way; [`Connection::poll`](crate::Connection::poll) advances it.
    Connecting = 1,
    /// Data can be exchanged.
    Connected = 2,
    /// The connect failed, or [`Connection::poll`](crate::Connection::poll) found that the socket
    /// failed.
    Error = 3,
}

impl Status {
    /// Every status, in the order of its number.
    pub(crate) const ALL: [Status; 4] = [
        Status::None,
        Status::Connecting,
        Status::Connected,
        Status::Error,
    ];
}

/// Something that happened to a connection. Exhaustive: a program that translates events stops
/// compiling when one is added, instead of losing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The status changed to this one.
    StatusChanged(Status),
    /// A connect ended. Occurs exactly once for each call of
    /// [`connect`](crate::Connection::connect) that returned `Ok`.
    ConnectFinished(ConnectEnd),
    /// An established connection ended. Occurs exactly once for each.
    Disconnected(DisconnectCause),
    /// The write buffer became empty: the kernel accepted the last queued byte.
    Drained,
}

/// How a connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectEnd {
    /// It succeeded.
    Connected,
    /// The name could not be resolved.
    Unresolved,
    /// No address accepted the connection.
    Refused,
    /// The time limit passed.
    TimedOut,
    /// The connection was disconnected before the connect ended.
    Cancelled,
}

/// Why an established connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectCause {
    /// This side disconnected.
    Local,
    /// The peer ended the stream, between two packets or within one.
    EndOfStream,
    /// The socket failed.
    Failure,
    /// The peer sent a malformed packet, or one that is too long.
    InvalidData,
    /// The peer accepted nothing for too long.
    Stalled,
    /// The peer sent nothing for too long.
    Silent,
}

/// How a connect, or an established connection, ended. Exhaustive: a connection ends either before
/// or after it was established.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// The connect failed, or was cancelled.
    Connect(ConnectEnd),
    /// The established connection ended.
    Disconnect(DisconnectCause),
}

/// Above this number of queued events, a `StatusChanged` replaces an earlier one, and a `Drained`
/// likewise.
const MAX_EVENTS: usize = 256;

/// How many of the newest events are searched for one to replace: a connection has three events
/// before its end.
const SEARCHED_EVENTS: usize = 4;

/// Events queued for delivery: each is delivered once, in order, by one thread at a time.
///
/// Handlers run without a lock. A handler may deliver the later events itself before it returns.
/// While a thread delivers, other threads leave the events to it.
///
/// # Examples
///
/// ```
/// use stream_socket::dispatch::{Delivery, EventQueue};
///
/// let mut queue = EventQueue::default();
/// queue.push("connected");
/// let delivery = queue.begin();
/// assert_eq!(delivery, Delivery::Begun);
/// assert_eq!(queue.next_or_end(delivery), Some("connected"));
/// assert_eq!(queue.next_or_end(delivery), None);
/// ```
#[derive(Debug)]
pub struct EventQueue<E> {
    events: VecDeque<E>,
    deliverer: Deliverer,
}

/// The thread that delivers, if one does.
#[derive(Debug, Default)]
pub(crate) struct Deliverer(Option<ThreadId>);

/// The part of this thread in a delivery. Exhaustive: a caller has to handle each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// This thread delivers from now on, until it [ends](EventQueue::end) the delivery.
    Begun,
    /// This thread delivers already: a handler began another delivery.
    Nested,
    /// Another thread delivers, and will deliver these events too.
    Elsewhere,
}

impl<E> Default for EventQueue<E> {
    fn default() -> EventQueue<E> {
        EventQueue {
            events: VecDeque::new(),
            deliverer: Deliverer::default(),
        }
    }
}

impl<E> EventQueue<E> {
    /// Queues an event.
    pub fn push(&mut self, event: E) {
        self.events.push_back(event);
    }

    /// Begins a delivery, and returns the part of this thread in it. A delivery that has
    /// [`Begun`](Delivery::Begun) must be ended, by [`next_or_end`](Self::next_or_end) or
    /// [`end`](Self::end).
    pub fn begin(&mut self) -> Delivery {
        self.deliverer.begin()
    }

    /// Takes the next event, for the thread that delivers. If there is none, the `delivery` ends in
    /// the same call: no other thread can queue an event in between and leave it to this thread.
    pub fn next_or_end(&mut self, delivery: Delivery) -> Option<E> {
        debug_assert!(
            delivery != Delivery::Elsewhere && self.deliverer.is_this_thread(),
            "this thread does not deliver"
        );
        let event = self.pop();
        if event.is_none() {
            self.end(delivery);
        }
        event
    }

    /// Takes the next event outside of a delivery.
    pub fn pop(&mut self) -> Option<E> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            // Frees the memory: most connections have no further events for a long time.
            self.events = VecDeque::new();
        }
        event
    }

    /// Ends `delivery` if it is the outermost one ([`Delivery::Begun`]).
    pub fn end(&mut self, delivery: Delivery) {
        self.deliverer.end(delivery);
    }

    /// Whether no event is queued, and no thread delivers.
    pub(crate) fn is_unused(&self) -> bool {
        self.events.is_empty() && self.deliverer.0.is_none()
    }

    /// Whether no event is queued.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl Deliverer {
    /// Makes this thread the one that delivers, unless another one does.
    pub(crate) fn begin(&mut self) -> Delivery {
        let this_thread = thread::current().id();
        match self.0 {
            None => {
                self.0 = Some(this_thread);
                Delivery::Begun
            }
            Some(thread) if thread == this_thread => Delivery::Nested,
            Some(_) => Delivery::Elsewhere,
        }
    }

    /// Ends `delivery` if it is the outermost one.
    pub(crate) fn end(&mut self, delivery: Delivery) {
        // It may have ended already, and another thread may have begun one.
        if delivery == Delivery::Begun && self.is_this_thread() {
            self.0 = None;
        }
    }

    fn is_this_thread(&self) -> bool {
        self.0 == Some(thread::current().id())
    }
}

impl EventQueue<Event> {
    /// Like [`push`](Self::push), but coalesces status changes in a queue that is not read. The
    /// ends of connects and connections are always kept.
    pub(crate) fn push_merged(&mut self, event: Event) {
        let replaces = |other: &Event| match event {
            Event::StatusChanged(_) => matches!(other, Event::StatusChanged(_)),
            Event::Drained => matches!(other, Event::Drained),
            Event::ConnectFinished(_) | Event::Disconnected(_) => false,
        };
        let count = self.events.len();
        if count >= MAX_EVENTS
            && let Some(back) = self
                .events
                .iter()
                .rev()
                .take(SEARCHED_EVENTS)
                .position(replaces)
        {
            self.events.remove(count - 1 - back);
        }
        self.push(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_that_is_not_read_keeps_every_end() {
        let mut queue = EventQueue::default();
        for _ in 0..1000 {
            queue.push_merged(Event::StatusChanged(Status::Connecting));
            queue.push_merged(Event::ConnectFinished(ConnectEnd::Refused));
            queue.push_merged(Event::StatusChanged(Status::Error));
        }
        assert_eq!(queue.begin(), Delivery::Begun);
        let mut ends = 0;
        while let Some(event) = queue.pop() {
            ends += usize::from(matches!(event, Event::ConnectFinished(_)));
        }
        assert_eq!(ends, 1000);
        // The last status is still the last event.
        queue.push_merged(Event::StatusChanged(Status::Error));
        assert_eq!(queue.pop(), Some(Event::StatusChanged(Status::Error)));
    }

    #[test]
    fn another_thread_leaves_the_delivery_to_the_one_that_has_begun() {
        let mut queue = EventQueue::default();
        queue.push(1);
        assert_eq!(queue.begin(), Delivery::Begun);
        assert_eq!(queue.begin(), Delivery::Nested);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| queue.begin());
            assert_eq!(other.join().unwrap(), Delivery::Elsewhere);
        });
        assert_eq!(queue.next_or_end(Delivery::Begun), Some(1));
        assert_eq!(queue.next_or_end(Delivery::Nested), None);
        assert_eq!(
            queue.begin(),
            Delivery::Nested,
            "the outer delivery continues"
        );
        assert_eq!(queue.next_or_end(Delivery::Begun), None);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| queue.begin());
            assert_eq!(other.join().unwrap(), Delivery::Begun);
        });
    }
}
