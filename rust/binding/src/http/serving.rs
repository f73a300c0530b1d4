//! The poll of a server: accepts connections, advances them, and hands out requests.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use godot::builtin::StringName;
use godot::global::Error;
use godot::meta::ToGodot;
use stream_socket::Listener;
use stream_socket::dispatch::{Delivery, EventQueue, Nesting};
use stream_socket_web::http::{
    EntityTags, EvictionClass, EvictionOrder, Headers, Request, ServerRules,
};

use super::client::{Client, ClientEvent, OpenRequest, TransferBudget, UploadLimit};
use super::files;
use super::handler_errors::HandlerErrors;
use super::request::{HTTPServerRequestRs, Origin};
use super::routes::Found;
use super::tls::HandshakeBudget;
use super::unsent::UnsentResponses;
use crate::bridge::{ObjectRef, SignalName, part_of};
use crate::parts::live::{self, Live, Report};
use crate::parts::{LastError, Presence};

/// The maximum number of connections that one poll accepts.
const MAX_ACCEPTED: usize = 256;

/// How many bytes one poll receives from all connections together, and how many it reads from files
/// for them, so that untrusted clients do not hold up the game. Each connection has an equal share.
const TOTAL_BUDGET: TransferBudget = TransferBudget {
    receive: 4 << 20,
    file: 8 << 20,
};

/// The minimum budget of each connection.
const MIN_BUDGET: TransferBudget = TransferBudget {
    receive: 16 << 10,
    file: 1,
};

/// The maximum budget of each connection.
const MAX_BUDGET: TransferBudget = TransferBudget {
    receive: 1 << 20,
    file: 1 << 20,
};

/// How many requests of a connection one poll answers, if a client does not wait for responses.
const MAX_ROUNDS: usize = 64;

/// The state of a server, except its routes. Each field has its own lock, and no lock is held while
/// a handler of a request runs.
#[derive(Default)]
pub(super) struct Serving {
    pub(super) listener: Listener,
    clients: Mutex<Vec<Arc<Client>>>,
    pub(super) limits: Mutex<Limits>,
    pub(super) unsent: Arc<UnsentResponses>,
    inbox: Mutex<Inbox>,
    handler_errors: Arc<HandlerErrors>,
    entity_tags: Arc<EntityTags>,
    pub(super) last_error: LastError,
}

/// The settings of a script.
pub(super) struct Limits {
    pub(super) rules: ServerRules,
    pub(super) max_connections: usize,
    /// How long a poll hands out requests, and how long it advances handshakes. `None`: unlimited.
    pub(super) poll_time: Option<Duration>,
    /// `None` without TLS.
    pub(super) tls_options: Option<ObjectRef>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            rules: ServerRules::default(),
            max_connections: 256,
            poll_time: Some(Duration::from_millis(5)),
            tls_options: None,
        }
    }
}

/// Events that were not delivered. The requests of all connections wait in one queue, at most one
/// of each connection.
#[derive(Default)]
struct Inbox {
    events: EventQueue<ClientEvent>,
    requests: VecDeque<(Arc<Client>, Box<Request>)>,
}

impl Inbox {
    fn push(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Request(client, request) => self.requests.push_back((client, request)),
            event => self.events.push(event),
        }
    }

    /// The next event, for the thread that delivers. Requests come last, and only if they may be
    /// handed out. If there is nothing, the delivery ends.
    fn next_or_end(&mut self, delivery: Delivery, hands_out: bool) -> Option<ClientEvent> {
        if self.events.is_empty()
            && hands_out
            && let Some((client, request)) = self.requests.pop_front()
        {
            return Some(ClientEvent::Request(client, request));
        }
        self.events.next_or_end(delivery)
    }
}

/// A server in a poll. The reference keeps it alive: a handler may drop all others.
pub(super) struct Server<'a> {
    pub(super) serving: Arc<Serving>,
    pub(super) object: ObjectRef,
    /// The route for a method and a path.
    pub(super) find: &'a dyn Fn(&str, &str) -> Found,
    pub(super) upload_limit: UploadLimit<'a>,
}

/// Polls `server`.
pub(super) fn poll(server: &Server<'_>) -> Error {
    let serving = server.serving.clone();
    let started = Instant::now();
    let code = serving.accept(server.upload_limit);
    // Polls that are nested too deeply leave the requests to the outer polls.
    let Some(_nesting) = Nesting::enter() else {
        return code;
    };
    let mut clients = locked(&serving.clients).clone();
    let budget = budget_of_each(clients.len());
    clients.iter().for_each(|it| it.set_budget(budget));
    let mut has_handed_out = false;
    let mut handshakes = HandshakeBudget::new(locked(&serving.limits).poll_time);
    for _ in 0..MAX_ROUNDS {
        serving.poll_clients(&clients, server.upload_limit, &mut handshakes);
        serving.end_slow_responses();
        let delivery = locked(&serving.inbox).events.begin();
        if delivery == Delivery::Elsewhere {
            break;
        }
        let _ending = ServingDelivery {
            serving: &serving,
            delivery,
        };
        clients.clear();
        // No lock is held while a handler runs.
        loop {
            // Neither the bytes that wait for slow clients nor the time of a frame may grow without
            // limit.
            let has_time = !has_handed_out || !serving.is_over_time(started);
            let hands_out = has_time && !serving.unsent.is_full();
            let event = locked(&serving.inbox).next_or_end(delivery, hands_out);
            let Some(event) = event else {
                break;
            };
            if let ClientEvent::Request(client, _) = &event {
                clients.push(client.clone());
                has_handed_out = true;
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

/// The budget of each of `count` connections in a poll.
fn budget_of_each(count: usize) -> TransferBudget {
    let share = |all: usize, min: usize, max: usize| (all / count.max(1)).clamp(min, max);
    TransferBudget {
        receive: share(TOTAL_BUDGET.receive, MIN_BUDGET.receive, MAX_BUDGET.receive),
        file: share(TOTAL_BUDGET.file, MIN_BUDGET.file, MAX_BUDGET.file),
    }
}

/// Ends a delivery, even if a handler has panicked.
struct ServingDelivery<'a> {
    serving: &'a Serving,
    delivery: Delivery,
}

impl Drop for ServingDelivery<'_> {
    fn drop(&mut self) {
        locked(&self.serving.inbox).events.end(self.delivery);
    }
}

impl Live for Serving {
    fn report(&self, _: Instant) -> Report {
        Report {
            error: self.last_error.get().message,
            ..Report::of_listener(&self.listener)
        }
    }
}

impl Serving {
    /// The number of connections.
    pub(super) fn connection_count(&self) -> usize {
        locked(&self.clients).len()
    }

    /// Whether a poll that began at `started` has handed out requests for as long as it may.
    fn is_over_time(&self, started: Instant) -> bool {
        let limit = locked(&self.limits).poll_time;
        limit.is_some_and(|limit| started.elapsed() >= limit)
    }

    /// Accepts the connections that wait.
    fn accept(&self, upload_limit: UploadLimit<'_>) -> Error {
        let tls_options = locked(&self.limits).tls_options.clone();
        let mut order = None;
        for _ in 0..MAX_ACCEPTED {
            let connection = match self.listener.accept() {
                Ok(Some(connection)) => connection,
                Ok(None) => break,
                Err(error) => return self.last_error.record(&error),
            };
            let client = Arc::new(Client::new(
                connection,
                tls_options.clone(),
                self.entity_tags.clone(),
                self.unsent.clone(),
                MIN_BUDGET,
            ));
            self.admit(client, upload_limit, &mut order);
        }
        Error::OK
    }

    /// Takes a new client, or answers it with 503. `order` has the other connections, once a new
    /// client has found the server full.
    fn admit(
        &self,
        new_client: Arc<Client>,
        upload_limit: UploadLimit<'_>,
        order: &mut Option<EvictionOrder<Arc<Client>>>,
    ) {
        let now = Instant::now();
        let machine = new_client.machine();
        if self.is_full() {
            let order = order.get_or_insert_with(|| self.eviction_order(now));
            while self.is_full()
                && let Some(other) = order.pop_for(machine)
            {
                // More of its data may have arrived since it was last polled.
                let known = other.eviction_class(now);
                self.poll_clients(
                    std::slice::from_ref(&other),
                    upload_limit,
                    &mut HandshakeBudget::none(),
                );
                let class = other.eviction_class(now);
                if class.0 > known.0 {
                    order.insert(other.clone(), other.machine(), class);
                    continue;
                }
                self.forget(&HashSet::from([Arc::as_ptr(&other)]));
                if let Some(open) = other.evict(now) {
                    self.push(ClientEvent::Closed(open));
                }
            }
        }
        if self.is_full() {
            new_client.refuse(now);
            return;
        }
        if let Some(order) = order {
            order.insert(new_client.clone(), machine, new_client.eviction_class(now));
        }
        live::add("HTTP connection", &new_client);
        locked(&self.clients).push(new_client);
    }

    fn is_full(&self) -> bool {
        self.connection_count() >= locked(&self.limits).max_connections
    }

    fn eviction_order(&self, now: Instant) -> EvictionOrder<Arc<Client>> {
        let mut order = EvictionOrder::default();
        for client in locked(&self.clients).iter() {
            order.insert(client.clone(), client.machine(), client.eviction_class(now));
        }
        order
    }

    /// Forgets the clients at these addresses, and their requests.
    fn forget(&self, gone: &HashSet<*const Client>) {
        if gone.is_empty() {
            return;
        }
        let stays = |client: &Arc<Client>| !gone.contains(&Arc::as_ptr(client));
        locked(&self.clients).retain(stays);
        locked(&self.inbox)
            .requests
            .retain(|(client, _)| stays(client));
    }

    /// Advances `clients`, and forgets those that have ended.
    fn poll_clients(
        &self,
        clients: &[Arc<Client>],
        upload_limit: UploadLimit<'_>,
        handshakes: &mut HandshakeBudget,
    ) {
        let rules = locked(&self.limits).rules.clone();
        let now = Instant::now();
        let mut events = Vec::new();
        let mut gone = HashSet::new();
        for client in clients {
            if !client.poll(now, &rules, upload_limit, handshakes, &mut events) {
                gone.insert(Arc::as_ptr(client));
            }
        }
        self.forget(&gone);
        if !events.is_empty() {
            let mut inbox = locked(&self.inbox);
            events.into_iter().for_each(|event| inbox.push(event));
        }
    }

    /// While too much waits for clients, ends those that accept their responses too slowly.
    fn end_slow_responses(&self) {
        if !self.unsent.is_full() {
            return;
        }
        let now = Instant::now();
        let mut slow = Vec::new();
        for client in locked(&self.clients).iter() {
            if let (EvictionClass::Response, since) = client.eviction_class(now) {
                slow.push((since, client.clone()));
            }
        }
        slow.sort_by_key(|(since, _)| *since);
        for (_, client) in slow {
            if !self.unsent.is_full() {
                break;
            }
            self.forget(&HashSet::from([Arc::as_ptr(&client)]));
            if let Some(open) = client.evict(now) {
                self.push(ClientEvent::Closed(open));
            }
        }
    }

    fn push(&self, event: ClientEvent) {
        locked(&self.inbox).push(event);
    }

    /// Ends all connections. Returns the requests that were open.
    pub(super) fn close_all(&self) -> Vec<OpenRequest> {
        let clients = std::mem::take(&mut *locked(&self.clients));
        locked(&self.inbox).requests.clear();
        clients.iter().filter_map(|client| client.close()).collect()
    }
}

/// Delivers an event. Scripts run here.
fn deliver(server: &Server<'_>, event: ClientEvent) {
    match event {
        ClientEvent::Request(client, request) => hand_out(server, &client, *request),
        ClientEvent::Signal(object, signal) => emit(&object, signal),
        ClientEvent::Closed(open) => emit_closed(&open),
        ClientEvent::HandlerTimedOut(object) => {
            if let Some(object) = object.hold()
                && let Ok(request) = object.to_gd().try_cast::<HTTPServerRequestRs>()
            {
                part_of(&request).report_timeout();
            }
        }
    }
}

/// Notifies the script that has a request of its end. Also emits `body_received` for an upload: a
/// script that waits for more of the body has to learn that none comes.
pub(super) fn emit_closed(open: &OpenRequest) {
    if open.is_upload {
        emit(&open.object, "body_received");
    }
    emit(&open.object, "closed");
}

/// Emits a signal of a request, if a script still has it.
fn emit(object: &Presence, signal: &str) {
    let signal = StringName::from(signal);
    if let Some(object) = object.hold()
        && object.has_connections(&signal)
    {
        object.emit_signal(&signal);
    }
}

/// Gives a request to its handler.
fn hand_out(server: &Server<'_>, client: &Arc<Client>, request: Request) {
    const SIGNAL: &str = "request_received";
    // A handler of another request may have stopped the server.
    if !client.is_open(request.id) {
        return;
    }
    let (id, is_upload) = (request.id, request.is_upload);
    let found = (server.find)(&request.head.method, request.head.path());
    let takes_uploads = matches!(
        &found,
        Found::Handler {
            upload_limit: Some(_),
            ..
        }
    );
    if is_upload && !takes_uploads {
        // The routes have changed since its head arrived, and its body is not here.
        return files::respond_with_status(client, id, 503, Headers::new());
    }
    let origin = |handler: String, parameters| Origin {
        client: client.clone(),
        handler,
        parameters,
        handler_errors: server.serving.handler_errors.clone(),
    };
    let (object, signal) = (&server.object, SignalName::new(SIGNAL));
    match found {
        Found::Handler {
            callable,
            label,
            parameters,
            ..
        } => {
            let request = HTTPServerRequestRs::of(request, origin(label, parameters));
            callable.call(&[request.to_variant()]);
            // If the handler has not kept the request, this ends it.
            drop(request);
            if is_upload {
                client.send_continue(id);
            }
        }
        Found::Files { folder, rest } => {
            files::respond(client, id, &request.head, &folder, &rest);
        }
        _ if object.has_connections(&signal) => {
            let request =
                HTTPServerRequestRs::of(request, origin(String::from(SIGNAL), Vec::new()));
            object.emit_signal(&signal, &[&request.to_variant()]);
        }
        Found::OtherMethods(methods) => {
            let headers: Headers = [("Allow", &*methods)].into_iter().collect();
            files::respond_with_status(client, id, 405, headers);
        }
        Found::Nothing => files::respond_with_status(client, id, 404, Headers::new()),
    }
}

/// Locks a field. Ignores poisoning.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
