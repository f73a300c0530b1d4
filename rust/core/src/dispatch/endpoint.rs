//! A connection with its own handlers.

use crate::connection::Connection;
use crate::dispatch::endpoint_events::{EndpointEvent, EndpointEvents};

/// A connection with its own handlers. A clone refers to the same connection and handlers.
pub trait Endpoint: Clone {
    /// The connection.
    fn connection(&self) -> &Connection;

    /// Whether there is a handler for [`EndpointEvent::DataAvailable`].
    fn wants_data(&self) -> bool;

    /// Notifies the handlers of the endpoint. A handler may call anything.
    fn notify(&self, event: EndpointEvent);
}

/// Delivers the events of `endpoint`, which was polled, to its own handlers. Called within a poll.
pub(super) fn deliver<E: Endpoint>(endpoint: &E) {
    for event in EndpointEvents::within_poll(endpoint.connection()) {
        endpoint.notify(event);
    }
}
