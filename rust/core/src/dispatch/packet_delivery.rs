//! Delivering the packets of a channel or a session: to its own handlers, and to the event loops
//! that it is in.

use std::time::Instant;

use crate::dispatch::endpoint::{self, Endpoint};
use crate::dispatch::nesting::Nesting;
use crate::dispatch::outlet::{Membership, Outlet};
use crate::dispatch::packet_channel::PacketChannel;
use crate::dispatch::subject::{OwnEvent, PacketSession, SharedEvent, Subject, Taken};
use crate::poll::ready_list::QueuedEvent;

/// How often a poll of a session receives at most.
const MAX_EXCHANGES: usize = 64;

/// The event loop whose poll visits a source of packets.
pub(super) trait VisitingLoop<S: Subject> {
    /// The loop, and the key of the source there.
    fn membership(&self) -> Membership;

    /// Delivers the queued events of the source to the loop's handlers. False if the visit cannot
    /// continue: the source was removed, or has too many events.
    fn deliver_events(&mut self) -> bool;

    /// Whether the loop has handlers for packets.
    fn wants_packets(&mut self) -> bool;

    /// Queues a packet for the loop's handlers.
    fn push_packet(&self, bytes: &[u8], is_text: bool);

    /// Notifies the loop's handlers of a packet.
    fn notify(&mut self, packet: &S::Packet);
}

/// What a delivery takes packets from.
pub(super) trait PacketSource<S: Subject> {
    fn outlet(&self) -> &Outlet;

    /// Whether a packet can be taken.
    fn has_packet(&self) -> bool;

    /// See [`PacketSession::take`].
    fn take(
        &self,
        wants_packet: bool,
        share: &mut dyn FnMut(SharedEvent<'_>),
    ) -> Option<Taken<'_, S::Packet>>;
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// No packet is left.
    All,
    /// The maximum number of packets was delivered, and more are left.
    LimitReached,
    /// Another event loop with handlers has no room for the next packet until it is polled.
    NoRoom,
    /// A packet is left that has no handler.
    NoHandler,
    /// Another thread delivers, and reports the source to the loops when it has finished.
    OtherThread,
    /// The visit cannot continue, for example because the source was removed from the loop.
    Interrupted,
}

impl<S: Subject> PacketSource<S> for PacketChannel<S::Endpoint> {
    fn outlet(&self) -> &Outlet {
        self.outlet()
    }

    fn has_packet(&self) -> bool {
        self.has_packet()
    }

    fn take(
        &self,
        wants_packet: bool,
        share: &mut dyn FnMut(SharedEvent<'_>),
    ) -> Option<Taken<'_, S::Packet>> {
        if !wants_packet {
            return None;
        }
        // The connection is locked meanwhile, so no end of it is queued before this packet.
        let taken = self.take(|bytes| {
            let is_text = false;
            share(SharedEvent::Packet { bytes, is_text });
            S::packet(bytes, is_text)
        });
        taken?.ok()?.map(Taken::Packet)
    }
}

impl<S: Subject> PacketSource<S> for dyn PacketSession<S> + '_ {
    fn outlet(&self) -> &Outlet {
        self.outlet()
    }

    fn has_packet(&self) -> bool {
        self.has_packet()
    }

    fn take(
        &self,
        wants_packet: bool,
        share: &mut dyn FnMut(SharedEvent<'_>),
    ) -> Option<Taken<'_, S::Packet>> {
        self.take(wants_packet, share)
    }
}

impl<E: Endpoint> PacketChannel<E> {
    /// Delivers the packets that have arrived to the handlers of `subject`, which is the owner of
    /// this channel, and queues them for the event loops that it is in. Packets without a handler
    /// stay with the connection. Delivers at most
    /// [`max_packets_per_poll`](Outlet::max_packets_per_poll) packets, those of polls in handlers
    /// included, and does not wait.
    ///
    /// Call it after [`Connection::poll`](crate::Connection::poll).
    pub fn poll<S: Subject<Endpoint = E>>(&self, subject: &S) {
        if let Some(_nesting) = Nesting::enter() {
            let max = self.outlet().packets_per_poll();
            self.deliver::<S>(subject, None, max);
        }
    }

    /// Like [`poll`](Self::poll), and to the handlers of the event loop `visiting` at once.
    /// Delivers at most `max` packets.
    pub(super) fn deliver<S: Subject<Endpoint = E>>(
        &self,
        subject: &S,
        visiting: Option<&mut dyn VisitingLoop<S>>,
        max: usize,
    ) -> Delivered {
        let Some(guard) = self.outlet().begin_delivery() else {
            return Delivered::OtherThread;
        };
        let delivered = deliver_packets(self, subject, visiting, max);
        drop(guard);
        if let Some(endpoint) = self.deliver_failure(subject)
            && endpoint.connection().has_events()
        {
            endpoint::deliver(&endpoint);
        }
        delivered
    }

    /// Reports to `subject` that no further packet can be found in the stream. Returns the
    /// endpoint, which may have more events then.
    pub(super) fn deliver_failure<S: Subject<Endpoint = E>>(&self, subject: &S) -> Option<E> {
        let (endpoint, has_failed) = self.take_failure();
        let endpoint = endpoint?;
        if has_failed && let Some(ended) = endpoint.connection().ended() {
            subject.notify(OwnEvent::Failed(&ended.error));
        }
        Some(endpoint)
    }
}

/// Goes on with a poll of `session`, the source of `subject`, at `now`, and delivers what has
/// happened to the handlers of `subject`. Queues it for the event loops that the session is in.
/// Delivers at most [`max_packets_per_poll`](Outlet::max_packets_per_poll) packets, those of polls
/// in handlers included, and does not wait.
///
/// Call it after [`PacketSession::begin_poll`] and [`Connection::poll`](crate::Connection::poll).
pub fn poll_session<S: Subject>(session: &dyn PacketSession<S>, subject: &S, now: Instant) {
    if let Some(_nesting) = Nesting::enter() {
        let outlet = session.outlet();
        advance(session, subject, None, outlet.packets_per_poll(), now);
        if session.has_packet() {
            // The kernel does not report again what was received here.
            outlet.report();
        }
    }
}

/// Like [`poll_session`], and to the handlers of the event loop `visiting` at once. Delivers at
/// most `max` packets. Returns how the delivery ended, and whether more may be received.
pub(super) fn advance<S: Subject>(
    session: &dyn PacketSession<S>,
    subject: &S,
    mut visiting: Option<&mut dyn VisitingLoop<S>>,
    max: usize,
    now: Instant,
) -> (Delivered, bool) {
    let outlet = session.outlet();
    let end = outlet.delivered().saturating_add(max as u64);
    for _ in 0..MAX_EXCHANGES {
        let may_have_more = session.exchange(now);
        let Some(guard) = outlet.begin_delivery() else {
            return (Delivered::OtherThread, may_have_more);
        };
        let left = end.saturating_sub(outlet.delivered());
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        let visiting = visiting.as_mut().map(|visiting| &mut **visiting as _);
        let delivered = deliver_packets(session, subject, visiting, left);
        drop(guard);
        if !may_have_more || delivered != Delivered::All {
            return (delivered, may_have_more);
        }
    }
    (Delivered::All, true)
}

fn deliver_packets<S: Subject, Q: PacketSource<S> + ?Sized>(
    source: &Q,
    subject: &S,
    mut visiting: Option<&mut dyn VisitingLoop<S>>,
    max: usize,
) -> Delivered {
    let outlet = source.outlet();
    let end = outlet.delivered().saturating_add(max as u64);
    // The polls of handlers count as well, so each of these may deliver the maximum, and yet a
    // handler that polls for each packet does not multiply it.
    while outlet.delivered() < end {
        if visiting.as_mut().is_some_and(|it| !it.deliver_events()) {
            return Delivered::Interrupted;
        }
        // No lock is held here, because a handler may use the source.
        let is_wanted_by_subject = subject.wants_packets();
        let is_wanted_by_loop = visiting.as_mut().is_some_and(|it| it.wants_packets());
        let is_wanted = is_wanted_by_subject || is_wanted_by_loop;
        let own = visiting.as_deref().map(|it| || it.membership());
        let others = outlet.others_with_handlers(own);
        let has_room = || others.iter().all(|(other, key)| other.has_room(*key));
        if (!is_wanted && !others.is_empty() || !has_room()) && source.has_packet() {
            return match is_wanted {
                true => Delivered::NoRoom,
                false => Delivered::NoHandler,
            };
        }
        let taken = source.take(is_wanted, &mut |what| match what {
            SharedEvent::Opened => outlet.push(&QueuedEvent::Opened),
            SharedEvent::Closed(cause) => outlet.push(&QueuedEvent::Closed(cause)),
            SharedEvent::Packet { bytes, is_text } => {
                for (other, key) in &others {
                    let bytes = bytes.into();
                    other.push(*key, QueuedEvent::Packet { bytes, is_text });
                }
                if let (Some(visiting), true) =
                    (&visiting, is_wanted_by_subject && is_wanted_by_loop)
                {
                    // Before the subject: its handler may poll the loop, and receives this packet
                    // there before the next one.
                    visiting.push_packet(bytes, is_text);
                }
            }
        });
        match taken {
            None if !is_wanted && source.has_packet() => return Delivered::NoHandler,
            None => return Delivered::All,
            Some(Taken::Event(notify)) => notify(),
            Some(Taken::Packet(packet)) => {
                outlet.count_delivered();
                if is_wanted_by_subject {
                    subject.notify(OwnEvent::PacketReceived(&packet));
                } else if let Some(visiting) = &mut visiting {
                    visiting.notify(&packet);
                }
            }
        }
    }
    match visiting.is_none_or(|it| it.deliver_events()) {
        true if source.has_packet() => Delivered::LimitReached,
        true => Delivered::All,
        false => Delivered::Interrupted,
    }
}
