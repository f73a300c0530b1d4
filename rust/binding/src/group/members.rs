//! The members of a group, and what a poll does for each.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use godot::classes::RefCounted;
use godot::global::Error;
use godot::obj::{Gd, InstanceId};
use stream_socket::{Group, Status, Visit, WriteError};

use super::news::Teller;
use crate::bridge;
use crate::packet_peer::PacketPeerSocketRs;
use crate::parts::{Format, PacketPeer, Packets, Peer, Server, Signal};
use crate::peer::StreamPeerSocketRs;
use crate::server::SocketServerRs;

/// So many connections of one server are taken in one visit: a flood of them does not hold up a frame.
const MOST_ACCEPTED: usize = 64;

/// How much may wait to be sent to a peer that the group has accepted, so that one who does not read holds up nobody; and
/// how much of broadcasts, where a script allows less.
const QUEUE: usize = 1 << 20;

/// What a group object consists of, apart from the object.
#[derive(Default)]
pub(super) struct Members {
    group: Group,
    list: Mutex<List>,
    /// How many peers there may be for another one to be accepted; 0 is no limit.
    most: AtomicI64,
}

#[derive(Default)]
struct List {
    members: BTreeMap<usize, Entry>,
    keys: HashMap<InstanceId, usize>,
    servers: usize,
    /// The threads that are polling, and those whose turn it will be.
    pollers: Vec<ThreadId>,
    /// Those that something was posted to during a poll.
    posted: Vec<Arc<Peer>>,
}

struct Entry {
    /// A visit keeps it, and needs no lock for it.
    member: Arc<Member>,
    /// What the group has told of it.
    said: Said,
}

pub(super) struct Member {
    /// Keeps it alive.
    pub(super) object: Gd<RefCounted>,
    watched: Watched,
    /// The group has accepted it, and removes it when it is over.
    is_accepted: bool,
}

/// The part of a member.
enum Watched {
    Peer(Watch),
    Server(Arc<Server>, Option<Accepting>),
}

/// A peer, or a packet peer with the one that is its stream.
struct Watch {
    stream: Gd<StreamPeerSocketRs>,
    peer: Arc<Peer>,
    packets: Option<Arc<PacketPeer>>,
}

/// What is done with the connections of a server.
#[derive(Clone)]
pub(super) struct Accepting {
    /// They become packet peers like this one.
    pub(super) format: Option<Arc<PacketPeer>>,
}

/// What a peer says once: that its status is another one, and that the other end has ended the stream. Servers, which are
/// polled for nothing but connections, say nothing once.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Said {
    generation: u64,
    status: Status,
    is_read_closed: bool,
}

impl Said {
    fn of(peer: &Peer) -> Said {
        Said {
            generation: peer.connection.generation(),
            status: peer.connection.status(),
            is_read_closed: peer.connection.is_read_closed(),
        }
    }
}

impl Member {
    /// `object` as a member, if it can be one: a packet peer can with the stream that it has now.
    pub(super) fn new(object: Gd<RefCounted>) -> Option<Member> {
        let watched = watched(&object)?;
        Some(Member {
            object,
            watched,
            is_accepted: false,
        })
    }

    #[expect(
        clippy::arc_with_non_send_sync,
        reason = "objects are used from every thread, though their Gd does not say so"
    )]
    fn shared(self) -> Arc<Member> {
        Arc::new(self)
    }

    fn said(&self) -> Said {
        match &self.watched {
            Watched::Peer(watch) => Said::of(&watch.peer),
            Watched::Server(..) => Said {
                generation: 0,
                status: Status::None,
                is_read_closed: false,
            },
        }
    }
}

fn watched(object: &Gd<RefCounted>) -> Option<Watched> {
    let watch = |stream: Gd<StreamPeerSocketRs>, packets| {
        let peer = stream.bind().peer.clone();
        Watched::Peer(Watch {
            stream,
            peer,
            packets,
        })
    };
    if let Ok(stream) = object.clone().try_cast::<StreamPeerSocketRs>() {
        return Some(watch(stream, None));
    }
    if let Ok(packets) = object.clone().try_cast::<PacketPeerSocketRs>() {
        let packets = packets.bind();
        return Some(watch(packets.get_stream()?, Some(packets.packets.clone())));
    }
    let server = object.clone().try_cast::<SocketServerRs>().ok()?;
    let server = server.bind().server.clone();
    Some(Watched::Server(server, None))
}

impl Members {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, member: Member) -> Error {
        let mut list = self.list();
        let id = member.object.instance_id();
        if list.keys.contains_key(&id) {
            return Error::ERR_ALREADY_EXISTS;
        }
        let key = match &member.watched {
            Watched::Peer(watch) => self.group.add(&watch.peer.connection),
            Watched::Server(server, _) => {
                list.servers += 1;
                self.group.add(&server.listener)
            }
        };
        list.keys.insert(id, key);
        let said = member.said();
        let member = member.shared();
        list.members.insert(key, Entry { member, said });
        Error::OK
    }

    /// Accepts what comes to `server`, which becomes a member if it is none.
    pub(super) fn accept_from(&self, server: Gd<SocketServerRs>, accepting: Accepting) -> Error {
        let Some(mut member) = Member::new(server.upcast()) else {
            return Error::ERR_INVALID_PARAMETER;
        };
        if let Watched::Server(_, accepts) = &mut member.watched {
            *accepts = Some(accepting);
        }
        let mut list = self.list();
        let known = list.keys.get(&member.object.instance_id()).copied();
        if let Some(entry) = known.and_then(|key| list.members.get_mut(&key)) {
            entry.member = member.shared();
            return Error::OK;
        }
        drop(list);
        self.add(member)
    }

    /// Removes the member that `object` is. What is left of it goes without a lock: it may have last words.
    pub(super) fn remove(&self, object: &Gd<RefCounted>) -> Option<Arc<Member>> {
        let mut list = self.list();
        let key = list.keys.remove(&object.instance_id())?;
        let Entry { member, .. } = list.members.remove(&key)?;
        list.servers -= usize::from(matches!(member.watched, Watched::Server(..)));
        drop(list);
        match &member.watched {
            Watched::Peer(watch) => self.group.remove(key, &watch.peer.connection),
            Watched::Server(server, _) => self.group.remove(key, &server.listener),
        }
        Some(member)
    }

    pub(super) fn count(&self) -> usize {
        self.list().members.len()
    }

    /// The members, in the order in which they were added.
    pub(super) fn objects(&self) -> Vec<Gd<RefCounted>> {
        let list = self.list();
        let members = list.members.values();
        members.map(|entry| entry.member.object.clone()).collect()
    }

    pub(super) fn set_most(&self, count: i64) {
        self.most.store(count.max(0), Ordering::Relaxed);
    }

    pub(super) fn most(&self) -> i64 {
        self.most.load(Ordering::Relaxed)
    }

    pub(super) fn wake(&self) {
        self.group.wake();
    }

    /// Lets `poll` poll the group, and then sends what handlers have posted meanwhile: one send for each peer, however much
    /// was said to it.
    pub(super) fn polled(&self, poll: impl FnOnce(&Group)) {
        let this_thread = thread::current().id();
        self.list().pollers.push(this_thread);
        poll(&self.group);
        let mut list = self.list();
        let own = list.pollers.iter().rposition(|id| *id == this_thread);
        own.map(|index| list.pollers.swap_remove(index));
        let posted = std::mem::take(&mut list.posted);
        drop(list);
        for peer in posted {
            peer.connection.send_posted();
        }
    }

    /// Puts `data` to every connected peer but those of `except`. Those who did not take it.
    pub(super) fn broadcast(&self, data: &[u8], except: &[InstanceId]) -> Vec<Gd<RefCounted>> {
        let mut left_out = Vec::new();
        let mut posted = Vec::new();
        let mut framed = Framed::default();
        let mut list = self.list();
        for Entry { member, .. } in list.members.values() {
            let Watched::Peer(Watch { peer, packets, .. }) = &member.watched else {
                continue;
            };
            let connection = &peer.connection;
            if connection.status() != Status::Connected
                || except.contains(&member.object.instance_id())
            {
                continue;
            }
            let limit = connection.queue_limit().max(QUEUE);
            let outcome = match packets {
                None => connection.post(data, limit),
                Some(packets) => framed
                    .of(packets, data)
                    .and_then(|frame| connection.post_packet(frame, limit)),
            };
            match outcome {
                Ok(true) => posted.push(peer.clone()),
                Ok(false) => {}
                Err(error) => {
                    match packets {
                        None => peer.last_error.record(&error),
                        Some(packets) => packets.last_error.record(&error),
                    };
                    left_out.push(member.object.clone());
                }
            }
        }
        if list.pollers.contains(&thread::current().id()) {
            list.posted.append(&mut posted);
        }
        drop(list);
        for peer in posted {
            peer.connection.send_posted();
        }
        left_out
    }

    /// Polls a member. Handlers of its signals run meanwhile, which may remove it or poll the group, so no lock is held.
    pub(super) fn visit(&self, key: usize, teller: &mut Teller) -> Option<(Arc<Member>, Visit)> {
        let member = self.list().members.get(&key)?.member.clone();
        let visit = match &member.watched {
            Watched::Peer(watch) => self.visit_peer(key, &member, watch, teller)?,
            Watched::Server(server, accepting) => match bridge::poll(&member.object, server) {
                (Error::OK, false) => Visit::Idle,
                (Error::OK, true) => match accepting {
                    None => Visit::Ready,
                    Some(accepting) => self.accept(key, &member.object, accepting, teller),
                },
                // It may pass: descriptors may become free.
                _ => Visit::Pending,
            },
        };
        Some((member, visit))
    }

    fn visit_peer(
        &self,
        key: usize,
        member: &Member,
        watch: &Watch,
        teller: &mut Teller,
    ) -> Option<Visit> {
        let (object, peer) = (&member.object, &watch.peer);
        bridge::poll(&watch.stream, peer);
        let said = Said::of(peer);
        let told = std::mem::replace(&mut self.list().members.get_mut(&key)?.said, said);
        let is_another = told.generation != said.generation;
        if is_another && told.status == Status::Connected {
            self.tell_end(key, member, watch, told, teller);
        }
        if is_another && said.status == Status::Connected {
            teller.connected(object);
        }
        match &watch.packets {
            None if peer.connection.has_unread() => teller.data_available(object),
            None => {}
            Some(packets) if teller.hears_packets() => {
                bridge::poll_and_hear(object, packets, |signal| {
                    if let Signal::PacketReceived(packet) = signal {
                        teller.packet_received(object, packet);
                    }
                });
            }
            Some(packets) => {
                bridge::poll(object, packets);
            }
        }
        if is_another
            && told.status != Status::Connected
            && matches!(said.status, Status::None | Status::Error)
        {
            self.tell_end(key, member, watch, told, teller);
        }
        let has_unread = || match &watch.packets {
            None => peer.connection.has_unread(),
            Some(packets) => packets.packet_count() > 0,
        };
        Some(match peer.connection.status() {
            Status::Connecting => Visit::Pending,
            _ if told != said || has_unread() => Visit::Ready,
            _ => Visit::Idle,
        })
    }

    /// Tells that the connection of which the group has `told` is over. One that the group has accepted leaves it before.
    fn tell_end(
        &self,
        key: usize,
        member: &Member,
        watch: &Watch,
        told: Said,
        teller: &mut Teller,
    ) {
        // A handler may have removed it, and added it anew.
        if member.is_accepted && self.list().members.contains_key(&key) {
            self.remove(&member.object);
        }
        let packets = watch.packets.as_ref();
        let failure = packets.and_then(|packets| packets.failure_since(told.generation));
        let error = failure.unwrap_or_else(|| watch.peer.end());
        teller.disconnected(&member.object, error);
    }

    /// Takes the connections of a server.
    fn accept(
        &self,
        key: usize,
        server: &Gd<RefCounted>,
        accepting: &Accepting,
        teller: &mut Teller,
    ) -> Visit {
        let server = server.clone().cast::<SocketServerRs>();
        for _ in 0..MOST_ACCEPTED {
            let Some(stream) = server.bind().take_socket_connection() else {
                // One that waits and cannot be taken is told of once. Descriptors may become free.
                return match server.bind().server.is_connection_available() {
                    Ok(false) => Visit::Idle,
                    Ok(true) | Err(_) => Visit::Pending,
                };
            };
            let connection = stream.bind().peer.clone();
            if self.is_full() {
                connection.connection.abort();
                continue;
            }
            connection.connection.set_queue_limit(QUEUE);
            let object = match &accepting.format {
                None => stream.upcast::<RefCounted>(),
                Some(format) => PacketPeerSocketRs::over(stream, format).upcast(),
            };
            if let Some(member) = Member::new(object.clone()) {
                self.add(Member {
                    is_accepted: true,
                    ..member
                });
                teller.connected(&object);
            }
            // A handler may have removed the server.
            if !self.list().members.contains_key(&key) {
                return Visit::Idle;
            }
        }
        Visit::Pending
    }

    fn is_full(&self) -> bool {
        let most = usize::try_from(self.most()).unwrap_or(usize::MAX);
        let list = self.list();
        most > 0 && list.members.len() - list.servers >= most
    }
}

/// The last packet that was framed: most members of a group have the same format.
#[derive(Default)]
struct Framed(Option<(Arc<Format>, Vec<u8>)>);

impl Framed {
    /// `data` as a packet of `packets`.
    fn of(&mut self, packets: &PacketPeer, data: &[u8]) -> Result<&[u8], WriteError> {
        let format = packets.format();
        let is_known = matches!(&self.0, Some((known, _)) if Arc::ptr_eq(known, &format));
        if !is_known {
            let frame = format.framing.frame(data, format.limit)?;
            self.0 = Some((format, frame));
        }
        Ok(self.0.as_ref().map_or(&[], |(_, frame)| frame))
    }
}
