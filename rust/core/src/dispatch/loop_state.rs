//! The state of an event loop, which visits, broadcasts and packet channels share.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::connection::{Connection, RecvProgress, SendProgress};
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::inactivity::{CHECK_INTERVAL, Inactivity};
use crate::dispatch::member::{Accept, LoopMember, MemberKind, Reported};
use crate::dispatch::outlet::{PacketLoop, UNLIMITED};
use crate::dispatch::roster::{AddError, Members, Removed, Roster};
use crate::dispatch::subject::{Source, Subject};
use crate::dispatch::timers::Timers;
use crate::event::EndCause;
use crate::poll::group::{Group, PollableRef};
use crate::poll::ready_list::QueuedEvent;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Mutex, MutexGuard, lock};
use crate::sys;

/// The write buffer limit in bytes of an endpoint that has none of its own, so that a peer that
/// does not read cannot make a broadcast use unlimited memory.
pub(super) const QUEUE_LIMIT: usize = 1 << 20;

/// The default of
/// [`EventLoop::set_max_packets_per_poll`](crate::dispatch::EventLoop::set_max_packets_per_poll).
const MAX_PACKETS: usize = 64;

/// The state of an event loop. Its locks are never held while handlers run.
pub(super) struct LoopState<S: Subject> {
    pub(super) group: Group,
    roster: Mutex<Roster<S>>,
    polls: Mutex<Polls<S>>,
    /// Further connections are reset above this number of endpoints; 0 is unlimited.
    max_members: AtomicUsize,
    /// The maximum number of packets of each member that a poll delivers; 0 is [`UNLIMITED`].
    max_packets: AtomicUsize,
    /// The members whose peers accept nothing.
    pub(super) stalls: Inactivity<SendProgress>,
    /// The connected members, if there is a limit for those that send nothing.
    pub(super) silences: Inactivity<RecvProgress>,
    /// When sessions have to be visited.
    pub(super) timers: Timers,
    /// Held while a broadcast is queued, so that all members receive broadcasts in the same order.
    broadcast: Mutex<()>,
    /// The keys of the packet channels whose packets polls are delivering, the innermost last.
    delivering: Mutex<Vec<usize>>,
    /// Whether the loop has handlers for packets.
    wants_packets: Box<dyn Fn() -> bool + Send + Sync>,
}

/// The polls under way.
struct Polls<S> {
    /// The threads that poll, or wait to; once for each nested poll.
    threads: Vec<ThreadId>,
    /// The members whose queues the end of the poll flushes.
    unflushed: Vec<Arc<LoopMember<S>>>,
}

impl<S: Subject> LoopState<S> {
    pub(super) fn new(wants_packets: Box<dyn Fn() -> bool + Send + Sync>) -> LoopState<S> {
        LoopState {
            group: Group::new(),
            roster: Mutex::default(),
            polls: Mutex::new(Polls {
                threads: Vec::new(),
                unflushed: Vec::new(),
            }),
            max_members: AtomicUsize::new(0),
            max_packets: AtomicUsize::new(MAX_PACKETS),
            stalls: Inactivity::default(),
            silences: Inactivity::default(),
            timers: Timers::default(),
            broadcast: Mutex::default(),
            delivering: Mutex::default(),
            wants_packets,
        }
    }

    fn roster(&self) -> MutexGuard<'_, Roster<S>> {
        lock(&self.roster)
    }

    /// Adds `subject`. `is_accepted` is whether the loop accepted it.
    pub(super) fn add(
        self: &Arc<Self>,
        subject: S,
        is_accepted: bool,
    ) -> Result<Arc<LoopMember<S>>, AddError>
    where
        S: Send + Sync + 'static,
    {
        let id = subject.id();
        if let Source::Packets(channel) = subject.source()
            && channel.endpoint().is_none()
        {
            return Err(AddError::NoEndpoint);
        }
        let order = self.roster().reserve(id)?;
        let mut reported = Reported::default();
        let mut note = |connection: &Connection| {
            reported = Reported::of(connection);
        };
        let (mut is_server, mut is_session) = (false, false);
        // Dropped without a lock.
        let mut held = None;
        let key = match subject.source() {
            Source::Endpoint(endpoint) => {
                note(endpoint.connection());
                self.group.add(endpoint.connection())
            }
            Source::Server(listener) => {
                is_server = true;
                self.group.add(listener)
            }
            Source::Packets(channel) => channel.outlet().join(self.packet_loop(), || {
                held = channel.endpoint();
                let connection = held.as_ref().map(Endpoint::connection);
                connection.map(&mut note);
                self.group.add_optional(connection)
            }),
            Source::Session(session) => {
                is_session = true;
                session.outlet().join(self.packet_loop(), || {
                    held = session.endpoint();
                    self.group
                        .add_optional(held.as_ref().map(Endpoint::connection))
                })
            }
        };
        drop(held);
        let kind = MemberKind {
            is_server,
            is_session,
            is_accepted,
        };
        let member = Arc::new(LoopMember::new(subject, key, order, kind, reported));
        let in_order = self.roster().insert(id, member.clone());
        drop(in_order);
        // Another thread may have visited the key before the member was listed.
        self.group.report(key);
        Ok(member)
    }

    /// Removes the member with the id `id`. The caller drops it without holding a lock.
    pub(super) fn remove(self: &Arc<Self>, id: u64) -> Option<Arc<LoopMember<S>>>
    where
        S: Send + Sync + 'static,
    {
        let Removed { member, in_order } = self.roster().remove(id)?;
        drop(in_order);
        let key = member.key;
        // Dropped without a lock.
        let mut held = None;
        match member.subject().source() {
            Source::Endpoint(endpoint) => self.group.remove(key, endpoint.connection()),
            Source::Server(listener) => self.group.remove(key, listener),
            Source::Packets(channel) => channel.outlet().leave(&self.packet_loop(), key, || {
                held = channel.endpoint();
                self.group
                    .remove_optional(key, held.as_ref().map(Endpoint::connection));
            }),
            Source::Session(session) => {
                session.outlet().leave(&self.packet_loop(), key, || {
                    held = session.endpoint();
                    self.group
                        .remove_optional(key, held.as_ref().map(Endpoint::connection));
                });
                self.timers.set(key, None);
            }
        }
        drop(held);
        drop(member.set_accept(None));
        Some(member)
    }

    /// Reports the end of the connection of `member` if `accept` or another thread ended it before
    /// it was in the group. `version` is that of the accepted connection. Called by the thread that
    /// polls.
    pub(super) fn report_missed_end(&self, member: &LoopMember<S>, version: u64) {
        let Some(endpoint) = endpoint_of(member) else {
            return;
        };
        let connection = endpoint.connection();
        if connection.version() == version {
            return;
        }
        // A thread that ends the connection holds its lock until it has queued the event.
        let cause = EndCause::Disconnect(connection.last_cause());
        self.group.push_first_end(member.key, cause);
    }

    pub(super) fn member(&self, key: usize) -> Option<Arc<LoopMember<S>>> {
        self.roster().get(key).cloned()
    }

    /// Sets the function that makes a member of each connection of `server`. Adds `server` if it is
    /// not a member.
    pub(super) fn accept_from(
        self: &Arc<Self>,
        server: S,
        accept: Accept<S>,
    ) -> Result<(), AddError>
    where
        S: Send + Sync + 'static,
    {
        let known = self.roster().find(server.id()).cloned();
        let member = match known {
            Some(member) => member,
            None => self.add(server, false)?,
        };
        drop(member.set_accept(Some(accept)));
        self.group.report(member.key);
        Ok(())
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.roster().len()
    }

    /// All members, in the order in which they were added.
    pub(super) fn members(&self) -> Members<S> {
        self.roster().in_order()
    }

    /// The members with these `ids`, each once, in this order.
    pub(super) fn members_of(&self, ids: &[u64]) -> Vec<Arc<LoopMember<S>>> {
        let mut seen = HashSet::with_capacity(ids.len());
        let roster = self.roster();
        let members = ids
            .iter()
            .filter(|&&id| seen.insert(id))
            .filter_map(|&id| roster.find(id));
        members.cloned().collect()
    }

    pub(super) fn max_members(&self) -> usize {
        self.max_members.load(Ordering::Relaxed)
    }

    pub(super) fn set_max_members(&self, count: usize) {
        self.max_members.store(count, Ordering::Relaxed);
    }

    pub(super) fn max_packets(&self) -> usize {
        self.max_packets.load(Ordering::Relaxed)
    }

    pub(super) fn set_max_packets(&self, count: usize) {
        self.max_packets.store(count, Ordering::Relaxed);
    }

    /// The maximum number of packets that one visit to a member delivers.
    pub(super) fn packets_per_visit(&self) -> usize {
        match self.max_packets() {
            0 => UNLIMITED,
            max => max,
        }
    }

    /// Whether no further endpoint may be accepted.
    pub(super) fn is_full(&self) -> bool {
        let max = self.max_members();
        max > 0 && self.roster().endpoints() >= max
    }

    /// Sets for how long the queue of a member may make no progress; `None` is unlimited.
    pub(super) fn set_max_stalled(&self, limit: Option<Duration>) {
        self.group.watch_refusals(limit.is_some());
        if self.stalls.set_limit(limit).is_none() && limit.is_some() {
            // The kernel may have refused their queues before.
            self.report_all();
        }
    }

    /// Sets for how long a member may send nothing; `None` is unlimited.
    pub(super) fn set_max_silent(&self, limit: Option<Duration>) {
        if self.silences.set_limit(limit).is_none() && limit.is_some() {
            // A visit begins to watch a member.
            self.report_all();
        }
    }

    /// Makes each member due.
    fn report_all(&self) {
        for member in self.members().iter() {
            self.group.report(member.key);
        }
    }

    /// Records that a poll begins, for the members that are watched for their inactivity, or have
    /// to be visited at a time.
    pub(super) fn begin_times(&self) {
        self.report_timers();
        self.stalls.begin_poll(sys::now);
        self.silences.begin_poll(sys::now);
    }

    /// Ends a round of visits: flushes queues, and ends the connections of members that made no
    /// progress for too long. Returns how long the next wait may take; `None` is unlimited.
    pub(super) fn end_round(&self) -> Option<Duration> {
        self.try_flush();
        let has_stalls = self.end_inactive(
            &self.stalls,
            Connection::send_progress,
            |connection, progress, waited| connection.end_stalled(progress.generation, waited),
        );
        let has_silences = self.end_inactive(
            &self.silences,
            Connection::recv_progress,
            |connection, progress, waited| connection.end_silent(progress, waited),
        );
        self.report_timers();
        let check = (has_stalls || has_silences).then_some(CHECK_INTERVAL);
        let timer = self.timers.next(sys::now);
        check.into_iter().chain(timer).min()
    }

    /// Makes the members due whose time has come.
    fn report_timers(&self) {
        for key in self.timers.take_due(sys::now) {
            self.group.report(key);
        }
    }

    /// Checks the members that `inactivity` watches, if that is due, and calls `end` for those
    /// whose `progress` has stopped for too long. Returns whether any are watched.
    fn end_inactive<P: Copy + PartialEq>(
        &self,
        inactivity: &Inactivity<P>,
        progress: impl Fn(&Connection) -> Option<P>,
        end: impl Fn(&Connection, P, Duration) -> bool,
    ) -> bool {
        let Some(limit) = inactivity.limit() else {
            return false;
        };
        let Some(due) = inactivity.due(limit, sys::now) else {
            return false;
        };
        for key in due {
            let member = self.member(key);
            let endpoint = member.as_ref().and_then(|member| endpoint_of(member));
            let connection = endpoint.as_ref().map(Endpoint::connection);
            let progress = connection.and_then(&progress);
            let waited = inactivity.advance(key, progress, limit);
            if let (Some(connection), Some(progress), Some(waited)) = (connection, progress, waited)
                && !end(connection, progress, waited)
            {
                // It has made progress at the last moment.
                inactivity.watch(key);
            }
        }
        true
    }

    /// Records that packets of the member `key` are being delivered, until the guard is dropped.
    pub(super) fn begin_delivery(&self, key: usize) -> MemberDelivery<'_> {
        lock(&self.delivering).push(key);
        MemberDelivery {
            delivering: &self.delivering,
            key,
        }
    }

    /// Makes the next round visit the packet channels whose packets the outer polls are delivering:
    /// they may have more.
    pub(super) fn report_deliveries(&self) {
        let delivering = lock(&self.delivering).clone();
        for key in delivering {
            self.group.report(key);
        }
    }

    pub(super) fn lock_broadcasts(&self) -> MutexGuard<'_, ()> {
        lock(&self.broadcast)
    }

    /// Records that this thread polls, until the guard is dropped.
    pub(super) fn begin_poll(&self) -> PollingGuard<'_, S> {
        lock(&self.polls).threads.push(thread::current().id());
        PollingGuard(self)
    }

    /// If this thread polls, the end of the poll flushes `members`. Otherwise returns them.
    pub(super) fn defer_flush(&self, members: Vec<Arc<LoopMember<S>>>) -> Vec<Arc<LoopMember<S>>> {
        let mut polls = lock(&self.polls);
        if !polls.threads.contains(&thread::current().id()) {
            return members;
        }
        polls.unflushed.extend(members);
        Vec::new()
    }

    /// Flushes the queues of the members to which handlers have broadcast: one send for each
    /// endpoint, however many messages were queued.
    pub(super) fn try_flush(&self) {
        let unflushed = std::mem::take(&mut lock(&self.polls).unflushed);
        for member in &unflushed {
            flush(member);
        }
    }

    /// Returns this loop in the form that packet channels hold.
    pub(super) fn packet_loop(self: &Arc<Self>) -> Weak<dyn PacketLoop>
    where
        S: Send + Sync + 'static,
    {
        Arc::downgrade(self) as Weak<dyn PacketLoop>
    }
}

/// Sends as much of the queue of `member` as the kernel accepts.
pub(super) fn flush<S: Subject>(member: &LoopMember<S>) {
    match member.subject().source() {
        Source::Server(_) => {}
        Source::Endpoint(endpoint) => endpoint.connection().try_flush(),
        Source::Packets(channel) => {
            channel.with_endpoint(|endpoint, _| {
                endpoint.connection().try_flush();
                None::<()>
            });
        }
        Source::Session(session) => session.flush(),
    }
}

/// The endpoint of `member`, or of its packet channel.
fn endpoint_of<S: Subject>(member: &LoopMember<S>) -> Option<S::Endpoint> {
    match member.subject().source() {
        Source::Server(_) => None,
        Source::Endpoint(endpoint) => Some(endpoint.clone()),
        Source::Packets(channel) => channel.endpoint(),
        Source::Session(session) => session.endpoint(),
    }
}

/// Marks that packets of a member are being delivered, until it is dropped.
pub(super) struct MemberDelivery<'a> {
    delivering: &'a Mutex<Vec<usize>>,
    key: usize,
}

impl Drop for MemberDelivery<'_> {
    fn drop(&mut self) {
        // Deliveries nest, and one thread at a time polls, so the last key is this one.
        let key = lock(self.delivering).pop();
        debug_assert_eq!(key, Some(self.key), "deliveries do not nest");
    }
}

/// A poll of this thread. Dropping it ends the poll and flushes what its handlers have queued.
pub(super) struct PollingGuard<'a, S: Subject>(&'a LoopState<S>);

impl<S: Subject> Drop for PollingGuard<'_, S> {
    fn drop(&mut self) {
        let this_thread = thread::current().id();
        let mut polls = lock(&self.0.polls);
        let own = polls.threads.iter().rposition(|id| *id == this_thread);
        debug_assert!(own.is_some(), "the thread was not listed as polling");
        own.map(|index| polls.threads.swap_remove(index));
        drop(polls);
        self.0.try_flush();
    }
}

impl<S: Subject + Send + Sync> PacketLoop for LoopState<S> {
    fn wants_packets(&self) -> bool {
        (self.wants_packets)()
    }

    fn has_room(&self, key: usize) -> bool {
        self.group.has_room(key)
    }

    fn push(&self, key: usize, event: QueuedEvent) {
        self.group.push_event(key, event);
    }

    fn report(&self, key: usize) {
        self.group.report(key);
    }

    fn replace(&self, key: usize, old: Option<PollableRef<'_>>, new: Option<PollableRef<'_>>) {
        self.group.replace(key, old, new);
    }
}
