//! `WebSocketPeerRs`: the engine's `WebSocketPeer` over our peers, or a stream of the engine.
//!
//! The session and its lock are in the part, [`WebSocketPart`].

mod engine_stream;
mod properties;
mod tree;

use std::sync::Arc;

use godot::builtin::{AnyArray, Array, GString, PackedByteArray, VarDictionary};
use godot::classes::{PacketPeerExtension, StreamPeer, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api, godot_error, vdict};
use stream_socket::{Address, Connection, Target};
use stream_socket_web::websocket::session::{Session, Settings, StartError};
use stream_socket_web::websocket::{MAX_REASON_BYTES, SharedMessage, Url, close_code};

pub(crate) use self::tree::TREE;
use crate::bridge::{self, Bridged, ClassTree, ObjectRef, Optional};
use crate::parts::{
    Constructible, EngineOutput, LastError, PeerObject, WebSocketObject, WebSocketPart,
    WebSocketSettings, WebSocketStream,
};
use crate::peer::{self, StreamPeerSocketRs, TCP_PEER, UDS_PEER};
use crate::shared_methods::{Failing, auto_poll_methods, last_error_methods};
use crate::{frame_poll, settings, text};

/// The write mode of text.
const WRITE_MODE_TEXT: i64 = 0;
/// The write mode of bytes.
const WRITE_MODE_BINARY: i64 = 1;

/// The class of WebSockets. There is no value of this type: the bridge makes an object with a
/// [`WebSocketPart`].
#[derive(GodotClass)]
#[class(tool, no_init, base = PacketPeerExtension)]
pub struct WebSocketPeerRs {
    // gdext requires it of a class with signals.
    _base: Base<PacketPeerExtension>,
}

impl Bridged for WebSocketPeerRs {
    type Part = WebSocketPart<ObjectRef>;

    fn tree() -> &'static ClassTree {
        &TREE
    }
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

    #[func]
    fn poll() {
        poll(&Self::this());
    }

    #[func]
    fn connect_to_url(
        url: GString,
        #[opt(default = Optional::NULL)] tls_client_options: Optional<Option<Gd<TlsOptions>>>,
    ) -> Error {
        let this = Self::this();
        let options = tls_client_options.into_inner();
        if options.as_ref().is_some_and(|options| options.is_server()) {
            return this.refuse(&"connect_to_url: tls_client_options are server options");
        }
        let (parsed, session) = match this.client_session("connect_to_url", &url) {
            Ok(started) => started,
            Err(code) => return code,
        };
        let target = match Target::new(&parsed.host, parsed.port) {
            Ok(target) => target,
            Err(error) => {
                let host = parsed.host;
                return this.refuse(&format!("connect_to_url {host:?}: {error}"));
            }
        };
        frame_poll::begin_hints();
        let (socket, socket_part) = peer::from_connection(TCP_PEER, Connection::new());
        // A socket that is not open takes the option for later.
        socket_part.set(|options| options.no_delay = true);
        let code = socket_part.connect(target, settings::tcp_connect_timeout);
        if code != Error::OK {
            let details = socket_part.details();
            return this.last_error.record_message(code, details.message);
        }
        let socket = peer::with_part(&socket, socket_part);
        let stream = match parsed.is_secure {
            false => WebSocketStream::Socket(socket),
            true => WebSocketStream::TlsLater {
                socket,
                host: parsed.host,
                options: options.map(|options| ObjectRef::new(&options)),
            },
        };
        if let Err(code) = this.require_kept("connect_to_url", &stream) {
            return code;
        }
        this.begin(session, stream, url.to_string(), parsed.is_secure);
        code
    }

    #[func]
    fn connect_to_stream(stream: Option<Gd<StreamPeer>>, url: GString) -> Error {
        let this = Self::this();
        let stream = match this.usable_stream("connect_to_stream", stream) {
            Ok(stream) => stream,
            Err(code) => return code,
        };
        match this.client_session("connect_to_stream", &url) {
            Ok((parsed, session)) => {
                this.begin(session, stream, url.to_string(), parsed.is_secure);
                Error::OK
            }
            Err(code) => code,
        }
    }

    #[func]
    fn accept_stream(stream: Option<Gd<StreamPeer>>) -> Error {
        let this = Self::this();
        let stream = match this.usable_stream("accept_stream", stream) {
            Ok(stream) => stream,
            Err(code) => return code,
        };
        let settings = match this.handshake_settings("accept_stream") {
            Ok(settings) => settings,
            Err(code) => return code,
        };
        let limits = this.settings().limits();
        let session = match Session::server(settings, limits) {
            Ok(session) => session,
            Err(error) => return this.refuse(&format!("accept_stream: {error}")),
        };
        let is_secure = match &stream {
            WebSocketStream::Engine { stream, .. } => stream.to_gd().is_class("StreamPeerTLS"),
            _ => false,
        };
        this.begin(session, stream, String::new(), is_secure);
        set_no_delay(&this, true);
        Error::OK
    }

    #[func]
    fn send(
        message: PackedByteArray,
        #[opt(default = WRITE_MODE_BINARY)] write_mode: i64,
    ) -> Error {
        let this = Self::this();
        match write_mode {
            WRITE_MODE_TEXT => this.send(true, message.as_slice()),
            WRITE_MODE_BINARY => this.send(false, message.as_slice()),
            _ => this.refuse(&format!("send: {write_mode} is not a WriteMode constant")),
        }
    }

    #[func]
    fn send_text(message: GString) -> Error {
        Self::this().send(true, message.to_string().as_bytes())
    }

    #[func]
    fn broadcast(
        peers: AnyArray,
        message: PackedByteArray,
        #[opt(default = WRITE_MODE_BINARY)] write_mode: i64,
    ) -> Array<Gd<Self>> {
        let is_mode = matches!(write_mode, WRITE_MODE_TEXT | WRITE_MODE_BINARY);
        if !is_mode {
            godot_error!("broadcast: {write_mode} is not a WriteMode constant");
        }
        let is_text = write_mode == WRITE_MODE_TEXT;
        let mut shared = SharedMessage::new(is_text, message.as_slice());
        let mut refusing = Array::new();
        for peer in peers.iter_shared() {
            let Ok(peer) = peer.try_to::<Gd<Self>>() else {
                godot_error!("broadcast: {peer} is not a WebSocketPeerRs");
                continue;
            };
            let part = bridge::part_of(&peer);
            if !is_mode || part.send_shared(&mut shared) != Error::OK {
                refusing.push(&peer);
            }
        }
        refusing
    }

    #[func]
    fn close(#[opt(default = 1000)] code: i64, #[opt(default = "")] reason: GString) {
        let this = Self::this();
        if code < 0 {
            this.close(None, "");
            return;
        }
        let Some(code) = u16::try_from(code)
            .ok()
            .filter(|&code| close_code::is_valid(code))
        else {
            this.refuse(&format!(
                "close: code {code} is not 1000 to 1003, 1007 to 1014, or 3000 to 4999"
            ));
            return;
        };
        let reason = reason.to_string();
        if reason.len() > MAX_REASON_BYTES {
            let bytes = reason.len();
            this.refuse(&format!(
                "close: reason of {bytes} bytes exceeds the limit of {MAX_REASON_BYTES}"
            ));
            return;
        }
        this.close(Some(code), &reason);
    }

    #[func]
    fn get_ready_state() -> i64 {
        Self::this().ready_state() as i64
    }

    #[func]
    fn get_close_code() -> i64 {
        Self::this().close_code()
    }

    #[func]
    fn get_close_reason() -> GString {
        // The engine's text ends at a null character.
        text::decoded(Self::this().close_reason().as_bytes())
    }

    #[func]
    fn get_selected_protocol() -> GString {
        GString::from(&Self::this().protocol())
    }

    #[func]
    fn get_requested_url() -> GString {
        text::decoded(Self::this().requested_url().as_bytes())
    }

    #[func]
    fn get_connected_host() -> GString {
        match Self::this().socket() {
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
    fn get_connected_port() -> i64 {
        match Self::this().socket() {
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
    fn set_no_delay(enabled: bool) {
        let this = Self::this();
        if !set_no_delay(&this, enabled) {
            this.refuse(&"set_no_delay: not connected");
        }
    }

    #[func]
    fn get_current_outbound_buffered_amount() -> i64 {
        i64::try_from(Self::this().unsent_bytes()).unwrap_or(i64::MAX)
    }

    #[func]
    fn was_string_packet() -> bool {
        Self::this().was_text()
    }

    #[func]
    fn is_compressing() -> bool {
        Self::this().is_compressing()
    }

    #[func]
    fn get_statistics() -> VarDictionary {
        let this = Self::this();
        let counts = this.counts();
        let (queued, queued_bytes) = this.queued();
        let int = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        vdict! {
            "messages_received" => int(counts.messages_received),
            "messages_sent" => int(counts.messages_sent),
            "payload_bytes_received" => int(counts.payload_received),
            "payload_bytes_sent" => int(counts.payload_sent),
            "messages_queued" => int(queued as u64),
            "bytes_queued" => int(queued_bytes as u64),
            "bytes_unsent" => int(this.unsent_bytes() as u64),
            "pings_received" => int(counts.pings_received),
            "pongs_received" => int(counts.pongs_received),
        }
    }
}

fn poll(this: &Arc<WebSocketPart<ObjectRef>>) {
    // An object that is being freed emits nothing.
    if let Some(object) = bridge::object_of(&**this) {
        let part = this.clone();
        WebSocketObject { object, part }.poll();
    }
}

/// A WebSocket over a connection whose handshake is over.
pub(crate) fn over(
    connection: Connection,
    session: Session,
    settings: Arc<WebSocketSettings>,
) -> Gd<WebSocketPeerRs> {
    let class = match connection.peer_address() {
        Some(Address::Unix(_)) => UDS_PEER,
        _ => TCP_PEER,
    };
    let (socket, socket_part) = peer::from_connection(class, connection);
    let stream = WebSocketStream::Socket(peer::with_part(&socket, socket_part));
    let (object, part) = of_session(stream, session, settings);
    part.flush();
    object
}

/// A WebSocket over `stream`, the engine's TLS over `socket`, after the handshake of both.
/// `output` has written to `stream`.
pub(crate) fn over_tls(
    (stream, socket): (ObjectRef, PeerObject<ObjectRef>),
    output: EngineOutput,
    session: Session,
    settings: Arc<WebSocketSettings>,
) -> Gd<WebSocketPeerRs> {
    let socket = Some(socket);
    let stream = WebSocketStream::Engine { stream, socket };
    let (object, part) = of_session(stream, session, settings);
    part.go_on_writing(output);
    part.flush();
    object
}

/// A WebSocket with these settings over `stream`.
fn of_session(
    stream: WebSocketStream<ObjectRef>,
    session: Session,
    settings: Arc<WebSocketSettings>,
) -> (Gd<WebSocketPeerRs>, Arc<WebSocketPart<ObjectRef>>) {
    let (object, part) = bridge::new_object::<WebSocketPeerRs>(&tree::CLASS[0], WebSocketPart::new);
    let is_kept_alive = settings.is_kept_alive;
    part.adopt(settings);
    let is_secure = matches!(stream, WebSocketStream::Engine { .. });
    part.begin(session, stream, String::new(), is_secure);
    // More than a setting: the thread has to know the object.
    if is_kept_alive && let Err(why) = part.set_kept_alive(true) {
        let _ = part.set_kept_alive(false);
        part.refuse(&format!("keep_alive_in_background: {why}"));
    }
    (object, part)
}

/// How the accepted connections of a server become WebSockets.
pub(crate) struct AcceptedWebSockets {
    settings: Arc<WebSocketSettings>,
    handshake: Settings,
    max_packets_per_poll: usize,
}

impl AcceptedWebSockets {
    /// A form like the current state of `like`. The error says what is wrong with its properties.
    pub(crate) fn like(like: &Gd<WebSocketPeerRs>) -> Result<AcceptedWebSockets, String> {
        let part = bridge::part_of(like);
        let settings = part.settings();
        let handshake = handshake_of(&settings)?;
        // Finds errors here, and not for each connection.
        Session::server(handshake.clone(), settings.limits()).map_err(|error| error.to_string())?;
        Ok(AcceptedWebSockets {
            settings,
            handshake,
            max_packets_per_poll: part.outlet.max_packets_per_poll(),
        })
    }

    /// A WebSocket over the accepted `socket`, which waits for the request of its client.
    pub(crate) fn accept(
        &self,
        socket: PeerObject<ObjectRef>,
    ) -> Option<WebSocketObject<ObjectRef>> {
        let session = Session::server(self.handshake.clone(), self.settings.limits()).ok()?;
        let (object, part) = of_session(
            WebSocketStream::Socket(socket),
            session,
            self.settings.clone(),
        );
        part.outlet
            .set_max_packets_per_poll(self.max_packets_per_poll);
        set_no_delay(&part, true);
        let object = ObjectRef::new(&object);
        Some(WebSocketObject { object, part })
    }
}

/// The settings of the handshake. The error names the line that is not a header.
pub(crate) fn handshake_of(settings: &WebSocketSettings) -> Result<Settings, String> {
    let handshake = settings.handshake();
    handshake.map_err(|line| format!("handshake header {line:?} is not \"Name: value\""))
}

/// The object and the part of `peer`.
pub(crate) fn with_part(peer: &Gd<WebSocketPeerRs>) -> WebSocketObject<ObjectRef> {
    WebSocketObject {
        object: ObjectRef::new(peer),
        part: bridge::part_of(peer),
    }
}

impl WebSocketPart<ObjectRef> {
    /// The stream under the WebSocket: a peer of ours, or a stream of the engine.
    fn socket(&self) -> Option<Result<PeerObject<ObjectRef>, ObjectRef>> {
        Some(match self.stream()? {
            WebSocketStream::Socket(socket) | WebSocketStream::TlsLater { socket, .. } => {
                Ok(socket)
            }
            WebSocketStream::Engine { stream, .. } => Err(stream),
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
            Ok(socket) => {
                let part = bridge::part_of(&socket);
                WebSocketStream::Socket(peer::with_part(&socket, part))
            }
            Err(engine) => {
                let class = engine.get_class();
                let engine = ObjectRef::new(&engine);
                if !engine_stream::is_usable(&engine) {
                    return Err(self.refuse(&format!(
                        "{call}: {class} is neither a socket nor a StreamPeerTLS over one"
                    )));
                }
                let socket = engine_stream::below(&engine);
                let socket =
                    socket.and_then(|socket| socket.to_gd().try_cast::<StreamPeerSocketRs>().ok());
                WebSocketStream::Engine {
                    stream: engine,
                    socket: socket.map(|socket| peer::with_part(&socket, bridge::part_of(&socket))),
                }
            }
        };
        self.require_kept(call, &stream)?;
        Ok(stream)
    }

    /// Refuses a stream that cannot be kept alive in the background, if that is enabled.
    fn require_kept(&self, call: &str, stream: &WebSocketStream<ObjectRef>) -> Result<(), Error> {
        match self.refusal(stream) {
            None => Ok(()),
            Some(why) => {
                let what = format!("{call}: keep_alive_in_background {why}");
                Err(self.last_error.refuse(Error::ERR_UNAVAILABLE, &what))
            }
        }
    }

    fn require_free(&self, call: &str) -> Result<(), Error> {
        if self.is_free() {
            return Ok(());
        }
        let last_error = &self.last_error;
        let what = format!("{call}: already connecting or open");
        Err(last_error.refuse(Error::ERR_ALREADY_IN_USE, &what))
    }

    fn client_session(&self, call: &str, url: &GString) -> Result<(Url, Session), Error> {
        let url = url.to_string();
        let parsed =
            Url::parse(&url).map_err(|error| self.refuse(&format!("{call} {url:?}: {error}")))?;
        self.require_free(call)?;
        let settings = self.handshake_settings(call)?;
        let limits = self.settings().limits();
        let host = parsed.host_header();
        let session = Session::client(&host, &parsed.target, &settings, limits);
        let session = session.map_err(|error| self.refuse_start(call, &error))?;
        Ok((parsed, session))
    }

    fn handshake_settings(&self, call: &str) -> Result<Settings, Error> {
        handshake_of(&self.settings()).map_err(|why| self.refuse(&format!("{call}: {why}")))
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
                && let Err(error) = connection.set_options(|options| options.no_delay = enabled)
            {
                part.last_error.record(&error);
            }
            true
        }
        Some(WebSocketStream::Engine { stream, .. }) => {
            engine_stream::ask_socket(&stream, "set_no_delay", &[enabled.to_variant()]);
            true
        }
        None => false,
    }
}

last_error_methods!(WebSocketPeerRs);
auto_poll_methods!(WebSocketPeerRs, poll);

impl Failing for WebSocketPart<ObjectRef> {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }
}
