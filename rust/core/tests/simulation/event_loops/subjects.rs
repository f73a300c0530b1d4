//! The objects of these programs: peers, packet channels and servers, and who listens to each.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use stream_socket::dispatch::{
    LoopEvent, LoopListener, OwnEvent, PacketChannel, Peer, PeerEvent, Source, Subject,
};
use stream_socket::{Connection, Listener};

use super::content::{Number, packet_number};
use super::membership::Told;
use super::model::OWN;
use super::world::World;
use crate::model::system::System;
use crate::model::trace::note;

thread_local! {
    /// What a drop calls back into, whatever is dropped. The simulated threads share it.
    static LOOK: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Has every drop of an object call the library until the program is over.
pub fn watch_drops<S: System>(world: Option<Weak<World<S>>>) {
    let look = world.map(|world| -> Box<dyn Fn()> {
        Box::new(move || {
            if let Some(world) = world.upgrade() {
                world.look();
            }
        })
    });
    LOOK.with(|cell| *cell.borrow_mut() = look);
}

/// What is dropped under a lock of the library deadlocks here.
fn look() {
    // Nothing else borrows it, but a look may drop something itself.
    let taken = LOOK.with(|cell| cell.try_borrow_mut().ok()?.take());
    if let Some(look) = taken {
        look();
        LOOK.with(|cell| *cell.borrow_mut() = Some(look));
    }
}

/// A peer.
pub struct Handle<S: System>(Arc<PeerObject<S>>);

pub struct PeerObject<S: System> {
    pub connection: Connection,
    /// Which one it is in the model.
    pub index: usize,
    /// What it talks.
    pub kind: usize,
    wants_data: bool,
    world: Weak<World<S>>,
}

/// A packet, as listeners get it.
pub struct Packet {
    pub session: Number,
    pub number: u64,
}

/// Something that can be a member of an event loop.
pub struct Thing<S: System>(Arc<Object<S>>);

pub struct Object<S: System> {
    pub id: u64,
    pub what: What<S>,
    pub wants_packets: AtomicBool,
    /// It has another peer than it had first.
    pub is_replaced: AtomicBool,
    /// How often it was visited in this poll.
    pub visits: AtomicU64,
    world: Weak<World<S>>,
}

pub enum What<S: System> {
    Peer(Handle<S>),
    Channel(PacketChannel<Handle<S>>),
    Server(Listener),
}

/// Who listens to an event loop.
pub struct Ear<'a, S: System> {
    pub world: &'a Arc<World<S>>,
    pub index: usize,
}

impl<S: System> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Handle(self.0.clone())
    }
}

impl<S: System> Clone for Thing<S> {
    fn clone(&self) -> Self {
        Thing(self.0.clone())
    }
}

impl<S: System> std::ops::Deref for Handle<S> {
    type Target = PeerObject<S>;
    fn deref(&self) -> &PeerObject<S> {
        &self.0
    }
}

impl<S: System> std::ops::Deref for Thing<S> {
    type Target = Object<S>;
    fn deref(&self) -> &Object<S> {
        &self.0
    }
}

impl<S: System> Handle<S> {
    pub fn new(
        connection: Connection,
        index: usize,
        kind: usize,
        wants_data: bool,
        world: Weak<World<S>>,
    ) -> Handle<S> {
        Handle(Arc::new(PeerObject {
            connection,
            index,
            kind,
            wants_data,
            world,
        }))
    }
}

impl<S: System> Thing<S> {
    pub fn new(id: u64, what: What<S>, wants_packets: bool, world: Weak<World<S>>) -> Thing<S> {
        Thing(Arc::new(Object {
            id,
            what,
            wants_packets: AtomicBool::new(wants_packets),
            is_replaced: AtomicBool::new(false),
            visits: AtomicU64::new(0),
            world,
        }))
    }

    pub fn handle(&self) -> Option<Handle<S>> {
        match &self.what {
            What::Peer(handle) => Some(handle.clone()),
            What::Channel(channel) => channel.peer(),
            What::Server(_) => None,
        }
    }

    pub fn channel(&self) -> Option<&PacketChannel<Handle<S>>> {
        match &self.what {
            What::Channel(channel) => Some(channel),
            _ => None,
        }
    }
}

impl<S: System> Drop for PeerObject<S> {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.model().handles[self.index].is_dropped = true;
        }
        look();
    }
}

impl<S: System> Drop for Object<S> {
    fn drop(&mut self) {
        look();
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        look();
    }
}

impl<S: System> Peer for Handle<S> {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn wants_data(&self) -> bool {
        self.wants_data
    }

    fn notify(&self, event: PeerEvent) {
        let Some(world) = self.world.upgrade() else {
            return;
        };
        note(|| format!("peer {}: {event:?}", self.index));
        let _depth = world.enter();
        match event {
            PeerEvent::Happened(event) => {
                world.model().happened(self.index, event);
                world.react(None, Some(self));
            }
            PeerEvent::DataAvailable => world.read(self),
        }
    }
}

impl<S: System> Subject for Thing<S> {
    type Peer = Handle<S>;
    type Packet = Packet;

    fn id(&self) -> u64 {
        self.id
    }

    fn source(&self) -> Source<'_, Handle<S>> {
        let visits = self.visits.fetch_add(1, Ordering::Relaxed);
        assert!(
            visits < 20_000,
            "{} is visited again and again for nothing",
            self.id
        );
        match &self.what {
            What::Peer(handle) => Source::Peer(handle),
            What::Channel(channel) => Source::Packets(channel),
            What::Server(listener) => Source::Server(listener),
        }
    }

    fn packet(bytes: &[u8]) -> Packet {
        let (session, number) = packet_number(bytes);
        Packet { session, number }
    }

    fn wants_packets(&self) -> bool {
        self.wants_packets.load(Ordering::Relaxed)
    }

    fn notify(&self, event: OwnEvent<'_, Packet>) {
        let Some(world) = self.world.upgrade() else {
            return;
        };
        let _depth = world.enter();
        match event {
            OwnEvent::PacketReceived(packet) => {
                world.packet(OWN, self, packet);
            }
            OwnEvent::Failed(error) => note(|| format!("{}: {error}", self.id)),
            OwnEvent::AcceptFailed(error) => {
                assert!(world.model().does_kernel_fail, "{error}");
            }
            OwnEvent::ConnectionAvailable => {}
            _ => panic!("no model of this event"),
        }
        world.react(Some(self), None);
    }
}

impl<S: System> LoopListener<Thing<S>> for Ear<'_, S> {
    fn wants_packets(&mut self) -> bool {
        self.world.wants[self.index].load(Ordering::Relaxed)
    }

    fn notify(&mut self, member: &Thing<S>, event: LoopEvent<'_, Packet>) {
        let world = self.world;
        let _depth = world.enter();
        match event {
            LoopEvent::Connected => world.told(self.index, member, Told::Connected),
            LoopEvent::Disconnected(cause) => {
                world.told(self.index, member, Told::Over(cause));
                world.check_left(self.index, member);
            }
            LoopEvent::PacketReceived(packet) => {
                world.told(self.index, member, Told::Packet(packet.session));
                world.packet(self.index + 1, member, packet);
            }
            LoopEvent::DataAvailable => {
                world.told(self.index, member, Told::Data);
                world.check_data(self.index, member);
                if let Some(handle) = member.handle() {
                    world.read(&handle);
                }
            }
            _ => panic!("no model of this event"),
        }
        world.react(Some(member), None);
    }
}
