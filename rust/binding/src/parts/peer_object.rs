//! A peer together with the object that emits its signals.

use std::sync::Arc;

use stream_socket::Connection;
use stream_socket::dispatch::EndpointEvent;

use super::part::{Emitter, Polled};
use super::peer::PeerPart;
use super::signal::Signal;
use godot::global::Error;

/// A peer: its part, and a reference that keeps its object alive.
#[derive(Clone, Debug)]
pub(crate) struct PeerObject<O> {
    pub(crate) object: O,
    pub(crate) peer: Arc<PeerPart>,
}

impl<O: Emitter> PeerObject<O> {
    /// Polls the peer, and emits its signals.
    pub(crate) fn poll(&self) -> Error {
        let (code, signals) = self.peer.poll(|signal| self.object.listens(signal));
        for signal in signals.into_iter().flatten() {
            self.object.emit(&signal);
        }
        code
    }
}

impl<O: Emitter> stream_socket::dispatch::Endpoint for PeerObject<O> {
    fn connection(&self) -> &Connection {
        &self.peer.connection
    }

    fn wants_data(&self) -> bool {
        self.object.listens(Signal::data_available())
    }

    fn notify(&self, event: EndpointEvent) {
        self.object.emit(&event.into());
    }
}
