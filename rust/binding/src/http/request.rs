//! `HTTPServerRequestRs`: a request that a server has received, and its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use godot::builtin::{GString, PackedByteArray, PackedStringArray, VarDictionary, Variant};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api};
use stream_socket::Address;
use stream_socket_web::http::{
    AnswerError, Headers, Request, RequestHead, event_text, percent_decode,
};

use super::client::Client;
use super::complaints::Complaints;
use super::upgrade::{UpgradeFailure, upgrade};
use super::{answers, files};
use crate::bridge::{Optional, part_of};
use crate::parts::{LastError, Presence};
use crate::shared_methods::{Failing, last_error_methods};
use crate::websocket::WebSocketPeerRs;
use crate::{json, text};

/// The struct behind the class. Its methods emit no signals: the server does when it is polled.
#[derive(GodotClass)]
#[class(tool, no_init, base = RefCounted)]
pub struct HTTPServerRequestRs {
    client: Arc<Client>,
    id: u64,
    head: RequestHead,
    received: PackedByteArray,
    found: Vec<(String, String)>,
    /// What names the handler in an error.
    handler: String,
    complaints: Arc<Complaints>,
    presence: Arc<Presence>,
    /// Whether a script has begun to answer it, and whether it has done so to the end.
    has_begun: AtomicBool,
    is_complete: AtomicBool,
    last_error: LastError,
    base: Base<RefCounted>,
    #[var(get = get_method, no_set)]
    method: PhantomVar<GString>,
    #[var(get = get_path, no_set)]
    path: PhantomVar<GString>,
    #[var(get = get_target, no_set)]
    target: PhantomVar<GString>,
    #[var(get = get_query, no_set)]
    query: PhantomVar<VarDictionary>,
    #[var(get = get_parameters, no_set)]
    parameters: PhantomVar<VarDictionary>,
    #[var(get = get_headers, no_set)]
    headers: PhantomVar<VarDictionary>,
    #[var(get = get_body, no_set)]
    body: PhantomVar<PackedByteArray>,
}

/// Where a request came from, and who handles it.
pub(super) struct Origin {
    pub(super) client: Arc<Client>,
    pub(super) handler: String,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) complaints: Arc<Complaints>,
}

// gdext registers a method with `&self` as const, so the methods that answer take the object.
#[godot_api]
impl HTTPServerRequestRs {
    #[signal]
    fn drained();

    #[signal]
    fn closed();

    #[func]
    fn get_method(&self) -> GString {
        GString::from(&self.head.method)
    }

    #[func]
    fn get_path(&self) -> GString {
        let path = self.head.path();
        let decoded = percent_decode(path).and_then(|bytes| text::exactly_decoded(&bytes));
        decoded.unwrap_or_else(|| GString::from(path))
    }

    #[func]
    fn get_target(&self) -> GString {
        GString::from(&self.head.target)
    }

    #[func]
    fn get_query(&self) -> VarDictionary {
        let mut query = VarDictionary::new();
        for (name, value) in
            form_urlencoded::parse(self.head.query().unwrap_or_default().as_bytes())
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
    fn get_parameters(&self) -> VarDictionary {
        let mut parameters = VarDictionary::new();
        for (name, value) in &self.found {
            parameters.set(name.as_str(), &text::decoded(value.as_bytes()).to_variant());
        }
        parameters
    }

    #[func]
    fn get_headers(&self) -> VarDictionary {
        let mut headers = VarDictionary::new();
        for (name, value) in self.head.headers.iter() {
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
    fn get_header(&self, name: GString) -> GString {
        let name = name.to_string();
        let values = Vec::from_iter(self.head.headers.get_all(&name));
        GString::from(&values.join(", "))
    }

    #[func]
    fn get_body(&self) -> PackedByteArray {
        self.received.clone()
    }

    #[func]
    fn get_body_text(&self) -> GString {
        text::decoded(self.received.as_slice())
    }

    #[func]
    fn get_body_json(&self) -> Variant {
        match json::parse(self.received.as_slice()) {
            Ok(value) => value,
            Err(error) => {
                let message = format!("get_body_json: {error}");
                self.last_error
                    .record_message(Error::ERR_PARSE_ERROR, message);
                Variant::nil()
            }
        }
    }

    #[func]
    fn get_peer_address(&self) -> GString {
        match self.client.peer() {
            Some(Address::Inet(address)) => GString::from(&text::host(*address)),
            _ => GString::new(),
        }
    }

    #[func]
    fn get_peer_port(&self) -> i64 {
        match self.client.peer() {
            Some(Address::Inet(address)) => address.port().into(),
            _ => 0,
        }
    }

    #[func]
    fn is_secure(&self) -> bool {
        self.client.is_secure()
    }

    #[func]
    fn is_open(&self) -> bool {
        self.client.is_open(self.id)
    }

    #[func(gd_self)]
    fn respond(
        this: Gd<Self>,
        status: i64,
        #[opt(default = Optional::nil())] body: Optional<Variant>,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = this.bind();
        let Some((body, content_type)) = answers::body(&body.into_inner()) else {
            return request.refuse(&"respond: body must be a String or a PackedByteArray");
        };
        let headers = answers::headers(&headers.into_inner());
        request.respond_with("respond", status, headers, &body, content_type)
    }

    #[func(gd_self)]
    fn respond_json(
        this: Gd<Self>,
        value: Variant,
        #[opt(default = 200)] status: i64,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = this.bind();
        let body = json::stringify(&value);
        let headers = answers::headers(&headers.into_inner());
        let content_type = Some("application/json");
        request.respond_with(
            "respond_json",
            status,
            headers,
            body.as_bytes(),
            content_type,
        )
    }

    #[func(gd_self)]
    fn respond_file(
        this: Gd<Self>,
        path: GString,
        #[opt(default = 200)] status: i64,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = this.bind();
        let what = "respond_file";
        let path = path.to_string();
        let headers = answers::headers(&headers.into_inner());
        let Some(file) = files::open(&path) else {
            let message = format!("{what}: {path} cannot be opened");
            return request
                .last_error
                .record_message(Error::ERR_FILE_CANT_OPEN, message);
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

    #[func(gd_self)]
    fn start_stream(
        this: Gd<Self>,
        #[opt(default = 200)] status: i64,
        #[opt(default = Optional::empty_dictionary())] headers: Optional<VarDictionary>,
    ) -> Error {
        let request = this.bind();
        let headers = answers::headers(&headers.into_inner());
        request.start("start_stream", status, headers)
    }

    #[func(gd_self)]
    fn write(this: Gd<Self>, data: Variant) -> Error {
        let request = this.bind();
        match answers::body(&data) {
            Some((data, _)) => request.write_bytes("write", &data),
            None => request.refuse(&"write: data must be a String or a PackedByteArray"),
        }
    }

    #[func(gd_self)]
    fn send_event(
        this: Gd<Self>,
        data: GString,
        #[opt(default = "")] event: GString,
        #[opt(default = "")] id: GString,
    ) -> Error {
        let request = this.bind();
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

    #[func(gd_self)]
    fn finish(this: Gd<Self>) -> Error {
        let request = this.bind();
        let finished = request
            .client
            .answer(request.id, |protocol, now| protocol.finish(request.id, now));
        request.completed("finish", finished)
    }

    #[func(gd_self)]
    fn upgrade(
        this: Gd<Self>,
        #[opt(default = Optional::no_strings())] protocols: Optional<PackedStringArray>,
        #[opt(default = Optional::NULL)] like: Optional<Option<Gd<WebSocketPeerRs>>>,
    ) -> Option<Gd<WebSocketPeerRs>> {
        let settings = like.into_inner().map(|like| part_of(&like).settings());
        let protocols = protocols.into_inner();
        let protocols = protocols.as_slice().iter().map(GString::to_string);
        let request = this.bind();
        let (client, id) = (&request.client, request.id);
        let settings = settings
            .unwrap_or_default()
            .with_protocols(protocols.collect());
        let upgraded = upgrade(client, id, &request.head, settings);
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
            Err(UpgradeFailure::Answer(error)) => {
                request.failed("upgrade", &error);
                None
            }
        }
    }

    #[func]
    fn get_unsent_bytes(&self) -> i64 {
        match self.is_open() {
            true => self.client.unsent() as i64,
            false => 0,
        }
    }
}

last_error_methods!(HTTPServerRequestRs);

impl Failing for HTTPServerRequestRs {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }
}

impl HTTPServerRequestRs {
    /// An object for `request`. The caller has checked that the request is open.
    pub(super) fn of(request: Request, origin: Origin) -> Gd<HTTPServerRequestRs> {
        let Origin {
            client,
            handler,
            parameters,
            complaints,
        } = origin;
        let object = Gd::from_init_fn(|base| HTTPServerRequestRs {
            client,
            id: request.id,
            head: request.head,
            received: PackedByteArray::from(request.body),
            found: parameters,
            handler,
            complaints,
            presence: Arc::default(),
            has_begun: AtomicBool::new(false),
            is_complete: AtomicBool::new(false),
            last_error: LastError::default(),
            base,
            method: PhantomVar::default(),
            path: PhantomVar::default(),
            target: PhantomVar::default(),
            query: PhantomVar::default(),
            parameters: PhantomVar::default(),
            headers: PhantomVar::default(),
            body: PhantomVar::default(),
        });
        let bound = object.bind();
        bound.presence.begin_of_id(object.instance_id());
        bound.client.open(bound.id, &bound.presence);
        drop(bound);
        object
    }

    /// The request was not answered in time.
    pub(super) fn forgotten(&self) {
        self.complaints
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
        answers::complete(&mut headers, content_type);
        let answered = self.client.answer(self.id, |protocol, now| {
            protocol.respond(self.id, status, &headers, body, now)
        });
        self.completed(what, answered)
    }

    fn start(&self, what: &str, status: i64, mut headers: Headers) -> Error {
        let Ok(status) = u16::try_from(status) else {
            return self.refuse_status(what, status);
        };
        answers::complete(&mut headers, None);
        let started = self.client.answer(self.id, |protocol, _| {
            protocol.start(self.id, status, &headers)
        });
        if started.is_ok() {
            self.has_begun.store(true, Ordering::Relaxed);
        }
        self.code(what, started)
    }

    fn write_bytes(&self, what: &str, data: &[u8]) -> Error {
        match self.client.write(self.id, data) {
            Ok(true) => {
                self.last_error.clear();
                Error::OK
            }
            Ok(false) => {
                let message = format!("{what}: max_unsent_bytes are waiting to be sent");
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

    /// The code of a call that completes an answer.
    fn completed(&self, what: &str, answered: Result<(), AnswerError>) -> Error {
        if answered.is_ok() {
            self.has_begun.store(true, Ordering::Relaxed);
            self.is_complete.store(true, Ordering::Relaxed);
        }
        self.code(what, answered)
    }

    fn code(&self, what: &str, outcome: Result<(), AnswerError>) -> Error {
        match outcome {
            Ok(()) => {
                self.last_error.clear();
                Error::OK
            }
            Err(error) => self.failed(what, &error),
        }
    }

    /// Misuse is printed. That the client has gone, or that the time is up, is not.
    fn failed(&self, what: &str, error: &AnswerError) -> Error {
        let is_complete = self.is_complete.load(Ordering::Relaxed);
        match error {
            AnswerError::Over if is_complete => {
                let message = format!("{what}: the request was answered already");
                self.last_error.refuse(Error::ERR_ALREADY_IN_USE, &message)
            }
            AnswerError::Over => {
                let message = format!("{what}: the client has gone, or the time is up");
                self.last_error
                    .record_message(Error::ERR_CONNECTION_ERROR, message)
            }
            AnswerError::Begun => {
                let message = format!("{what}: the answer has begun");
                self.last_error.refuse(Error::ERR_ALREADY_IN_USE, &message)
            }
            AnswerError::NotBegun => {
                let message = format!("{what}: start_stream was not called");
                self.last_error.refuse(Error::ERR_UNCONFIGURED, &message)
            }
            error => self.refuse(&format!("{what}: {error}")),
        }
    }
}

impl Drop for HTTPServerRequestRs {
    fn drop(&mut self) {
        self.presence.end();
        let has_begun = self.has_begun.load(Ordering::Relaxed);
        if self.client.abandon(self.id) && !has_begun {
            self.complaints
                .print(&self.handler, "let go of a request without an answer");
        }
    }
}
