//! A WebSocket together with the object that emits its signals.

use std::sync::Arc;
use std::time::Instant;

use stream_socket::Status;
use stream_socket::dispatch::{
    NextPoll, Outlet, OwnEvent, PacketSession, Refusal, SharedEvent, Source, Subject, Taken,
    poll_session,
};
use stream_socket_web::websocket::SharedMessage;

use super::state::{Happened, WebSocketPart};
use super::stream::{EngineStream, WebSocketStream};
use crate::parts::part::Emitter;
use crate::parts::peer_object::PeerObject;
use crate::parts::received_packet::ReceivedPacket;
use crate::parts::signal::Signal;

/// A WebSocket: its part, and its object, which this keeps alive.
pub(crate) struct WebSocketObject<O> {
    pub(crate) object: O,
    pub(crate) part: Arc<WebSocketPart<O>>,
}

impl<O: Emitter + EngineStream> WebSocketObject<O> {
    /// Advances the stream and the session, and emits the signals that are due.
    pub(crate) fn poll(&self) {
        let now = Instant::now();
        PacketSession::<Self>::begin_poll(self, now);
        // Handlers of the stream may do anything, even with this object.
        if let Some((stream, _)) = self.part.current_stream()
            && is_polled(&stream)
            && let Some(socket) = stream.socket()
        {
            socket.poll();
        }
        poll_session(self, self, now);
    }

    /// Notifies the handlers of the WebSocket.
    pub(crate) fn notify(&self, event: OwnEvent<'_, ReceivedPacket>) {
        if let OwnEvent::PacketReceived(packet) = event {
            let bytes = packet.bytes.clone();
            self.object
                .emit(&Signal::MessageReceived(bytes, packet.is_text));
        }
    }

    /// Puts TLS over a socket that is connected.
    fn encrypt(&self, stream: &WebSocketStream<O>, session_number: u64) {
        if let WebSocketStream::TlsLater {
            socket,
            host,
            options,
        } = stream
            && socket.peer.connection.status() == Status::Connected
        {
            match O::encrypt(&socket.object, host, options.as_ref()) {
                Ok(stream) => {
                    let socket = Some(socket.clone());
                    let tls = WebSocketStream::Engine { stream, socket };
                    self.part.replace_stream(session_number, tls);
                }
                Err(why) => self.part.fail(session_number, why),
            }
        }
    }
}

/// Whether the socket of `stream` is polled with the WebSocket. TLS polls its socket itself. If a
/// poll of ours ended the socket, TLS would end too, and lose data that it has not yet passed on.
fn is_polled<O>(stream: &WebSocketStream<O>) -> bool {
    !matches!(stream, WebSocketStream::Engine { .. })
}

impl<O: Emitter + EngineStream> Subject for WebSocketObject<O> {
    type Endpoint = PeerObject<O>;
    type Packet = ReceivedPacket;
    type Message<'a> = SharedMessage<'a>;

    fn id(&self) -> u64 {
        self.object.id()
    }

    fn source(&self) -> Source<'_, Self> {
        Source::Session(self)
    }

    fn packet(bytes: &[u8], is_text: bool) -> ReceivedPacket {
        ReceivedPacket::new(bytes, is_text)
    }

    fn wants_packets(&self) -> bool {
        self.object.listens(Signal::packet_received())
    }

    fn notify(&self, event: OwnEvent<'_, ReceivedPacket>) {
        WebSocketObject::notify(self, event);
    }
}

impl<O, S> PacketSession<S> for WebSocketObject<O>
where
    O: Emitter + EngineStream,
    S: for<'a> Subject<
            Endpoint = PeerObject<O>,
            Packet = ReceivedPacket,
            Message<'a> = SharedMessage<'a>,
        >,
{
    fn outlet(&self) -> &Outlet {
        &self.part.outlet
    }

    fn endpoint(&self) -> Option<PeerObject<O>> {
        let stream = self.part.stream()?;
        stream.socket().cloned()
    }

    fn polls_endpoint(&self) -> bool {
        self.part.stream().is_some_and(|stream| is_polled(&stream))
    }

    fn begin_poll(&self, now: Instant) {
        self.part.begin_poll(now);
        if let Some(WebSocketStream::Engine { stream, .. }) = &self.part.stream() {
            stream.poll();
        }
    }

    fn exchange(&self, now: Instant) -> bool {
        let Some((stream, session_number)) = self.part.current_stream() else {
            return false;
        };
        self.encrypt(&stream, session_number);
        self.part.exchange(&stream, session_number, now)
    }

    fn next_poll(&self) -> NextPoll {
        self.part.next_poll()
    }

    fn has_packet(&self) -> bool {
        self.part.queued().0 > 0
    }

    fn take(
        &self,
        wants_packet: bool,
        share: &mut dyn FnMut(SharedEvent<'_>),
    ) -> Option<Taken<'_, ReceivedPacket>> {
        let signal = match self.part.take_next(wants_packet)? {
            Happened::Message(message) => {
                let (bytes, is_text) = (&*message.payload, message.is_text);
                share(SharedEvent::Packet { bytes, is_text });
                return Some(Taken::Packet(ReceivedPacket::new(bytes, is_text)));
            }
            Happened::Opened => {
                share(SharedEvent::Opened);
                Signal::Connected
            }
            Happened::Drained => Signal::Drained,
            Happened::Closed {
                code,
                reason,
                cause,
            } => {
                share(SharedEvent::Closed(cause));
                Signal::Closed(code, reason)
            }
        };
        Some(Taken::Event(Box::new(move || self.object.emit(&signal))))
    }

    fn send(&self, message: &mut SharedMessage<'_>) -> Option<Result<bool, Refusal>> {
        self.part.queue_shared(message)
    }

    fn flush(&self) {
        self.part.flush();
    }
}
