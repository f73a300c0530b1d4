//! `StreamPeerSocketGroupRs`: many peers and servers, polled together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use godot::builtin::VarArray;
use godot::classes::RefCounted;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, InstanceId};
use godot::prelude::{GodotClass, godot_api, godot_error};
use stream_socket::{Group, Status, Visit};

use crate::bridge;
use crate::parts::{Peer, Server};
use crate::peer::StreamPeerSocketRs;
use crate::server::SocketServerRs;

#[derive(GodotClass)]
#[class(tool, init, base = RefCounted)]
pub struct StreamPeerSocketGroupRs {
    members: Arc<Members>,
    base: Base<RefCounted>,
}

/// What a group object consists of, apart from the object.
#[derive(Default)]
struct Members {
    group: Group,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    members: HashMap<usize, Member>,
    keys: HashMap<InstanceId, usize>,
}

struct Member {
    /// Keeps it alive.
    object: Gd<RefCounted>,
    watched: Watched,
    /// What the group has told of it.
    said: Said,
}

/// The part of a member.
#[derive(Clone)]
enum Watched {
    Peer(Arc<Peer>),
    Server(Arc<Server>),
}

/// What a peer says once: that its status is another one, and that the other end has ended the stream. Servers, which are
/// polled for nothing but connections, say nothing once.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Said {
    generation: u64,
    is_read_closed: bool,
}

// The methods take the object and not its cell, so that none waits for a poll on another thread.
#[godot_api]
impl StreamPeerSocketGroupRs {
    #[func(gd_self)]
    fn add(this: Gd<Self>, peer: Option<Gd<RefCounted>>) -> Error {
        let Some((object, watched)) = peer.and_then(watched) else {
            godot_error!("add: only a StreamPeerSocketRs or a SocketServerRs can be in a group");
            return Error::ERR_INVALID_PARAMETER;
        };
        let members = members(&this);
        let mut list = members.list();
        let id = object.instance_id();
        if list.keys.contains_key(&id) {
            return Error::ERR_ALREADY_EXISTS;
        }
        let (key, said) = match &watched {
            Watched::Peer(peer) => (members.group.add(&peer.connection), Said::of(peer)),
            Watched::Server(server) => (members.group.add(&server.listener), Said::default()),
        };
        list.keys.insert(id, key);
        let member = Member {
            object,
            watched,
            said,
        };
        list.members.insert(key, member);
        Error::OK
    }

    #[func(gd_self)]
    fn remove(this: Gd<Self>, peer: Option<Gd<RefCounted>>) -> Error {
        let members = members(&this);
        let mut list = members.list();
        let removed = peer.and_then(|peer| {
            let key = list.keys.remove(&peer.instance_id())?;
            Some((key, list.members.remove(&key)?))
        });
        drop(list);
        let Some((key, member)) = removed else {
            return Error::ERR_DOES_NOT_EXIST;
        };
        match &member.watched {
            Watched::Peer(peer) => members.group.remove(key, &peer.connection),
            Watched::Server(server) => members.group.remove(key, &server.listener),
        }
        Error::OK
    }

    #[func]
    fn get_count(&self) -> i64 {
        self.members.list().members.len() as i64
    }

    #[func(gd_self)]
    fn poll(this: Gd<Self>, #[opt(default = 0)] timeout_msec: i64) -> VarArray {
        let members = members(&this);
        // Less than 0 is no limit.
        let limit = u64::try_from(timeout_msec).ok().map(Duration::from_millis);
        let mut speaking = VarArray::new();
        members.group.poll(limit, |key| {
            let Some((object, visit)) = members.visit(key) else {
                return Visit::Idle;
            };
            if visit == Visit::Ready {
                speaking.push(&object.to_variant());
            }
            visit
        });
        speaking
    }

    #[func(gd_self)]
    fn wake(this: Gd<Self>) {
        members(&this).group.wake();
    }
}

fn members(group: &Gd<StreamPeerSocketGroupRs>) -> Arc<Members> {
    group.bind().members.clone()
}

/// The part of `object`, if it is one that can be in a group.
fn watched(object: Gd<RefCounted>) -> Option<(Gd<RefCounted>, Watched)> {
    let watched = match object.clone().try_cast::<StreamPeerSocketRs>() {
        Ok(peer) => Watched::Peer(peer.bind().peer.clone()),
        Err(object) => {
            let server = object.try_cast::<SocketServerRs>().ok()?;
            let server = server.bind().server.clone();
            Watched::Server(server)
        }
    };
    Some((object, watched))
}

impl Members {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Polls a member. Handlers of its signals run meanwhile, which may remove it or poll the group, so no lock is held.
    fn visit(&self, key: usize) -> Option<(Gd<RefCounted>, Visit)> {
        let (object, watched) = {
            let list = self.list();
            let member = list.members.get(&key)?;
            (member.object.clone(), member.watched.clone())
        };
        let visit = match &watched {
            Watched::Server(server) => match bridge::poll(&object, server) {
                (Error::OK, true) => Visit::Ready,
                (Error::OK, false) => Visit::Idle,
                // It may pass: descriptors may become free.
                _ => Visit::Pending,
            },
            Watched::Peer(peer) => {
                bridge::poll(&object, peer);
                let said = Said::of(peer);
                let mut list = self.list();
                let told = &mut list.members.get_mut(&key)?.said;
                let has_news = std::mem::replace(told, said) != said;
                match peer.connection.status() {
                    Status::Connecting => Visit::Pending,
                    _ if has_news || peer.connection.has_unread() => Visit::Ready,
                    _ => Visit::Idle,
                }
            }
        };
        Some((object, visit))
    }
}

impl Said {
    fn of(peer: &Peer) -> Said {
        Said {
            generation: peer.connection.generation(),
            is_read_closed: peer.connection.is_read_closed(),
        }
    }
}
