//! The model: which reports the handlers of event loops, members and peers must get. It is
//! independent of the library.

use std::collections::{BTreeMap, BTreeSet};

use stream_socket::{ConnectEnd, DisconnectCause, EndCause, Event};

use super::content::{Reader, RemoteId};
use super::membership::{Membership, Report, State};
use super::packets::Packets;
use crate::model::state_machine::StateMachine;

/// The number of handlers of a packet channel: its own, and one for each of two event loops.
pub const HANDLERS: usize = 3;
/// The channel's own handler.
pub const OWN: usize = 0;

/// All that is known of a program.
#[derive(Debug)]
pub struct Model {
    /// Several threads run, so the order in which one sees the calls of another is not known.
    pub is_threaded: bool,
    /// Faults that lose data are injected.
    pub does_kernel_fail: bool,
    /// A loop ends members that accept nothing, and discards what was written to them.
    pub ends_stalled: bool,
    /// A loop ends members that send nothing.
    pub ends_silent: bool,
    pub remotes: Vec<RemoteRecord>,
    pub peers: Vec<PeerRecord>,
    pub memberships: BTreeMap<(usize, u64), Vec<Membership>>,
    pub packets: BTreeMap<u64, Packets>,
    /// Whether the handler of each loop wants packets. Those of the channels are in `packets`.
    pub wants: [bool; 2],
    pub has_wants_changed: bool,
}

/// One connection, as its remote knows it.
#[derive(Clone, Debug, Default)]
pub struct RemoteRecord {
    /// How many bytes, or whole packets, were sent.
    pub sent: u64,
    /// The remote has ended its sending direction after all of these.
    pub is_ended: bool,
    /// Data of this connection may be lost.
    pub is_excused: bool,
    /// The remote has sent a malformed packet.
    pub is_spoiled: bool,
    /// The peer at the other end, once it is known.
    pub peer: Option<usize>,
    /// How many of the bytes were read.
    pub read: u64,
    /// The broadcasts that have arrived, once the remote has seen the end of the stream.
    pub arrived: Option<Vec<u64>>,
}

/// One peer, through all of its connections.
#[derive(Debug)]
pub struct PeerRecord {
    name: String,
    machine: StateMachine,
    /// The connects and ends that were reported to the peer's own handler.
    pub history: Vec<Report>,
    reader: Reader,
    pub is_accepted: bool,
    /// The peer may not read everything.
    pub is_wasteful: bool,
    /// The program has disconnected the peer.
    pub is_left: bool,
    pub is_dropped: bool,
    pub has_connected_again: bool,
    /// The broadcasts that the peer has accepted.
    pub broadcasts: Vec<u64>,
}

impl Model {
    pub fn new(is_threaded: bool) -> Model {
        Model {
            is_threaded,
            does_kernel_fail: false,
            ends_stalled: false,
            ends_silent: false,
            remotes: Vec::new(),
            peers: Vec::new(),
            memberships: BTreeMap::new(),
            packets: BTreeMap::new(),
            wants: [true; 2],
            has_wants_changed: false,
        }
    }

    /// Whether the order of all calls is known.
    pub fn is_exact(&self) -> bool {
        !self.is_threaded
    }

    pub fn begin_remote(&mut self) -> RemoteId {
        self.remotes.push(RemoteRecord::default());
        RemoteId::try_from(self.remotes.len() - 1).expect("there are few remotes")
    }

    pub fn remote(&mut self, number: RemoteId) -> &mut RemoteRecord {
        &mut self.remotes[usize::from(number)]
    }

    pub fn begin_peer(
        &mut self,
        machine: StateMachine,
        is_accepted: bool,
        is_wasteful: bool,
    ) -> usize {
        let index = self.peers.len();
        self.peers.push(PeerRecord {
            name: format!("peer {index}"),
            machine,
            history: Vec::new(),
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

    /// The peer's own handler was notified of `event`.
    pub fn happened(&mut self, peer: usize, event: Event) {
        let record = &mut self.peers[peer];
        record.machine.take(&record.name, event);
        let report = match event {
            Event::ConnectFinished(ConnectEnd::Connected) => Report::Connected,
            Event::ConnectFinished(end) => Report::Ended(EndCause::Connect(end)),
            Event::Disconnected(cause) => {
                self.check_cause(peer, cause);
                Report::Ended(EndCause::Disconnect(cause))
            }
            _ => return,
        };
        self.peers[peer].history.push(report);
    }

    fn check_cause(&self, peer: usize, cause: DisconnectCause) {
        let record = &self.peers[peer];
        let remote = self.remotes.iter().find(|remote| remote.peer == Some(peer));
        let is_known = record.is_accepted && !record.has_connected_again;
        match cause {
            DisconnectCause::Local => assert!(record.is_left, "{record:?} was not disconnected"),
            DisconnectCause::InvalidData => {
                let is_spoiled = |remote: &RemoteRecord| remote.is_spoiled;
                assert!(
                    self.remotes.iter().any(is_spoiled),
                    "{record:?} got no bad packet"
                );
            }
            DisconnectCause::Stalled => assert!(self.ends_stalled, "{record:?} has no limit"),
            DisconnectCause::Silent => assert!(self.ends_silent, "{record:?} has no limit"),
            DisconnectCause::EndOfStream | DisconnectCause::Failure if is_known => {
                let goes_on = |remote: &RemoteRecord| {
                    !remote.is_ended && !remote.is_excused && !remote.is_spoiled
                };
                assert!(
                    self.does_kernel_fail || !remote.is_some_and(goes_on),
                    "{cause:?} of {record:?}, whose remote has not ended"
                );
            }
            _ => {}
        }
    }

    /// `bytes` were read from `peer`.
    pub fn read(&mut self, peer: usize, bytes: &[u8]) {
        let (remote, count) = self.peers[peer].reader.take(bytes);
        if let Some(remote) = remote {
            let remote = self.remote(remote);
            remote.read = remote.read.max(count);
            remote.peer.get_or_insert(peer);
        }
    }

    /// The latest membership of `member`.
    pub fn membership(&mut self, index: usize, member: u64) -> Option<&mut Membership> {
        self.memberships.get_mut(&(index, member))?.last_mut()
    }

    /// The handler of the loop `index` got `report` about `member`.
    pub fn reported(&mut self, index: usize, member: u64, report: Report) {
        let is_threaded = self.is_threaded;
        let Some(membership) = self.membership(index, member) else {
            panic!("{report:?} of {member}, which was never a member of {index}");
        };
        membership.take(report, is_threaded);
        if membership.state == State::Gone {
            self.leave(index, member);
        }
    }

    /// `member` was removed from the loop `index`.
    pub fn leave(&mut self, index: usize, member: u64) {
        if let Some(membership) = self.membership(index, member) {
            membership.state = State::Gone;
        }
        if let Some(packets) = self.packets.get_mut(&member) {
            packets.leave(index + 1);
        }
    }

    /// A packet was delivered to `handler` of the channel `member`. `peer` is its peer, if that
    /// was never replaced.
    pub fn packet(
        &mut self,
        handler: usize,
        member: u64,
        peer: Option<usize>,
        packet: (RemoteId, u64),
    ) {
        let remote = self.remote(packet.0);
        remote.peer = remote.peer.or(peer);
        let is_exact = self.is_exact();
        let listens = self.listens(member);
        let is_steady = is_exact || !self.has_wants_changed;
        let record = self.packets.get_mut(&member).expect("it is a channel");
        record.deliver(handler, packet, listens, is_exact, is_steady);
    }

    /// For each handler of the channel `member`: whether it must, and whether it may, get a packet
    /// that is taken now.
    fn listens(&self, member: u64) -> [(bool, bool); HANDLERS] {
        let own = self.packets[&member].wants;
        let mut listens = [(own, own); HANDLERS];
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

    /// The handler of the loop `index` starts or stops to listen to packets.
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

    /// Checks at the end that all was reported that had to be.
    pub fn finish(&mut self) {
        for ((index, member), memberships) in &self.memberships {
            for membership in memberships {
                let peer = &self.peers[membership.peer];
                let what = format!("member {member} of {index}");
                membership.check_history(&what, peer);
            }
        }
        let mut taken: BTreeMap<RemoteId, BTreeSet<u64>> = BTreeMap::new();
        for (member, packets) in &self.packets {
            let is_steady = self.is_exact() || !self.has_wants_changed;
            packets.finish(*member, is_steady);
            for (remote, numbers) in &packets.taken {
                taken.entry(*remote).or_default().extend(numbers);
            }
        }
        for (number, remote) in self.remotes.iter().enumerate() {
            let taken = taken.get(&(number as RemoteId)).map_or(0, BTreeSet::len) as u64;
            self.check_remote(number, remote, taken);
        }
    }

    /// Checks that what was sent was read, and that broadcasts have arrived, unless data may be
    /// lost.
    fn check_remote(&self, number: usize, remote: &RemoteRecord, taken: u64) {
        let Some(peer) = remote.peer.map(|index| &self.peers[index]) else {
            return;
        };
        let read = remote.read.max(taken);
        assert!(read <= remote.sent, "remote {number}: {read} of {remote:?}");
        if self.does_kernel_fail || !peer.is_accepted || peer.has_connected_again {
            return;
        }
        let end = Report::Ended(EndCause::Disconnect(DisconnectCause::EndOfStream));
        if peer.history == [end] && remote.is_ended && !remote.is_excused && !peer.is_wasteful {
            assert_eq!(read, remote.sent, "remote {number}: {remote:?} {peer:?}");
        }
        if let (Some(arrived), true) = (&remote.arrived, self.is_exact()) {
            let took = &peer.broadcasts;
            assert_eq!(
                arrived[..],
                took[..arrived.len().min(took.len())],
                "remote {number}: broadcasts in the order in which they were taken"
            );
            if !remote.is_excused && peer.history == [end] {
                assert_eq!(arrived, took, "remote {number}: broadcasts that were taken");
            }
        }
    }
}
