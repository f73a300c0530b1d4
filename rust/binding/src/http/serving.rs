//! What a server does in a poll: accepts, goes on with its connections, and hands out requests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use godot::builtin::StringName;
use godot::classes::Object;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;
use stream_socket::dispatch::{Delivery, EventQueue, Nesting};
use stream_socket::{Connection, Listener};
use stream_socket_web::http::{EntityTags, Headers, Request, ServerConnection, ServerRules};

use super::client::{Client, ClientEvent, MAX_FILE_SHARE};
use super::complaints::Complaints;
use super::files;
use super::request::{HTTPServerRequestRs, Origin};
use super::routes::Found;
use crate::parts::live::{self, Live, Report};
use crate::parts::{LastError, Presence};

/// The maximum number of connections that one poll accepts.
const MAX_ACCEPTED: usize = 256;

/// How many bytes of files one poll reads for all connections together, so that strangers who load
/// large files do not hold up the game. Each connection has an equal share.
const MAX_FILE_BYTES: usize = 8 << 20;

/// How many requests of a connection one poll answers, if a client does not wait for answers.
const MAX_ROUNDS: usize = 64;

/// What a server is made of, but for its routes. Each field has its own lock, and no lock is held
/// while a handler of a request runs.
#[derive(Default)]
pub(super) struct Serving {
    pub(super) listener: Listener,
    clients: Mutex<Vec<Arc<Client>>>,
    pub(super) limits: Mutex<Limits>,
    events: Mutex<EventQueue<ClientEvent>>,
    complaints: Arc<Complaints>,
    entity_tags: Arc<EntityTags>,
    pub(super) last_error: LastError,
}

/// What a script has set.
pub(super) struct Limits {
    pub(super) rules: ServerRules,
    pub(super) max_connections: usize,
    pub(super) max_unsent: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            rules: ServerRules::default(),
            max_connections: 256,
            max_unsent: 1 << 20,
        }
    }
}

/// An object that serves. The reference keeps it alive: a handler may drop every other one.
pub(super) struct Server<'a> {
    pub(super) serving: Arc<Serving>,
    pub(super) object: Gd<Object>,
    /// The route for a method and a path.
    pub(super) find: &'a dyn Fn(&str, &str) -> Found,
}

/// Polls `server`.
pub(super) fn poll(server: &mut Server<'_>) -> Error {
    let serving = server.serving.clone();
    let code = serving.accept();
    // Polls that are nested too deeply leave the requests to the outer polls.
    let Some(_nesting) = Nesting::enter() else {
        return code;
    };
    let mut clients = locked(&serving.clients).clone();
    let share = (MAX_FILE_BYTES / clients.len().max(1)).min(MAX_FILE_SHARE);
    clients.iter().for_each(|it| it.set_file_share(share));
    for _ in 0..MAX_ROUNDS {
        serving.poll_clients(&clients);
        let delivery = locked(&serving.events).begin();
        if delivery == Delivery::Elsewhere {
            break;
        }
        let _ending = DeliveryGuard {
            serving: &serving,
            delivery,
        };
        clients.clear();
        // No lock is held while a handler runs.
        loop {
            let event = locked(&serving.events).next_or_end(delivery);
            let Some(event) = event else {
                break;
            };
            if let ClientEvent::Request(client, _) = &event {
                clients.push(client.clone());
            }
            deliver(server, event);
        }
        // The next requests of those that have sent several.
        if clients.is_empty() || !serving.listener.is_listening() {
            break;
        }
    }
    code
}

/// Ends a delivery, even if a handler has panicked.
struct DeliveryGuard<'a> {
    serving: &'a Serving,
    delivery: Delivery,
}

impl Drop for DeliveryGuard<'_> {
    fn drop(&mut self) {
        locked(&self.serving.events).end(self.delivery);
    }
}

impl Live for Serving {
    fn report(&self, _: Instant) -> Report {
        Report {
            error: self.last_error.get().message,
            ..Report::of_listener(&self.listener)
        }
    }

    fn queued_bytes(&self) -> usize {
        0
    }

    fn with_connection(&self, _: &mut dyn FnMut(&Connection)) {}
}

impl Serving {
    /// What a new server is made of.
    pub(super) fn new() -> Arc<Serving> {
        let serving = Arc::new(Serving::default());
        live::add("HTTPServerRs", &serving);
        serving
    }

    /// The number of connections.
    pub(super) fn connection_count(&self) -> usize {
        locked(&self.clients).len()
    }

    /// Accepts the connections that wait.
    fn accept(&self) -> Error {
        for _ in 0..MAX_ACCEPTED {
            let connection = match self.listener.accept() {
                Ok(Some(connection)) => connection,
                Ok(None) => break,
                Err(error) => return self.last_error.record(&error),
            };
            let now = Instant::now();
            let protocol = match self.makes_room() {
                true => ServerConnection::new(now),
                false => ServerConnection::refused(now),
            };
            let is_refused = protocol.ending().is_some();
            let client = Arc::new(Client::new(connection, protocol, self.entity_tags.clone()));
            match is_refused {
                // The answer is sent in the background.
                true => drop(client.close()),
                false => {
                    live::add("HTTP connection", &client);
                    locked(&self.clients).push(client);
                }
            }
        }
        Error::OK
    }

    /// Whether there is room for one more connection. The one that has been idle for longest makes
    /// room, so that strangers cannot lock out others by connecting and saying nothing.
    fn makes_room(&self) -> bool {
        loop {
            let idle = {
                let clients = locked(&self.clients);
                if clients.len() < locked(&self.limits).max_connections {
                    return true;
                }
                let idle = clients.iter().enumerate();
                let idle = idle.filter_map(|(index, client)| Some((client.idle_since()?, index)));
                idle.min().map(|(_, index)| clients[index].clone())
            };
            let Some(idle) = idle else {
                return false;
            };
            // Its request may have arrived since it was last looked at.
            self.poll_clients(std::slice::from_ref(&idle));
            if idle.idle_since().is_some() {
                locked(&self.clients).retain(|client| !Arc::ptr_eq(client, &idle));
                idle.close();
            }
        }
    }

    /// Goes on with `clients`, and forgets those that have ended.
    fn poll_clients(&self, clients: &[Arc<Client>]) {
        let (rules, max_unsent) = {
            let limits = locked(&self.limits);
            (limits.rules.clone(), limits.max_unsent)
        };
        let now = Instant::now();
        let mut events = Vec::new();
        let mut has_ended = false;
        for client in clients {
            client.set_max_unsent(max_unsent);
            has_ended |= !client.poll(now, &rules, &mut events);
        }
        if has_ended {
            locked(&self.clients).retain(|client| !client.is_over());
        }
        if !events.is_empty() {
            let mut queue = locked(&self.events);
            events.into_iter().for_each(|event| queue.push(event));
        }
    }

    /// Ends all connections. Returns the objects of the requests that were open.
    pub(super) fn close_all(&self) -> Vec<Arc<Presence>> {
        let clients = std::mem::take(&mut *locked(&self.clients));
        clients.iter().filter_map(|client| client.close()).collect()
    }
}

/// Delivers an event. Scripts run here.
fn deliver(server: &mut Server<'_>, event: ClientEvent) {
    match event {
        ClientEvent::Request(client, request) => hand_out(server, &client, *request),
        ClientEvent::Signal(object, signal) => emit(&object, signal),
        ClientEvent::Forgotten(object) => {
            if let Some(object) = object.hold()
                && let Ok(request) = object.to_gd().try_cast::<HTTPServerRequestRs>()
            {
                request.bind().forgotten();
            }
        }
    }
}

/// Emits a signal of a request, if a script still has it.
pub(super) fn emit(object: &Presence, signal: &str) {
    let signal = StringName::from(signal);
    if let Some(object) = object.hold()
        && object.has_connections(&signal)
    {
        object.emit_signal(&signal);
    }
}

/// Gives a request to its handler.
fn hand_out(server: &mut Server<'_>, client: &Arc<Client>, request: Request) {
    const SIGNAL: &str = "request_received";
    // A handler of another request may have stopped the server.
    if !client.is_open(request.id) {
        return;
    }
    let id = request.id;
    let found = (server.find)(&request.head.method, request.head.path());
    let origin = |handler: String, parameters| Origin {
        client: client.clone(),
        handler,
        parameters,
        complaints: server.serving.complaints.clone(),
    };
    let object = &mut server.object;
    match found {
        Found::Handler {
            callable,
            label,
            parameters,
        } => {
            let request = HTTPServerRequestRs::of(request, origin(label, parameters));
            callable.call(&[request.to_variant()]);
        }
        Found::Files { folder, rest } => {
            files::answer(client, id, &request.head, &folder, &rest);
        }
        _ if object.has_connections(SIGNAL) => {
            let request =
                HTTPServerRequestRs::of(request, origin(String::from(SIGNAL), Vec::new()));
            object.emit_signal(SIGNAL, &[request.to_variant()]);
        }
        Found::OtherMethods(methods) => {
            let headers: Headers = [("Allow", &*methods)].into_iter().collect();
            files::answer_status(client, id, 405, headers);
        }
        Found::Nothing => files::answer_status(client, id, 404, Headers::new()),
    }
}

/// Locks a field, whether or not a panic has happened meanwhile.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
