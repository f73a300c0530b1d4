//! What happens to a connection, in the order in which it happens.

use std::collections::VecDeque;

use crate::sync::thread::{self, ThreadId};

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Not connected: new, disconnected, or ended by the peer.
    None = 0,
    /// A connect is under way; [`Connection::poll`](crate::Connection::poll) advances it.
    Connecting = 1,
    /// Data can be exchanged.
    Connected = 2,
    /// The connect failed, or [`Connection::poll`](crate::Connection::poll) met a socket error.
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

/// Something that has happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The status changed to this one.
    StatusChanged(Status),
    /// A connect that was accepted has come to its end. Each such connect has exactly one.
    ConnectFinished(ConnectEnd),
    /// An established connection has ended. Each such connection has exactly one.
    Disconnected(DisconnectCause),
    /// The last queued byte was handed to the system.
    Drained,
}

/// How a connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectEnd {
    /// Connected.
    Connected,
    /// The name did not resolve.
    Unresolved,
    /// No address accepted.
    Refused,
    /// The time limit passed.
    TimedOut,
    /// It was disconnected before.
    Cancelled,
}

/// Why an established connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectCause {
    /// This side disconnected.
    Local,
    /// The peer ended the stream, between two packets or within one.
    EndOfStream,
    /// The socket failed.
    Failure,
    /// The peer sent bytes that are not a packet.
    InvalidData,
}

/// How a connect, or the connection that it has made, has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// The connect has failed, or was cancelled.
    Connect(ConnectEnd),
    /// The connection has ended.
    Disconnect(DisconnectCause),
}

/// Above this number of waiting events, a status replaces the status before it, and a `Drained` the one before it.
const MAX_EVENTS: usize = 256;

/// How far back such an event is looked for: one connection has three events before its end.
const LOOK_BACK: usize = 4;

/// Events that wait for delivery: each is delivered once, in order, by one thread at a time.
///
/// A handler may do anything, so it runs without a lock, and it may deliver the events behind its own before it returns.
/// While a thread delivers, other threads leave the events to it.
#[derive(Debug)]
pub struct EventQueue<E> {
    events: VecDeque<E>,
    deliverer: Deliverer,
}

/// Which thread delivers.
#[derive(Debug, Default)]
pub(crate) struct Deliverer(Option<ThreadId>);

/// A thread's part in a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The thread delivers from now on, until it [ends](EventQueue::end) that.
    Begun,
    /// The thread delivers already: a handler of it has asked again.
    Nested,
    /// Another thread delivers.
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
    /// Adds an event.
    pub fn push(&mut self, event: E) {
        self.events.push_back(event);
    }

    /// Begins to deliver.
    pub fn begin(&mut self) -> Delivery {
        self.deliverer.begin()
    }

    /// The next event, for a thread that delivers. If there is none, a delivery that has begun here ends, before another
    /// thread can add an event and leave it to this one.
    pub fn next_or_end(&mut self, delivery: Delivery) -> Option<E> {
        debug_assert!(self.deliverer.is_this_thread());
        let event = self.pop();
        if event.is_none() {
            self.end(delivery);
        }
        event
    }

    /// The next event, for the only one who asks.
    pub fn pop(&mut self) -> Option<E> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            // Most connections have had their events, and have none for a long time.
            self.events = VecDeque::new();
        }
        event
    }

    /// Ends a delivery, if it has [begun](Delivery::Begun) here.
    pub fn end(&mut self, delivery: Delivery) {
        self.deliverer.end(delivery);
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl Deliverer {
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

    pub(crate) fn end(&mut self, delivery: Delivery) {
        // It may have ended already, and another thread have begun.
        if delivery == Delivery::Begun && self.is_this_thread() {
            self.0 = None;
        }
    }

    fn is_this_thread(&self) -> bool {
        self.0 == Some(thread::current().id())
    }
}

impl EventQueue<Event> {
    /// As [`push`](Self::push), but a queue that nobody empties merges its statuses. How a connect or a connection has ended
    /// is never merged.
    pub(crate) fn push_merged(&mut self, event: Event) {
        let replaces = |other: &Event| match event {
            Event::StatusChanged(_) => matches!(other, Event::StatusChanged(_)),
            Event::Drained => matches!(other, Event::Drained),
            Event::ConnectFinished(_) | Event::Disconnected(_) => false,
        };
        let count = self.events.len();
        if count >= MAX_EVENTS
            && let Some(back) = self.events.iter().rev().take(LOOK_BACK).position(replaces)
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
    fn a_queue_that_nobody_empties_loses_no_end() {
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
        assert_eq!(queue.begin(), Delivery::Nested, "the outer one goes on");
        assert_eq!(queue.next_or_end(Delivery::Begun), None);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| queue.begin());
            assert_eq!(other.join().unwrap(), Delivery::Begun);
        });
    }
}
