//! `SocketRelayRs`: forwards clients to a target through a simulated bad network.
//!
//! A `Relay` of the crate `stream-socket-relay` does the work. [`conditions`] is the resource that
//! sets what the network does.

mod conditions;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use godot::builtin::{GString, StringName, Variant};
use godot::classes::{Object, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, EngineEnum, Gd, NewGd};
use godot::prelude::{GodotClass, PhantomVar, godot_api};
use stream_socket::dispatch::{Delivery, EventQueue, Nesting};
use stream_socket::{Address, BindAddress, ListenError, Target};
use stream_socket_relay::{LinkEnd, Relay, RelayEvent};

use self::conditions::SocketConditionsRs;
use crate::parts::{Code, FramePoll, LastError};
use crate::shared_methods::{Failing, auto_poll_methods, last_error_methods, last_os_error_method};
use crate::{settings, text};

/// The struct behind the class. Each field has its own lock, and no lock is held while a handler of
/// a signal runs.
#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct SocketRelayRs {
    #[init(val = Mutex::new(Relay::new(0)))]
    relay: Mutex<Relay>,
    #[init(val = Mutex::new(RelaySettings::new()))]
    chosen: Mutex<RelaySettings>,
    events: Mutex<EventQueue<RelayEvent>>,
    last_error: LastError,
    frame_poll: FramePoll,
    base: Base<RefCounted>,
    #[var(get = get_to_target, set = set_to_target)]
    to_target: PhantomVar<Option<Gd<SocketConditionsRs>>>,
    #[var(get = get_to_client, set = set_to_client)]
    to_client: PhantomVar<Option<Gd<SocketConditionsRs>>>,
    #[var(get = get_seed, set = set_seed)]
    seed: PhantomVar<i64>,
}

/// What a script has set.
struct RelaySettings {
    to_target: Gd<SocketConditionsRs>,
    to_client: Gd<SocketConditionsRs>,
    seed: i64,
}

impl RelaySettings {
    fn new() -> RelaySettings {
        RelaySettings {
            to_target: SocketConditionsRs::new_gd(),
            to_client: SocketConditionsRs::new_gd(),
            seed: 0,
        }
    }
}

// gdext registers a method with `&self` as const, so the methods that change something take the
// object.
#[godot_api]
impl SocketRelayRs {
    #[signal]
    fn link_opened(link: i64);

    #[signal]
    fn link_closed(link: i64, error: Error);

    #[func(gd_self)]
    fn listen(this: Gd<Self>, port: i64, #[opt(default = "*")] bind_address: GString) -> Error {
        let relay = this.bind();
        let Ok(port) = u16::try_from(port) else {
            return relay.refuse(&"The port number must be between 0 and 65535 (inclusive).");
        };
        let Some(address) = text::bind_address(&bind_address, port) else {
            return relay.refuse(&format!("listen: {bind_address:?} is not an IP address"));
        };
        relay.listen_at(&address)
    }

    #[func(gd_self)]
    fn listen_at_path(this: Gd<Self>, path: GString) -> Error {
        let relay = this.bind();
        match text::path(&path) {
            Ok(path) => relay.listen_at(&BindAddress::Unix(path)),
            Err(what) => relay.refuse(&format!("listen: {what}")),
        }
    }

    #[func(gd_self)]
    fn set_target_host(this: Gd<Self>, host: GString, port: i64) -> Error {
        let relay = this.bind();
        let host = host.to_string();
        let Some(port) = u16::try_from(port).ok().filter(|&port| port > 0) else {
            return relay
                .refuse(&"The remote port number must be between 1 and 65535 (inclusive).");
        };
        let Some(target) = Target::new(&host, port) else {
            return relay.refuse(&format!(
                "set_target_host: {host:?} is not a valid host name"
            ));
        };
        relay.set_target(target, settings::tcp_connect_timeout())
    }

    #[func(gd_self)]
    fn set_target_path(this: Gd<Self>, path: GString) -> Error {
        let relay = this.bind();
        match text::path(&path) {
            Ok(path) => {
                let target = Target::Address(Address::Unix(path));
                relay.set_target(target, settings::unix_connect_timeout())
            }
            Err(what) => relay.refuse(&format!("set_target_path: {what}")),
        }
    }

    #[func]
    fn is_listening(&self) -> bool {
        self.relay().is_listening()
    }

    #[func]
    fn get_local_port(&self) -> i32 {
        self.relay().local_port().into()
    }

    #[func]
    fn get_listen_path(&self) -> GString {
        match self.relay().local_address() {
            Some(Address::Unix(path)) => GString::from(path.to_string_lossy().as_ref()),
            _ => GString::new(),
        }
    }

    #[func(gd_self)]
    fn stop(this: Gd<Self>) {
        this.bind().relay().stop();
    }

    /// `this` keeps the object alive: a handler of its signals may drop every other reference.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) -> Error {
        let code = this.bind().poll_relay();
        // Polls that are nested too deeply leave the events to the outer polls.
        let Some(_nesting) = Nesting::enter() else {
            return code;
        };
        let delivery = this.bind().events().begin();
        if delivery != Delivery::Elsewhere {
            let _ending = DeliveryGuard {
                relay: &this,
                delivery,
            };
            // No lock is held while a handler runs.
            while let Some(event) = this.bind().next_event(delivery) {
                emit_event(&this, event);
            }
        }
        code
    }

    #[func(gd_self)]
    fn close_all(this: Gd<Self>) {
        this.bind().relay().close_all();
    }

    #[func(gd_self)]
    fn abort_all(this: Gd<Self>) {
        this.bind().relay().abort_all();
    }

    #[func]
    fn get_link_count(&self) -> i64 {
        self.relay().link_count() as i64
    }

    #[func]
    fn get_bytes_to_target(&self) -> i64 {
        self.relay().bytes_to_target() as i64
    }

    #[func]
    fn get_bytes_to_client(&self) -> i64 {
        self.relay().bytes_to_client() as i64
    }

    #[func]
    fn get_bytes_under_way(&self) -> i64 {
        self.relay().bytes_in_transit() as i64
    }

    #[func]
    fn set_to_target(&self, conditions: Option<Gd<SocketConditionsRs>>) {
        match conditions {
            // Dropping the previous conditions may free them, and their script may call this object
            // when it is notified.
            Some(conditions) => drop(
                self.change_chosen(|chosen| std::mem::replace(&mut chosen.to_target, conditions)),
            ),
            None => drop(self.refuse(&"to_target: conditions must not be null")),
        }
    }

    #[func]
    fn get_to_target(&self) -> Option<Gd<SocketConditionsRs>> {
        Some(self.chosen().to_target.clone())
    }

    #[func]
    fn set_to_client(&self, conditions: Option<Gd<SocketConditionsRs>>) {
        match conditions {
            Some(conditions) => drop(
                self.change_chosen(|chosen| std::mem::replace(&mut chosen.to_client, conditions)),
            ),
            None => drop(self.refuse(&"to_client: conditions must not be null")),
        }
    }

    #[func]
    fn get_to_client(&self) -> Option<Gd<SocketConditionsRs>> {
        Some(self.chosen().to_client.clone())
    }

    #[func]
    fn set_seed(&self, seed: i64) {
        self.chosen().seed = seed;
        self.relay().set_seed(seed as u64);
    }

    #[func]
    fn get_seed(&self) -> i64 {
        self.chosen().seed
    }
}

last_error_methods!(SocketRelayRs);
last_os_error_method!(SocketRelayRs);
auto_poll_methods!(SocketRelayRs);

impl Failing for SocketRelayRs {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }
}

impl SocketRelayRs {
    fn relay(&self) -> MutexGuard<'_, Relay> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chosen(&self) -> MutexGuard<'_, RelaySettings> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what a script has set. The caller drops what `change` returns after the lock is
    /// released.
    fn change_chosen<R>(&self, change: impl FnOnce(&mut RelaySettings) -> R) -> R {
        change(&mut self.chosen())
    }

    fn listen_at(&self, address: &BindAddress) -> Error {
        settings::apply();
        let listening = self.relay().listen(address);
        if let Err(error @ ListenError::AlreadyListening) = &listening {
            return self.last_error.refuse(Error::ERR_ALREADY_IN_USE, error);
        }
        self.last_error.note(listening)
    }

    fn set_target(&self, target: Target, limit: Duration) -> Error {
        self.last_error.clear();
        self.relay().set_target(target, Some(limit));
        Error::OK
    }

    /// Polls the relay and queues its events. Emits no signals.
    fn poll_relay(&self) -> Error {
        let (to_target, to_client) = {
            let chosen = self.chosen();
            (chosen.to_target.clone(), chosen.to_client.clone())
        };
        let (to_target, to_client) = (to_target.bind().current(), to_client.bind().current());
        let mut relay = self.relay();
        relay.to_target = to_target;
        relay.to_client = to_client;
        let mut events = Vec::new();
        let polled = relay.poll(Instant::now(), |event| events.push(event));
        let code = match polled {
            Ok(()) => Error::OK,
            Err(error) => self.last_error.record(&error),
        };
        for event in &events {
            if let RelayEvent::Closed {
                end: LinkEnd::Unreached(error),
                ..
            } = event
            {
                self.last_error.record(&**error);
            }
        }
        let mut queue = self.events();
        events.into_iter().for_each(|event| queue.push(event));
        drop(queue);
        drop(relay);
        code
    }

    fn next_event(&self, delivery: Delivery) -> Option<RelayEvent> {
        self.events().next_or_end(delivery)
    }

    fn events(&self) -> MutexGuard<'_, EventQueue<RelayEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a delivery, even if a handler has panicked.
struct DeliveryGuard<'a> {
    relay: &'a Gd<SocketRelayRs>,
    delivery: Delivery,
}

impl Drop for DeliveryGuard<'_> {
    fn drop(&mut self) {
        self.relay.bind().events().end(self.delivery);
    }
}

fn emit_event(relay: &Gd<SocketRelayRs>, event: RelayEvent) {
    let mut object = relay.clone().upcast::<Object>();
    let mut emit = |name: &str, arguments: &[Variant]| {
        let name = StringName::from(name);
        if object.has_connections(&name) {
            object.emit_signal(&name, arguments);
        }
    };
    match event {
        RelayEvent::Opened { link } => emit("link_opened", &[(link as i64).to_variant()]),
        RelayEvent::Closed { link, end } => {
            let code = i64::from(end_code(&end).ord());
            emit(
                "link_closed",
                &[(link as i64).to_variant(), code.to_variant()],
            );
        }
    }
}

/// The code that `link_closed` reports.
fn end_code(end: &LinkEnd) -> Error {
    match end {
        LinkEnd::Ended => Error::OK,
        LinkEnd::Cut => Error::ERR_SKIP,
        LinkEnd::Unreached(error) => error.exact(),
        LinkEnd::NoTarget => Error::ERR_UNCONFIGURED,
        _ => Error::ERR_CONNECTION_ERROR,
    }
}
