//! The part of a relay.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use godot::builtin::Variant;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{EngineEnum, Gd};
use stream_socket::dispatch::{Delivery, EventQueue, Nesting};
use stream_socket::{BindAddress, ListenError, Target};
use stream_socket_relay::{LinkEnd, Relay, RelayEvent};

use super::conditions::{ChosenConditions, SocketConditionsRs};
use crate::bridge::{ObjectRef, SignalName, object_of};
use crate::parts::{Code, Constructible, FramePoll, LastError, ObjectAddress, Part, Presence};
use crate::settings;
use crate::shared_methods::Failing;

/// A relay of the crate `stream-socket-relay`, with what a script has set. Each field has its own
/// lock, and no lock is held while a handler of a signal runs.
pub(crate) struct RelayPart {
    presence: Presence,
    relay: Mutex<Relay>,
    chosen: Mutex<RelaySettings>,
    events: Mutex<EventQueue<RelayEvent>>,
    last_error: LastError,
    pub(super) frame_poll: FramePoll,
}

/// What a script has set.
#[derive(Default)]
pub(super) struct RelaySettings {
    /// Made when they are first asked for.
    to_target: Option<ChosenConditions>,
    to_client: Option<ChosenConditions>,
    pub(super) seed: i64,
}

/// A direction of a relay.
#[derive(Clone, Copy)]
pub(super) enum RelayDirection {
    ToTarget,
    ToClient,
}

impl RelaySettings {
    fn conditions(&mut self, direction: RelayDirection) -> &mut Option<ChosenConditions> {
        match direction {
            RelayDirection::ToTarget => &mut self.to_target,
            RelayDirection::ToClient => &mut self.to_client,
        }
    }
}

impl Constructible for RelayPart {
    fn new(object: ObjectAddress) -> RelayPart {
        RelayPart {
            presence: Presence::of(object),
            relay: Mutex::new(Relay::new(0)),
            chosen: Mutex::default(),
            events: Mutex::default(),
            last_error: LastError::default(),
            frame_poll: FramePoll::default(),
        }
    }
}

impl Part for RelayPart {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, _: &'static str) {}

    fn freed(&self, _: &dyn Fn(&str) -> bool) {}
}

impl Failing for RelayPart {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }
}

impl RelayPart {
    pub(super) fn relay(&self) -> MutexGuard<'_, Relay> {
        self.relay.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn chosen(&self) -> MutexGuard<'_, RelaySettings> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn events(&self) -> MutexGuard<'_, EventQueue<RelayEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_conditions(
        &self,
        direction: RelayDirection,
        conditions: Option<Gd<SocketConditionsRs>>,
    ) {
        let Some(conditions) = conditions else {
            let name = match direction {
                RelayDirection::ToTarget => "to_target",
                RelayDirection::ToClient => "to_client",
            };
            self.refuse(&format!("{name}: conditions are null"));
            return;
        };
        let conditions = ChosenConditions::of(&conditions);
        let before = self.chosen().conditions(direction).replace(conditions);
        // This may free them, and their script may call this object when it is notified.
        drop(before);
    }

    pub(super) fn conditions(&self, direction: RelayDirection) -> Gd<SocketConditionsRs> {
        let chosen = self.chosen().conditions(direction).clone();
        let chosen = chosen.unwrap_or_else(|| {
            // Another thread may do the same.
            let new = ChosenConditions::new();
            let mut chosen = self.chosen();
            let conditions = chosen.conditions(direction);
            conditions.get_or_insert_with(|| new.clone()).clone()
        });
        chosen.object()
    }

    pub(super) fn listen_at(&self, address: &BindAddress) -> Error {
        settings::apply();
        let listening = self.relay().listen(address);
        if let Err(error @ ListenError::AlreadyListening { .. }) = &listening {
            return self.last_error.refuse(Error::ERR_ALREADY_IN_USE, error);
        }
        self.last_error.note(listening)
    }

    pub(super) fn set_target(&self, target: Target, limit: Duration) -> Error {
        self.last_error.clear();
        self.relay().set_target(target, Some(limit));
        Error::OK
    }

    /// Polls the relay and queues its events. Emits no signals.
    fn poll_relay(&self) -> Error {
        let [to_target, to_client] = {
            let chosen = self.chosen();
            [&chosen.to_target, &chosen.to_client]
                .map(|it| it.as_ref().map(ChosenConditions::current))
        };
        let mut relay = self.relay();
        relay.to_target = to_target.unwrap_or_default();
        relay.to_client = to_client.unwrap_or_default();
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
}

/// Polls `relay`, and emits the signals of its object.
pub(super) fn poll(relay: &Arc<RelayPart>) -> Error {
    // The object lives until all handlers have run. One that is being freed emits nothing.
    let object = object_of(&**relay);
    let code = relay.poll_relay();
    let Some(object) = object else {
        return code;
    };
    // Polls that are nested too deeply leave the events to the outer polls.
    let Some(_nesting) = Nesting::enter() else {
        return code;
    };
    let delivery = relay.events().begin();
    if delivery != Delivery::Elsewhere {
        let _ending = RelayDelivery { relay, delivery };
        // No lock is held while a handler runs.
        loop {
            let event = relay.events().next_or_end(delivery);
            let Some(event) = event else {
                break;
            };
            emit_event(&object, &event);
        }
    }
    code
}

/// Ends a delivery, even if a handler has panicked.
struct RelayDelivery<'a> {
    relay: &'a RelayPart,
    delivery: Delivery,
}

impl Drop for RelayDelivery<'_> {
    fn drop(&mut self) {
        self.relay.events().end(self.delivery);
    }
}

fn emit_event(relay: &ObjectRef, event: &RelayEvent) {
    let emit = |name: &str, arguments: &[&Variant]| {
        let name = SignalName::new(name);
        if relay.has_connections(&name) {
            relay.emit_signal(&name, arguments);
        }
    };
    match event {
        RelayEvent::Opened { link } => emit("link_opened", &[&(*link as i64).to_variant()]),
        RelayEvent::Closed { link, end } => {
            let code = i64::from(end_code(end).ord());
            let link = (*link as i64).to_variant();
            emit("link_closed", &[&link, &code.to_variant()]);
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
