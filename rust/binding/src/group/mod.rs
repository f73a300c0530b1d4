//! `StreamPeerSocketGroupRs`: many peers and servers, polled together.
//!
//! The work is done by an `EventLoop` of the core. [`member`] makes objects its members, and
//! [`signals`] emits what it reports.

mod member;
mod signals;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use godot::builtin::{AnyArray, Array, PackedByteArray, StringName, VarArray};
use godot::classes::{PacketPeer, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api, godot_error};
use stream_socket::dispatch::{AddError, EventLoop, Refused, Subject};
use stream_socket_web::websocket::SharedMessage;

use self::member::{AcceptedForm, GroupMember};
use self::signals::{GroupSignals, PACKET_RECEIVED};
use crate::bridge::PropertyKind::{Float, Int};
use crate::bridge::{
    Bridged, Class, ClassTree, ObjectRef, Optional, PartKind, Property, class_of, object_of,
};
use crate::numbers;
use crate::parts::{
    Constructible, Emitter, FramePoll, ObjectAddress, Part, Presence, advice_for, hints,
};
use crate::server::SocketServerRs;
use crate::shared_methods::{AUTO_POLL, accept_or_print, auto_poll_methods};

/// The class of groups. There is no value of this type: the bridge makes an object with a
/// [`GroupPart`].
#[derive(GodotClass)]
#[class(tool, no_init, base = RefCounted)]
pub struct StreamPeerSocketGroupRs {
    // gdext requires it of a class with signals.
    _base: Base<RefCounted>,
}

static CLASS: [Class; 1] = [Class::new("StreamPeerSocketGroupRs", "", &TREE)];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "StreamPeerSocketGroupRs",
    classes: &CLASS,
    enumerations: &[],
    properties: &[
        AUTO_POLL,
        Property::new("max_members", Int, "set_max_members", "get_max_members"),
        Property::new(
            "max_stalled_seconds",
            Float,
            "set_max_stalled_seconds",
            "get_max_stalled_seconds",
        ),
        Property::new(
            "max_silent_seconds",
            Float,
            "set_max_silent_seconds",
            "get_max_silent_seconds",
        ),
        Property::new(
            "max_packets_per_poll",
            Int,
            "set_max_packets_per_poll",
            "get_max_packets_per_poll",
        ),
    ],
    methods: &[],
    virtuals: None,
    parts: PartKind::of::<GroupPart>(),
    engine_class: OnceLock::new(),
};

impl Bridged for StreamPeerSocketGroupRs {
    type Part = GroupPart;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

/// The part of a group.
pub(crate) struct GroupPart {
    /// Shared with the event loop, which also checks for connections to the group's signals.
    presence: Arc<Presence>,
    events: EventLoop<GroupMember>,
    frame_poll: FramePoll,
}

impl Constructible for GroupPart {
    fn new(object: ObjectAddress) -> GroupPart {
        let presence = Arc::new(Presence::of(object));
        let group = presence.clone();
        let wants_packets = move || {
            let name = StringName::from(PACKET_RECEIVED);
            group
                .hold()
                .is_some_and(|group| group.has_connections(&name))
        };
        GroupPart {
            presence,
            events: EventLoop::new(wants_packets),
            frame_poll: FramePoll::default(),
        }
    }
}

impl Part for GroupPart {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, _: &'static str) {}

    fn freed(&self, has_connections: &dyn Fn(&str) -> bool) {
        let members = || match self.events.len() {
            0 => None,
            1 => Some("was freed with a member".into()),
            count => Some(format!("was freed with {count} members")),
        };
        let is_expected =
            || self.frame_poll.is_wanted() && signals::SIGNALS.into_iter().any(has_connections);
        hints::freed(&self.events, is_expected, members);
    }
}

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

    #[func]
    fn add(peer: Option<Gd<RefCounted>>) -> Error {
        let Some(peer) = peer else {
            return refuse("null");
        };
        let object = peer.to_variant();
        let Some(member) = GroupMember::of(peer) else {
            return refuse(&class_of(&object));
        };
        let this = Self::this();
        match this.events.add(member) {
            Ok(()) => {
                note_members(&this);
                Error::OK
            }
            Err(AddError::AlreadyMember) => Error::ERR_ALREADY_EXISTS,
            Err(_) => {
                godot_error!("add: packet peer has no stream");
                Error::ERR_INVALID_PARAMETER
            }
        }
    }

    #[func]
    fn accept_from(
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
        let this = Self::this();
        let _ = this
            .events
            .accept_from(GroupMember::server(&server), accept);
        note_members(&this);
        Error::OK
    }

    #[func]
    fn remove(peer: Option<Gd<RefCounted>>) -> Error {
        let removed = peer.and_then(|peer| Self::this().events.remove(ObjectRef::new(&peer).id()));
        removed.map_or(Error::ERR_DOES_NOT_EXIST, |_| Error::OK)
    }

    #[func]
    fn get_count() -> i64 {
        Self::this().events.len() as i64
    }

    #[func]
    fn get_members() -> Array<Gd<RefCounted>> {
        let this = Self::this();
        let members = this.events.members();
        members
            .iter()
            .map(|member| member.subject().object().to_gd())
            .collect()
    }

    #[func]
    fn get_peers() -> Array<Gd<RefCounted>> {
        let this = Self::this();
        let members = this.events.members();
        let peers = members
            .iter()
            .filter(|member| !member.subject().is_server());
        peers
            .map(|member| member.subject().object().to_gd())
            .collect()
    }

    #[func]
    fn broadcast(
        data: PackedByteArray,
        #[opt(default = Optional::empty_array())] except: Optional<AnyArray>,
        #[opt(default = false)] as_text: bool,
    ) -> Array<Gd<RefCounted>> {
        let except = ids_of(&except.into_inner());
        let is_left_out = |member: &GroupMember| except.contains(&member.id());
        let data = data.as_slice();
        let mut message = SharedMessage::new(as_text, data);
        refusing_members(
            Self::this()
                .events
                .broadcast(data, &mut message, is_left_out),
        )
    }

    #[func]
    fn broadcast_to(
        peers: AnyArray,
        data: PackedByteArray,
        #[opt(default = false)] as_text: bool,
    ) -> Array<Gd<RefCounted>> {
        let ids = ids_of(&peers);
        let data = data.as_slice();
        let mut message = SharedMessage::new(as_text, data);
        refusing_members(Self::this().events.broadcast_to(data, &mut message, &ids))
    }

    #[func]
    fn poll(#[opt(default = 0)] timeout_msec: i64) -> VarArray {
        // Negative: no limit.
        let limit = u64::try_from(timeout_msec).ok().map(Duration::from_millis);
        poll(&Self::this(), limit)
    }

    #[func]
    fn wake() {
        Self::this().events.wake();
    }

    #[func]
    fn set_max_members(count: i64) {
        if let Some(count) = accept_or_print(numbers::count("max_members", count)) {
            Self::this().events.set_max_members(count);
        }
    }

    #[func]
    fn get_max_members() -> i64 {
        i64::try_from(Self::this().events.max_members()).unwrap_or(i64::MAX)
    }

    #[func]
    fn set_max_stalled_seconds(seconds: f64) {
        if let Some(limit) = accept_or_print(numbers::limit("max_stalled_seconds", seconds)) {
            Self::this().events.set_max_stalled(limit);
        }
    }

    #[func]
    fn get_max_stalled_seconds() -> f64 {
        numbers::of_limit(Self::this().events.max_stalled())
    }

    #[func]
    fn set_max_silent_seconds(seconds: f64) {
        if let Some(limit) = accept_or_print(numbers::limit("max_silent_seconds", seconds)) {
            Self::this().events.set_max_silent(limit);
        }
    }

    #[func]
    fn get_max_silent_seconds() -> f64 {
        numbers::of_limit(Self::this().events.max_silent())
    }

    #[func]
    fn set_max_packets_per_poll(count: i64) {
        if let Some(count) = accept_or_print(numbers::count("max_packets_per_poll", count)) {
            Self::this().events.set_max_packets_per_poll(count);
        }
    }

    #[func]
    fn get_max_packets_per_poll() -> i64 {
        let this = Self::this();
        let count = this.events.max_packets_per_poll();
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

auto_poll_methods!(StreamPeerSocketGroupRs, poll_in_frame);

fn poll_in_frame(group: &Arc<GroupPart>) {
    poll(group, Some(Duration::ZERO));
}

fn poll(group: &Arc<GroupPart>, limit: Option<Duration>) -> VarArray {
    let mut members = VarArray::new();
    // The object lives until all handlers have run. One that is being freed emits nothing.
    if let Some(object) = object_of(&**group) {
        hints::used(&group.events);
        let ready = group.events.poll(limit, &mut GroupSignals::of(object));
        for member in &ready {
            members.push(member.subject().object().variant());
        }
    }
    members
}

/// Refuses a member that is an object of `class`, or null.
fn refuse(class: &str) -> Error {
    let advice = advice_for(class);
    godot_error!(
        "add: {class} is not a StreamPeerSocketRs, a PacketPeerSocketRs, a WebSocketPeerRs or a \
         SocketServerRs{advice}"
    );
    Error::ERR_INVALID_PARAMETER
}

/// From its first member on, the group must be kept alive.
fn note_members(group: &GroupPart) {
    if group.events.len() == 1 {
        hints::watch_lifetime(&group.events, || "StreamPeerSocketGroupRs".into());
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
