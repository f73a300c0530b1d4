//! A connection with its own listeners.

use crate::connection::Connection;
use crate::dispatch::peer_events::{PeerEvent, PeerEvents};

/// A connection with its own listeners. A clone refers to the same connection and listeners.
pub trait Peer: Clone {
    /// The connection.
    fn connection(&self) -> &Connection;

    /// Whether anything listens to [`PeerEvent::DataAvailable`].
    fn wants_data(&self) -> bool;

    /// Notifies the listeners of the peer. A listener may call anything.
    fn notify(&self, event: PeerEvent);
}

/// Delivers the events of `peer`, which was polled, to its own listeners. Called within a poll.
pub(super) fn deliver<P: Peer>(peer: &P) {
    for event in PeerEvents::within_poll(peer.connection()) {
        peer.notify(event);
    }
}
