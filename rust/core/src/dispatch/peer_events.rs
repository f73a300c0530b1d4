//! The events of one connection, for those who listen to it alone.

use std::borrow::Borrow;

use crate::connection::Connection;
use crate::dispatch::nesting::Nesting;
use crate::event::{Delivery, Event};

/// What a listener of a connection is notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerEvent {
    /// Something has happened once.
    Happened(Event),
    /// There are unread bytes.
    DataAvailable,
}

/// What is to be delivered of a connection that was polled: what has happened, in order, and then whether there is something
/// to read. Events are taken one by one, so that a handler that polls is notified of the rest before what it causes itself.
///
/// One thread at a time delivers what has happened. A poll on another thread leaves it to that one.
#[derive(Debug)]
pub struct PeerEvents<C: Borrow<Connection>> {
    connection: C,
    delivery: Option<Delivery>,
    may_have_data: bool,
    nesting: Option<Nesting>,
}

impl<C: Borrow<Connection>> PeerEvents<C> {
    /// Begins to deliver. `None` if polls are nested too deeply: the polls around this one deliver the events.
    pub fn begin(connection: C) -> Option<PeerEvents<C>> {
        let nesting = Nesting::enter()?;
        let mut events = PeerEvents::within(connection);
        events.nesting = Some(nesting);
        Some(events)
    }

    /// The same within a poll, which has been allowed to nest so deep.
    pub(super) fn within(connection: C) -> PeerEvents<C> {
        let delivery = connection
            .borrow()
            .has_events()
            .then(|| connection.borrow().begin_delivery())
            .filter(|delivery| *delivery != Delivery::Elsewhere);
        PeerEvents {
            connection,
            delivery,
            may_have_data: true,
            nesting: None,
        }
    }
}

impl<C: Borrow<Connection>> Iterator for PeerEvents<C> {
    type Item = PeerEvent;

    fn next(&mut self) -> Option<PeerEvent> {
        let connection = self.connection.borrow();
        if let Some(delivery) = self.delivery {
            if let Some(event) = connection.next_delivery(delivery) {
                return Some(PeerEvent::Happened(event));
            }
            self.delivery = None;
        }
        let has_data = std::mem::take(&mut self.may_have_data) && connection.has_unread();
        has_data.then_some(PeerEvent::DataAvailable)
    }
}

impl<C: Borrow<Connection>> Drop for PeerEvents<C> {
    fn drop(&mut self) {
        if let Some(delivery) = self.delivery {
            self.connection.borrow().end_delivery(delivery);
        }
    }
}
