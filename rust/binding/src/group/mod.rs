//! `StreamPeerSocketGroupRs`: many peers and servers, polled together.
//!
//! The work is done by an `EventLoop` of the core. [`member`] makes objects its members, and
//! [`signals`] emits what it reports.

mod member;
mod signals;

use std::sync::Arc;
use std::time::Duration;

use godot::builtin::{AnyArray, Array, PackedByteArray, StringName, VarArray};
use godot::classes::{PacketPeer, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api, godot_error};
use stream_socket::dispatch::{AddError, EventLoop, Refused, Subject};
use stream_socket_web::websocket::SharedMessage;

use self::member::{AcceptedForm, GroupMember};
use self::signals::{GroupSignals, PACKET_RECEIVED};
use crate::bridge::{ObjectRef, Optional, class_of};
use crate::parts::{Emitter, FramePoll, Presence, advice_for, hints};
use crate::seconds;
use crate::server::SocketServerRs;
use crate::shared_methods::auto_poll_methods;

#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct StreamPeerSocketGroupRs {
    #[init(val = GroupState::new())]
    members: GroupState,
    frame_poll: FramePoll,
    base: Base<RefCounted>,
    #[var(get = get_max_members, set = set_max_members)]
    max_members: PhantomVar<i64>,
    #[var(get = get_max_stalled_seconds, set = set_max_stalled_seconds)]
    max_stalled_seconds: PhantomVar<f64>,
    #[var(get = get_max_silent_seconds, set = set_max_silent_seconds)]
    max_silent_seconds: PhantomVar<f64>,
    #[var(get = get_max_packets_per_poll, set = set_max_packets_per_poll)]
    max_packets_per_poll: PhantomVar<i64>,
}

/// The state of a group object.
struct GroupState {
    events: Arc<EventLoop<GroupMember>>,
    /// The object, to check whether anything is connected to its signals.
    presence: Arc<Presence>,
}

impl GroupState {
    fn new() -> GroupState {
        let presence = Arc::new(Presence::default());
        let group = presence.clone();
        let wants_packets = move || {
            let name = StringName::from(PACKET_RECEIVED);
            group
                .hold()
                .is_some_and(|group| group.has_connections(&name))
        };
        GroupState {
            events: Arc::new(EventLoop::new(wants_packets)),
            presence,
        }
    }
}

impl Drop for GroupState {
    fn drop(&mut self) {
        self.presence.end();
    }
}

impl Drop for StreamPeerSocketGroupRs {
    fn drop(&mut self) {
        let members = || match self.members.events.len() {
            0 => None,
            1 => Some("was freed with a member".into()),
            count => Some(format!("was freed with {count} members")),
        };
        let is_expected = || self.frame_poll.is_expected(&signals::SIGNALS);
        hints::freed(&*self.members.events, is_expected, members);
    }
}

// The methods take the object and not gdext's cell, so that none waits for a poll on another
// thread.
#[godot_api]
impl StreamPeerSocketGroupRs {
    #[signal]
    fn peer_connected(peer: Gd<RefCounted>);

    #[signal]
    fn peer_data_available(peer: Gd<RefCounted>);

    #[signal]
    fn peer_packet_received(peer: Gd<PacketPeer>, packet: PackedByteArray);

    #[signal]
    fn peer_disconnected(peer: Gd<RefCounted>, error: Error);

    #[func(gd_self)]
    fn add(this: Gd<Self>, peer: Option<Gd<RefCounted>>) -> Error {
        let Some(peer) = peer else {
            return refuse("null");
        };
        let object = peer.to_variant();
        let Some(member) = GroupMember::of(peer) else {
            return refuse(&class_of(&object));
        };
        let events = events(&this);
        match events.add(member) {
            Ok(()) => {
                note_members(&events);
                Error::OK
            }
            Err(AddError::AlreadyMember) => Error::ERR_ALREADY_EXISTS,
            Err(_) => {
                godot_error!("add: PacketPeerSocketRs has no stream");
                Error::ERR_INVALID_PARAMETER
            }
        }
    }

    #[func(gd_self)]
    fn accept_from(
        this: Gd<Self>,
        server: Option<Gd<SocketServerRs>>,
        #[opt(default = Optional::NULL)] like: Optional<Option<Gd<RefCounted>>>,
    ) -> Error {
        let Some(server) = server else {
            godot_error!("accept_from: server is null");
            return Error::ERR_INVALID_PARAMETER;
        };
        let form = match like.into_inner() {
            None => AcceptedForm::default(),
            Some(like) => {
                let object = like.to_variant();
                match AcceptedForm::like(like) {
                    Ok(form) => form,
                    Err(why) => {
                        godot_error!("accept_from: {}", why.text(&class_of(&object)));
                        return Error::ERR_INVALID_PARAMETER;
                    }
                }
            }
        };
        let accept = move |connection| GroupMember::accepted(connection, &form);
        // This cannot fail: a server that is a member already stays a member.
        let events = events(&this);
        let _ = events.accept_from(GroupMember::server(&server), accept);
        note_members(&events);
        Error::OK
    }

    #[func(gd_self)]
    fn remove(this: Gd<Self>, peer: Option<Gd<RefCounted>>) -> Error {
        let removed = peer.and_then(|peer| events(&this).remove(ObjectRef::new(&peer).id()));
        removed.map_or(Error::ERR_DOES_NOT_EXIST, |_| Error::OK)
    }

    #[func]
    fn get_count(&self) -> i64 {
        self.members.events.len() as i64
    }

    #[func]
    fn get_members(&self) -> Array<Gd<RefCounted>> {
        let members = self.members.events.members();
        members
            .iter()
            .map(|member| member.subject().object().to_gd())
            .collect()
    }

    #[func]
    fn get_peers(&self) -> Array<Gd<RefCounted>> {
        let members = self.members.events.members();
        let peers = members
            .iter()
            .filter(|member| !member.subject().is_server());
        peers
            .map(|member| member.subject().object().to_gd())
            .collect()
    }

    #[func(gd_self)]
    fn broadcast(
        this: Gd<Self>,
        data: PackedByteArray,
        #[opt(default = Optional::empty_array())] except: Optional<AnyArray>,
        #[opt(default = false)] as_text: bool,
    ) -> Array<Gd<RefCounted>> {
        let except = ids_of(&except.into_inner());
        let is_left_out = |member: &GroupMember| except.contains(&member.id());
        let data = data.as_slice();
        let mut message = SharedMessage::new(as_text, data);
        refusing_members(events(&this).broadcast(data, &mut message, is_left_out))
    }

    #[func(gd_self)]
    fn broadcast_to(
        this: Gd<Self>,
        peers: AnyArray,
        data: PackedByteArray,
        #[opt(default = false)] as_text: bool,
    ) -> Array<Gd<RefCounted>> {
        let ids = ids_of(&peers);
        let data = data.as_slice();
        let mut message = SharedMessage::new(as_text, data);
        refusing_members(events(&this).broadcast_to(data, &mut message, &ids))
    }

    #[func(gd_self)]
    fn poll(this: Gd<Self>, #[opt(default = 0)] timeout_msec: i64) -> VarArray {
        // Negative: no limit.
        let limit = u64::try_from(timeout_msec).ok().map(Duration::from_millis);
        let events = events(&this);
        hints::used(&*events);
        let ready = events.poll(limit, &mut GroupSignals::of(ObjectRef::new(&this)));
        let mut members = VarArray::new();
        for member in &ready {
            members.push(member.subject().object().variant());
        }
        members
    }

    #[func(gd_self)]
    fn wake(this: Gd<Self>) {
        events(&this).wake();
    }

    #[func]
    fn set_max_members(&self, count: i64) {
        self.members
            .events
            .set_max_members(usize::try_from(count).unwrap_or(0));
    }

    #[func]
    fn get_max_members(&self) -> i64 {
        i64::try_from(self.members.events.max_members()).unwrap_or(i64::MAX)
    }

    #[func]
    fn set_max_stalled_seconds(&self, seconds: f64) {
        match seconds::limit(seconds) {
            Ok(limit) => self.members.events.set_max_stalled(limit),
            Err(_) => {
                godot_error!("max_stalled_seconds: {seconds} is not a valid number of seconds");
            }
        }
    }

    #[func]
    fn get_max_stalled_seconds(&self) -> f64 {
        seconds::of_limit(self.members.events.max_stalled())
    }

    #[func]
    fn set_max_silent_seconds(&self, seconds: f64) {
        match seconds::limit(seconds) {
            Ok(limit) => self.members.events.set_max_silent(limit),
            Err(_) => {
                godot_error!("max_silent_seconds: {seconds} is not a valid number of seconds");
            }
        }
    }

    #[func]
    fn get_max_silent_seconds(&self) -> f64 {
        seconds::of_limit(self.members.events.max_silent())
    }

    #[func]
    fn set_max_packets_per_poll(&self, count: i64) {
        let count = usize::try_from(count).unwrap_or(0);
        self.members.events.set_max_packets_per_poll(count);
    }

    #[func]
    fn get_max_packets_per_poll(&self) -> i64 {
        let count = self.members.events.max_packets_per_poll();
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

auto_poll_methods!(StreamPeerSocketGroupRs);

/// Refuses a member that is an object of `class`, or null.
fn refuse(class: &str) -> Error {
    let advice = advice_for(class);
    godot_error!(
        "add: {class} is not a StreamPeerSocketRs, a PacketPeerSocketRs, a WebSocketPeerRs or a \
         SocketServerRs{advice}"
    );
    Error::ERR_INVALID_PARAMETER
}

/// The group must live from its first member on.
fn note_members(events: &Arc<EventLoop<GroupMember>>) {
    if events.len() == 1 {
        hints::begun(&**events, || "StreamPeerSocketGroupRs".into());
    }
}

/// The ids of the objects in `peers`.
fn ids_of(peers: &AnyArray) -> Vec<u64> {
    let objects = peers.iter_shared();
    let objects = objects.filter_map(|object| object.try_to::<Gd<RefCounted>>().ok());
    objects.map(|object| ObjectRef::new(&object).id()).collect()
}

/// The members that did not accept a broadcast, with the reason recorded on each.
fn refusing_members(refused: Vec<Refused<GroupMember>>) -> Array<Gd<RefCounted>> {
    let members = refused.into_iter().map(|refused| {
        let member = refused.member.subject();
        if let Some(error) = &refused.error {
            member.record(error);
        }
        member.object().to_gd()
    });
    members.collect()
}

/// The event loop. The caller holds no reference into the object, because a handler may free the
/// object.
fn events(group: &Gd<StreamPeerSocketGroupRs>) -> Arc<EventLoop<GroupMember>> {
    let bound = group.bind();
    if bound.members.presence.is_over() {
        bound.members.presence.begin_of_id(group.instance_id());
    }
    bound.members.events.clone()
}
