//! `HTTPServerRequestRs`: a request that a server has received, and its response.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use godot::builtin::{GString, PackedByteArray, PackedStringArray, VarDictionary, Variant};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api};
use stream_socket::Address;
use stream_socket_web::http::{
    Headers, Request, RequestHead, RespondError, event_text, percent_decode,
};

use super::client::Client;
use super::handler_errors::HandlerErrors;
use super::upgrade::{UpgradeFailure, upgrade};
use super::{files, responses};
use crate::bridge::PropertyKind::{Dictionary, PackedByteArray as Bytes, String as Text};
use crate::bridge::{Bridged, Class, ClassTree, Optional, PartKind, Property, new_object, part_of};
use crate::parts::{LastError, Part, Presence, WebSocketSettings};
use crate::shared_methods::{Failing, last_error_methods};
use crate::websocket::WebSocketPeerRs;
use crate::{json, text};

/// The class of requests. There is no value of this type: the bridge makes an object with a
/// [`RequestPart`].
#[derive(GodotClass)]
#[class(tool, no_init, base = RefCounted)]
pub struct HTTPServerRequestRs {
    // gdext requires it of a class with signals.
    _base: Base<RefCounted>,
}

static CLASS: [Class; 1] = [Class::new("HTTPServerRequestRs", "", &TREE)];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "HTTPServerRequestRs",
    classes: &CLASS,
    enumerations: &[],
    properties: &[
        Property::read_only("method", Text, "get_method"),
        Property::read_only("path", Text, "get_path"),
        Property::read_only("target", Text, "get_target"),
        Property::read_only("query", Dictionary, "get_query"),
        Property::read_only("parameters", Dictionary, "get_parameters"),
        Property::read_only("headers", Dictionary, "get_headers"),
        Property::read_only("body", Bytes, "get_body"),
    ],
    methods: &[],
    virtuals: None,
    parts: PartKind::without_constructor::<RequestPart>(),
    engine_class: OnceLock::new(),
};

impl Bridged for HTTPServerRequestRs {
    type Part = RequestPart;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

/// The part of a request. Its methods emit no signals: the server does when it is polled.
pub(crate) struct RequestPart {
    client: Arc<Client>,
    id: u64,
    head: RequestHead,
    body: Vec<u8>,
    parameters: Vec<(String, String)>,
    /// The handler's name, for error messages.
    handler: String,
    handler_errors: Arc<HandlerErrors>,
    presence: Arc<Presence>,
    /// Whether a script has begun to answer it, and whether the response is complete.
    has_begun: AtomicBool,
    is_complete: AtomicBool,
    last_error: LastError,
}

impl Part for RequestPart {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, _: &'static str) {}

    fn freed(&self, _: &dyn Fn(&str) -> bool) {
        let has_begun = self.has_begun.load(Ordering::Relaxed);
        if self.client.abandon(self.id) && !has_begun {
            self.handler_errors
                .print(&self.handler, "freed a request without an answer");
        }
    }
}

/// Where a request came from, and who handles it.
pub(super) struct Origin {
    pub(super) client: Arc<Client>,
    pub(super) handler: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) handler_errors: Arc<HandlerErrors>,
}

#[godot_api]
impl HTTPServerRequestRs {
    #[signal]
    fn drained();

    #[signal]
    fn body_received();

    #[signal]
    fn closed();

    #[func]
    fn get_method() -> GString {
        GString::from(&Self::this().head.method)
    }

    #[func]
    fn get_path() -> GString {
        let this = Self::this();
        let path = this.head.path();
        let decoded = percent_decode(path).and_then(|bytes| text::exactly_decoded(&bytes));
        decoded.unwrap_or_else(|| GString::from(path))
    }

    #[func]
    fn get_target() -> GString {
        GString::from(&Self::this().head.target)
    }

    #[func]
    fn get_query() -> VarDictionary {
        let mut query = VarDictionary::new();
        for (name, value) in
            form_urlencoded::parse(Self::this().head.query().unwrap_or_default().as_bytes())
        {
            let name = text::decoded(name.as_bytes()).to_variant();
            // The first one counts, as with headers.
            if !query.contains_key(&name) {
                query.set(&name, &text::decoded(value.as_bytes()).to_variant());
            }
        }
        query
    }

    #[func]
    fn get_parameters() -> VarDictionary {
        let mut parameters = VarDictionary::new();
        for (name, value) in &Self::this().parameters {
            parameters.set(name.as_str(), &text::decoded(value.as_bytes()).to_variant());
        }
        parameters
    }

    #[func]
    fn get_headers() -> VarDictionary {
        let mut headers = VarDictionary::new();
        for (name, value) in Self::this().head.headers.iter() {
            let name = name.to_ascii_lowercase();
            let value = match headers.get(name.as_str()) {
                // RFC 9110, section 5.2.
                Some(before) => format!("{}, {value}", before.stringify()),
                None => String::from(value),
            };
            headers.set(name.as_str(), value.as_str());
        }
        headers
    }

    #[func]
    fn get_header(name: GString) -> GString {
        let this = Self::this();
        let name = name.to_string();
        let values = Vec::from_iter(this.head.headers.get_all(&name));
        GString::from(&values.join(", "))
    }

    #[func]
    fn get_body() -> PackedByteArray {
        PackedByteArray::from(Self::this().body.as_slice())
    }

    #[func]
    fn get_body_text() -> GString {
        text::decoded(Self::this().body.as_slice())
    }

    #[func]
    fn get_body_json() -> Variant {
        let this = Self::this();
        match json::parse(this.body.as_slice()) {
            Ok(value) => value,
            Err(error) => {
                let message = format!("get_body_json: {error}");
                this.last_error
                    .record_message(Error::ERR_PARSE_ERROR, message);
                Variant::nil()
            }
        }
    }

    #[func]
    fn receive_body() -> PackedByteArray {
        let this = Self::this();
        PackedByteArray::from(this.client.take_body(this.id))
    }

    #[func]
    fn is_receiving_body() -> bool {
        let this = Self::this();
        this.client.is_receiving_body(this.id)
    }

    #[func]
    fn get_peer_address() -> GString {
        match Self::this().client.peer() {
            Some(Address::Inet(address)) => GString::from(&text::host(*address)),
            _ => GString::new(),
        }
    }

    #[func]
    fn get_peer_port() -> i64 {
        match Self::this().client.peer() {
            Some(Address::Inet(address)) => address.port().into(),
            _ => 0,
        }
    }

    #[func]
    fn is_secure() -> bool {
        Self::this().client.is_secure()
    }

    #[func]
    fn is_open() -> bool {
        let this = Self::this();
        this.client.is_open(this.id)
    }

    #[func]
    fn respond(
        status: i64,
        #[opt(default = Optional::nil())] body: Optional<Variant>,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = Self::this();
        let Some((body, content_type)) = responses::body(&body.into_inner()) else {
            return request.refuse(&"respond: body is neither a String nor a PackedByteArray");
        };
        let headers = responses::headers(&headers.into_inner());
        request.respond_with("respond", status, headers, &body, content_type)
    }

    #[func]
    fn respond_json(
        value: Variant,
        #[opt(default = 200)] status: i64,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = Self::this();
        let body = json::stringify(&value);
        let headers = responses::headers(&headers.into_inner());
        let content_type = Some("application/json");
        request.respond_with(
            "respond_json",
            status,
            headers,
            body.as_bytes(),
            content_type,
        )
    }

    #[func]
    fn respond_file(
        path: GString,
        #[opt(default = 200)] status: i64,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = Self::this();
        let what = "respond_file";
        let path = path.to_string();
        let headers = responses::headers(&headers.into_inner());
        let file = match files::open(&path) {
            Ok(file) => file,
            Err(why) => {
                let message = format!("{what}: open {path}: {why}");
                return request
                    .last_error
                    .record_message(Error::ERR_FILE_CANT_OPEN, message);
            }
        };
        let Ok(status) = u16::try_from(status) else {
            return request.refuse_status(what, status);
        };
        let sent = files::send(
            &request.client,
            request.id,
            &request.head,
            &file,
            &path,
            status,
            headers,
        );
        request.completed(what, sent)
    }

    #[func]
    fn start_stream(
        #[opt(default = 200)] status: i64,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = Self::this();
        let headers = responses::headers(&headers.into_inner());
        request.start("start_stream", status, headers)
    }

    #[func]
    fn write(data: Variant) -> Error {
        let request = Self::this();
        match responses::body(&data) {
            Some((data, _)) => request.write_bytes("write", &data),
            None => request.refuse(&"write: data is neither a String nor a PackedByteArray"),
        }
    }

    #[func]
    fn send_event(
        data: GString,
        #[opt(default = "")] event: GString,
        #[opt(default = "")] id: GString,
    ) -> Error {
        let request = Self::this();
        let what = "send_event";
        let event = event_text(&data.to_string(), &event.to_string(), &id.to_string());
        let event = match event {
            Ok(event) => event,
            Err(error) => return request.refuse(&format!("{what}: {error}")),
        };
        if request.client.is_waiting(request.id) {
            let headers = [
                ("Content-Type", "text/event-stream"),
                ("Cache-Control", "no-store"),
            ];
            let started = request.start(what, 200, headers.into_iter().collect());
            if started != Error::OK {
                return started;
            }
        }
        request.write_bytes(what, event.as_bytes())
    }

    #[func]
    fn finish() -> Error {
        let request = Self::this();
        let finished = request
            .client
            .respond(request.id, |protocol, now| protocol.finish(request.id, now));
        request.completed("finish", finished)
    }

    #[func]
    fn upgrade(
        #[opt(default = Optional::no_strings())] protocols: Optional<PackedStringArray>,
        #[opt(default = Optional::NULL)] like: Optional<Option<Gd<WebSocketPeerRs>>>,
    ) -> Option<Gd<WebSocketPeerRs>> {
        let mut settings = like
            .into_inner()
            .map_or_else(WebSocketSettings::shared_default, |like| {
                part_of(&like).settings()
            });
        let protocols = protocols.into_inner();
        if !protocols.as_slice().is_empty() {
            let protocols = protocols.as_slice().iter().map(GString::to_string);
            Arc::make_mut(&mut settings).protocols = protocols.collect();
        }
        let request = Self::this();
        let (client, id) = (&request.client, request.id);
        let upgraded = upgrade(client, id, &request.head, &settings);
        match upgraded {
            Ok(websocket) => {
                request.completed("upgrade", Ok(()));
                Some(websocket)
            }
            Err(UpgradeFailure::Refused(why)) => {
                request.completed("upgrade", Ok(()));
                let message = format!("upgrade: {why}");
                request
                    .last_error
                    .record_message(Error::ERR_INVALID_DATA, message);
                None
            }
            Err(UpgradeFailure::Misuse(why)) => {
                request.refuse(&format!("upgrade: {why}"));
                None
            }
            Err(UpgradeFailure::Respond(error)) => {
                request.failed("upgrade", &error);
                None
            }
        }
    }

    #[func]
    fn get_unsent_bytes() -> i64 {
        let this = Self::this();
        match this.client.is_open(this.id) {
            true => this.client.unsent() as i64,
            false => 0,
        }
    }
}

last_error_methods!(HTTPServerRequestRs);

impl Failing for RequestPart {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }
}

impl HTTPServerRequestRs {
    /// An object for `request`. The caller has checked that the request is open.
    pub(super) fn of(request: Request, origin: Origin) -> Gd<HTTPServerRequestRs> {
        let part = |object| RequestPart {
            presence: Arc::new(Presence::of(object)),
            client: origin.client,
            id: request.id,
            head: request.head,
            body: request.body,
            parameters: origin.parameters,
            handler: origin.handler,
            handler_errors: origin.handler_errors,
            has_begun: AtomicBool::new(false),
            is_complete: AtomicBool::new(false),
            last_error: LastError::default(),
        };
        let is_upload = request.is_upload;
        let (object, part) = new_object::<HTTPServerRequestRs>(&CLASS[0], part);
        part.client.open(part.id, &part.presence, is_upload);
        object
    }
}

impl RequestPart {
    /// Prints that the handler did not answer in time.
    pub(super) fn report_timeout(&self) {
        self.handler_errors
            .print(&self.handler, "did not answer within response_timeout");
    }

    fn respond_with(
        &self,
        what: &str,
        status: i64,
        mut headers: Headers,
        body: &[u8],
        content_type: Option<&str>,
    ) -> Error {
        let Ok(status) = u16::try_from(status) else {
            return self.refuse_status(what, status);
        };
        responses::complete(&mut headers, content_type);
        let responded = self.client.respond(self.id, |protocol, now| {
            protocol.respond(self.id, status, &headers, body, now)
        });
        self.completed(what, responded)
    }

    fn start(&self, what: &str, status: i64, mut headers: Headers) -> Error {
        let Ok(status) = u16::try_from(status) else {
            return self.refuse_status(what, status);
        };
        responses::complete(&mut headers, None);
        let started = self.client.respond(self.id, |protocol, _| {
            protocol.start(self.id, status, &headers)
        });
        if started.is_ok() {
            self.has_begun.store(true, Ordering::Relaxed);
        }
        self.code(what, started)
    }

    fn write_bytes(&self, what: &str, data: &[u8]) -> Error {
        match self.client.write(self.id, data) {
            Ok(None) => {
                self.last_error.clear();
                Error::OK
            }
            Ok(Some(why)) => {
                let message = format!("{what}: {why}");
                self.last_error.record_message(Error::ERR_BUSY, message)
            }
            Err(error) => self.failed(what, &error),
        }
    }

    fn refuse_status(&self, what: &str, status: i64) -> Error {
        self.refuse(&format!(
            "{what}: status {status} is not between 200 and 999"
        ))
    }

    /// The code of a call that completes a response.
    fn completed(&self, what: &str, responded: Result<(), RespondError>) -> Error {
        if responded.is_ok() {
            self.has_begun.store(true, Ordering::Relaxed);
            self.is_complete.store(true, Ordering::Relaxed);
        }
        self.code(what, responded)
    }

    fn code(&self, what: &str, outcome: Result<(), RespondError>) -> Error {
        match outcome {
            Ok(()) => {
                self.last_error.clear();
                Error::OK
            }
            Err(error) => self.failed(what, &error),
        }
    }

    /// Prints an error for misuse, but none if the client has gone or the time is up.
    fn failed(&self, what: &str, error: &RespondError) -> Error {
        let is_complete = self.is_complete.load(Ordering::Relaxed);
        match error {
            RespondError::Over if is_complete => {
                let message = format!("{what}: request is already answered");
                self.last_error.refuse(Error::ERR_ALREADY_IN_USE, &message)
            }
            RespondError::Over => {
                let message =
                    format!("{what}: client has disconnected, or response_timeout has passed");
                self.last_error
                    .record_message(Error::ERR_CONNECTION_ERROR, message)
            }
            RespondError::Begun => {
                let message = format!("{what}: {error}");
                self.last_error.refuse(Error::ERR_ALREADY_IN_USE, &message)
            }
            RespondError::NotBegun => {
                let message = format!("{what}: start_stream was not called");
                self.last_error.refuse(Error::ERR_UNCONFIGURED, &message)
            }
            error => self.refuse(&format!("{what}: {error}")),
        }
    }
}
