//! `HTTPServerRs`: answers HTTP/1.1 for tools, dashboards and pages of a game.
//!
//! The protocol is in the crate `stream-socket-web`. [`serving`] has what a poll does, a [`client`]
//! moves bytes between a connection and its protocol, and [`request`] has the object that a script
//! gets for a request.

mod client;
mod file_source;
mod files;
mod handler_errors;
mod quiet;
mod received;
mod request;
mod responses;
mod routes;
mod serving;
mod tls;
mod transport;
mod unsent;
mod upgrade;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};

use godot::builtin::{Callable, GString, PackedStringArray};
use godot::classes::{RefCounted, TlsOptions};
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api};
use stream_socket::{Address, BindAddress, ListenError, ListenOptions};
use stream_socket_web::http::{RoutePattern, is_token};

use self::request::HTTPServerRequestRs;
pub(crate) use self::request::TREE as REQUEST_TREE;
use self::routes::Route;
use self::serving::{Server, Serving, locked};
use crate::bridge::PropertyKind::{Float, Int, Object, PackedStringArray as Strings};
use crate::bridge::{
    Bridged, CallableRef, Class, ClassTree, ObjectRef, PartKind, Property, object_of,
};
use crate::parts::live;
use crate::parts::{Constructible, FramePoll, LastError, ObjectAddress, Part, Presence};
use crate::shared_methods::{
    AUTO_POLL, Failing, auto_poll_methods, last_error_methods, last_os_error_method,
};
use crate::{numbers, settings, text};

/// The class of HTTP servers. There is no value of this type: the bridge makes an object with an
/// [`HTTPServerPart`].
#[derive(GodotClass)]
#[class(tool, no_init, base = RefCounted)]
pub struct HTTPServerRs {
    // gdext requires it of a class with signals.
    _base: Base<RefCounted>,
}

static CLASS: [Class; 1] = [Class::new("HTTPServerRs", "", &TREE)];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "HTTPServerRs",
    classes: &CLASS,
    enumerations: &[],
    properties: &[
        AUTO_POLL,
        Property::new(
            "tls_options",
            Object("TLSOptions"),
            "set_tls_options",
            "get_tls_options",
        ),
        Property::new(
            "max_connections",
            Int,
            "set_max_connections",
            "get_max_connections",
        ),
        Property::new(
            "max_head_bytes",
            Int,
            "set_max_head_bytes",
            "get_max_head_bytes",
        ),
        Property::new(
            "max_body_bytes",
            Int,
            "set_max_body_bytes",
            "get_max_body_bytes",
        ),
        Property::new(
            "max_unsent_bytes",
            Int,
            "set_max_unsent_bytes",
            "get_max_unsent_bytes",
        ),
        Property::new(
            "max_total_unsent_bytes",
            Int,
            "set_max_total_unsent_bytes",
            "get_max_total_unsent_bytes",
        ),
        Property::new(
            "max_poll_seconds",
            Float,
            "set_max_poll_seconds",
            "get_max_poll_seconds",
        ),
        Property::new(
            "head_timeout",
            Float,
            "set_head_timeout",
            "get_head_timeout",
        ),
        Property::new(
            "idle_timeout",
            Float,
            "set_idle_timeout",
            "get_idle_timeout",
        ),
        Property::new(
            "response_timeout",
            Float,
            "set_response_timeout",
            "get_response_timeout",
        ),
        Property::new(
            "allowed_hosts",
            Strings,
            "set_allowed_hosts",
            "get_allowed_hosts",
        ),
        Property::new(
            "allowed_origins",
            Strings,
            "set_allowed_origins",
            "get_allowed_origins",
        ),
    ],
    methods: &[],
    virtuals: None,
    parts: PartKind::of::<HTTPServerPart>(),
    engine_class: OnceLock::new(),
};

impl Bridged for HTTPServerRs {
    type Part = HTTPServerPart;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

/// The part of a server. No lock is held while a handler of a request runs.
pub(crate) struct HTTPServerPart {
    presence: Presence,
    serving: Arc<Serving>,
    routes: Mutex<Vec<Route>>,
    frame_poll: FramePoll,
}

impl Constructible for HTTPServerPart {
    fn new(object: ObjectAddress) -> HTTPServerPart {
        HTTPServerPart {
            presence: Presence::of(object),
            serving: Arc::default(),
            routes: Mutex::default(),
            frame_poll: FramePoll::default(),
        }
    }
}

impl Part for HTTPServerPart {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, class: &'static str) {
        live::add(class, &self.serving);
    }

    fn freed(&self, _: &dyn Fn(&str) -> bool) {
        self.stop();
    }
}

#[godot_api]
impl HTTPServerRs {
    #[signal]
    fn request_received(request: Gd<HTTPServerRequestRs>);

    #[func]
    fn listen(port: i64, #[opt(default = "127.0.0.1")] address: GString) -> Error {
        let server = Self::this();
        match server.accept(text::listen_address(&address, port)) {
            Ok(address) => server.listen_at(&address),
            Err(code) => code,
        }
    }

    #[func]
    fn listen_unix(path: GString) -> Error {
        let server = Self::this();
        match text::path(&path) {
            Ok(path) => server.listen_at(&BindAddress::Unix(path)),
            Err(what) => server.refuse(&format!("listen_unix: {what}")),
        }
    }

    #[func]
    fn is_listening() -> bool {
        Self::this().serving.listener.is_listening()
    }

    #[func]
    fn get_local_port() -> i32 {
        Self::this().serving.listener.local_port().into()
    }

    #[func]
    fn get_listen_path() -> GString {
        match Self::this().serving.listener.local_address() {
            Some(Address::Unix(path)) => GString::from(path.to_string_lossy().as_ref()),
            _ => GString::new(),
        }
    }

    #[func]
    fn get_connection_count() -> i64 {
        Self::this().serving.connection_count() as i64
    }

    #[func]
    fn stop() {
        Self::this().stop();
    }

    #[func]
    fn poll() -> Error {
        poll(&Self::this())
    }

    #[func]
    fn route(method: GString, pattern: GString, callable: Callable) -> Error {
        Self::this().add_route("route", &method, &pattern, callable, None)
    }

    #[func]
    fn route_upload(
        method: GString,
        pattern: GString,
        callable: Callable,
        max_bytes: i64,
    ) -> Error {
        let (server, what) = (Self::this(), "route_upload");
        let Ok(limit) = u64::try_from(max_bytes) else {
            return server.refuse(&format!("{what}: max_bytes {max_bytes} is negative"));
        };
        server.add_route(what, &method, &pattern, callable, Some(limit))
    }

    #[func]
    fn serve_files(prefix: GString, folder: GString) -> Error {
        let server = Self::this();
        let (mut prefix, folder) = (prefix.to_string(), folder.to_string());
        if !prefix.starts_with('/') {
            let what = format!("serve_files: prefix {prefix:?} does not begin with /");
            return server.refuse(&what);
        }
        if folder.is_empty() {
            return server.refuse(&"serve_files: folder is empty");
        }
        if !prefix.ends_with('/') {
            prefix.push('/');
        }
        locked(&server.routes).push(Route::Files { prefix, folder });
        Error::OK
    }

    #[func]
    fn clear_routes() {
        let routes = std::mem::take(&mut *locked(&Self::this().routes));
        // Dropping a callable may free the object of a script.
        drop(routes);
    }

    #[func]
    fn set_tls_options(options: Option<Gd<TlsOptions>>) {
        let this = Self::this();
        if options.as_ref().is_some_and(|options| !options.is_server()) {
            this.refuse(&"tls_options: these are client options");
            return;
        }
        let options = options.map(|options| ObjectRef::new(&options));
        let before = std::mem::replace(&mut locked(&this.serving.limits).tls_options, options);
        drop(before);
    }

    #[func]
    fn get_tls_options() -> Option<Gd<TlsOptions>> {
        let options = locked(&Self::this().serving.limits).tls_options.clone();
        options.map(|options| options.to_gd().cast())
    }

    #[func]
    fn set_max_connections(count: i64) {
        let this = Self::this();
        if let Ok(count) = this.accept(numbers::count("max_connections", count)) {
            locked(&this.serving.limits).max_connections = count;
        }
    }

    #[func]
    fn get_max_connections() -> i64 {
        locked(&Self::this().serving.limits).max_connections as i64
    }

    #[func]
    fn set_max_head_bytes(bytes: i64) {
        let this = Self::this();
        if let Ok(bytes) = this.accept(numbers::count("max_head_bytes", bytes)) {
            locked(&this.serving.limits).rules.head.bytes = bytes;
        }
    }

    #[func]
    fn get_max_head_bytes() -> i64 {
        locked(&Self::this().serving.limits).rules.head.bytes as i64
    }

    #[func]
    fn set_max_body_bytes(bytes: i64) {
        let this = Self::this();
        if let Ok(bytes) = this.accept(numbers::count("max_body_bytes", bytes)) {
            locked(&this.serving.limits).rules.max_body = bytes as u64;
        }
    }

    #[func]
    fn get_max_body_bytes() -> i64 {
        locked(&Self::this().serving.limits).rules.max_body as i64
    }

    #[func]
    fn set_max_unsent_bytes(bytes: i64) {
        let this = Self::this();
        if let Ok(bytes) = this.accept(numbers::count("max_unsent_bytes", bytes)) {
            let unsent = &this.serving.unsent;
            unsent.max_of_stream.store(bytes, Ordering::Relaxed);
        }
    }

    #[func]
    fn get_max_unsent_bytes() -> i64 {
        Self::this()
            .serving
            .unsent
            .max_of_stream
            .load(Ordering::Relaxed) as i64
    }

    #[func]
    fn set_max_total_unsent_bytes(bytes: i64) {
        let this = Self::this();
        if let Ok(bytes) = this.accept(numbers::count("max_total_unsent_bytes", bytes)) {
            let unsent = &this.serving.unsent;
            unsent.max_in_all.store(bytes, Ordering::Relaxed);
        }
    }

    #[func]
    fn get_max_total_unsent_bytes() -> i64 {
        Self::this()
            .serving
            .unsent
            .max_in_all
            .load(Ordering::Relaxed) as i64
    }

    #[func]
    fn set_max_poll_seconds(seconds: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("max_poll_seconds", seconds)) {
            locked(&this.serving.limits).poll_time = limit;
        }
    }

    #[func]
    fn get_max_poll_seconds() -> f64 {
        numbers::of_limit(locked(&Self::this().serving.limits).poll_time)
    }

    #[func]
    fn set_head_timeout(seconds: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("head_timeout", seconds)) {
            locked(&this.serving.limits).rules.head_timeout = limit;
        }
    }

    #[func]
    fn get_head_timeout() -> f64 {
        numbers::of_limit(locked(&Self::this().serving.limits).rules.head_timeout)
    }

    #[func]
    fn set_idle_timeout(seconds: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("idle_timeout", seconds)) {
            locked(&this.serving.limits).rules.idle_timeout = limit;
        }
    }

    #[func]
    fn get_idle_timeout() -> f64 {
        numbers::of_limit(locked(&Self::this().serving.limits).rules.idle_timeout)
    }

    #[func]
    fn set_response_timeout(seconds: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("response_timeout", seconds)) {
            locked(&this.serving.limits).rules.response_timeout = limit;
        }
    }

    #[func]
    fn get_response_timeout() -> f64 {
        numbers::of_limit(locked(&Self::this().serving.limits).rules.response_timeout)
    }

    #[func]
    fn set_allowed_hosts(hosts: PackedStringArray) {
        locked(&Self::this().serving.limits).rules.allowed_hosts = strings(&hosts);
    }

    #[func]
    fn get_allowed_hosts() -> PackedStringArray {
        packed(&locked(&Self::this().serving.limits).rules.allowed_hosts)
    }

    #[func]
    fn set_allowed_origins(origins: PackedStringArray) {
        locked(&Self::this().serving.limits).rules.allowed_origins = strings(&origins);
    }

    #[func]
    fn get_allowed_origins() -> PackedStringArray {
        packed(&locked(&Self::this().serving.limits).rules.allowed_origins)
    }
}

last_error_methods!(HTTPServerRs);
last_os_error_method!(HTTPServerRs);
auto_poll_methods!(HTTPServerRs, poll);

impl Failing for HTTPServerPart {
    fn last_error(&self) -> &LastError {
        &self.serving.last_error
    }
}

fn poll(server: &Arc<HTTPServerPart>) -> Error {
    // The object lives until all handlers have run. One that is being freed serves nobody.
    let Some(object) = object_of(&**server) else {
        return Error::OK;
    };
    serving::poll(&Server {
        serving: server.serving.clone(),
        object,
        find: &|method, path| routes::find(&locked(&server.routes), method, path),
        upload_limit: &|head| {
            routes::upload_limit(&locked(&server.routes), &head.method, head.path())
        },
    })
}

impl HTTPServerPart {
    fn listen_at(&self, address: &BindAddress) -> Error {
        settings::apply();
        let listening = self
            .serving
            .listener
            .listen(address, ListenOptions::default());
        if let Err(error @ ListenError::AlreadyListening { .. }) = &listening {
            return self
                .serving
                .last_error
                .refuse(Error::ERR_ALREADY_IN_USE, error);
        }
        self.serving.last_error.note(listening)
    }

    fn add_route(
        &self,
        what: &str,
        method: &GString,
        pattern: &GString,
        callable: Callable,
        upload_limit: Option<u64>,
    ) -> Error {
        let (method, pattern) = (method.to_string(), pattern.to_string());
        if !method.is_empty() && !is_token(&method) {
            return self.refuse(&format!("{what}: method {method:?} is not a token"));
        }
        if !callable.is_valid() {
            return self.refuse(&format!("{what}: callable is not valid"));
        }
        let parsed = match RoutePattern::parse(&pattern) {
            Ok(pattern) => pattern,
            Err(error) => return self.refuse(&format!("{what}: {error}")),
        };
        let shown = if method.is_empty() { "*" } else { &method };
        let label = format!("the handler of {shown} {pattern}, {callable},");
        locked(&self.routes).push(Route::Handler {
            method,
            pattern: parsed,
            callable: CallableRef::new(callable),
            label,
            upload_limit,
        });
        Error::OK
    }

    /// Ends all connections. Handlers of signals may do anything.
    fn stop(&self) {
        self.serving.listener.stop();
        for open in self.serving.close_all() {
            serving::emit_closed(&open);
        }
    }
}

fn strings(packed: &PackedStringArray) -> Vec<String> {
    packed.as_slice().iter().map(GString::to_string).collect()
}

fn packed(strings: &[String]) -> PackedStringArray {
    strings.iter().map(GString::from).collect()
}
