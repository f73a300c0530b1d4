//! What must hold of the events of event loops, their members and those who listen. It knows nothing of how they are made.

use std::collections::{BTreeMap, BTreeSet};

use stream_socket::{ConnectEnd, DisconnectCause, EndCause, Event};

use super::content::{Number, Reader};
use super::membership::{Membership, State, Told};
use super::packets::Packets;
use crate::model::machine::Machine;

/// Who listens to a packet channel: itself, or one of two event loops.
pub const LISTENERS: usize = 3;
/// The listener that is the channel itself.
pub const OWN: usize = 0;

/// What is known of everything.
#[derive(Debug)]
pub struct Model {
    /// Several threads are at work, so that what one has done may have happened before or after what another one sees.
    pub is_threaded: bool,
    /// The kernel fails.
    pub does_kernel_fail: bool,
    pub sessions: Vec<Session>,
    pub handles: Vec<Handle>,
    pub memberships: BTreeMap<(usize, u64), Vec<Membership>>,
    pub packets: BTreeMap<u64, Packets>,
    /// Who listens to packets, and whether that has changed in this program. The channels' own are in `packets`.
    pub wants: [bool; 2],
    pub has_wants_changed: bool,
}

/// One connection, as its other end knows it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// How many bytes, or whole packets, were sent.
    pub sent: u64,
    /// It has ended its direction behind all that.
    pub is_ended: bool,
    /// What came may be lost.
    pub is_excused: bool,
    /// It has sent what is not a packet.
    pub is_spoiled: bool,
    /// Which handle has read of it.
    pub handle: Option<usize>,
    /// How many bytes were read of it.
    pub read: u64,
    /// The broadcasts that have arrived, if the other end has come to the end of the stream.
    pub arrived: Option<Vec<u64>>,
}

/// One peer, through all of its connections.
#[derive(Debug)]
pub struct Handle {
    name: String,
    machine: Machine,
    /// When connects and connections have ended, as its own listener was notified.
    pub life: Vec<Told>,
    reader: Reader,
    pub is_accepted: bool,
    /// It does not read everything.
    pub is_wasteful: bool,
    /// This side has disconnected it.
    pub is_left: bool,
    pub is_dropped: bool,
    pub has_connected_again: bool,
    /// The broadcasts that it took.
    pub broadcasts: Vec<u64>,
}

impl Model {
    pub fn new(is_threaded: bool) -> Model {
        Model {
            is_threaded,
            does_kernel_fail: false,
            sessions: Vec::new(),
            handles: Vec::new(),
            memberships: BTreeMap::new(),
            packets: BTreeMap::new(),
            wants: [true; 2],
            has_wants_changed: false,
        }
    }

    /// Whether what one thread sees of another one's doings is exact.
    pub fn is_exact(&self) -> bool {
        !self.is_threaded
    }

    pub fn begin_session(&mut self) -> Number {
        self.sessions.push(Session::default());
        Number::try_from(self.sessions.len() - 1).expect("there are few sessions")
    }

    pub fn session(&mut self, number: Number) -> &mut Session {
        &mut self.sessions[usize::from(number)]
    }

    pub fn begin_handle(
        &mut self,
        machine: Machine,
        is_accepted: bool,
        is_wasteful: bool,
    ) -> usize {
        let index = self.handles.len();
        self.handles.push(Handle {
            name: format!("peer {index}"),
            machine,
            life: Vec::new(),
            reader: Reader::default(),
            is_accepted,
            is_wasteful,
            is_left: false,
            is_dropped: false,
            has_connected_again: false,
            broadcasts: Vec::new(),
        });
        index
    }

    /// The own listener of a peer was notified.
    pub fn happened(&mut self, handle: usize, event: Event) {
        let record = &mut self.handles[handle];
        record.machine.take(&record.name, event);
        let told = match event {
            Event::ConnectFinished(ConnectEnd::Connected) => Told::Connected,
            Event::ConnectFinished(end) => Told::Over(EndCause::Connect(end)),
            Event::Disconnected(cause) => {
                self.check_cause(handle, cause);
                Told::Over(EndCause::Disconnect(cause))
            }
            _ => return,
        };
        self.handles[handle].life.push(told);
    }

    fn check_cause(&self, handle: usize, cause: DisconnectCause) {
        let record = &self.handles[handle];
        let session = self
            .sessions
            .iter()
            .find(|session| session.handle == Some(handle));
        let is_known = record.is_accepted && !record.has_connected_again;
        match cause {
            DisconnectCause::Local => assert!(record.is_left, "{record:?} was not disconnected"),
            DisconnectCause::InvalidData => {
                let is_spoiled = |session: &Session| session.is_spoiled;
                assert!(
                    self.sessions.iter().any(is_spoiled),
                    "{record:?} got no bad packet"
                );
            }
            DisconnectCause::EndOfStream | DisconnectCause::Failure if is_known => {
                let goes_on = |session: &Session| {
                    !session.is_ended && !session.is_excused && !session.is_spoiled
                };
                assert!(
                    self.does_kernel_fail || !session.is_some_and(goes_on),
                    "{cause:?} of {record:?}, whose peer goes on"
                );
            }
            _ => {}
        }
    }

    /// Bytes of `handle` were read.
    pub fn read(&mut self, handle: usize, bytes: &[u8]) {
        let (session, count) = self.handles[handle].reader.take(bytes);
        if let Some(session) = session {
            let session = self.session(session);
            session.read = session.read.max(count);
            session.handle.get_or_insert(handle);
        }
    }

    /// The latest membership of `member`.
    pub fn membership(&mut self, index: usize, member: u64) -> Option<&mut Membership> {
        self.memberships.get_mut(&(index, member))?.last_mut()
    }

    /// The listener of the loop `index` was notified about `member`.
    pub fn told(&mut self, index: usize, member: u64, told: Told) {
        let is_threaded = self.is_threaded;
        let Some(membership) = self.membership(index, member) else {
            panic!("{told:?} of {member}, which was never a member of {index}");
        };
        membership.take(told, is_threaded);
        if membership.state == State::Gone {
            self.leave(index, member);
        }
    }

    /// `member` is none any more.
    pub fn leave(&mut self, index: usize, member: u64) {
        if let Some(membership) = self.membership(index, member) {
            membership.state = State::Gone;
        }
        if let Some(packets) = self.packets.get_mut(&member) {
            packets.leave(index + 1);
        }
    }

    /// A packet was delivered to `listener` of the channel `member`, which has always had the peer `handle`.
    pub fn packet(
        &mut self,
        listener: usize,
        member: u64,
        handle: Option<usize>,
        packet: (Number, u64),
    ) {
        let session = self.session(packet.0);
        session.handle = session.handle.or(handle);
        let is_exact = self.is_exact();
        let listens = self.listens(member);
        let is_steady = is_exact || !self.has_wants_changed;
        let record = self.packets.get_mut(&member).expect("it is a channel");
        record.deliver(listener, packet, listens, is_exact, is_steady);
    }

    /// Which listeners of the channel `member` should get a packet that is taken now; and which may.
    fn listens(&self, member: u64) -> [(bool, bool); LISTENERS] {
        let own = self.packets[&member].wants;
        let mut listens = [(own, own); LISTENERS];
        for index in 0..2 {
            let membership = self.memberships.get(&(index, member));
            let state = membership.and_then(|all| Some(all.last()?.state));
            listens[index + 1] = match state {
                Some(State::Member) => (self.wants[index], self.wants[index]),
                Some(State::Adding | State::Leaving) => (false, self.wants[index]),
                _ => (false, false),
            };
        }
        listens
    }

    /// The listener `index` begins or ends to listen to packets.
    pub fn set_wants(&mut self, index: usize, wants: bool) {
        self.wants[index] = wants;
        self.has_wants_changed = true;
        for packets in self.packets.values_mut() {
            packets.excuse(index + 1);
        }
    }

    pub fn set_own_wants(&mut self, member: u64, wants: bool) {
        self.has_wants_changed = true;
        let packets = self.packets.get_mut(&member).expect("it is a channel");
        packets.wants = wants;
        packets.excuse(OWN);
    }

    /// All is over: what must have been reported was.
    pub fn finish(&mut self) {
        for ((index, member), memberships) in &self.memberships {
            for membership in memberships {
                let handle = &self.handles[membership.handle];
                let what = format!("member {member} of {index}");
                membership.check_life(&what, handle);
            }
        }
        let mut taken: BTreeMap<Number, BTreeSet<u64>> = BTreeMap::new();
        for (member, packets) in &self.packets {
            let is_steady = self.is_exact() || !self.has_wants_changed;
            packets.finish(*member, is_steady);
            for (session, numbers) in &packets.taken {
                taken.entry(*session).or_default().extend(numbers);
            }
        }
        for (number, session) in self.sessions.iter().enumerate() {
            let taken = taken.get(&(number as Number)).map_or(0, BTreeSet::len) as u64;
            self.check_session(number, session, taken);
        }
    }

    /// What was sent was read, and what was broadcast has arrived, if nothing has gone wrong in between.
    fn check_session(&self, number: usize, session: &Session, taken: u64) {
        let Some(handle) = session.handle.map(|index| &self.handles[index]) else {
            return;
        };
        let read = session.read.max(taken);
        assert!(
            read <= session.sent,
            "session {number}: {read} of {session:?}"
        );
        if self.does_kernel_fail || !handle.is_accepted || handle.has_connected_again {
            return;
        }
        let end = Told::Over(EndCause::Disconnect(DisconnectCause::EndOfStream));
        if handle.life == [end] && session.is_ended && !session.is_excused && !handle.is_wasteful {
            assert_eq!(
                read, session.sent,
                "session {number}: {session:?} {handle:?}"
            );
        }
        if let (Some(arrived), true) = (&session.arrived, self.is_exact()) {
            let took = &handle.broadcasts;
            assert_eq!(
                arrived[..],
                took[..arrived.len().min(took.len())],
                "session {number}: broadcasts in the order in which they were taken"
            );
            if !session.is_excused && handle.life == [end] {
                assert_eq!(
                    arrived, took,
                    "session {number}: broadcasts that were taken"
                );
            }
        }
    }
}
