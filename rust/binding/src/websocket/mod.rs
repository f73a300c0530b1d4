//! `WebSocketPeerRs`: the engine's `WebSocketPeer` over our peers, or a stream of the engine's.
//!
//! The session and its lock are in the part, [`WebSocketPart`]. A method that may run handlers of
//! signals takes the object and not gdext's cell.

mod engine_stream;
mod properties;

use std::sync::Arc;

use godot::builtin::{GString, PackedByteArray, VarDictionary};
use godot::classes::{PacketPeerExtension, StreamPeer, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api, vdict};
use stream_socket::{Address, Connection, Target};
use stream_socket_web::websocket::session::{Session, Settings, StartError};
use stream_socket_web::websocket::{MAX_REASON_BYTES, Url, close_code};

use crate::bridge::{self, ObjectRef, Optional};
use crate::class_trees::{TCP_PEER, UDS_PEER, WEBSOCKET_PEER};
use crate::frame_poll::FramePoll;
use crate::parts::{
    LastError, PeerObject, WebSocketObject, WebSocketPart, WebSocketSettings, WebSocketStream,
};
use crate::peer::StreamPeerSocketRs;
use crate::shared_methods::{Failing, auto_poll_methods, last_error_methods};
use crate::{frame_poll, settings, text};

/// The write mode of text.
const WRITE_MODE_TEXT: i64 = 0;
/// The write mode of bytes.
const WRITE_MODE_BINARY: i64 = 1;

#[derive(GodotClass)]
#[class(tool, init, base = PacketPeerExtension)]
pub struct WebSocketPeerRs {
    #[init(val = announced(WebSocketPart::new()))]
    pub(crate) part: Arc<WebSocketPart<ObjectRef>>,
    frame_poll: FramePoll,
    base: Base<PacketPeerExtension>,
}

fn announced(part: WebSocketPart<ObjectRef>) -> Arc<WebSocketPart<ObjectRef>> {
    let part = Arc::new(part);
    bridge::announce(&part);
    part
}

#[godot_api]
impl WebSocketPeerRs {
    #[signal]
    fn connected();

    #[signal]
    fn packet_received(packet: PackedByteArray, is_text: bool);

    #[signal]
    fn closed(code: i64, reason: GString);

    #[signal]
    fn drained();

    #[func(gd_self)]
    fn poll(this: Gd<Self>) {
        Self::with_object(&this).poll();
    }

    #[func]
    fn connect_to_url(
        &self,
        url: GString,
        #[opt(default = Optional::NULL)] tls_client_options: Optional<Option<Gd<TlsOptions>>>,
    ) -> Error {
        let options = tls_client_options.into_inner();
        if options.as_ref().is_some_and(|options| options.is_server()) {
            return self.refuse(&"connect_to_url: tls_client_options are for a server");
        }
        let (parsed, session) = match self.client_session("connect_to_url", &url) {
            Ok(started) => started,
            Err(code) => return code,
        };
        let Some(target) = Target::new(&parsed.host, parsed.port) else {
            let host = parsed.host;
            return self.refuse(&format!("connect_to_url: invalid host {host:?}"));
        };
        frame_poll::begin_hints();
        let socket = StreamPeerSocketRs::from_connection(TCP_PEER, Connection::new());
        let code = {
            let socket = socket.bind();
            // A socket that is not open takes the option for later.
            socket.set("set no-delay", |options| options.no_delay = true);
            let code = socket.connect(target, settings::tcp_connect_timeout);
            if code != Error::OK {
                let details = socket.details();
                return self.part.last_error.record_message(code, details.message);
            }
            code
        };
        let socket = StreamPeerSocketRs::with_object(&socket);
        let stream = match parsed.is_secure {
            false => WebSocketStream::Socket(socket),
            true => WebSocketStream::TlsLater {
                socket,
                host: parsed.host,
                options: options.map(|options| ObjectRef::new(&options)),
            },
        };
        if let Err(code) = self.require_kept("connect_to_url", &stream) {
            return code;
        }
        self.part
            .begin(session, stream, url.to_string(), parsed.is_secure);
        code
    }

    #[func]
    fn connect_to_stream(&self, stream: Option<Gd<StreamPeer>>, url: GString) -> Error {
        let stream = match self.usable_stream("connect_to_stream", stream) {
            Ok(stream) => stream,
            Err(code) => return code,
        };
        match self.client_session("connect_to_stream", &url) {
            Ok((parsed, session)) => {
                self.part
                    .begin(session, stream, url.to_string(), parsed.is_secure);
                Error::OK
            }
            Err(code) => code,
        }
    }

    #[func]
    fn accept_stream(&self, stream: Option<Gd<StreamPeer>>) -> Error {
        let stream = match self.usable_stream("accept_stream", stream) {
            Ok(stream) => stream,
            Err(code) => return code,
        };
        let settings = match self.handshake_settings("accept_stream") {
            Ok(settings) => settings,
            Err(code) => return code,
        };
        let limits = self.part.settings().limits();
        let session = match Session::server(settings, limits) {
            Ok(session) => session,
            Err(error) => return self.refuse(&format!("accept_stream: {error}")),
        };
        let is_secure = match &stream {
            WebSocketStream::Engine(engine) => engine.to_gd().is_class("StreamPeerTLS"),
            _ => false,
        };
        self.part.begin(session, stream, String::new(), is_secure);
        set_no_delay(&self.part, true);
        Error::OK
    }

    #[func]
    fn send(
        &self,
        message: PackedByteArray,
        #[opt(default = WRITE_MODE_BINARY)] write_mode: i64,
    ) -> Error {
        match write_mode {
            WRITE_MODE_TEXT => self.part.send(true, message.as_slice()),
            WRITE_MODE_BINARY => self.part.send(false, message.as_slice()),
            _ => self.refuse(&format!("send: {write_mode} is not a WriteMode constant")),
        }
    }

    #[func]
    fn send_text(&self, message: GString) -> Error {
        self.part.send(true, message.to_string().as_bytes())
    }

    #[func]
    fn close(&self, #[opt(default = 1000)] code: i64, #[opt(default = "")] reason: GString) {
        if code < 0 {
            self.part.close(None, "");
            return;
        }
        let Some(code) = u16::try_from(code)
            .ok()
            .filter(|&code| close_code::is_valid(code))
        else {
            self.refuse(&format!(
                "close: code {code} is not 1000 to 1003, 1007 to 1014, or 3000 to 4999"
            ));
            return;
        };
        let reason = reason.to_string();
        if reason.len() > MAX_REASON_BYTES {
            let bytes = reason.len();
            self.refuse(&format!(
                "close: reason of {bytes} bytes exceeds {MAX_REASON_BYTES} bytes"
            ));
            return;
        }
        self.part.close(Some(code), &reason);
    }

    #[func]
    fn get_ready_state(&self) -> i64 {
        self.part.ready_state() as i64
    }

    #[func]
    fn get_close_code(&self) -> i64 {
        self.part.close_code()
    }

    #[func]
    fn get_close_reason(&self) -> GString {
        // The engine's text ends at a null character.
        text::decoded(self.part.close_reason().as_bytes())
    }

    #[func]
    fn get_selected_protocol(&self) -> GString {
        GString::from(&self.part.protocol())
    }

    #[func]
    fn get_requested_url(&self) -> GString {
        text::decoded(self.part.requested_url().as_bytes())
    }

    #[func]
    fn get_connected_host(&self) -> GString {
        match self.socket() {
            Some(Ok(peer)) => match peer.peer.connection.peer_address() {
                Some(Address::Inet(address)) => GString::from(&text::host(address)),
                _ => GString::new(),
            },
            Some(Err(engine)) => {
                let host = engine_stream::ask_socket(&engine, "get_connected_host", &[]);
                host.map(|host| host.stringify()).unwrap_or_default()
            }
            None => GString::new(),
        }
    }

    #[func]
    fn get_connected_port(&self) -> i64 {
        match self.socket() {
            Some(Ok(peer)) => match peer.peer.connection.peer_address() {
                Some(Address::Inet(address)) => address.port().into(),
                _ => 0,
            },
            Some(Err(engine)) => {
                let port = engine_stream::ask_socket(&engine, "get_connected_port", &[]);
                port.and_then(|port| port.try_to().ok()).unwrap_or(0)
            }
            None => 0,
        }
    }

    #[func]
    fn set_no_delay(&self, enabled: bool) {
        if !set_no_delay(&self.part, enabled) {
            self.refuse(&"set_no_delay: there is no connection");
        }
    }

    #[func]
    fn get_current_outbound_buffered_amount(&self) -> i64 {
        i64::try_from(self.part.unsent_bytes()).unwrap_or(i64::MAX)
    }

    #[func]
    fn was_string_packet(&self) -> bool {
        self.part.was_text()
    }

    #[func]
    fn is_compressing(&self) -> bool {
        self.part.is_compressing()
    }

    #[func]
    fn get_statistics(&self) -> VarDictionary {
        let counts = self.part.counts();
        let (queued, queued_bytes) = self.part.queued();
        let int = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        vdict! {
            "messages_received" => int(counts.messages_received),
            "messages_sent" => int(counts.messages_sent),
            "payload_bytes_received" => int(counts.payload_received),
            "payload_bytes_sent" => int(counts.payload_sent),
            "messages_queued" => int(queued as u64),
            "bytes_queued" => int(queued_bytes as u64),
            "bytes_unsent" => int(self.part.unsent_bytes() as u64),
            "pings_received" => int(counts.pings_received),
            "pongs_received" => int(counts.pongs_received),
        }
    }
}

impl WebSocketPeerRs {
    /// `this` with its part.
    pub(crate) fn with_object(this: &Gd<Self>) -> WebSocketObject<ObjectRef> {
        WebSocketObject {
            object: ObjectRef::new(this),
            part: this.bind().part.clone(),
        }
    }

    /// A WebSocket over a connection whose handshake is over.
    pub(crate) fn over(
        connection: Connection,
        session: Session,
        settings: WebSocketSettings,
    ) -> Gd<Self> {
        let class = match connection.peer_address() {
            Some(Address::Unix(_)) => UDS_PEER,
            _ => TCP_PEER,
        };
        let part = WebSocketPart::new();
        part.configure(|own| *own = settings);
        let object = bridge::new_object(WEBSOCKET_PEER, |base| Self {
            part: announced(part),
            frame_poll: FramePoll::default(),
            base,
        });
        let socket = StreamPeerSocketRs::from_connection(class, connection);
        let stream = WebSocketStream::Socket(StreamPeerSocketRs::with_object(&socket));
        let part = object.bind().part.clone();
        part.begin(session, stream, String::new(), false);
        part.flush();
        object
    }

    /// The stream under the WebSocket: a peer of ours, or one of the engine's.
    fn socket(&self) -> Option<Result<PeerObject<ObjectRef>, ObjectRef>> {
        Some(match self.part.stream()? {
            WebSocketStream::Socket(socket) | WebSocketStream::TlsLater { socket, .. } => {
                Ok(socket)
            }
            WebSocketStream::Engine(engine) => Err(engine),
        })
    }

    /// `stream` for a new session, of the call `call`. The error is the code to return.
    fn usable_stream(
        &self,
        call: &str,
        stream: Option<Gd<StreamPeer>>,
    ) -> Result<WebSocketStream<ObjectRef>, Error> {
        let Some(stream) = stream else {
            return Err(self.refuse(&format!("{call}: stream is null")));
        };
        self.require_free(call)?;
        let stream = match stream.try_cast::<StreamPeerSocketRs>() {
            Ok(socket) => WebSocketStream::Socket(StreamPeerSocketRs::with_object(&socket)),
            Err(engine) => {
                let class = engine.get_class();
                let engine = ObjectRef::new(&engine);
                if !engine_stream::is_usable(&engine) {
                    return Err(self.refuse(&format!(
                        "{call}: {class} is neither a socket nor a StreamPeerTLS over one"
                    )));
                }
                WebSocketStream::Engine(engine)
            }
        };
        self.require_kept(call, &stream)?;
        Ok(stream)
    }

    /// Refuses a stream that cannot be kept alive in the background, if it shall be.
    fn require_kept(&self, call: &str, stream: &WebSocketStream<ObjectRef>) -> Result<(), Error> {
        match self.part.refusal(stream) {
            None => Ok(()),
            Some(why) => {
                let what = format!("{call}: {why}");
                Err(self.part.last_error.refuse(Error::ERR_UNAVAILABLE, &what))
            }
        }
    }

    fn require_free(&self, call: &str) -> Result<(), Error> {
        if self.part.is_free() {
            return Ok(());
        }
        let last_error = &self.part.last_error;
        let what = format!("{call}: WebSocket is in use");
        Err(last_error.refuse(Error::ERR_ALREADY_IN_USE, &what))
    }

    fn client_session(&self, call: &str, url: &GString) -> Result<(Url, Session), Error> {
        let url = url.to_string();
        let parsed =
            Url::parse(&url).map_err(|error| self.refuse(&format!("{call}: {url:?}: {error}")))?;
        self.require_free(call)?;
        let settings = self.handshake_settings(call)?;
        let limits = self.part.settings().limits();
        let host = parsed.host_header();
        let session = Session::client(&host, &parsed.target, &settings, limits);
        let session = session.map_err(|error| self.refuse_start(call, &error))?;
        Ok((parsed, session))
    }

    fn handshake_settings(&self, call: &str) -> Result<Settings, Error> {
        self.part.settings().handshake().map_err(|line| {
            self.refuse(&format!(
                "{call}: handshake header {line:?} is not \"Name: value\""
            ))
        })
    }

    fn refuse_start(&self, call: &str, error: &StartError) -> Error {
        self.refuse(&format!("{call}: {error}"))
    }
}

/// Sets the option of the socket below. Returns whether there is one.
fn set_no_delay(part: &WebSocketPart<ObjectRef>, enabled: bool) -> bool {
    match part.stream() {
        Some(WebSocketStream::Socket(socket) | WebSocketStream::TlsLater { socket, .. }) => {
            let connection = &socket.peer.connection;
            let is_unix = matches!(connection.peer_address(), Some(Address::Unix(_)));
            if !is_unix
                && let Err(error) =
                    connection.set_options("set no-delay", |options| options.no_delay = enabled)
            {
                part.last_error.record(&error);
            }
            true
        }
        Some(WebSocketStream::Engine(engine)) => {
            engine_stream::ask_socket(&engine, "set_no_delay", &[enabled.to_variant()]);
            true
        }
        None => false,
    }
}

last_error_methods!(WebSocketPeerRs);
auto_poll_methods!(WebSocketPeerRs);

impl Failing for WebSocketPeerRs {
    fn last_error(&self) -> &LastError {
        &self.part.last_error
    }
}
