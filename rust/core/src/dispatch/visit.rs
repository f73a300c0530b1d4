//! What a poll of an event loop does for one member.

use std::sync::{Arc, Weak};

use crate::connection::Connection;
use crate::dispatch::event_loop::Shared;
use crate::dispatch::member::Member;
use crate::dispatch::packet_channel::{Delivered, PacketChannel, Visitor, Watcher, is_same};
use crate::dispatch::subject::{LoopEvent, LoopListener, OwnEvent, Peer, Source, Subject, deliver};
use crate::event::Status;
use crate::listener::Listener;
use crate::poll::group::{Due, Visit};
use crate::poll::ready_list::Notice;
use crate::sys;

use super::broadcast::QUEUE_LIMIT;

/// A member delivers so many packets before it is another one's turn.
const MAX_PACKETS: usize = 64;

/// So many notices of a member are delivered in one visit: one that connects and disconnects in its listeners has always more.
const MAX_NOTICES: u32 = 64;

/// So many connections of one server are accepted in one visit: a flood of them does not hold up a frame.
const MAX_ACCEPTED: usize = 64;

/// Visits members, and notifies the listener of the loop.
pub(super) struct Visitation<'a, S: Subject, L> {
    shared: &'a Arc<Shared<S>>,
    listener: &'a mut L,
    /// How many notices may still be delivered in this visit.
    notices_left: u32,
}

/// What a visit has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Visited {
    /// This.
    Is(Visit),
    /// More packets are to be delivered, and besides its status may have changed.
    InPart { has_changed: bool },
}

impl Visited {
    const IDLE: Visited = Visited::Is(Visit::Idle);

    pub(super) fn visit(self) -> Visit {
        match self {
            Visited::Is(visit) => visit,
            Visited::InPart { .. } => Visit::Ready,
        }
    }
}

/// How it stands with a member after its notices were delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is a member.
    Member,
    /// A listener has removed it.
    Removed,
    /// The loop had accepted it, and it is over.
    Over,
    /// It is a member, and has more notices than a visit delivers.
    Busy,
}

impl<'a, S: Subject + Send + Sync + 'static, L: LoopListener<S>> Visitation<'a, S, L> {
    pub(super) fn new(shared: &'a Arc<Shared<S>>, listener: &'a mut L) -> Visitation<'a, S, L> {
        Visitation {
            shared,
            listener,
            notices_left: 0,
        }
    }

    pub(super) fn visit(&mut self, member: &Arc<Member<S>>, due: Due) -> Visited {
        self.notices_left = MAX_NOTICES;
        match member.subject().source() {
            Source::Server(listener) => Visited::Is(self.visit_server(member, listener, due)),
            Source::Peer(peer) => {
                let visited = self.visit_peer(member, peer, None, due);
                if member.is_removed() {
                    peer.connection().report();
                }
                visited
            }
            Source::Packets(channel) => match channel.peer() {
                Some(peer) => {
                    let visited = self.visit_peer(member, &peer, Some(channel), due);
                    let connection = peer.connection();
                    if member.is_removed() || !channel.is_over(connection) {
                        connection.report();
                    }
                    visited
                }
                None => match self.deliver_notices(member) {
                    Standing::Member | Standing::Removed => Visited::IDLE,
                    Standing::Over | Standing::Busy => Visited::Is(Visit::Ready),
                },
            },
        }
    }

    /// Delivers more packets of a member that has some left. Whether it still has.
    pub(super) fn deliver_more(&mut self, member: &Arc<Member<S>>, left: &mut usize) -> bool {
        let Source::Packets(channel) = member.subject().source() else {
            return false;
        };
        self.notices_left = MAX_NOTICES;
        let most = MAX_PACKETS.min(*left);
        *left -= most;
        let (delivered, _) = self.deliver_packets(member, channel, most);
        delivered == Delivered::InPart
    }

    fn visit_peer(
        &mut self,
        member: &Arc<Member<S>>,
        peer: &S::Peer,
        channel: Option<&PacketChannel<S::Peer>>,
        due: Due,
    ) -> Visited {
        let connection = peer.connection();
        let mut version = connection.version();
        // A listener that polls is not notified again of the same bytes.
        let is_new = |received: &u64| {
            let version = connection.version();
            member.is_new((version, *received), due.poll) || !due.is_nested
        };
        let mut unread = connection
            .poll_unread(true, sys::now)
            .ok()
            .flatten()
            .filter(is_new);
        if connection.has_events() || unread.is_some() && peer.wants_data() {
            self.deliver_own(member, peer, channel);
            // What its listeners have received meanwhile is reported below.
            unread = unread.and_then(|_| rest_to_read(connection));
            unread.as_ref().map(is_new);
        }
        // Another thread may have polled it since the visit has begun.
        let mut has_notices = due.has_notices || member.has_another_version(connection);
        let mut delivered = Delivered::All;
        loop {
            let before = std::mem::replace(&mut version, connection.version());
            if has_notices || before != version {
                has_notices = false;
                // A thread that changes the status holds the lock until it has enqueued the notice of it.
                connection.rest();
                match self.deliver_notices(member) {
                    Standing::Member => {}
                    Standing::Removed => return Visited::IDLE,
                    Standing::Over | Standing::Busy => return Visited::Is(Visit::Ready),
                }
                if connection.version() != version {
                    // A listener has ended it, or begun another one.
                    continue;
                }
                let rest = rest_to_read(connection);
                unread = match before == version {
                    true => unread.and(rest),
                    false => rest.filter(is_new),
                };
            }
            if member.is_removed() {
                return Visited::IDLE;
            }
            match channel {
                None => {
                    if unread.take().is_some() {
                        let event = LoopEvent::DataAvailable;
                        self.listener.notify(member.subject(), event);
                    }
                }
                Some(channel) => {
                    let standing;
                    (delivered, standing) = self.deliver_packets(member, channel, MAX_PACKETS);
                    if matches!(standing, Standing::Over | Standing::Busy) {
                        return Visited::Is(Visit::Ready);
                    }
                }
            }
            if member.is_removed() {
                return Visited::IDLE;
            }
            if connection.has_events() {
                // What has ended is over for both: first for the listeners of the peer.
                self.deliver_own(member, peer, channel);
            }
            if connection.version() == version {
                break;
            }
        }
        self.conclude(member, connection, channel.is_some(), delivered)
    }

    /// Delivers to the listeners of the peer, and of the packet channel, alone.
    fn deliver_own(
        &mut self,
        member: &Arc<Member<S>>,
        peer: &S::Peer,
        channel: Option<&PacketChannel<S::Peer>>,
    ) {
        if let Some(channel) = channel {
            channel.deliver_failure(member.subject());
        }
        deliver(peer);
    }

    /// What is left when all listeners were notified.
    fn conclude(
        &mut self,
        member: &Arc<Member<S>>,
        connection: &Connection,
        has_channel: bool,
        delivered: Delivered,
    ) -> Visited {
        let rest = connection.rest();
        let has_changed = member.has_changed(connection, rest.is_read_closed);
        match connection.status() {
            Status::Connecting => return Visited::Is(Visit::Pending),
            Status::None | Status::Error if !has_changed => return Visited::IDLE,
            Status::None | Status::Error => return Visited::Is(Visit::Ready),
            Status::Connected => {}
        }
        let is_ready = match (has_channel, delivered) {
            (true, Delivered::InPart) => return Visited::InPart { has_changed },
            (true, Delivered::NoRoom) => return Visited::Is(Visit::Pending),
            (true, Delivered::Unwanted) => true,
            (true, _) => false,
            (false, _) => rest.has_unread,
        };
        Visited::Is(match () {
            () if has_changed || is_ready => Visit::Ready,
            () if rest.is_settled || delivered == Delivered::Elsewhere => Visit::Idle,
            () if rest.is_probably_settled => Visit::Later,
            () => Visit::Again,
        })
    }

    /// Delivers what has happened to the member once, in order.
    fn deliver_notices(&mut self, member: &Arc<Member<S>>) -> Standing {
        while !member.is_removed() {
            if self.notices_left == 0 {
                return Standing::Busy;
            }
            let Some(notice) = self.shared.group.next_notice(member.key) else {
                return Standing::Member;
            };
            self.notices_left -= 1;
            let subject = member.subject();
            match notice {
                Notice::Connected => self.listener.notify(subject, LoopEvent::Connected),
                Notice::Packet(bytes) => {
                    if self.listener.wants_packets() {
                        let packet = S::packet(&bytes);
                        let event = LoopEvent::PacketReceived(&packet);
                        self.listener.notify(subject, event);
                    }
                }
                Notice::Ended(cause) => {
                    let is_over = member.is_accepted;
                    if is_over {
                        drop(self.shared.remove(subject.id()));
                    }
                    self.listener
                        .notify(subject, LoopEvent::Disconnected(cause));
                    if is_over {
                        return Standing::Over;
                    }
                }
            }
        }
        Standing::Removed
    }

    fn deliver_packets(
        &mut self,
        member: &Arc<Member<S>>,
        channel: &PacketChannel<S::Peer>,
        most: usize,
    ) -> (Delivered, Standing) {
        // A poll in a handler goes on with the next packet.
        let delivering = self.shared.begin_delivery(member.key);
        let mut visitor = LoopVisitor {
            visitation: self,
            member,
            standing: Standing::Member,
        };
        let delivered = channel.deliver(member.subject(), Some(&mut visitor), most);
        let standing = visitor.standing;
        drop(delivering);
        (delivered, standing)
    }

    /// Accepts, or reports, the connections that wait at a server.
    fn visit_server(&mut self, member: &Arc<Member<S>>, listener: &Listener, due: Due) -> Visit {
        let subject = member.subject();
        let failed = |error| {
            subject.notify(OwnEvent::AcceptFailed(&error));
            // It may pass: descriptors may become free.
            Visit::Pending
        };
        match listener.is_connection_available() {
            Ok(false) => {
                member.is_new((0, 0), due.poll);
                return Visit::Idle;
            }
            Ok(true) if member.is_new((0, 1), due.poll) || !due.is_nested => {
                subject.notify(OwnEvent::ConnectionAvailable);
            }
            Ok(true) => {}
            Err(error) => return failed(error),
        }
        let Some(accept) = member.accept() else {
            return match listener.is_connection_available() {
                Ok(false) => Visit::Idle,
                Ok(true) => Visit::Ready,
                Err(error) => failed(error),
            };
        };
        for _ in 0..MAX_ACCEPTED {
            // A listener may have removed the server.
            if member.is_removed() {
                return Visit::Idle;
            }
            let connection = match listener.accept() {
                Ok(Some(connection)) => connection,
                Ok(None) => return Visit::Idle,
                Err(error) => return failed(error),
            };
            if self.shared.is_full() {
                connection.abort();
                continue;
            }
            connection.set_queue_limit(QUEUE_LIMIT);
            let version = connection.version();
            if let Ok(peer) = self.shared.add(accept(connection), true) {
                self.shared.report_missed_end(&peer, version);
                self.listener.notify(peer.subject(), LoopEvent::Connected);
            }
        }
        Visit::Again
    }
}

/// If there is something to read, the number of bytes that the session has received.
fn rest_to_read(connection: &Connection) -> Option<u64> {
    let rest = connection.rest();
    rest.has_unread.then_some(rest.received)
}

/// The loop, as a packet channel sees it.
struct LoopVisitor<'v, 'a, S: Subject, L> {
    visitation: &'v mut Visitation<'a, S, L>,
    member: &'v Arc<Member<S>>,
    standing: Standing,
}

impl<S: Subject + Send + Sync + 'static, L: LoopListener<S>> Visitor<S>
    for LoopVisitor<'_, '_, S, L>
{
    fn key(&self) -> usize {
        self.member.key
    }

    fn is(&self, watcher: &Weak<dyn Watcher>) -> bool {
        is_same(watcher, &self.visitation.shared.watcher())
    }

    fn catch_up(&mut self) -> bool {
        self.standing = self.visitation.deliver_notices(self.member);
        self.standing == Standing::Member
    }

    fn wants_packets(&mut self) -> bool {
        self.visitation.listener.wants_packets()
    }

    fn push_packet(&self, packet: &[u8]) {
        let notice = Notice::Packet(packet.into());
        self.visitation
            .shared
            .group
            .push_notice(self.member.key, notice);
    }

    fn notify(&mut self, packet: &S::Packet) {
        let event = LoopEvent::PacketReceived(packet);
        self.visitation
            .listener
            .notify(self.member.subject(), event);
    }
}
