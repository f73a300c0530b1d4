//! Members of event loops, and a handler that is a closure.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stream_socket::dispatch::{
    Endpoint, EndpointEvent, EventLoop, Format, LoopEvent, LoopHandler, OwnEvent, PacketChannel,
    Source, Subject,
};
use stream_socket::packets::Framing;
use stream_socket::{Connection, EndCause};

use crate::support::{Server, until};

/// An endpoint without handlers of its own.
#[derive(Clone)]
pub struct Handle(pub Arc<Connection>);

/// A member of a loop.
#[derive(Clone)]
pub struct Member(Arc<MemberState>);

pub struct MemberState {
    pub id: u64,
    /// How often it was visited.
    pub visits: AtomicU64,
    kind: Kind,
}

enum Kind {
    Peer(Handle),
    Channel(PacketChannel<Handle>),
    Server(Server),
}

/// An event that the handler of a loop was notified of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    Connected,
    Data,
    Packet(String),
    Ended(EndCause),
}

impl std::ops::Deref for Member {
    type Target = MemberState;
    fn deref(&self) -> &MemberState {
        &self.0
    }
}

impl Member {
    fn new(kind: Kind) -> Member {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        let visits = AtomicU64::new(0);
        Member(Arc::new(MemberState { id, visits, kind }))
    }

    /// A plain connection as a member.
    pub fn peer(connection: Connection) -> Member {
        Member::new(Kind::Peer(Handle(Arc::new(connection))))
    }

    /// A packet channel as a member.
    pub fn channel(connection: Connection, framing: Framing) -> Member {
        let format = Format {
            framing,
            limit: 1 << 20,
        };
        let channel = PacketChannel::new(Arc::new(format));
        drop(channel.set_endpoint(Some(Handle(Arc::new(connection)))));
        Member::new(Kind::Channel(channel))
    }

    /// The connection of a peer or of a channel.
    pub fn connection(&self) -> Arc<Connection> {
        match &self.kind {
            Kind::Peer(handle) => handle.0.clone(),
            Kind::Channel(channel) => channel.endpoint().expect("the channel has a stream").0,
            Kind::Server(_) => panic!("a server has no connection"),
        }
    }

    /// The member as a packet channel.
    pub fn packets(&self) -> &PacketChannel<Handle> {
        match &self.kind {
            Kind::Channel(channel) => channel,
            _ => panic!("the member is not a channel"),
        }
    }
}

impl Endpoint for Handle {
    fn connection(&self) -> &Connection {
        &self.0
    }

    fn wants_data(&self) -> bool {
        false
    }

    fn notify(&self, _: EndpointEvent) {}
}

impl Subject for Member {
    type Endpoint = Handle;
    type Packet = String;
    type Message<'a> = ();

    fn id(&self) -> u64 {
        self.id
    }

    fn source(&self) -> Source<'_, Self> {
        self.visits.fetch_add(1, Ordering::Relaxed);
        match &self.kind {
            Kind::Peer(handle) => Source::Endpoint(handle),
            Kind::Channel(channel) => Source::Packets(channel),
            Kind::Server(server) => Source::Server(&server.listener),
        }
    }

    fn packet(bytes: &[u8], _: bool) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn wants_packets(&self) -> bool {
        false
    }

    fn notify(&self, _: OwnEvent<'_, String>) {}
}

/// An event loop, and whether its handler wants packets.
pub struct Loop {
    pub members: EventLoop<Member>,
    pub wants: Arc<AtomicBool>,
}

impl Loop {
    /// An empty loop whose handler wants packets.
    pub fn new() -> Loop {
        let wants = Arc::new(AtomicBool::new(true));
        let wanted = wants.clone();
        Loop {
            members: EventLoop::new(move || wanted.load(Ordering::Relaxed)),
            wants,
        }
    }

    /// Accepts connections from `server`, and makes a member of each.
    pub fn accept(
        &self,
        server: Server,
        member: impl Fn(Connection) -> Member + Send + Sync + 'static,
    ) {
        let server = Member::new(Kind::Server(server));
        self.members.accept_from(server, member).unwrap();
    }

    /// Adds a member.
    pub fn add(&self, member: &Member) {
        self.members.add(member.clone()).unwrap();
    }

    /// Polls without waiting, and calls `handler` with each event. Returns what was reported, in
    /// order.
    pub fn poll(&self, handler: impl FnMut(&Member, &Report)) -> Vec<(u64, Report)> {
        self.wait(Some(std::time::Duration::ZERO), handler)
    }

    /// Like [`Loop::poll`], but waits for an event for at most `limit`.
    pub fn wait(
        &self,
        limit: Option<std::time::Duration>,
        handler: impl FnMut(&Member, &Report),
    ) -> Vec<(u64, Report)> {
        let mut recorder = Recorder {
            wants: self.wants.clone(),
            reported: Vec::new(),
            handler,
        };
        self.members.poll(limit, &mut recorder);
        recorder.reported
    }

    /// Polls until something was reported.
    pub fn next(&self, mut handler: impl FnMut(&Member, &Report)) -> Vec<(u64, Report)> {
        until("something is reported", || {
            let reported = self.poll(&mut handler);
            (!reported.is_empty()).then_some(reported)
        })
    }
}

struct Recorder<F> {
    wants: Arc<AtomicBool>,
    reported: Vec<(u64, Report)>,
    handler: F,
}

impl<F: FnMut(&Member, &Report)> LoopHandler<Member> for Recorder<F> {
    fn wants_packets(&mut self) -> bool {
        self.wants.load(Ordering::Relaxed)
    }

    fn notify(&mut self, member: &Member, event: LoopEvent<'_, String>) {
        let reported = match event {
            LoopEvent::Connected => Report::Connected,
            LoopEvent::DataAvailable => Report::Data,
            LoopEvent::PacketReceived(packet) => Report::Packet(packet.clone()),
            LoopEvent::Disconnected(cause) => Report::Ended(cause),
            event => panic!("an event that the tests do not know: {event:?}"),
        };
        self.reported.push((member.id, reported.clone()));
        (self.handler)(member, &reported);
    }
}
