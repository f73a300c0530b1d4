//! The event loops and objects of a program, and the calls of the library. Each call updates the
//! model.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use stream_socket::dispatch::{EndpointEvents, EventLoop, LoopMember, PacketChannel};
use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status, Target};

use super::content::{Content, message};
use super::membership::{Membership, Report, State};
use super::model::Model;
use super::subjects::{Object, Packet, Role, TestHandler, TestPeer};
use crate::model::exchange::loopback;
use crate::model::state_machine::StateMachine;
use crate::model::system::{Random, System};
use crate::model::trace::{note, step};

/// How deep handlers may nest.
const MAX_DEPTH: u32 = 16;

/// How many packets a poll may deliver; 0 is no limit.
const LIMITS: [usize; 5] = [64, 0, 1, 2, 9];

/// A kind of stream, and the addresses at which servers and remotes listen for it.
pub struct Kind {
    pub content: Content,
    pub server: Address,
    pub remote: Listener,
    pub remote_address: Address,
}

pub struct World<S: System> {
    pub loops: [EventLoop<Object<S>>; 2],
    /// Whether the handler of each loop wants packets.
    pub wants: [AtomicBool; 2],
    pub kinds: Vec<Kind>,
    /// The program's own references. Loops hold others.
    pub objects: Mutex<Vec<Object<S>>>,
    pub is_threaded: bool,
    /// Handlers only read from now on.
    pub is_calm: AtomicBool,
    /// How many more random calls handlers may make.
    pub actions_left: AtomicUsize,
    model: Mutex<Model>,
    random: Mutex<Random>,
    ids: AtomicU64,
    broadcasts: AtomicU64,
    drops: AtomicU64,
    depth: AtomicU32,
    /// The members whose data the polls in progress have reported, each with the bytes received by
    /// then.
    reported_data: [Mutex<Vec<(u64, u64)>>; 2],
    /// How many polls of each loop are in progress.
    polls: [AtomicU32; 2],
    /// What the outermost poll of each loop has delivered.
    delivered: [Mutex<DeliveredPackets>; 2],
    this: Weak<World<S>>,
}

/// The packets that an outermost poll and the polls within it have delivered.
#[derive(Default)]
struct DeliveredPackets {
    /// How many polls there were.
    polls: usize,
    /// The largest limit of packets per poll that was in force. `None` without a limit.
    limit: Option<usize>,
    by_member: BTreeMap<u64, usize>,
}

/// Counts a handler while it runs.
pub struct Depth<'a>(&'a AtomicU32);

impl Drop for Depth<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Listens at a fresh address.
pub fn listen<S: System>(number: usize, random: &mut Random) -> (Listener, Address) {
    let bind = if random.once_in(2) {
        BindAddress::Unix(S::fresh_path().with_extension(number.to_string()))
    } else {
        loopback(random)
    };
    let listener = Listener::new();
    let listening = listener.listen(&bind, ListenOptions::new(32));
    listening.expect("the address is free");
    let address = listener.local_address().expect("it listens");
    (listener, address)
}

/// A member with unread bytes, its id, and how many bytes it has received.
type Unread<S> = (Weak<LoopMember<Object<S>>>, u64, u64);

impl<S: System> World<S> {
    /// A world with two event loops and a server for each kind of stream.
    pub fn new(mut random: Random, is_threaded: bool) -> Arc<World<S>> {
        let mut servers = Vec::new();
        let mut kinds = Vec::new();
        for number in 0..2 + random.below(2) as usize {
            let content = match number {
                0 => Content::Bytes,
                _ => Content::packets(&mut random),
            };
            let (listener, server) = listen::<S>(2 * number, &mut random);
            let (remote, remote_address) = listen::<S>(2 * number + 1, &mut random);
            note(|| format!("kind {number}: {content:?} at {server:?}, remote {remote_address:?}"));
            servers.push(listener);
            kinds.push(Kind {
                content,
                server,
                remote,
                remote_address,
            });
        }
        let world = Arc::new_cyclic(|this: &Weak<World<S>>| {
            let event_loop = |index: usize| {
                let this = this.clone();
                EventLoop::new(move || {
                    let world = this.upgrade();
                    world.is_some_and(|world| world.wants[index].load(Ordering::Relaxed))
                })
            };
            World {
                loops: [event_loop(0), event_loop(1)],
                wants: [AtomicBool::new(true), AtomicBool::new(true)],
                kinds,
                objects: Mutex::default(),
                is_threaded,
                is_calm: AtomicBool::new(false),
                actions_left: AtomicUsize::new(random.size(300)),
                model: Mutex::new(Model::new(is_threaded)),
                random: Mutex::new(Random::new(random.number())),
                ids: AtomicU64::new(1),
                broadcasts: AtomicU64::new(0),
                drops: AtomicU64::new(0),
                depth: AtomicU32::new(0),
                reported_data: Default::default(),
                polls: Default::default(),
                delivered: Default::default(),
                this: this.clone(),
            }
        });
        for index in 0..2 {
            if random.once_in(4) {
                world.wants[index].store(false, Ordering::Relaxed);
                world.model().wants[index] = false;
            }
        }
        for (kind, listener) in servers.into_iter().enumerate() {
            world.serve(kind, listener, &mut random);
        }
        for event_loop in &world.loops {
            world.set_limits(event_loop, &mut random);
        }
        world
    }

    /// Sets random limits of a loop.
    fn set_limits(&self, event_loop: &EventLoop<Object<S>>, random: &mut Random) {
        event_loop.set_max_packets_per_poll(random.choose(&LIMITS));
        let mut limit = || {
            let millis = random.choose(&[10, 100, 500]);
            random.once_in(4).then(|| Duration::from_millis(millis))
        };
        let (stalled, silent) = (limit(), limit());
        note(|| format!("a loop ends members: stalled {stalled:?}, silent {silent:?}"));
        event_loop.set_max_stalled(stalled);
        event_loop.set_max_silent(silent);
        let mut model = self.model();
        model.ends_stalled |= stalled.is_some();
        model.ends_silent |= silent.is_some();
    }

    /// Changes how many packets a poll of the loop `index` delivers.
    pub fn change_packet_limit(&self, index: usize) {
        let limit = self.random().choose(&LIMITS);
        note(|| format!("{index} delivers {limit} packets"));
        self.delivered[index].lock().unwrap().allow(limit);
        self.loops[index].set_max_packets_per_poll(limit);
    }

    /// Checks that the polls in progress have not delivered too many packets of `member`.
    fn check_packet_limit(&self, index: usize, member: u64) {
        let mut delivered = self.delivered[index].lock().unwrap();
        let polls = delivered.polls;
        let limit = delivered.limit;
        let count = delivered.by_member.entry(member).or_default();
        *count += 1;
        if let (Some(limit), false) = (limit, self.is_threaded) {
            assert!(
                *count <= polls * limit,
                "{count} packets of {member} in {polls} polls, which may deliver {limit} each"
            );
        }
    }

    /// Makes a loop accept the connections of `listener`.
    fn serve(&self, kind: usize, listener: Listener, random: &mut Random) {
        let server = self.object(Role::Server(listener), false);
        let index = usize::from(random.once_in(4));
        let this = self.this.clone();
        let outcome = self.loops[index].accept_from(server, move |connection| {
            let world = this.upgrade().expect("the program is not over");
            world.accepted(index, kind, connection)
        });
        outcome.expect("it is new");
        if random.once_in(4) {
            self.loops[index].set_max_members(random.size(6));
        }
    }

    /// Creates the object for `connection`, which the loop `index` has accepted.
    fn accepted(&self, index: usize, kind: usize, connection: Connection) -> Object<S> {
        step();
        let peer = self.new_peer(connection, kind, true);
        let number = peer.index;
        let object = self.wrap(peer);
        note(|| format!("{} is peer {number}, which {index} has accepted", object.id));
        let membership = Membership::new(number, 0, true);
        self.model()
            .memberships
            .entry((index, object.id))
            .or_default()
            .push(membership);
        if self.random().once_in(2) {
            self.keep(&object);
        }
        object
    }

    pub fn keep(&self, object: &Object<S>) {
        self.objects.lock().unwrap().push(object.clone());
    }

    /// Creates a peer of `kind` with `connection`.
    pub fn new_peer(&self, connection: Connection, kind: usize, is_accepted: bool) -> TestPeer<S> {
        if !S::IS_SIMULATED {
            let _ = connection.set_options(|options| options.no_delay = true);
        }
        let allows_half_open = self.chance(6) == 0;
        connection.set_allow_half_open(allows_half_open);
        let machine = StateMachine::of(&connection);
        let (is_wasteful, wants_data) = {
            let mut random = self.random();
            (random.once_in(3), random.once_in(3))
        };
        let index = self.model().begin_peer(machine, is_accepted, is_wasteful);
        TestPeer::new(connection, index, kind, wants_data, self.this.clone())
    }

    /// Creates the object for a peer: the peer itself, or a packet channel over it.
    pub fn wrap(&self, peer: TestPeer<S>) -> Object<S> {
        match self.kinds[peer.kind].content.format() {
            None => self.object(Role::Peer(peer), false),
            Some(format) => {
                let channel = PacketChannel::new(format.clone());
                drop(channel.set_endpoint(Some(peer)));
                let limit = self.random().choose(&LIMITS);
                channel.outlet().set_max_packets_per_poll(limit);
                let wants = self.random().once_in(2);
                self.object(Role::Channel(channel), wants)
            }
        }
    }

    fn object(&self, role: Role<S>, wants: bool) -> Object<S> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        if matches!(role, Role::Channel(_)) {
            self.model().packets.entry(id).or_default().wants = wants;
        }
        Object::new(id, role, wants, self.this.clone())
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    pub fn random(&self) -> MutexGuard<'_, Random> {
        self.random.lock().unwrap()
    }

    /// Any of the objects that the program refers to.
    pub fn any_object(&self) -> Option<Object<S>> {
        let objects = self.objects.lock().unwrap();
        let index = self.random().below(objects.len().max(1) as u64) as usize;
        objects.get(index).cloned()
    }

    /// Called at the start of a handler.
    pub fn enter(&self) -> Depth<'_> {
        let depth = self.depth.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(
            self.is_threaded || depth <= MAX_DEPTH,
            "handlers are {depth} deep"
        );
        Depth(&self.depth)
    }

    /// Takes the locks of the library, in every fourth call.
    pub fn call_library(&self) {
        if !self.drops.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
            return;
        }
        let objects: Vec<_> = self.objects.lock().unwrap().clone();
        for event_loop in &self.loops {
            event_loop.len();
            event_loop.wake();
        }
        for object in &objects {
            if let Some(peer) = object.peer() {
                peer.connection.has_unread();
            }
        }
    }

    /// Adds `object` to the loop `index`.
    pub fn add(&self, index: usize, object: &Object<S>) {
        step();
        let Some(peer) = object.peer() else { return };
        let key = (index, object.id);
        let is_known = {
            let mut model = self.model();
            let membership = model.membership(index, object.id);
            let is_known = membership.is_some_and(|membership| membership.state != State::Gone);
            if !is_known {
                let begin = model.peers[peer.index].history.len();
                let mut membership = Membership::new(peer.index, begin, false);
                if model.is_exact() && !peer.connection.has_events() {
                    membership.begin_exactly(peer.connection.status() == Status::Connected);
                }
                model.memberships.entry(key).or_default().push(membership);
            }
            is_known
        };
        if is_known && self.is_threaded {
            // Another thread may be removing it, and it could be added before or after that.
            return;
        }
        let added = self.loops[index].add(object.clone());
        note(|| format!("{} is added to {index}: {added:?}", object.id));
        if is_known {
            assert!(added.is_err(), "{} is a member twice", object.id);
            return;
        }
        added.expect("it is not a member");
        let mut model = self.model();
        if let Some(membership) = model.membership(index, object.id)
            && membership.state == State::Adding
        {
            membership.state = State::Member;
        }
    }

    /// Removes the member `id` from the loop `index`.
    pub fn remove(&self, index: usize, id: u64) {
        step();
        let is_member = {
            let mut model = self.model();
            let membership = model.membership(index, id);
            let state = membership.map(|membership| &mut membership.state);
            let is_member = state.as_ref().is_some_and(|state| **state == State::Member);
            if let (Some(state), true) = (state, is_member) {
                *state = State::Leaving;
            }
            is_member
        };
        if !is_member {
            return;
        }
        let removed = self.loops[index].remove(id);
        note(|| format!("{id} is removed from {index}: {}", removed.is_some()));
        assert!(
            removed.is_some() || self.is_threaded,
            "{id} was no member of {index}"
        );
        self.model().leave(index, id);
    }

    /// The loop `index` has reported `report` about `member`.
    pub fn reported(&self, index: usize, member: &Object<S>, report: Report) {
        step();
        note(|| format!("{index} reports of {}: {report:?}", member.id));
        let mut model = self.model();
        model.reported(index, member.id, report);
        if let Some(membership) = model.membership(index, member.id)
            && membership.is_accepted
            && membership.state == State::Adding
        {
            membership.state = State::Member;
        }
    }

    /// Checks that an accepted member was removed before its end is reported.
    pub fn check_left(&self, index: usize, member: &Object<S>) {
        let is_gone = {
            let mut model = self.model();
            let membership = model.membership(index, member.id);
            membership.is_some_and(|membership| membership.is_accepted)
        };
        if is_gone {
            let members = self.loops[index].members();
            let is_member = members.iter().any(|other| other.subject().id == member.id);
            assert!(
                !is_member,
                "{} is still a member when it is over",
                member.id
            );
        }
    }

    /// Checks that a poll within a poll does not report the same bytes again.
    pub fn check_data(&self, index: usize, member: &Object<S>) {
        let Some(peer) = member.peer() else {
            return;
        };
        if self.is_threaded {
            return;
        }
        let received = peer.connection.statistics(S::now()).received;
        let reported_data = (member.id, received);
        let mut known = self.reported_data[index].lock().unwrap();
        let is_nested = self.polls[index].load(Ordering::Relaxed) > 1;
        assert!(
            !is_nested || !known.contains(&reported_data),
            "a poll within a poll reports the {received} bytes of {} again",
            member.id
        );
        known.push(reported_data);
    }

    /// A packet was delivered.
    pub fn packet(&self, handler: usize, member: &Object<S>, packet: &Packet) {
        let packet = (packet.remote, packet.number);
        note(|| format!("packet {packet:?} of {} for handler {handler}", member.id));
        if let Some(index) = handler.checked_sub(1) {
            self.check_packet_limit(index, member.id);
        }
        let is_first = !member.is_replaced.load(Ordering::Relaxed);
        let peer = is_first.then(|| member.peer()).flatten();
        let peer = peer.map(|peer| peer.index);
        self.model().packet(handler, member.id, peer, packet);
    }

    /// Polls the loop `index`. Returns how many members it has reported as ready.
    pub fn poll(&self, index: usize, limit: Option<Duration>) -> usize {
        step();
        let world = self.this.upgrade().expect("the program is not over");
        let is_outer = self.polls[index].fetch_add(1, Ordering::Relaxed) == 0;
        let unread = if is_outer {
            self.unread(index)
        } else {
            Vec::new()
        };
        for member in self.loops[index].members() {
            member.subject().visits.store(0, Ordering::Relaxed);
        }
        note(|| format!("{index} is polled for {limit:?}"));
        let max = self.loops[index].max_packets_per_poll();
        {
            // No call of the library here: another thread may run during a call.
            let mut delivered = self.delivered[index].lock().unwrap();
            if is_outer {
                *delivered = DeliveredPackets {
                    limit: Some(0),
                    ..DeliveredPackets::default()
                };
            }
            delivered.polls += 1;
            // A poll that waits has many rounds.
            let is_limited = limit == Some(Duration::ZERO);
            delivered.allow(if is_limited { max } else { 0 });
        }
        let mut handler = TestHandler {
            world: &world,
            index,
        };
        let ready = self.loops[index].poll(limit, &mut handler);
        note(|| {
            let ids: Vec<_> = ready.iter().map(|member| member.subject().id).collect();
            format!("{index} was polled: {ids:?}")
        });
        if is_outer {
            self.check_reported(index, &unread);
            self.reported_data[index].lock().unwrap().clear();
        }
        self.polls[index].fetch_sub(1, Ordering::Relaxed);
        ready.len()
    }

    /// The peers in the loop `index` that have unread bytes, with the number of bytes received.
    fn unread(&self, index: usize) -> Vec<Unread<S>> {
        if self.is_threaded {
            return Vec::new();
        }
        let members = self.loops[index].members();
        let unread = members.iter().filter_map(|member| {
            let Role::Peer(peer) = &member.subject().role else {
                return None;
            };
            let received = peer.connection.statistics(S::now()).received;
            peer.connection
                .has_unread()
                .then(|| (Arc::downgrade(member), member.subject().id, received))
        });
        unread.collect()
    }

    /// Checks that a poll has reported what was unread before it and still is.
    fn check_reported(&self, index: usize, before: &[Unread<S>]) {
        if before.is_empty() {
            return;
        }
        let after = self.unread(index);
        let known = self.reported_data[index].lock().unwrap();
        // A member that was removed and added again is a new member, which the next poll visits.
        let is_left = |(member, _, received): &&Unread<S>| {
            let mut after = after.iter();
            after.any(|other| other.0.ptr_eq(member) && other.2 == *received)
        };
        for (_, id, received) in before.iter().filter(is_left) {
            assert!(
                known.contains(&(*id, *received)),
                "a poll of {index} has not reported the unread bytes of {id}"
            );
        }
    }

    /// Polls a peer directly, as a user of the library may do.
    pub fn poll_by_hand(&self, object: &Object<S>) {
        step();
        let Some(peer) = object.peer() else { return };
        note(|| format!("{} is polled by hand", object.id));
        let _ = peer.connection.poll(S::now);
        if let Some(events) = EndpointEvents::begin(&peer.connection) {
            for event in events {
                stream_socket::dispatch::Endpoint::notify(&peer, event);
            }
        }
        if let Some(channel) = object.channel() {
            if self.is_calm.load(Ordering::Relaxed) {
                channel.outlet().set_max_packets_per_poll(0);
            }
            channel.poll(object);
        }
    }

    /// Broadcasts to the members of the loop `index`.
    pub fn broadcast(&self, index: usize) {
        step();
        let number = self.broadcasts.fetch_add(1, Ordering::Relaxed);
        let data = message(number, self.random().size(500));
        let left_out = self.random().below(20);
        let connected: Vec<_> = self.loops[index].members();
        let mut takers: Vec<_> = connected
            .iter()
            .filter(|member| member.subject().id != left_out)
            .filter_map(|member| Some((member.subject().id, member.subject().peer()?)))
            .filter(|(_, peer)| peer.connection.status() == Status::Connected)
            .collect();
        let refused = self.loops[index].broadcast(&data, &mut (), |object| object.id == left_out);
        takers.retain(|(id, _)| {
            !refused
                .iter()
                .any(|refused| refused.member.subject().id == *id)
        });
        note(|| format!("{index} broadcasts {number}: {} refuse", refused.len()));
        let mut model = self.model();
        for (_, peer) in &takers {
            model.peers[peer.index].broadcasts.push(number);
        }
        drop(model);
        drop(takers);
    }

    /// Ends the connection of `peer`.
    pub fn disconnect(&self, peer: &TestPeer<S>, aborts: bool) {
        step();
        note(|| format!("peer {} disconnects, aborts {aborts}", peer.index));
        {
            let mut model = self.model();
            model.peers[peer.index].is_left = true;
            for remote in &mut model.remotes {
                remote.is_excused |= remote.peer == Some(peer.index);
            }
        }
        if aborts {
            peer.connection.abort();
        } else {
            peer.connection.disconnect();
        }
    }

    /// Connects `peer` to a remote, after disconnecting it.
    pub fn connect(&self, peer: &TestPeer<S>) {
        if peer.connection.status() == Status::Connected {
            let aborts = self.chance(2) == 0;
            self.disconnect(peer, aborts);
        }
        let address = self.kinds[peer.kind].remote_address.clone();
        {
            let mut model = self.model();
            model.peers[peer.index].has_connected_again = true;
            model.peers[peer.index].is_left = true;
        }
        let limit = Some(Duration::from_secs(10));
        let outcome = peer
            .connection
            .connect(Target::Address(address), limit, S::now());
        note(|| format!("peer {} connects: {outcome:?}", peer.index));
    }

    /// Replaces the peer of a channel.
    pub fn replace(&self, object: &Object<S>) {
        let (Some(channel), Some(old)) = (object.channel(), object.peer()) else {
            return;
        };
        step();
        let new = self.new_peer(Connection::new(), old.kind, false);
        note(|| format!("{} has peer {} now", object.id, new.index));
        self.connect(&new);
        object.is_replaced.store(true, Ordering::Relaxed);
        {
            let mut model = self.model();
            for index in 0..2 {
                if let Some(membership) = model.membership(index, object.id) {
                    membership.replace();
                }
            }
        }
        let replaced = channel.set_endpoint(Some(new));
        drop(replaced);
    }
}

impl DeliveredPackets {
    /// A poll may deliver `limit` packets of a member; 0 is no limit.
    fn allow(&mut self, limit: usize) {
        self.limit = match (self.limit, limit) {
            (None, _) | (_, 0) => None,
            (Some(largest), limit) => Some(largest.max(limit)),
        };
    }
}
