//! Delivering the packets of a channel: to its own listeners, and to the event loops that it is in.

use std::sync::Arc;

use crate::dispatch::nesting::Nesting;
use crate::dispatch::packet_channel::{Membership, PacketChannel, PacketLoop, UNLIMITED};
use crate::dispatch::peer::{self, Peer};
use crate::dispatch::subject::{OwnEvent, Subject};

/// The event loop whose poll visits a channel.
pub(super) trait VisitingLoop<S: Subject> {
    /// The loop, and the key of the channel there.
    fn membership(&self) -> Membership;

    /// Delivers the queued notices of the channel to the loop's listeners. False if the visit
    /// cannot continue: the channel was removed, or has too many notices.
    fn deliver_notices(&mut self) -> bool;

    /// Whether the loop has listeners for packets.
    fn wants_packets(&mut self) -> bool;

    /// Queues a packet for the loop's listeners.
    fn push_packet(&self, packet: &[u8]);

    /// Notifies the loop's listeners of a packet.
    fn notify(&mut self, packet: &S::Packet);
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// No packet is left.
    All,
    /// The maximum number of packets was delivered, and more are left.
    LimitReached,
    /// Another event loop with listeners has no room for the next packet until it is polled.
    NoRoom,
    /// A packet is left that has no listener.
    NoListener,
    /// Another thread delivers, and reports the channel to the loops when it has finished.
    OtherThread,
    /// The visit cannot continue, for example because the channel was removed from the loop.
    Interrupted,
}

impl<P: Peer> PacketChannel<P> {
    /// Delivers the packets that have arrived to the listeners of `subject`, which is the owner of
    /// this channel, and queues them for the event loops that it is in. Packets without a listener
    /// stay with the connection. Delivers at most
    /// [`max_packets_per_poll`](Self::max_packets_per_poll) packets, those of polls in handlers
    /// included, and does not wait.
    ///
    /// Call it after [`Connection::poll`](crate::Connection::poll).
    pub fn poll<S: Subject<Peer = P>>(&self, subject: &S) {
        if let Some(_nesting) = Nesting::enter() {
            let max = match self.max_packets_per_poll() {
                0 => UNLIMITED,
                max => max,
            };
            self.deliver::<S>(subject, None, max);
        }
    }

    /// Like [`poll`](Self::poll), and to the listeners of the event loop `visiting` at once.
    /// Delivers at most `max` packets.
    pub(super) fn deliver<S: Subject<Peer = P>>(
        &self,
        subject: &S,
        visiting: Option<&mut dyn VisitingLoop<S>>,
        max: usize,
    ) -> Delivered {
        let Some(turn) = self.begin_turn() else {
            return Delivered::OtherThread;
        };
        let delivered = self.deliver_packets(subject, visiting, max);
        drop(turn);
        if let Some(peer) = self.deliver_failure(subject)
            && peer.connection().has_events()
        {
            peer::deliver(&peer);
        }
        delivered
    }

    fn deliver_packets<S: Subject<Peer = P>>(
        &self,
        subject: &S,
        mut visiting: Option<&mut dyn VisitingLoop<S>>,
        max: usize,
    ) -> Delivered {
        let end = self.delivered().saturating_add(max as u64);
        // The polls of handlers count as well, so each of these may deliver the maximum, and yet a
        // handler that polls for each packet does not multiply it.
        while self.delivered() < end {
            if visiting.as_mut().is_some_and(|it| !it.deliver_notices()) {
                return Delivered::Interrupted;
            }
            // No lock is held here, because a listener may use the channel.
            let is_wanted_by_subject = subject.wants_packets();
            let is_wanted_by_loop = visiting.as_mut().is_some_and(|it| it.wants_packets());
            if !is_wanted_by_subject && !is_wanted_by_loop {
                return match self.has_packet() {
                    true => Delivered::NoListener,
                    false => Delivered::All,
                };
            }
            let others = self.others_with_listeners(visiting.as_deref());
            if others.iter().any(|(other, key)| !other.has_room(*key)) {
                return Delivered::NoRoom;
            }
            let taken = self.take(|bytes| {
                for (other, key) in &others {
                    other.push_packet(*key, bytes);
                }
                if let (Some(visiting), true) =
                    (&visiting, is_wanted_by_subject && is_wanted_by_loop)
                {
                    // With the connection locked: no end of it is queued before this packet. And
                    // before the subject: its handler may poll the loop, and receives this packet
                    // there before the next one.
                    visiting.push_packet(bytes);
                }
                S::packet(bytes)
            });
            let Some(Ok(Some(packet))) = taken else {
                return Delivered::All;
            };
            self.count_delivered();
            if is_wanted_by_subject {
                subject.notify(OwnEvent::PacketReceived(&packet));
            } else if let Some(visiting) = &mut visiting {
                visiting.notify(&packet);
            }
        }
        match visiting.is_none_or(|it| it.deliver_notices()) {
            true if self.has_packet() => Delivered::LimitReached,
            true => Delivered::All,
            false => Delivered::Interrupted,
        }
    }

    /// Reports to `subject` that no further packet can be found in the stream. Returns the peer,
    /// which may have more events then.
    pub(super) fn deliver_failure<S: Subject<Peer = P>>(&self, subject: &S) -> Option<P> {
        let (peer, has_failed) = self.take_failure();
        let peer = peer?;
        if has_failed && let Some(ended) = peer.connection().ended() {
            subject.notify(OwnEvent::Failed(&ended.error));
        }
        Some(peer)
    }

    /// The event loops other than `visiting` that the channel is in and that have listeners for
    /// packets.
    fn others_with_listeners<S: Subject<Peer = P>>(
        &self,
        visiting: Option<&dyn VisitingLoop<S>>,
    ) -> Vec<(Arc<dyn PacketLoop>, usize)> {
        let mut others = self.other_loops(visiting.map(|it| || it.membership()));
        others.retain(|(other, _)| other.wants_packets());
        others
    }
}
