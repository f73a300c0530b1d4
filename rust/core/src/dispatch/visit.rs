//! What a poll of an event loop does for one member: probe it, deliver, and decide when the next
//! visit is due.

use std::sync::Arc;

use crate::connection::Connection;
use crate::dispatch::endpoint::{self, Endpoint};
use crate::dispatch::loop_state::{LoopState, QUEUE_LIMIT};
use crate::dispatch::member::{DataPosition, LoopMember};
use crate::dispatch::outlet::{Membership, Outlet};
use crate::dispatch::packet_channel::PacketChannel;
use crate::dispatch::packet_delivery::{self, Delivered, VisitingLoop};
use crate::dispatch::subject::{
    LoopEvent, LoopHandler, NextPoll, OwnEvent, PacketSession, Source, Subject,
};
use crate::event::Status;
use crate::listener::Listener;
use crate::poll::group::{Due, Visit};
use crate::poll::ready_list::QueuedEvent;
use crate::sys;

/// The maximum number of queued events, apart from packets, delivered in one visit: a member whose
/// handlers connect and disconnect it always has more.
const MAX_DELIVERED: u32 = 64;

/// The maximum number of connections of one server accepted in one visit, so that a flood of them
/// does not hold up a frame.
const MAX_ACCEPTED: usize = 64;

/// Visits members, and notifies their handlers and the handler of the loop.
pub(super) struct MemberVisitor<'a, S: Subject, L> {
    shared: &'a Arc<LoopState<S>>,
    handler: &'a mut L,
    /// How many queued events may still be delivered in this visit, apart from packets.
    events_left: u32,
    /// How many packets may still be delivered in this visit.
    packets_left: usize,
}

/// The state of a member after its queued events were delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterEvents {
    /// It is still a member, and all queued events were delivered.
    Continue,
    /// A handler removed it.
    Removed,
    /// Its connection ended. The loop had accepted the member, and removed it.
    Over,
    /// It is still a member, and has more events than one visit delivers.
    EventsLeft,
}

impl<'a, S: Subject + Send + Sync + 'static, L: LoopHandler<S>> MemberVisitor<'a, S, L> {
    pub(super) fn new(
        shared: &'a Arc<LoopState<S>>,
        handler: &'a mut L,
    ) -> MemberVisitor<'a, S, L> {
        MemberVisitor {
            shared,
            handler,
            events_left: 0,
            packets_left: 0,
        }
    }

    /// Visits `member`, and returns when the next visit is due.
    pub(super) fn visit(&mut self, member: &Arc<LoopMember<S>>, due: Due) -> Visit {
        self.events_left = MAX_DELIVERED;
        self.packets_left = self.shared.packets_per_visit();
        match member.subject().source() {
            Source::Server(listener) => self.visit_server(member, listener, due),
            Source::Endpoint(endpoint) => {
                let outcome = self.visit_endpoint(member, endpoint, None, due);
                if member.is_removed() {
                    endpoint.connection().report();
                }
                outcome
            }
            Source::Packets(channel) => match channel.endpoint() {
                Some(endpoint) => {
                    let outcome = self.visit_endpoint(member, &endpoint, Some(channel), due);
                    let connection = endpoint.connection();
                    if member.is_removed() || !channel.uses(connection) {
                        connection.report();
                    }
                    outcome
                }
                None => match self.deliver_events(member) {
                    AfterEvents::Continue | AfterEvents::Removed => Visit::Idle,
                    AfterEvents::Over | AfterEvents::EventsLeft => Visit::Ready,
                },
            },
            Source::Session(session) => {
                let outcome = self.visit_session(member, session);
                if member.is_removed()
                    && let Some(endpoint) = session.endpoint()
                {
                    endpoint.connection().report();
                }
                outcome
            }
        }
    }

    fn visit_session(
        &mut self,
        member: &Arc<LoopMember<S>>,
        session: &dyn PacketSession<S>,
    ) -> Visit {
        let now = sys::now();
        session.begin_poll(now);
        if session.polls_endpoint()
            && let Some(endpoint) = session.endpoint()
        {
            let connection = endpoint.connection();
            let unread = connection.poll_unread(true, sys::now);
            let has_unread = unread.is_ok_and(|received| received.is_some());
            if connection.has_events() || has_unread && endpoint.wants_data() {
                endpoint::deliver(&endpoint);
            }
        }
        let events_before = self.events_left;
        let mut may_have_more = false;
        let (delivered, after) = match self.deliver_events(member) {
            AfterEvents::Continue => {
                self.deliver_packets(member, session.outlet(), |visiting, max| {
                    let subject = member.subject();
                    let delivered;
                    (delivered, may_have_more) =
                        packet_delivery::advance(session, subject, Some(visiting), max, now);
                    delivered
                })
            }
            after => (Delivered::Interrupted, after),
        };
        match after {
            AfterEvents::Continue => {}
            AfterEvents::Removed => return Visit::Idle,
            AfterEvents::Over | AfterEvents::EventsLeft => return Visit::Ready,
        }
        if member.is_removed() {
            return Visit::Idle;
        }
        let next = self.next_visit_of_session(member, session, delivered);
        match next {
            _ if self.events_left < events_before => Visit::Ready,
            Visit::Idle | Visit::Later if may_have_more => Visit::Again,
            next => next,
        }
    }

    /// When the next visit to a session is due.
    fn next_visit_of_session(
        &mut self,
        member: &Arc<LoopMember<S>>,
        session: &dyn PacketSession<S>,
        delivered: Delivered,
    ) -> Visit {
        let rest = session.endpoint().map(|endpoint| {
            let connection = endpoint.connection();
            let rest = connection.rest();
            if rest.is_refused {
                self.shared.stalls.watch(member.key);
            }
            let status = connection.status();
            if status == Status::Connected {
                self.shared.silences.watch(member.key);
            }
            (rest, status)
        });
        let next_poll = session.next_poll();
        let at = match next_poll {
            NextPoll::At(at) => at,
            NextPoll::Now | NextPoll::Soon => None,
        };
        self.shared.timers.set(member.key, at);
        match (delivered, next_poll) {
            (Delivered::LimitReached | Delivered::NoHandler, _) => return Visit::Ready,
            (Delivered::NoRoom, _) => return Visit::Pending,
            (Delivered::OtherThread, _) => return Visit::Idle,
            (_, NextPoll::Now) => return Visit::Again,
            (_, NextPoll::Soon) => return Visit::Pending,
            (_, NextPoll::At(_)) => {}
        }
        match rest {
            None => Visit::Idle,
            Some((_, Status::Connecting)) => Visit::Pending,
            Some((rest, _)) if rest.is_settled => Visit::Idle,
            Some((rest, _)) if rest.is_probably_settled => Visit::Later,
            Some(_) => Visit::Again,
        }
    }

    fn visit_endpoint(
        &mut self,
        member: &Arc<LoopMember<S>>,
        endpoint: &S::Endpoint,
        channel: Option<&PacketChannel<S::Endpoint>>,
        due: Due,
    ) -> Visit {
        let connection = endpoint.connection();
        let mut version = connection.version();
        // A nested poll does not report the data again that the outer poll has reported.
        let is_new = |received: &u64| {
            let position = DataPosition {
                version: connection.version(),
                received: *received,
            };
            member.record_data(position, due.poll) || !due.is_nested
        };
        let mut unread = connection
            .poll_unread(true, sys::now)
            .ok()
            .flatten()
            .filter(is_new);
        if connection.has_events() || unread.is_some() && endpoint.wants_data() {
            self.deliver_own(member, endpoint, channel);
            // The report below covers what arrived while the endpoint's own handlers ran.
            unread = unread.and_then(|_| unread_position(connection));
            unread.as_ref().map(is_new);
        }
        // Another thread may have polled the connection since the visit began.
        let mut has_queued_events =
            due.has_queued_events || member.has_unreported_version(connection);
        let mut delivered = Delivered::All;
        loop {
            let before = std::mem::replace(&mut version, connection.version());
            if has_queued_events || before != version {
                has_queued_events = false;
                // Waits for the lock: a thread that changes the status holds it until it has queued
                // the event.
                connection.rest();
                match self.deliver_events(member) {
                    AfterEvents::Continue => {}
                    AfterEvents::Removed => return Visit::Idle,
                    AfterEvents::Over | AfterEvents::EventsLeft => return Visit::Ready,
                }
                if connection.version() != version {
                    // A handler disconnected it, or connected it again.
                    continue;
                }
                let position = unread_position(connection);
                unread = match before == version {
                    true => unread.and(position),
                    false => position.filter(is_new),
                };
            }
            if member.is_removed() {
                return Visit::Idle;
            }
            match channel {
                None => {
                    if unread.take().is_some() {
                        let event = LoopEvent::DataAvailable;
                        self.handler.notify(member.subject(), event);
                    }
                }
                Some(channel) => {
                    let after;
                    (delivered, after) =
                        self.deliver_packets(member, channel.outlet(), |visiting, max| {
                            channel.deliver(member.subject(), Some(visiting), max)
                        });
                    if matches!(after, AfterEvents::Over | AfterEvents::EventsLeft) {
                        return Visit::Ready;
                    }
                }
            }
            if member.is_removed() {
                return Visit::Idle;
            }
            if connection.has_events() {
                // An end is reported to the endpoint's own handlers first, then to the loop's.
                self.deliver_own(member, endpoint, channel);
            }
            if connection.version() == version {
                break;
            }
        }
        self.next_visit(member, connection, channel.is_some(), delivered)
    }

    /// Notifies the handlers of the endpoint, and the handlers of the packet channel.
    fn deliver_own(
        &mut self,
        member: &Arc<LoopMember<S>>,
        endpoint: &S::Endpoint,
        channel: Option<&PacketChannel<S::Endpoint>>,
    ) {
        if let Some(channel) = channel {
            channel.deliver_failure(member.subject());
        }
        endpoint::deliver(endpoint);
    }

    /// When the next visit is due, after all handlers were notified.
    fn next_visit(
        &mut self,
        member: &Arc<LoopMember<S>>,
        connection: &Connection,
        has_channel: bool,
        delivered: Delivered,
    ) -> Visit {
        let rest = connection.rest();
        if rest.is_refused {
            self.shared.stalls.watch(member.key);
        }
        let has_changed = member.record_state(connection, rest.is_read_closed);
        match connection.status() {
            Status::Connecting => return Visit::Pending,
            Status::None | Status::Error if !has_changed => return Visit::Idle,
            Status::None | Status::Error => return Visit::Ready,
            Status::Connected => self.shared.silences.watch(member.key),
        }
        let is_ready = match (has_channel, delivered) {
            (true, Delivered::NoRoom) => return Visit::Pending,
            (true, Delivered::LimitReached | Delivered::NoHandler) => true,
            (true, _) => false,
            (false, _) => rest.has_unread,
        };
        match () {
            () if has_changed || is_ready => Visit::Ready,
            () if rest.is_settled || delivered == Delivered::OtherThread => Visit::Idle,
            () if rest.is_probably_settled => Visit::Later,
            () => Visit::Again,
        }
    }

    /// Delivers the queued events of the member, in order.
    fn deliver_events(&mut self, member: &Arc<LoopMember<S>>) -> AfterEvents {
        while !member.is_removed() {
            if self.events_left == 0 || self.packets_left == 0 {
                return AfterEvents::EventsLeft;
            }
            let Some(event) = self.shared.group.next_event(member.key) else {
                return AfterEvents::Continue;
            };
            let subject = member.subject();
            match event {
                // The session reports its own beginning and end.
                QueuedEvent::Connected | QueuedEvent::Ended(_) if member.is_session => continue,
                QueuedEvent::Packet { .. } => self.packets_left -= 1,
                _ => self.events_left -= 1,
            }
            match event {
                QueuedEvent::Connected | QueuedEvent::Opened => {
                    self.handler.notify(subject, LoopEvent::Connected);
                }
                QueuedEvent::Packet { bytes, is_text } => {
                    if self.handler.wants_packets() {
                        let packet = S::packet(&bytes, is_text);
                        let event = LoopEvent::PacketReceived(&packet);
                        self.handler.notify(subject, event);
                    }
                }
                QueuedEvent::Ended(cause) | QueuedEvent::Closed(cause) => {
                    let is_over = member.is_accepted;
                    if is_over {
                        drop(self.shared.remove(subject.id()));
                    }
                    self.handler.notify(subject, LoopEvent::Disconnected(cause));
                    if is_over {
                        return AfterEvents::Over;
                    }
                }
            }
        }
        AfterEvents::Removed
    }

    /// Calls `deliver`, which delivers packets of `member`, with their maximum number.
    fn deliver_packets(
        &mut self,
        member: &Arc<LoopMember<S>>,
        outlet: &Outlet,
        deliver: impl FnOnce(&mut dyn VisitingLoop<S>, usize) -> Delivered,
    ) -> (Delivered, AfterEvents) {
        let (max, before) = (self.packets_left, outlet.delivered());
        // A poll in a handler continues with the next packet.
        let guard = self.shared.begin_delivery(member.key);
        let mut visiting = CurrentVisit {
            visitor: self,
            member,
            after: AfterEvents::Continue,
        };
        let delivered = deliver(&mut visiting, max);
        let after = visiting.after;
        drop(guard);
        let count = outlet.delivered() - before;
        self.packets_left = max.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX));
        (delivered, after)
    }

    /// Accepts the connections that wait at a server, or reports that there are some.
    fn visit_server(
        &mut self,
        member: &Arc<LoopMember<S>>,
        listener: &Listener,
        due: Due,
    ) -> Visit {
        let subject = member.subject();
        let fail = |error| {
            subject.notify(OwnEvent::AcceptFailed(&error));
            // The failure may be temporary: descriptors may become free.
            Visit::Pending
        };
        // The position of a server encodes only whether a connection is waiting.
        let position = |received| DataPosition {
            version: 0,
            received,
        };
        match listener.is_connection_available() {
            Ok(false) => {
                member.record_data(position(0), due.poll);
                return Visit::Idle;
            }
            Ok(true) if member.record_data(position(1), due.poll) || !due.is_nested => {
                subject.notify(OwnEvent::ConnectionAvailable);
            }
            Ok(true) => {}
            Err(error) => return fail(error),
        }
        let Some(accept) = member.accept() else {
            return match listener.is_connection_available() {
                Ok(false) => Visit::Idle,
                Ok(true) => Visit::Ready,
                Err(error) => fail(error),
            };
        };
        for _ in 0..MAX_ACCEPTED {
            // A handler may have removed the server.
            if member.is_removed() {
                return Visit::Idle;
            }
            let connection = match listener.accept() {
                Ok(Some(connection)) => connection,
                Ok(None) => return Visit::Idle,
                Err(error) => return fail(error),
            };
            if self.shared.is_full() {
                connection.abort();
                continue;
            }
            connection.set_queue_limit(QUEUE_LIMIT);
            let version = connection.version();
            // A session reports its own beginning.
            if let Ok(accepted) = self.shared.add(accept(connection), true)
                && !accepted.is_session
            {
                self.shared.report_missed_end(&accepted, version);
                self.handler
                    .notify(accepted.subject(), LoopEvent::Connected);
            }
        }
        Visit::Again
    }
}

/// The number of bytes that the connection has received, if some of them are unread.
fn unread_position(connection: &Connection) -> Option<u64> {
    let rest = connection.rest();
    rest.has_unread.then_some(rest.received)
}

/// The visit to a member, as its packet channel sees it.
struct CurrentVisit<'v, 'a, S: Subject, L> {
    visitor: &'v mut MemberVisitor<'a, S, L>,
    member: &'v Arc<LoopMember<S>>,
    after: AfterEvents,
}

impl<S: Subject + Send + Sync + 'static, L: LoopHandler<S>> VisitingLoop<S>
    for CurrentVisit<'_, '_, S, L>
{
    fn membership(&self) -> Membership {
        (self.visitor.shared.packet_loop(), self.member.key)
    }

    fn deliver_events(&mut self) -> bool {
        self.after = self.visitor.deliver_events(self.member);
        self.after == AfterEvents::Continue
    }

    fn wants_packets(&mut self) -> bool {
        self.visitor.handler.wants_packets()
    }

    fn push_packet(&self, bytes: &[u8], is_text: bool) {
        let bytes = bytes.into();
        let event = QueuedEvent::Packet { bytes, is_text };
        self.visitor.shared.group.push_event(self.member.key, event);
    }

    fn notify(&mut self, packet: &S::Packet) {
        let event = LoopEvent::PacketReceived(packet);
        self.visitor.handler.notify(self.member.subject(), event);
    }
}
