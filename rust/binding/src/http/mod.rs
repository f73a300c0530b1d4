//! `HTTPServerRs`: answers HTTP/1.1 for tools, dashboards and pages of a game.
//!
//! The protocol is in the crate `stream-socket-web`. [`serving`] has what a poll does, a [`client`]
//! moves bytes between a connection and its protocol, and [`request`] has the object that a script
//! gets for a request.

mod answers;
mod client;
mod complaints;
mod file_source;
mod files;
mod quiet;
mod request;
mod routes;
mod serving;
mod tls;
mod transport;
mod unsent;
mod upgrade;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use godot::builtin::{Callable, GString, PackedStringArray};
use godot::classes::{RefCounted, TlsOptions};
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api};
use stream_socket::{Address, BindAddress, ListenError, ListenOptions};
use stream_socket_web::http::{RoutePattern, is_token};

use self::request::HTTPServerRequestRs;
use self::routes::Route;
use self::serving::{Server, Serving, locked};
use crate::bridge::ObjectRef;
use crate::parts::{FramePoll, LastError};
use crate::shared_methods::{Failing, auto_poll_methods, last_error_methods, last_os_error_method};
use crate::{seconds, settings, text};

/// The struct behind the class. No lock is held while a handler of a request runs.
#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct HTTPServerRs {
    serving: Arc<Serving>,
    routes: Mutex<Vec<Route>>,
    frame_poll: FramePoll,
    base: Base<RefCounted>,
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    #[var(get = get_max_connections, set = set_max_connections)]
    max_connections: PhantomVar<i64>,
    #[var(get = get_max_head_bytes, set = set_max_head_bytes)]
    max_head_bytes: PhantomVar<i64>,
    #[var(get = get_max_body_bytes, set = set_max_body_bytes)]
    max_body_bytes: PhantomVar<i64>,
    #[var(get = get_max_unsent_bytes, set = set_max_unsent_bytes)]
    max_unsent_bytes: PhantomVar<i64>,
    #[var(get = get_max_total_unsent_bytes, set = set_max_total_unsent_bytes)]
    max_total_unsent_bytes: PhantomVar<i64>,
    #[var(get = get_max_poll_seconds, set = set_max_poll_seconds)]
    max_poll_seconds: PhantomVar<f64>,
    #[var(get = get_head_timeout, set = set_head_timeout)]
    head_timeout: PhantomVar<f64>,
    #[var(get = get_idle_timeout, set = set_idle_timeout)]
    idle_timeout: PhantomVar<f64>,
    #[var(get = get_response_timeout, set = set_response_timeout)]
    response_timeout: PhantomVar<f64>,
    #[var(get = get_allowed_hosts, set = set_allowed_hosts)]
    allowed_hosts: PhantomVar<PackedStringArray>,
    #[var(get = get_allowed_origins, set = set_allowed_origins)]
    allowed_origins: PhantomVar<PackedStringArray>,
}

// gdext registers a method with `&self` as const, so the methods that change something take the
// object.
#[godot_api]
impl HTTPServerRs {
    #[signal]
    fn request_received(request: Gd<HTTPServerRequestRs>);

    #[func(gd_self)]
    fn listen(this: Gd<Self>, port: i64, #[opt(default = "127.0.0.1")] address: GString) -> Error {
        let server = this.bind();
        let Ok(port) = u16::try_from(port) else {
            return server.refuse(&"The port number must be between 0 and 65535 (inclusive).");
        };
        let Some(address) = text::bind_address(&address, port) else {
            return server.refuse(&format!("listen: {address:?} is not an IP address"));
        };
        server.listen_at(&address)
    }

    #[func(gd_self)]
    fn listen_unix(this: Gd<Self>, path: GString) -> Error {
        let server = this.bind();
        match text::path(&path) {
            Ok(path) => server.listen_at(&BindAddress::Unix(path)),
            Err(what) => server.refuse(&format!("listen_unix: {what}")),
        }
    }

    #[func]
    fn is_listening(&self) -> bool {
        self.serving.listener.is_listening()
    }

    #[func]
    fn get_local_port(&self) -> i32 {
        self.serving.listener.local_port().into()
    }

    #[func]
    fn get_listen_path(&self) -> GString {
        match self.serving.listener.local_address() {
            Some(Address::Unix(path)) => GString::from(path.to_string_lossy().as_ref()),
            _ => GString::new(),
        }
    }

    #[func]
    fn get_connection_count(&self) -> i64 {
        self.serving.connection_count() as i64
    }

    #[func(gd_self)]
    fn stop(this: Gd<Self>) {
        let open = {
            let server = this.bind();
            server.serving.listener.stop();
            server.serving.close_all()
        };
        // Handlers may do anything.
        for object in open {
            serving::emit(&object, "closed");
        }
    }

    #[func(gd_self)]
    fn poll(this: Gd<Self>) -> Error {
        let serving = this.bind().serving.clone();
        let find =
            |method: &str, path: &str| routes::find(&locked(&this.bind().routes), method, path);
        serving::poll(&mut Server {
            serving,
            object: this.clone().upcast(),
            find: &find,
        })
    }

    #[func(gd_self)]
    fn route(this: Gd<Self>, method: GString, pattern: GString, callable: Callable) -> Error {
        let server = this.bind();
        let (method, pattern) = (method.to_string(), pattern.to_string());
        if !method.is_empty() && !is_token(&method) {
            return server.refuse(&format!("route: method {method:?} is not a token"));
        }
        if !callable.is_valid() {
            return server.refuse(&"route: callable is not valid");
        }
        let parsed = match RoutePattern::parse(&pattern) {
            Ok(pattern) => pattern,
            Err(error) => return server.refuse(&format!("route: {error}")),
        };
        let shown = if method.is_empty() { "*" } else { &method };
        let label = format!("the handler of {shown} {pattern}, {callable},");
        locked(&server.routes).push(Route::Handler {
            method,
            pattern: parsed,
            callable,
            label,
        });
        Error::OK
    }

    #[func(gd_self)]
    fn serve_files(this: Gd<Self>, prefix: GString, folder: GString) -> Error {
        let server = this.bind();
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

    #[func(gd_self)]
    fn clear_routes(this: Gd<Self>) {
        let routes = std::mem::take(&mut *locked(&this.bind().routes));
        // Dropping a callable may free the object of a script.
        drop(routes);
    }

    #[func]
    fn set_tls_options(&self, options: Option<Gd<TlsOptions>>) {
        if options.as_ref().is_some_and(|options| !options.is_server()) {
            self.refuse(&"tls_options: options are for a client");
            return;
        }
        let options = options.map(|options| ObjectRef::new(&options));
        let before = std::mem::replace(&mut locked(&self.serving.limits).tls_options, options);
        drop(before);
    }

    #[func]
    fn get_tls_options(&self) -> Option<Gd<TlsOptions>> {
        let options = locked(&self.serving.limits).tls_options.clone();
        options.map(|options| options.to_gd().cast())
    }

    #[func]
    fn set_max_connections(&self, count: i64) {
        if let Some(count) = self.size("max_connections", count) {
            locked(&self.serving.limits).max_connections = count;
        }
    }

    #[func]
    fn get_max_connections(&self) -> i64 {
        locked(&self.serving.limits).max_connections as i64
    }

    #[func]
    fn set_max_head_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_head_bytes", bytes) {
            locked(&self.serving.limits).rules.head.bytes = bytes;
        }
    }

    #[func]
    fn get_max_head_bytes(&self) -> i64 {
        locked(&self.serving.limits).rules.head.bytes as i64
    }

    #[func]
    fn set_max_body_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_body_bytes", bytes) {
            locked(&self.serving.limits).rules.max_body = bytes as u64;
        }
    }

    #[func]
    fn get_max_body_bytes(&self) -> i64 {
        locked(&self.serving.limits).rules.max_body as i64
    }

    #[func]
    fn set_max_unsent_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_unsent_bytes", bytes) {
            let unsent = &self.serving.unsent;
            unsent.max_of_stream.store(bytes, Ordering::Relaxed);
        }
    }

    #[func]
    fn get_max_unsent_bytes(&self) -> i64 {
        self.serving.unsent.max_of_stream.load(Ordering::Relaxed) as i64
    }

    #[func]
    fn set_max_total_unsent_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_total_unsent_bytes", bytes) {
            let unsent = &self.serving.unsent;
            unsent.max_in_all.store(bytes, Ordering::Relaxed);
        }
    }

    #[func]
    fn get_max_total_unsent_bytes(&self) -> i64 {
        self.serving.unsent.max_in_all.load(Ordering::Relaxed) as i64
    }

    #[func]
    fn set_max_poll_seconds(&self, seconds: f64) {
        if let Some(limit) = self.limit("max_poll_seconds", seconds) {
            locked(&self.serving.limits).poll_time = limit;
        }
    }

    #[func]
    fn get_max_poll_seconds(&self) -> f64 {
        seconds::of_limit(locked(&self.serving.limits).poll_time)
    }

    #[func]
    fn set_head_timeout(&self, seconds: f64) {
        if let Some(limit) = self.limit("head_timeout", seconds) {
            locked(&self.serving.limits).rules.head_timeout = limit;
        }
    }

    #[func]
    fn get_head_timeout(&self) -> f64 {
        seconds::of_limit(locked(&self.serving.limits).rules.head_timeout)
    }

    #[func]
    fn set_idle_timeout(&self, seconds: f64) {
        if let Some(limit) = self.limit("idle_timeout", seconds) {
            locked(&self.serving.limits).rules.idle_timeout = limit;
        }
    }

    #[func]
    fn get_idle_timeout(&self) -> f64 {
        seconds::of_limit(locked(&self.serving.limits).rules.idle_timeout)
    }

    #[func]
    fn set_response_timeout(&self, seconds: f64) {
        if let Some(limit) = self.limit("response_timeout", seconds) {
            locked(&self.serving.limits).rules.response_timeout = limit;
        }
    }

    #[func]
    fn get_response_timeout(&self) -> f64 {
        seconds::of_limit(locked(&self.serving.limits).rules.response_timeout)
    }

    #[func]
    fn set_allowed_hosts(&self, hosts: PackedStringArray) {
        locked(&self.serving.limits).rules.allowed_hosts = strings(&hosts);
    }

    #[func]
    fn get_allowed_hosts(&self) -> PackedStringArray {
        packed(&locked(&self.serving.limits).rules.allowed_hosts)
    }

    #[func]
    fn set_allowed_origins(&self, origins: PackedStringArray) {
        locked(&self.serving.limits).rules.allowed_origins = strings(&origins);
    }

    #[func]
    fn get_allowed_origins(&self) -> PackedStringArray {
        packed(&locked(&self.serving.limits).rules.allowed_origins)
    }
}

last_error_methods!(HTTPServerRs);
last_os_error_method!(HTTPServerRs);
auto_poll_methods!(HTTPServerRs);

impl Failing for HTTPServerRs {
    fn last_error(&self) -> &LastError {
        &self.serving.last_error
    }
}

impl HTTPServerRs {
    fn listen_at(&self, address: &BindAddress) -> Error {
        settings::apply();
        let listening = self
            .serving
            .listener
            .listen(address, ListenOptions::default());
        if let Err(error @ ListenError::AlreadyListening) = &listening {
            return self
                .serving
                .last_error
                .refuse(Error::ERR_ALREADY_IN_USE, error);
        }
        self.serving.last_error.note(listening)
    }

    fn size(&self, property: &str, value: i64) -> Option<usize> {
        let size = usize::try_from(value).ok();
        if size.is_none() {
            self.refuse(&format!("{property}: {value} is negative"));
        }
        size
    }

    fn limit(&self, property: &str, seconds: f64) -> Option<Option<Duration>> {
        let limit = seconds::limit(seconds).ok();
        if limit.is_none() {
            self.refuse(&format!(
                "{property}: {seconds} is not a valid number of seconds"
            ));
        }
        limit
    }
}

impl Drop for HTTPServerRs {
    fn drop(&mut self) {
        self.serving.listener.stop();
        self.serving.close_all();
    }
}

fn strings(packed: &PackedStringArray) -> Vec<String> {
    packed.as_slice().iter().map(GString::to_string).collect()
}

fn packed(strings: &[String]) -> PackedStringArray {
    strings.iter().map(GString::from).collect()
}
