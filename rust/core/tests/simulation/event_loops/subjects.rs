//! The members of the event loops: peers, packet channels and servers, and their handlers.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use stream_socket::dispatch::{
    Endpoint, EndpointEvent, LoopEvent, LoopHandler, OwnEvent, PacketChannel, Source, Subject,
};
use stream_socket::{Connection, Listener};

use super::content::{RemoteId, packet_number};
use super::membership::Report;
use super::model::OWN;
use super::world::World;
use crate::model::system::System;
use crate::model::trace::note;

thread_local! {
    /// The function that every drop of an object calls. The simulated threads share it, because
    /// they run on one real thread.
    static ON_DROP: RefCell<Option<Box<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Makes every drop of an object call the library, until the program is over.
pub fn set_on_drop<S: System>(world: Option<Weak<World<S>>>) {
    let on_drop = world.map(|world| -> Box<dyn Fn()> {
        Box::new(move || {
            if let Some(world) = world.upgrade() {
                world.call_library();
            }
        })
    });
    ON_DROP.with(|cell| *cell.borrow_mut() = on_drop);
}

/// Calls the library. This deadlocks if the object is dropped while the library holds a lock.
fn call_on_drop() {
    // The call itself may drop an object, whose drop then finds nothing here.
    let taken = ON_DROP.with(|cell| cell.try_borrow_mut().ok()?.take());
    if let Some(on_drop) = taken {
        on_drop();
        ON_DROP.with(|cell| *cell.borrow_mut() = Some(on_drop));
    }
}

/// A peer.
pub struct TestPeer<S: System>(Arc<PeerState<S>>);

pub struct PeerState<S: System> {
    pub connection: Connection,
    /// The index of the peer in the model.
    pub index: usize,
    /// The index of the kind of its stream.
    pub kind: usize,
    wants_data: bool,
    world: Weak<World<S>>,
}

/// A packet as handlers receive it.
pub struct Packet {
    pub remote: RemoteId,
    pub number: u64,
}

/// An object that can be a member of an event loop.
pub struct Object<S: System>(Arc<ObjectState<S>>);

pub struct ObjectState<S: System> {
    pub id: u64,
    pub role: Role<S>,
    pub wants_packets: AtomicBool,
    /// The first peer of the object was replaced.
    pub is_replaced: AtomicBool,
    /// How often the object was visited in the present poll.
    pub visits: AtomicU64,
    world: Weak<World<S>>,
}

pub enum Role<S: System> {
    Peer(TestPeer<S>),
    Channel(PacketChannel<TestPeer<S>>),
    Server(Listener),
}

/// The handler of an event loop.
pub struct TestHandler<'a, S: System> {
    pub world: &'a Arc<World<S>>,
    pub index: usize,
}

impl<S: System> Clone for TestPeer<S> {
    fn clone(&self) -> Self {
        TestPeer(self.0.clone())
    }
}

impl<S: System> Clone for Object<S> {
    fn clone(&self) -> Self {
        Object(self.0.clone())
    }
}

impl<S: System> std::ops::Deref for TestPeer<S> {
    type Target = PeerState<S>;
    fn deref(&self) -> &PeerState<S> {
        &self.0
    }
}

impl<S: System> std::ops::Deref for Object<S> {
    type Target = ObjectState<S>;
    fn deref(&self) -> &ObjectState<S> {
        &self.0
    }
}

impl<S: System> TestPeer<S> {
    pub fn new(
        connection: Connection,
        index: usize,
        kind: usize,
        wants_data: bool,
        world: Weak<World<S>>,
    ) -> TestPeer<S> {
        TestPeer(Arc::new(PeerState {
            connection,
            index,
            kind,
            wants_data,
            world,
        }))
    }
}

impl<S: System> Object<S> {
    pub fn new(id: u64, role: Role<S>, wants_packets: bool, world: Weak<World<S>>) -> Object<S> {
        Object(Arc::new(ObjectState {
            id,
            role,
            wants_packets: AtomicBool::new(wants_packets),
            is_replaced: AtomicBool::new(false),
            visits: AtomicU64::new(0),
            world,
        }))
    }

    pub fn peer(&self) -> Option<TestPeer<S>> {
        match &self.role {
            Role::Peer(peer) => Some(peer.clone()),
            Role::Channel(channel) => channel.endpoint(),
            Role::Server(_) => None,
        }
    }

    pub fn channel(&self) -> Option<&PacketChannel<TestPeer<S>>> {
        match &self.role {
            Role::Channel(channel) => Some(channel),
            _ => None,
        }
    }
}

impl<S: System> Drop for PeerState<S> {
    fn drop(&mut self) {
        if let Some(world) = self.world.upgrade() {
            world.model().peers[self.index].is_dropped = true;
        }
        call_on_drop();
    }
}

impl<S: System> Drop for ObjectState<S> {
    fn drop(&mut self) {
        call_on_drop();
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        call_on_drop();
    }
}

impl<S: System> Endpoint for TestPeer<S> {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn wants_data(&self) -> bool {
        self.wants_data
    }

    fn notify(&self, event: EndpointEvent) {
        let Some(world) = self.world.upgrade() else {
            return;
        };
        note(|| format!("peer {}: {event:?}", self.index));
        let _depth = world.enter();
        match event {
            EndpointEvent::Happened(event) => {
                world.model().happened(self.index, event);
                world.react(None, Some(self));
            }
            EndpointEvent::DataAvailable => world.read(self),
        }
    }
}

impl<S: System> Subject for Object<S> {
    type Endpoint = TestPeer<S>;
    type Packet = Packet;
    type Message<'a> = ();

    fn id(&self) -> u64 {
        self.id
    }

    fn source(&self) -> Source<'_, Self> {
        let visits = self.visits.fetch_add(1, Ordering::Relaxed);
        assert!(
            visits < 20_000,
            "{} is visited without end, though it is idle",
            self.id
        );
        match &self.role {
            Role::Peer(peer) => Source::Endpoint(peer),
            Role::Channel(channel) => Source::Packets(channel),
            Role::Server(listener) => Source::Server(listener),
        }
    }

    fn packet(bytes: &[u8], _: bool) -> Packet {
        let (remote, number) = packet_number(bytes);
        Packet { remote, number }
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

impl<S: System> LoopHandler<Object<S>> for TestHandler<'_, S> {
    fn wants_packets(&mut self) -> bool {
        self.world.wants[self.index].load(Ordering::Relaxed)
    }

    fn notify(&mut self, member: &Object<S>, event: LoopEvent<'_, Packet>) {
        let world = self.world;
        let _depth = world.enter();
        match event {
            LoopEvent::Connected => world.reported(self.index, member, Report::Connected),
            LoopEvent::Disconnected(cause) => {
                world.reported(self.index, member, Report::Ended(cause));
                world.check_left(self.index, member);
            }
            LoopEvent::PacketReceived(packet) => {
                world.reported(self.index, member, Report::Packet(packet.remote));
                world.packet(self.index + 1, member, packet);
            }
            LoopEvent::DataAvailable => {
                world.reported(self.index, member, Report::Data);
                world.check_data(self.index, member);
                if let Some(peer) = member.peer() {
                    world.read(&peer);
                }
            }
            _ => panic!("no model of this event"),
        }
        world.react(Some(member), None);
    }
}
