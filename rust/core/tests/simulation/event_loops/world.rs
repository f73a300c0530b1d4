//! What there is in such a program, and the calls of the library, each with what the model has to know of it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use stream_socket::dispatch::{EventLoop, LoopMember, PacketChannel, PeerEvents};
use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status, Target};

use super::content::{Content, message};
use super::membership::{Membership, State, Told};
use super::model::Model;
use super::subjects::{Ear, Handle, Packet, Thing, What};
use crate::model::exchange::loopback;
use crate::model::machine::Machine;
use crate::model::system::{Random, System};
use crate::model::trace::{note, step};

/// Handlers nest so deeply at most.
const MAX_DEPTH: u32 = 16;

/// What is talked, and where the library and the others listen for it.
pub struct Kind {
    pub content: Content,
    pub server: Address,
    pub remote: Listener,
    pub remote_address: Address,
}

pub struct World<S: System> {
    pub loops: [EventLoop<Thing<S>>; 2],
    /// Whether the loops' listeners listen to packets.
    pub wants: [AtomicBool; 2],
    pub kinds: Vec<Kind>,
    /// The references of the program. A loop has others.
    pub things: Mutex<Vec<Thing<S>>>,
    pub is_threaded: bool,
    /// Handlers only read.
    pub is_calm: AtomicBool,
    /// So many random things may still be done by handlers.
    pub actions_left: AtomicUsize,
    model: Mutex<Model>,
    random: Mutex<Random>,
    ids: AtomicU64,
    broadcasts: AtomicU64,
    looks: AtomicU64,
    depth: AtomicU32,
    /// How many bytes the member had received when its data was reported last, by the polls that are under way.
    news: [Mutex<Vec<(u64, u64)>>; 2],
    /// How many polls of each loop are under way.
    polls: [AtomicU32; 2],
    this: Weak<World<S>>,
}

/// A handler that is running.
pub struct Depth<'a>(&'a AtomicU32);

impl Drop for Depth<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A fresh address.
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

/// A member with unread bytes, its number, and how many bytes it has received.
type Unread<S> = (Weak<LoopMember<Thing<S>>>, u64, u64);

impl<S: System> World<S> {
    /// A world in which two event loops accept.
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
                things: Mutex::default(),
                is_threaded,
                is_calm: AtomicBool::new(false),
                actions_left: AtomicUsize::new(random.size(300)),
                model: Mutex::new(Model::new(is_threaded)),
                random: Mutex::new(Random::new(random.number())),
                ids: AtomicU64::new(1),
                broadcasts: AtomicU64::new(0),
                looks: AtomicU64::new(0),
                depth: AtomicU32::new(0),
                news: Default::default(),
                polls: Default::default(),
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
        world
    }

    /// Has a loop accept what comes to `listener`.
    fn serve(&self, kind: usize, listener: Listener, random: &mut Random) {
        let server = self.thing(What::Server(listener), false);
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

    /// What `connection` becomes, which the loop `index` has accepted.
    fn accepted(&self, index: usize, kind: usize, connection: Connection) -> Thing<S> {
        step();
        let handle = self.handle(connection, kind, true);
        let number = handle.index;
        let thing = self.wrap(handle);
        note(|| format!("{} is peer {number}, which {index} has accepted", thing.id));
        let membership = Membership::new(number, 0, true);
        self.model()
            .memberships
            .entry((index, thing.id))
            .or_default()
            .push(membership);
        if self.random().once_in(2) {
            self.keep(&thing);
        }
        thing
    }

    pub fn keep(&self, thing: &Thing<S>) {
        self.things.lock().unwrap().push(thing.clone());
    }

    /// A peer of `kind` with `connection`.
    pub fn handle(&self, connection: Connection, kind: usize, is_accepted: bool) -> Handle<S> {
        if !S::IS_SIMULATED {
            let _ = connection.set_options("send at once", |options| options.no_delay = true);
        }
        let allows_half_open = self.chance(6) == 0;
        connection.set_allow_half_open(allows_half_open);
        let machine = Machine::of(&connection);
        let (is_wasteful, wants_data) = {
            let mut random = self.random();
            (random.once_in(3), random.once_in(3))
        };
        let index = self.model().begin_handle(machine, is_accepted, is_wasteful);
        Handle::new(connection, index, kind, wants_data, self.this.clone())
    }

    /// The peer itself, or a channel of packets over it.
    pub fn wrap(&self, handle: Handle<S>) -> Thing<S> {
        match self.kinds[handle.kind].content.format() {
            None => self.thing(What::Peer(handle), false),
            Some(format) => {
                let channel = PacketChannel::new(format.clone());
                drop(channel.set_peer(Some(handle)));
                let wants = self.random().once_in(2);
                self.thing(What::Channel(channel), wants)
            }
        }
    }

    fn thing(&self, what: What<S>, wants: bool) -> Thing<S> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        if matches!(what, What::Channel(_)) {
            self.model().packets.entry(id).or_default().wants = wants;
        }
        Thing::new(id, what, wants, self.this.clone())
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    pub fn random(&self) -> MutexGuard<'_, Random> {
        self.random.lock().unwrap()
    }

    /// Any thing that the program refers to.
    pub fn any_thing(&self) -> Option<Thing<S>> {
        let things = self.things.lock().unwrap();
        let index = self.random().below(things.len().max(1) as u64) as usize;
        things.get(index).cloned()
    }

    /// A handler begins.
    pub fn enter(&self) -> Depth<'_> {
        let depth = self.depth.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(
            self.is_threaded || depth <= MAX_DEPTH,
            "handlers are {depth} deep"
        );
        Depth(&self.depth)
    }

    /// Takes the locks of the library, now and then.
    pub fn look(&self) {
        if !self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
            return;
        }
        let things: Vec<_> = self.things.lock().unwrap().clone();
        for event_loop in &self.loops {
            event_loop.len();
            event_loop.wake();
        }
        for thing in &things {
            if let Some(handle) = thing.handle() {
                handle.connection.has_unread();
            }
        }
    }

    /// Adds `thing` to the loop `index`.
    pub fn add(&self, index: usize, thing: &Thing<S>) {
        step();
        let Some(handle) = thing.handle() else { return };
        let key = (index, thing.id);
        let is_known = {
            let mut model = self.model();
            let membership = model.membership(index, thing.id);
            let is_known = membership.is_some_and(|membership| membership.state != State::Gone);
            if !is_known {
                let begin = model.handles[handle.index].life.len();
                let mut membership = Membership::new(handle.index, begin, false);
                if model.is_exact() && !handle.connection.has_events() {
                    membership.begin_exactly(handle.connection.status() == Status::Connected);
                }
                model.memberships.entry(key).or_default().push(membership);
            }
            is_known
        };
        if is_known && self.is_threaded {
            // Another thread may be removing it, and it could be added before or after that.
            return;
        }
        let added = self.loops[index].add(thing.clone());
        note(|| format!("{} is added to {index}: {added:?}", thing.id));
        if is_known {
            assert!(added.is_err(), "{} is a member twice", thing.id);
            return;
        }
        added.expect("it is not a member");
        let mut model = self.model();
        if let Some(membership) = model.membership(index, thing.id)
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

    /// The loop `index` has reported something of `member`.
    pub fn told(&self, index: usize, member: &Thing<S>, told: Told) {
        step();
        note(|| format!("{index} reports of {}: {told:?}", member.id));
        let mut model = self.model();
        model.told(index, member.id, told);
        if let Some(membership) = model.membership(index, member.id)
            && membership.is_accepted
            && membership.state == State::Adding
        {
            membership.state = State::Member;
        }
    }

    /// An accepted member is not a member any more when its end is reported.
    pub fn check_left(&self, index: usize, member: &Thing<S>) {
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

    /// A poll within a poll reports of the same bytes once.
    pub fn check_data(&self, index: usize, member: &Thing<S>) {
        let Some(handle) = member.handle() else {
            return;
        };
        if self.is_threaded {
            return;
        }
        let received = handle.connection.statistics(S::now()).received;
        let news = (member.id, received);
        let mut known = self.news[index].lock().unwrap();
        let is_nested = self.polls[index].load(Ordering::Relaxed) > 1;
        assert!(
            !is_nested || !known.contains(&news),
            "a poll within a poll reports again of {} with {received} bytes",
            member.id
        );
        known.push(news);
    }

    /// A packet was delivered.
    pub fn packet(&self, listener: usize, member: &Thing<S>, packet: &Packet) {
        let packet = (packet.session, packet.number);
        note(|| format!("packet {packet:?} of {} for listener {listener}", member.id));
        let is_first = !member.is_replaced.load(Ordering::Relaxed);
        let handle = is_first.then(|| member.handle()).flatten();
        let handle = handle.map(|handle| handle.index);
        self.model().packet(listener, member.id, handle, packet);
    }

    /// Polls the loop `index`. The members that it gives back.
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
        let mut ear = Ear {
            world: &world,
            index,
        };
        let ready = self.loops[index].poll(limit, &mut ear);
        note(|| {
            let ids: Vec<_> = ready.iter().map(|member| member.subject().id).collect();
            format!("{index} was polled: {ids:?}")
        });
        if is_outer {
            self.check_reported(index, &unread);
            self.news[index].lock().unwrap().clear();
        }
        self.polls[index].fetch_sub(1, Ordering::Relaxed);
        ready.len()
    }

    /// The plain members of the loop `index` that have unread bytes, with how many they have received.
    fn unread(&self, index: usize) -> Vec<Unread<S>> {
        if self.is_threaded {
            return Vec::new();
        }
        let members = self.loops[index].members();
        let unread = members.iter().filter_map(|member| {
            let What::Peer(handle) = &member.subject().what else {
                return None;
            };
            let received = handle.connection.statistics(S::now()).received;
            handle
                .connection
                .has_unread()
                .then(|| (Arc::downgrade(member), member.subject().id, received))
        });
        unread.collect()
    }

    /// What was unread before a poll, and still is, was reported by it.
    fn check_reported(&self, index: usize, before: &[Unread<S>]) {
        if before.is_empty() {
            return;
        }
        let after = self.unread(index);
        let known = self.news[index].lock().unwrap();
        // One that was removed and added again meanwhile is another member, which the next poll visits.
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

    /// Polls a peer by hand, as its user may do.
    pub fn poll_by_hand(&self, thing: &Thing<S>) {
        step();
        let Some(handle) = thing.handle() else { return };
        note(|| format!("{} is polled by hand", thing.id));
        let _ = handle.connection.poll(S::now);
        if let Some(events) = PeerEvents::begin(&handle.connection) {
            for event in events {
                stream_socket::dispatch::Peer::notify(&handle, event);
            }
        }
        if let Some(channel) = thing.channel() {
            channel.poll(thing);
        }
    }

    /// Broadcasts by way of the loop `index`.
    pub fn broadcast(&self, index: usize) {
        step();
        let number = self.broadcasts.fetch_add(1, Ordering::Relaxed);
        let data = message(number, self.random().size(500));
        let left_out = self.random().below(20);
        let connected: Vec<_> = self.loops[index].members();
        let mut takers: Vec<_> = connected
            .iter()
            .filter(|member| member.subject().id != left_out)
            .filter_map(|member| Some((member.subject().id, member.subject().handle()?)))
            .filter(|(_, handle)| handle.connection.status() == Status::Connected)
            .collect();
        let refused = self.loops[index].broadcast(&data, |thing| thing.id == left_out);
        takers.retain(|(id, _)| {
            !refused
                .iter()
                .any(|refused| refused.member.subject().id == *id)
        });
        note(|| format!("{index} broadcasts {number}: {} refuse", refused.len()));
        let mut model = self.model();
        for (_, handle) in &takers {
            model.handles[handle.index].broadcasts.push(number);
        }
        drop(model);
        drop(takers);
    }

    /// Ends the connection of `handle`.
    pub fn disconnect(&self, handle: &Handle<S>, aborts: bool) {
        step();
        note(|| format!("peer {} disconnects, aborts {aborts}", handle.index));
        {
            let mut model = self.model();
            model.handles[handle.index].is_left = true;
            for session in &mut model.sessions {
                session.is_excused |= session.handle == Some(handle.index);
            }
        }
        if aborts {
            handle.connection.abort();
        } else {
            handle.connection.disconnect();
        }
    }

    /// Connects `handle`, which may be connected, to somebody else.
    pub fn connect(&self, handle: &Handle<S>) {
        if handle.connection.status() == Status::Connected {
            let aborts = self.chance(2) == 0;
            self.disconnect(handle, aborts);
        }
        let address = self.kinds[handle.kind].remote_address.clone();
        {
            let mut model = self.model();
            model.handles[handle.index].has_connected_again = true;
            model.handles[handle.index].is_left = true;
        }
        let limit = Some(Duration::from_secs(10));
        let outcome = handle
            .connection
            .connect(Target::Address(address), limit, S::now());
        note(|| format!("peer {} connects: {outcome:?}", handle.index));
    }

    /// Puts another peer under a channel.
    pub fn replace(&self, thing: &Thing<S>) {
        let (Some(channel), Some(old)) = (thing.channel(), thing.handle()) else {
            return;
        };
        step();
        let new = self.handle(Connection::new(), old.kind, false);
        note(|| format!("{} has peer {} now", thing.id, new.index));
        self.connect(&new);
        thing.is_replaced.store(true, Ordering::Relaxed);
        {
            let mut model = self.model();
            for index in 0..2 {
                if let Some(membership) = model.membership(index, thing.id) {
                    membership.replace();
                }
            }
        }
        let replaced = channel.set_peer(Some(new));
        drop(replaced);
    }
}
