//! A channel of packets over the stream of a peer, which can be replaced. The channel also knows
//! the event loops that it is a member of.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::connection::Connection;
use crate::dispatch::peer::Peer;
use crate::error::{ReadError, copy_of};
use crate::event::{Deliverer, Delivery};
use crate::packets::framing::Framing;
use crate::packets::packet_reader::{IncomingPacket, IncompletePacket, PacketReader};
use crate::poll::group::{Pollable, PollableRef};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, lock};

/// The default of [`PacketChannel::set_max_packets_per_poll`].
const MAX_PER_POLL: usize = 256;

/// The limit of a poll whose limit of packets is 0, so that a peer that sends without a pause does
/// not keep it from returning.
pub(super) const UNLIMITED: usize = 1 << 16;

/// Packets over the stream of a peer.
///
/// A packet stays with the connection until a call of [`take`](Self::take) or a poll takes it. A
/// poll takes a packet for the listeners that exist at that moment. Each of them receives each
/// packet once and in order, whichever poll takes it. A poll of an event loop delivers a packet to
/// the listeners of the channel at once; the other loops with listeners deliver it when they are
/// polled.
///
/// Every method may be called from any thread.
pub struct PacketChannel<P> {
    /// The event loops that the channel is a member of. Locked before `state`.
    memberships: Mutex<Vec<Membership>>,
    state: Mutex<ChannelState<P>>,
    /// Which thread delivers.
    turn: Mutex<DeliveryTurn>,
    /// How many packets polls have taken. Only the thread that delivers changes it.
    delivered: AtomicU64,
    max_per_poll: AtomicUsize,
}

/// The format of packets in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// How packets are delimited.
    pub framing: Framing,
    /// The maximum length of a packet in bytes, without its framing.
    pub limit: usize,
}

struct ChannelState<P> {
    peer: Option<P>,
    /// Shared by channels with the same format.
    format: Arc<Format>,
    reader: PacketReader,
    /// The version of the connection whose stream became unusable. Cleared once the failure is
    /// reported.
    failed_version: Option<u64>,
}

/// Which thread delivers, and whether another thread tried to in the meantime.
#[derive(Default)]
struct DeliveryTurn {
    deliverer: Deliverer,
    was_refused: bool,
}

/// The parts of an event loop that its packet channels use.
pub(super) trait PacketLoop: Send + Sync {
    /// Whether the loop has listeners for packets.
    fn wants_packets(&self) -> bool;

    /// Whether the loop can queue another packet of the member `key`.
    fn has_room(&self, key: usize) -> bool;

    /// Queues a packet of the member `key` for the next poll.
    fn push_packet(&self, key: usize, packet: &[u8]);

    /// Makes the next poll visit the member `key`.
    fn report(&self, key: usize);

    /// Replaces the connection of the member `key`.
    fn replace(&self, key: usize, old: Option<PollableRef<'_>>, new: Option<PollableRef<'_>>);
}

/// An event loop that a channel is in, and the key of the channel there.
pub(super) type Membership = (Weak<dyn PacketLoop>, usize);

impl<P> fmt::Debug for PacketChannel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketChannel").finish_non_exhaustive()
    }
}

impl<P: Peer> PacketChannel<P> {
    /// Creates a channel without a peer.
    pub fn new(format: Arc<Format>) -> PacketChannel<P> {
        PacketChannel {
            memberships: Mutex::default(),
            state: Mutex::new(ChannelState {
                peer: None,
                reader: PacketReader::new(format.framing.clone(), format.limit),
                format,
                failed_version: None,
            }),
            turn: Mutex::default(),
            delivered: AtomicU64::new(0),
            max_per_poll: AtomicUsize::new(MAX_PER_POLL),
        }
    }

    /// Sets the maximum number of packets that one [`poll`](Self::poll) delivers: 256 by default.
    /// The next poll continues. With 0, it is 65,536. In an event loop, the limit of the loop
    /// applies.
    pub fn set_max_packets_per_poll(&self, count: usize) {
        self.max_per_poll.store(count, Ordering::Relaxed);
    }

    /// Returns the [maximum number of packets of a poll](Self::set_max_packets_per_poll).
    pub fn max_packets_per_poll(&self) -> usize {
        self.max_per_poll.load(Ordering::Relaxed)
    }

    /// How many packets polls have taken, those of handlers included.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Counts a packet that a poll has taken.
    pub(super) fn count_delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, ChannelState<P>> {
        lock(&self.state)
    }

    /// Returns the peer whose stream carries the packets.
    pub fn peer(&self) -> Option<P> {
        self.state().peer.clone()
    }

    /// Calls `then` with the peer and the format, with the channel locked. `None` without a peer.
    pub(super) fn with_peer<R>(
        &self,
        then: impl FnOnce(&P, &Arc<Format>) -> Option<R>,
    ) -> Option<R> {
        let state = self.state();
        then(state.peer.as_ref()?, &state.format)
    }

    /// Whether `connection` carries the packets.
    pub(super) fn uses(&self, connection: &Connection) -> bool {
        let is_peer = |peer: &P| std::ptr::eq(peer.connection(), connection);
        self.state().peer.as_ref().is_some_and(is_peer)
    }

    /// Replaces the peer, also in the event loops that the channel is in. Returns the old peer,
    /// which stays connected.
    #[must_use = "it may hold the last reference, and must be dropped without a lock"]
    pub fn set_peer(&self, peer: Option<P>) -> Option<P> {
        let memberships = lock(&self.memberships);
        let old = {
            let mut state = self.state();
            state.reader.forget();
            state.failed_version = None;
            std::mem::replace(&mut state.peer, peer.clone())
        };
        let with_pollable = |peer: &Option<P>, then: &mut dyn FnMut(Option<PollableRef<'_>>)| {
            then(peer.as_ref().map(|peer| peer.connection().as_pollable()));
        };
        let loops = memberships.iter();
        let loops: Vec<_> = loops
            .filter_map(|(packet_loop, key)| Some((packet_loop.upgrade()?, *key)))
            .collect();
        for (packet_loop, key) in &loops {
            with_pollable(&old, &mut |old| {
                with_pollable(&peer, &mut |new| packet_loop.replace(*key, old, new));
            });
        }
        drop(memberships);
        // Either may hold a last reference, so both are dropped without a lock.
        drop((loops, peer));
        if let Some(old) = &old {
            // The end of the poll flushes the new peer, and no longer this one.
            old.connection().try_flush();
        }
        old
    }

    /// Makes the channel a member of `packet_loop`. `subscribe` adds the connection there and
    /// returns the key.
    pub(super) fn join(
        &self,
        packet_loop: Weak<dyn PacketLoop>,
        subscribe: impl FnOnce(Option<&Connection>) -> usize,
    ) -> usize {
        let mut memberships = lock(&self.memberships);
        let peer = self.peer();
        let key = subscribe(peer.as_ref().map(Peer::connection));
        memberships.retain(|(packet_loop, _)| packet_loop.strong_count() > 0);
        debug_assert!(
            !memberships
                .iter()
                .any(|(other, other_key)| is_same(other, &packet_loop) && *other_key == key),
            "the channel has this key already"
        );
        memberships.push((packet_loop, key));
        drop(memberships);
        drop(peer);
        key
    }

    /// Ends the membership with `key` in `packet_loop`. `unsubscribe` removes the connection there.
    pub(super) fn leave(
        &self,
        packet_loop: &Weak<dyn PacketLoop>,
        key: usize,
        unsubscribe: impl FnOnce(Option<&Connection>),
    ) {
        let mut memberships = lock(&self.memberships);
        memberships
            .retain(|(other, other_key)| !(is_same(other, packet_loop) && *other_key == key));
        let peer = self.peer();
        unsubscribe(peer.as_ref().map(Peer::connection));
        drop(memberships);
        drop(peer);
    }

    /// The event loops that the channel is in, and its keys there, except for the membership `own`.
    pub(super) fn other_loops(
        &self,
        own: Option<impl FnOnce() -> Membership>,
    ) -> Vec<(Arc<dyn PacketLoop>, usize)> {
        let memberships = lock(&self.memberships);
        if memberships.len() <= usize::from(own.is_some()) {
            return Vec::new();
        }
        let own = own.map(|own| own());
        let is_own = |packet_loop: &Weak<dyn PacketLoop>, key| {
            own.as_ref()
                .is_some_and(|(own, own_key)| is_same(packet_loop, own) && key == *own_key)
        };
        let others = memberships
            .iter()
            .filter(|(packet_loop, key)| !is_own(packet_loop, *key));
        others
            .filter_map(|(packet_loop, key)| Some((packet_loop.upgrade()?, *key)))
            .collect()
    }

    /// Returns the format of the packets.
    pub fn format(&self) -> Arc<Format> {
        self.state().format.clone()
    }

    /// Changes the format, from the next packet on.
    pub fn set_format(&self, format: Arc<Format>) {
        let mut state = self.state();
        state.reader = PacketReader::new(format.framing.clone(), format.limit);
        state.format = format;
        drop(state);
        self.report();
    }

    /// Takes the next packet, if one has arrived, and converts it with `value`. Does not wait.
    /// `value` runs with the connection locked, so it must not use the connection.
    ///
    /// Returns `None` without a peer, and `Some(Ok(None))` if no complete packet has arrived.
    ///
    /// # Errors
    ///
    /// Those of [`PacketReader::read`]. A stream that ends within a packet, fails or is malformed
    /// has no further packets, so the peer is disconnected with that error as the reason.
    pub fn take<R>(&self, value: impl FnOnce(&[u8]) -> R) -> Option<Result<Option<R>, ReadError>> {
        self.read(|reader, connection| reader.read(connection, value))
    }

    /// Returns the number of complete packets that have arrived, and takes none. Stops counting at
    /// 64 KiB of packets. `None` without a peer. An error disconnects the peer, as in
    /// [`take`](Self::take).
    pub fn count(&self) -> Option<Result<usize, ReadError>> {
        self.read(PacketReader::count)
    }

    /// The next packet, if it has arrived in part, with at most `most` of its first bytes. Takes
    /// nothing and receives nothing. See [`PacketReader::incomplete`].
    pub fn incomplete(&self, most: usize) -> Option<IncompletePacket> {
        let state = self.state();
        let connection = state.peer.as_ref()?.connection();
        state.reader.incomplete(connection, most)
    }

    /// How much of the next packet has arrived. See [`PacketReader::incoming`].
    pub fn incoming(&self) -> IncomingPacket {
        let mut state = self.state();
        let ChannelState { peer, reader, .. } = &mut *state;
        let incoming = |peer: &P| reader.incoming(peer.connection());
        peer.as_ref().map(incoming).unwrap_or_default()
    }

    /// Whether a complete packet has arrived. False after an error.
    pub(super) fn has_packet(&self) -> bool {
        matches!(self.read(PacketReader::has_packet), Some(Ok(true)))
    }

    fn read<R>(
        &self,
        read: impl FnOnce(&mut PacketReader, &Connection) -> Result<R, ReadError>,
    ) -> Option<Result<R, ReadError>> {
        let mut state = self.state();
        let ChannelState { peer, reader, .. } = &mut *state;
        let connection = peer.as_ref()?.connection();
        let version = connection.version();
        let outcome = read(reader, connection);
        if let Err(error) = &outcome
            && let Some(error) = copy_of_final(error)
            && connection.end_unusable(version, error)
        {
            state.failed_version = Some(state.version());
        }
        Some(outcome)
    }

    /// Returns the peer, and whether its stream has failed without a report so far. The failure
    /// then counts as reported.
    pub(super) fn take_failure(&self) -> (Option<P>, bool) {
        let mut state = self.state();
        let version = state.version();
        let failed_version = state.failed_version.take();
        // After another connect, the failure belongs to an earlier connection.
        (state.peer.clone(), failed_version == Some(version))
    }

    /// Takes the turn to deliver. `None` if another thread has it: that thread reports the channel
    /// to its event loops when its turn ends.
    pub(super) fn begin_turn(&self) -> Option<TurnGuard<'_, P>> {
        let delivery = {
            let mut turn = lock(&self.turn);
            let delivery = turn.deliverer.begin();
            turn.was_refused |= delivery == Delivery::Elsewhere;
            delivery
        };
        (delivery != Delivery::Elsewhere).then(|| TurnGuard {
            channel: self,
            delivery,
        })
    }

    /// Makes the event loops visit the channel.
    fn report(&self) {
        let memberships = lock(&self.memberships).clone();
        for (packet_loop, key) in memberships {
            if let Some(packet_loop) = packet_loop.upgrade() {
                packet_loop.report(key);
            }
        }
    }
}

impl<P: Peer> ChannelState<P> {
    fn version(&self) -> u64 {
        let peer = self.peer.as_ref();
        peer.map_or(0, |peer| peer.connection().version())
    }
}

/// A thread's turn to deliver. Dropping it ends the turn, also when a handler panicked.
pub(super) struct TurnGuard<'a, P: Peer> {
    channel: &'a PacketChannel<P>,
    delivery: Delivery,
}

impl<P: Peer> Drop for TurnGuard<'_, P> {
    fn drop(&mut self) {
        let was_refused = {
            let mut turn = lock(&self.channel.turn);
            turn.deliverer.end(self.delivery);
            self.delivery == Delivery::Begun && std::mem::take(&mut turn.was_refused)
        };
        if was_refused {
            self.channel.report();
        }
    }
}

fn is_same(one: &Weak<dyn PacketLoop>, other: &Weak<dyn PacketLoop>) -> bool {
    std::ptr::addr_eq(one.as_ptr(), other.as_ptr())
}

/// Returns a copy of `error` if no packet can follow it.
fn copy_of_final(error: &ReadError) -> Option<ReadError> {
    Some(match error {
        ReadError::Malformed { peer, what } => ReadError::Malformed {
            peer: peer.clone(),
            what,
        },
        ReadError::PacketTooLong { peer, limit } => ReadError::PacketTooLong {
            peer: peer.clone(),
            limit: *limit,
        },
        ReadError::Truncated { peer } => ReadError::Truncated { peer: peer.clone() },
        ReadError::Socket { peer, source } => ReadError::Socket {
            peer: peer.clone(),
            source: copy_of(source),
        },
        _ => return None,
    })
}
