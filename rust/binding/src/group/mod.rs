//! `StreamPeerSocketGroupRs`: many peers and servers, polled together.

mod members;
mod news;

use std::sync::Arc;
use std::time::Duration;

use godot::builtin::{Array, PackedByteArray, VarArray};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api, godot_error};
use stream_socket::Visit;

use self::members::{Accepting, Member, Members};
use self::news::Teller;
use crate::bridge::Optional;
use crate::frame_poll::FramePoll;
use crate::packet_peer::PacketPeerSocketRs;
use crate::server::SocketServerRs;

#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct StreamPeerSocketGroupRs {
    members: Arc<Members>,
    frame_poll: FramePoll,
    base: Base<RefCounted>,
    #[var(get = is_auto_polling, set = set_auto_poll)]
    auto_poll: PhantomVar<bool>,
    #[var(get = get_max_members, set = set_max_members)]
    max_members: PhantomVar<i64>,
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
        let Some(member) = peer.and_then(Member::new) else {
            godot_error!(
                "add: only a StreamPeerSocketRs, a SocketServerRs, or a PacketPeerSocketRs with a stream can be in a group"
            );
            return Error::ERR_INVALID_PARAMETER;
        };
        members(&this).add(member)
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
        let accepting = Accepting {
            format: packets.0.map(|packets| packets.bind().packets.clone()),
        };
        members(&this).accept_from(server, accepting)
    }

    #[func(gd_self)]
    fn remove(this: Gd<Self>, peer: Option<Gd<RefCounted>>) -> Error {
        let removed = peer.and_then(|peer| members(&this).remove(&peer));
        removed.map_or(Error::ERR_DOES_NOT_EXIST, |_| Error::OK)
    }

    #[func]
    fn get_count(&self) -> i64 {
        self.members.count() as i64
    }

    #[func]
    fn get_members(&self) -> Array<Gd<RefCounted>> {
        self.members.objects().into_iter().collect()
    }

    #[func(gd_self)]
    fn broadcast(
        this: Gd<Self>,
        data: PackedByteArray,
        #[opt(default = Optional(VarArray::new().into_read_only()))] except: Optional<VarArray>,
    ) -> Array<Gd<RefCounted>> {
        let except = except.0.iter_shared();
        let except = except.filter_map(|object| object.try_to::<Gd<RefCounted>>().ok());
        let except: Vec<_> = except.map(|object| object.instance_id()).collect();
        let left_out = members(&this).broadcast(data.as_slice(), &except);
        left_out.into_iter().collect()
    }

    #[func(gd_self)]
    fn poll(this: Gd<Self>, #[opt(default = 0)] timeout_msec: i64) -> VarArray {
        let members = members(&this);
        let mut teller = Teller::new(&this);
        // Less than 0 is no limit.
        let limit = u64::try_from(timeout_msec).ok().map(Duration::from_millis);
        let mut speaking = VarArray::new();
        members.polled(|group| {
            group.poll(limit, |key| {
                let Some((member, visit)) = members.visit(key, &mut teller) else {
                    return Visit::Idle;
                };
                if visit == Visit::Ready {
                    speaking.push(&member.object.to_variant());
                }
                visit
            });
        });
        speaking
    }

    #[func(gd_self)]
    fn wake(this: Gd<Self>) {
        members(&this).wake();
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
        self.members.set_most(count);
    }

    #[func]
    fn get_max_members(&self) -> i64 {
        self.members.most()
    }
}

fn members(group: &Gd<StreamPeerSocketGroupRs>) -> Arc<Members> {
    group.bind().members.clone()
}
