//! A WebSocket together with the object that emits its signals.

use std::sync::Arc;
use std::time::Instant;

use stream_socket::Status;

use super::state::WebSocketPart;
use super::stream::{EngineStream, WebSocketStream};
use crate::parts::part::Emitter;
use crate::parts::signal::Signal;

/// How often a poll receives at most.
const MOST_RECEIVES: usize = 64;

/// A WebSocket: its part, and its object, which this keeps alive.
pub(crate) struct WebSocketObject<O> {
    pub(crate) object: O,
    pub(crate) part: Arc<WebSocketPart<O>>,
}

impl<O: Emitter + EngineStream> WebSocketObject<O> {
    /// Advances the stream and the session, and emits the signals that are due.
    pub(crate) fn poll(&self) {
        let stream = self.part.current_stream();
        if let Some((stream, generation)) = &stream {
            // Its handlers may do anything, also with this object.
            match stream {
                WebSocketStream::Socket(peer) | WebSocketStream::TlsLater { socket: peer, .. } => {
                    peer.poll();
                }
                WebSocketStream::Engine(engine) => engine.poll(),
            }
            self.encrypt(stream, *generation);
            if self.part.begin_poll(Instant::now()) {
                for _ in 0..MOST_RECEIVES {
                    let may_have_more = self.part.exchange(stream, *generation);
                    self.deliver();
                    if !may_have_more {
                        break;
                    }
                }
            }
        }
        self.deliver();
    }

    /// Puts TLS over a socket that is connected.
    fn encrypt(&self, stream: &WebSocketStream<O>, generation: u64) {
        if let WebSocketStream::TlsLater {
            socket,
            host,
            options,
        } = stream
            && socket.peer.connection.status() == Status::Connected
        {
            match O::encrypt(&socket.object, host, options.as_ref()) {
                Ok(tls) => {
                    let tls = WebSocketStream::Engine(tls);
                    self.part.replace_stream(generation, tls);
                }
                Err(why) => self.part.fail(generation, why),
            }
        }
    }

    /// Emits the signals that are due, one after another.
    fn deliver(&self) {
        if !self.part.begin_delivery() {
            return;
        }
        let _turn = Turn(&self.part);
        loop {
            let wants = self.object.listens(Signal::packet_received());
            let Some(signal) = self.part.next_signal(wants) else {
                return;
            };
            self.object.emit(&signal);
        }
    }
}

/// Ends the turn when it is dropped.
struct Turn<'a, O: Emitter>(&'a WebSocketPart<O>);

impl<O: Emitter> Drop for Turn<'_, O> {
    fn drop(&mut self) {
        self.0.end_delivery();
    }
}
