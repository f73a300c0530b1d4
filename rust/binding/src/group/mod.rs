//! `StreamPeerSocketGroupRs`: many peers and servers, polled together.

pub(crate) mod member;
mod signals;

use std::sync::Arc;
use std::time::Duration;

use godot::builtin::{Array, PackedByteArray, StringName, VarArray};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api, godot_error};
use stream_socket::dispatch::{AddError, EventLoop, Subject};

use self::member::Member;
use self::signals::{PACKET_RECEIVED, Signals};
use crate::bridge::{Object, Optional, Presence};
use crate::frame_poll::FramePoll;
use crate::packet_peer::PacketPeerSocketRs;
use crate::parts::PacketPeer;
use crate::server::SocketServerRs;

#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct StreamPeerSocketGroupRs {
    #[init(val = Members::new())]
    members: Members,
    frame_poll: FramePoll,
    base: Base<RefCounted>,
    #[var(get = is_auto_polling, set = set_auto_poll)]
    auto_poll: PhantomVar<bool>,
    #[var(get = get_max_members, set = set_max_members)]
    max_members: PhantomVar<i64>,
}

/// What a group object consists of, apart from the object.
struct Members {
    events: Arc<EventLoop<Member>>,
    /// The object, for those who ask whether anything is connected to its signals.
    presence: Arc<Presence>,
}

impl Members {
    fn new() -> Members {
        let presence = Arc::new(Presence::default());
        let group = presence.clone();
        let wants_packets = move || {
            let name = StringName::from(PACKET_RECEIVED);
            group
                .hold()
                .is_some_and(|group| group.has_connections(&name))
        };
        Members {
            events: Arc::new(EventLoop::new(wants_packets)),
            presence,
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.presence.end();
    }
}

// The methods take the object and not its cell, so that none waits for a poll on another thread.
#[godot_api]
impl StreamPeerSocketGroupRs {
    #[signal]
    fn peer_connected(peer: Gd<RefCounted>);

    #[signal]
    fn peer_data_available(peer: Gd<RefCounted>);

    #[signal]
    fn peer_packet_received(peer: Gd<PacketPeerSocketRs>, packet: PackedByteArray);

    #[signal]
    fn peer_disconnected(peer: Gd<RefCounted>, error: Error);

    #[func(gd_self)]
    fn add(this: Gd<Self>, peer: Option<Gd<RefCounted>>) -> Error {
        let added = peer
            .and_then(Member::of)
            .map(|member| events(&this).add(member));
        match added {
            Some(Ok(())) => Error::OK,
            Some(Err(AddError::AlreadyMember)) => Error::ERR_ALREADY_EXISTS,
            Some(Err(_)) | None => {
                godot_error!(
                    "add: only a StreamPeerSocketRs, a SocketServerRs, or a PacketPeerSocketRs with a stream can be in a group"
                );
                Error::ERR_INVALID_PARAMETER
            }
        }
    }

    #[func(gd_self)]
    fn accept_from(
        this: Gd<Self>,
        server: Option<Gd<SocketServerRs>>,
        #[opt(default = Optional(None))] packets: Optional<Option<Gd<PacketPeerSocketRs>>>,
    ) -> Error {
        let Some(server) = server else {
            godot_error!("accept_from: there is no server");
            return Error::ERR_INVALID_PARAMETER;
        };
        let format = packets
            .0
            .map(|packets| PacketPeer::like(&packets.bind().packets));
        let accept = move |connection| Member::accepted(connection, format.as_ref());
        // It cannot fail: a server that is a member already stays one.
        let _ = events(&this).accept_from(Member::server(&server), accept);
        Error::OK
    }

    #[func(gd_self)]
    fn remove(this: Gd<Self>, peer: Option<Gd<RefCounted>>) -> Error {
        let removed = peer.and_then(|peer| events(&this).remove(Object::new(&peer).id()));
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
            .map(|member| member.subject().object().object())
            .collect()
    }

    #[func(gd_self)]
    fn broadcast(
        this: Gd<Self>,
        data: PackedByteArray,
        #[opt(default = Optional(VarArray::new().into_read_only()))] except: Optional<VarArray>,
    ) -> Array<Gd<RefCounted>> {
        let except = except.0.iter_shared();
        let except = except.filter_map(|object| object.try_to::<Gd<RefCounted>>().ok());
        let except: Vec<_> = except.map(|object| Object::new(&object).id()).collect();
        let is_left_out = |member: &Member| except.contains(&member.id());
        let refused = events(&this).broadcast(data.as_slice(), is_left_out);
        let refused = refused.into_iter().map(|refused| {
            let member = refused.member.subject();
            member.record(&refused.error);
            member.object().object()
        });
        refused.collect()
    }

    #[func(gd_self)]
    fn poll(this: Gd<Self>, #[opt(default = 0)] timeout_msec: i64) -> VarArray {
        // Less than 0 is no limit.
        let limit = u64::try_from(timeout_msec).ok().map(Duration::from_millis);
        let ready = events(&this).poll(limit, &mut Signals::of(&this));
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
    fn set_auto_poll(&self, enabled: bool) {
        self.frame_poll.set(self, enabled);
    }

    #[func]
    fn is_auto_polling(&self) -> bool {
        self.frame_poll.is_wanted()
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
}

/// The event loop, which is used without a reference into the object: a handler may free that.
fn events(group: &Gd<StreamPeerSocketGroupRs>) -> Arc<EventLoop<Member>> {
    let bound = group.bind();
    if bound.members.presence.is_over() {
        bound.members.presence.begin(group.instance_id());
    }
    bound.members.events.clone()
}
