//! Members of event loops, and a listener that is a closure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stream_socket::dispatch::{
    EventLoop, Format, LoopEvent, LoopListener, OwnEvent, PacketChannel, Peer, PeerEvent, Source,
    Subject,
};
use stream_socket::packets::Framing;
use stream_socket::{Connection, EndCause};

use crate::support::{Server, until};

/// A peer to whom nobody listens alone.
#[derive(Clone)]
pub struct Handle(pub Arc<Connection>);

/// What can be a member.
#[derive(Clone)]
pub struct Thing(Arc<Object>);

pub struct Object {
    pub id: u64,
    /// How often it was looked at.
    pub visits: AtomicU64,
    what: What,
}

enum What {
    Peer(Handle),
    Channel(PacketChannel<Handle>),
    Server(Server),
}

/// What a loop's listener was notified of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    Connected,
    Data,
    Packet(String),
    Over(EndCause),
}

impl std::ops::Deref for Thing {
    type Target = Object;
    fn deref(&self) -> &Object {
        &self.0
    }
}

impl Thing {
    fn new(what: What) -> Thing {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let visits = AtomicU64::new(0);
        Thing(Arc::new(Object { id, visits, what }))
    }

    pub fn peer(connection: Connection) -> Thing {
        Thing::new(What::Peer(Handle(Arc::new(connection))))
    }

    pub fn channel(connection: Connection, framing: Framing) -> Thing {
        let format = Format {
            framing,
            limit: 1 << 20,
        };
        let channel = PacketChannel::new(Arc::new(format));
        drop(channel.set_peer(Some(Handle(Arc::new(connection)))));
        Thing::new(What::Channel(channel))
    }

    pub fn connection(&self) -> Arc<Connection> {
        match &self.what {
            What::Peer(handle) => handle.0.clone(),
            What::Channel(channel) => channel.peer().expect("it has a stream").0,
            What::Server(_) => panic!("it is a server"),
        }
    }

    pub fn packets(&self) -> &PacketChannel<Handle> {
        match &self.what {
            What::Channel(channel) => channel,
            _ => panic!("it is no channel"),
        }
    }
}

impl Peer for Handle {
    fn connection(&self) -> &Connection {
        &self.0
    }

    fn wants_data(&self) -> bool {
        false
    }

    fn notify(&self, _: PeerEvent) {}
}

impl Subject for Thing {
    type Peer = Handle;
    type Packet = String;

    fn id(&self) -> u64 {
        self.id
    }

    fn source(&self) -> Source<'_, Handle> {
        self.visits.fetch_add(1, Ordering::Relaxed);
        match &self.what {
            What::Peer(handle) => Source::Peer(handle),
            What::Channel(channel) => Source::Packets(channel),
            What::Server(server) => Source::Server(&server.listener),
        }
    }

    fn packet(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn wants_packets(&self) -> bool {
        false
    }

    fn notify(&self, _: OwnEvent<'_, String>) {}
}

/// An event loop, and whether its listener listens to packets.
pub struct Loop {
    pub members: EventLoop<Thing>,
    pub wants: Arc<AtomicBool>,
}

impl Loop {
    pub fn new() -> Loop {
        let wants = Arc::new(AtomicBool::new(true));
        let asked = wants.clone();
        Loop {
            members: EventLoop::new(move || asked.load(Ordering::Relaxed)),
            wants,
        }
    }

    /// Accepts what comes to `server`, and makes a member of it.
    pub fn accept(
        &self,
        server: Server,
        member: impl Fn(Connection) -> Thing + Send + Sync + 'static,
    ) {
        let server = Thing::new(What::Server(server));
        self.members.accept_from(server, member).unwrap();
    }

    pub fn add(&self, thing: &Thing) {
        self.members.add(thing.clone()).unwrap();
    }

    /// Polls without waiting. What was reported, in order; `handler` is called with each event.
    pub fn poll(&self, handler: impl FnMut(&Thing, &Told)) -> Vec<(u64, Told)> {
        self.wait(Some(std::time::Duration::ZERO), handler)
    }

    pub fn wait(
        &self,
        limit: Option<std::time::Duration>,
        handler: impl FnMut(&Thing, &Told),
    ) -> Vec<(u64, Told)> {
        let mut ear = Ear {
            wants: self.wants.clone(),
            told: Vec::new(),
            handler,
        };
        self.members.poll(limit, &mut ear);
        ear.told
    }

    /// Polls until something was reported.
    pub fn next(&self, mut handler: impl FnMut(&Thing, &Told)) -> Vec<(u64, Told)> {
        until("something is reported", || {
            let told = self.poll(&mut handler);
            (!told.is_empty()).then_some(told)
        })
    }
}

struct Ear<F> {
    wants: Arc<AtomicBool>,
    told: Vec<(u64, Told)>,
    handler: F,
}

impl<F: FnMut(&Thing, &Told)> LoopListener<Thing> for Ear<F> {
    fn wants_packets(&mut self) -> bool {
        self.wants.load(Ordering::Relaxed)
    }

    fn notify(&mut self, member: &Thing, event: LoopEvent<'_, String>) {
        let told = match event {
            LoopEvent::Connected => Told::Connected,
            LoopEvent::DataAvailable => Told::Data,
            LoopEvent::PacketReceived(packet) => Told::Packet(packet.clone()),
            LoopEvent::Disconnected(cause) => Told::Over(cause),
        };
        self.told.push((member.id, told.clone()));
        (self.handler)(member, &told);
    }
}
