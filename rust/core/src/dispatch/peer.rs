//! A connection with its own handlers.

use crate::connection::Connection;
use crate::dispatch::peer_events::{PeerEvent, PeerEvents};

/// A connection with its own handlers. A clone refers to the same connection and handlers.
pub trait Peer: Clone {
    /// The connection.
    fn connection(&self) -> &Connection;

    /// Whether there is a handler for [`PeerEvent::DataAvailable`].
    fn wants_data(&self) -> bool;

    /// Notifies the handlers of the peer. A handler may call anything.
    fn notify(&self, event: PeerEvent);
}

/// Delivers the events of `peer`, which was polled, to its own handlers. Called within a poll.
pub(super) fn deliver<P: Peer>(peer: &P) {
    for event in PeerEvents::within_poll(peer.connection()) {
        peer.notify(event);
    }
}
