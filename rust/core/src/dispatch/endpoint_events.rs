//! The events of one connection, for its own handlers.

use std::borrow::Borrow;

use crate::connection::Connection;
use crate::dispatch::nesting::Nesting;
use crate::event::{Delivery, Event};

/// What a connection reports to its own handlers. Exhaustive: a connection reports either an event
/// or that it has unread data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointEvent {
    /// Something that happened once.
    Happened(Event),
    /// There are unread bytes. Reported by each poll that finds some.
    DataAvailable,
}

/// The events of a connection that was polled: what happened, in order, and then whether there is
/// unread data. The iterator takes events one by one, so a handler that polls receives the rest
/// before the events that it causes itself.
///
/// One thread at a time delivers what happened. An iterator on another thread leaves those events
/// to that thread, and yields at most [`EndpointEvent::DataAvailable`].
///
/// # Examples
///
/// ```
/// use std::time::Instant;
/// use stream_socket::dispatch::{EndpointEvent, EndpointEvents};
/// use stream_socket::{Connection, Event};
///
/// let (client, server) = Connection::pair()?;
/// server.disconnect();
/// while client.poll(Instant::now)? {}
/// let events: Vec<_> = EndpointEvents::begin(&client).into_iter().flatten().collect();
/// assert!(matches!(events.last(), Some(EndpointEvent::Happened(Event::Disconnected(_)))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct EndpointEvents<C: Borrow<Connection>> {
    connection: C,
    delivery: Option<Delivery>,
    may_have_data: bool,
    nesting: Option<Nesting>,
}

impl<C: Borrow<Connection>> EndpointEvents<C> {
    /// Begins to deliver. `None` if polls are [nested](Nesting) too deeply; the outer polls then
    /// deliver the events.
    pub fn begin(connection: C) -> Option<EndpointEvents<C>> {
        let nesting = Nesting::enter()?;
        let mut events = EndpointEvents::within_poll(connection);
        events.nesting = Some(nesting);
        Some(events)
    }

    /// Like [`begin`](Self::begin), for a poll that holds a [`Nesting`] level already.
    pub(super) fn within_poll(connection: C) -> EndpointEvents<C> {
        let delivery = connection
            .borrow()
            .has_events()
            .then(|| connection.borrow().begin_delivery())
            .filter(|delivery| *delivery != Delivery::Elsewhere);
        EndpointEvents {
            connection,
            delivery,
            may_have_data: true,
            nesting: None,
        }
    }
}

impl<C: Borrow<Connection>> Iterator for EndpointEvents<C> {
    type Item = EndpointEvent;

    fn next(&mut self) -> Option<EndpointEvent> {
        let connection = self.connection.borrow();
        if let Some(delivery) = self.delivery {
            if let Some(event) = connection.next_delivery(delivery) {
                return Some(EndpointEvent::Happened(event));
            }
            self.delivery = None;
        }
        let has_data = std::mem::take(&mut self.may_have_data) && connection.has_unread();
        has_data.then_some(EndpointEvent::DataAvailable)
    }
}

impl<C: Borrow<Connection>> Drop for EndpointEvents<C> {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery {
            self.connection.borrow().end_delivery(delivery);
        }
    }
}
