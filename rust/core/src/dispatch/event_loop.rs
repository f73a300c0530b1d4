//! An event loop: the members, and polling them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::connection::Connection;
use crate::dispatch::broadcast::{self, Refused};
use crate::dispatch::member::{Accept, Member, Reported};
use crate::dispatch::nesting::Nesting;
use crate::dispatch::packet_channel::Watcher;
use crate::dispatch::subject::{LoopListener, Peer, Source, Subject};
use crate::dispatch::visit::{Visitation, Visited};
use crate::event::EndCause;
use crate::poll::group::{Group, PollableRef, Visit};
use crate::poll::ready_list::Notice;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Mutex, MutexGuard, lock};

/// The key of something that is being added.
const BEING_ADDED: usize = usize::MAX;

/// One poll delivers so many packets in all, beyond the first visit to each member.
const MAX_PACKETS_PER_POLL: usize = 1024;

/// A server's event loop: peers, packet channels and servers that are polled together.
///
/// A [`poll`](Self::poll) visits the members that something has happened to, and notifies a listener of it: that a peer was
/// accepted or has connected, that it has data, each of its packets, and once, with the reason, that its connection is over.
/// After [`remove`](Self::remove) nothing more is reported of a member.
///
/// Every method may be called from any thread and from any listener.
pub struct EventLoop<S: Subject>(Arc<Shared<S>>);

pub(super) struct Shared<S: Subject> {
    pub(super) group: Group,
    roster: Mutex<Roster<S>>,
    /// How many peers there may be for another one to be accepted; 0 is no limit.
    max_members: AtomicUsize,
    /// Held while a broadcast is put to the members.
    broadcast: Mutex<()>,
    /// The packet channels that polls are delivering packets of, by their keys.
    delivering: Mutex<Vec<usize>>,
    /// Whether anybody listens to packets.
    wants_packets: Box<dyn Fn() -> bool + Send + Sync>,
}

struct Roster<S> {
    /// By the index of their keys.
    members: Vec<Option<Arc<Member<S>>>>,
    /// In the order in which they were added; `None` if somebody has come or gone since it was made.
    in_order: Option<Arc<[Arc<Member<S>>]>>,
    keys: HashMap<u64, usize>,
    next_order: u64,
    servers: usize,
    /// The threads that are polling, and those that wait to.
    pollers: Vec<ThreadId>,
    /// The members to which something was enqueued during a poll.
    enqueued: Vec<Arc<Member<S>>>,
}

/// Something cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddError {
    /// It is a member already.
    AlreadyMember,
    /// It is a packet channel without a peer.
    NoPeer,
}

impl<S: Subject> Roster<S> {
    fn get(&self, key: usize) -> Option<&Arc<Member<S>>> {
        let member = self.members.get(Group::index(key))?.as_ref()?;
        (member.key == key).then_some(member)
    }

    fn in_order(&mut self) -> Arc<[Arc<Member<S>>]> {
        let in_order = self.in_order.take().unwrap_or_else(|| {
            let mut members: Vec<_> = self.members.iter().flatten().cloned().collect();
            members.sort_unstable_by_key(|member| member.order);
            members.into()
        });
        self.in_order.insert(in_order).clone()
    }
}

impl<S: Subject> Shared<S> {
    fn roster(&self) -> MutexGuard<'_, Roster<S>> {
        lock(&self.roster)
    }

    /// Removes the member with the number `id`. The caller drops it without a lock.
    pub(super) fn remove(self: &Arc<Self>, id: u64) -> Option<Arc<Member<S>>>
    where
        S: Send + Sync + 'static,
    {
        let mut roster = self.roster();
        let key = *roster.keys.get(&id).filter(|key| **key != BEING_ADDED)?;
        roster.keys.remove(&id);
        let member = roster.members.get_mut(Group::index(key))?.take()?;
        member.remove();
        let is_server = matches!(member.subject().source(), Source::Server(_));
        roster.servers -= usize::from(is_server);
        // It may hold the last references to others that were removed.
        let in_order = roster.in_order.take();
        drop(roster);
        drop(in_order);
        match member.subject().source() {
            Source::Peer(peer) => self.group.remove(key, peer.connection()),
            Source::Server(listener) => self.group.remove(key, listener),
            Source::Packets(channel) => {
                channel.unwatch(&self.watcher(), key, |connection| {
                    self.group.remove_maybe(key, connection);
                });
            }
        }
        drop(member.set_accept(None));
        Some(member)
    }

    pub(super) fn add(
        self: &Arc<Self>,
        subject: S,
        is_accepted: bool,
    ) -> Result<Arc<Member<S>>, AddError>
    where
        S: Send + Sync + 'static,
    {
        let id = subject.id();
        if let Source::Packets(channel) = subject.source()
            && channel.peer().is_none()
        {
            return Err(AddError::NoPeer);
        }
        let order = {
            let mut roster = self.roster();
            if roster.keys.contains_key(&id) {
                return Err(AddError::AlreadyMember);
            }
            roster.keys.insert(id, BEING_ADDED);
            roster.next_order += 1;
            roster.next_order
        };
        let mut reported = Reported::default();
        let mut note = |connection: &Connection| {
            reported = Reported::of(connection);
        };
        let mut is_server = false;
        let key = match subject.source() {
            Source::Peer(peer) => {
                note(peer.connection());
                self.group.add(peer.connection())
            }
            Source::Server(listener) => {
                is_server = true;
                self.group.add(listener)
            }
            Source::Packets(channel) => channel.watch(self.watcher(), |connection| {
                connection.map(&mut note);
                self.group.add_maybe(connection)
            }),
        };
        let member = Arc::new(Member::new(subject, key, order, is_accepted, reported));
        let mut roster = self.roster();
        roster.keys.insert(id, key);
        roster.servers += usize::from(is_server);
        let index = Group::index(key);
        if roster.members.len() <= index {
            roster.members.resize_with(index + 1, || None);
        }
        roster.members[index] = Some(member.clone());
        let in_order = roster.in_order.take();
        drop(roster);
        drop(in_order);
        // Another thread may have visited it in vain.
        self.group.report(key);
        Ok(member)
    }

    /// Has the end of the connection of `member`, which was accepted in `version`, reported if `accept` or another thread
    /// has brought it about before the connection was in the group. Called by the thread that polls.
    pub(super) fn report_missed_end(&self, member: &Member<S>, version: u64) {
        let connection = match member.subject().source() {
            Source::Peer(peer) => peer.clone(),
            Source::Packets(channel) => match channel.peer() {
                Some(peer) => peer,
                None => return,
            },
            Source::Server(_) => return,
        };
        let connection = connection.connection();
        if connection.version() == version {
            return;
        }
        // A thread that ends it holds the lock until it has enqueued the notice of it.
        let cause = EndCause::Disconnect(connection.last_cause());
        self.group.push_first_end(member.key, cause);
    }

    /// Takes note that packets of the member `key` are delivered, until the value is dropped.
    pub(super) fn begin_delivery(&self, key: usize) -> Delivering<'_> {
        lock(&self.delivering).push(key);
        Delivering(&self.delivering)
    }

    /// Sends what listeners have put: one send for each peer, however many messages there were.
    fn try_flush(&self) {
        let enqueued = std::mem::take(&mut self.roster().enqueued);
        for member in &enqueued {
            broadcast::send(member);
        }
    }

    pub(super) fn begin_broadcast(&self) -> MutexGuard<'_, ()> {
        lock(&self.broadcast)
    }

    pub(super) fn watcher(self: &Arc<Self>) -> Weak<dyn Watcher>
    where
        S: Send + Sync + 'static,
    {
        Arc::downgrade(self) as Weak<dyn Watcher>
    }

    pub(super) fn member(&self, key: usize) -> Option<Arc<Member<S>>> {
        self.roster().get(key).cloned()
    }

    pub(super) fn is_full(&self) -> bool {
        let max = self.max_members.load(Ordering::Relaxed);
        let roster = self.roster();
        max > 0 && roster.keys.len() - roster.servers >= max
    }

    /// The members, in the order in which they were added.
    pub(super) fn members(&self) -> Arc<[Arc<Member<S>>]> {
        self.roster().in_order()
    }

    /// Has what was enqueued to `members` sent at the end of the poll that this thread is in. Those for whom there is none.
    pub(super) fn send_later(&self, members: Vec<Arc<Member<S>>>) -> Vec<Arc<Member<S>>> {
        let mut roster = self.roster();
        if !roster.pollers.contains(&thread::current().id()) {
            return members;
        }
        roster.enqueued.extend(members);
        Vec::new()
    }
}

impl<S: Subject + Send + Sync + 'static> EventLoop<S> {
    /// An event loop without members. `wants_packets` says whether anybody listens to its packets; it is asked without a lock.
    pub fn new(wants_packets: impl Fn() -> bool + Send + Sync + 'static) -> EventLoop<S> {
        EventLoop(Arc::new(Shared {
            group: Group::new(),
            roster: Mutex::new(Roster {
                members: Vec::new(),
                in_order: None,
                keys: HashMap::new(),
                next_order: 0,
                servers: 0,
                pollers: Vec::new(),
                enqueued: Vec::new(),
            }),
            max_members: AtomicUsize::new(0),
            broadcast: Mutex::default(),
            delivering: Mutex::default(),
            wants_packets: Box::new(wants_packets),
        }))
    }

    /// Adds `subject`, in whatever status. It is a member through all that it connects to, until it is removed.
    pub fn add(&self, subject: S) -> Result<(), AddError> {
        self.0.add(subject, false).map(drop)
    }

    /// Accepts what comes to `server` from now on: `accept` makes a member of each connection, which is removed once it is
    /// over. Adds `server` if it is not a member.
    pub fn accept_from(
        &self,
        server: S,
        accept: impl Fn(Connection) -> S + Send + Sync + 'static,
    ) -> Result<(), AddError> {
        let id = server.id();
        let known = {
            let roster = self.0.roster();
            let key = roster.keys.get(&id);
            key.and_then(|key| roster.get(*key)).cloned()
        };
        let member = match known {
            Some(member) => member,
            None => self.0.add(server, false)?,
        };
        let accept: Accept<S> = Arc::new(accept);
        drop(member.set_accept(Some(accept)));
        self.0.group.report(member.key);
        Ok(())
    }

    /// Removes the member with the number `id`, of which nothing more is reported. It stays as it is.
    pub fn remove(&self, id: u64) -> Option<Arc<Member<S>>> {
        self.0.remove(id)
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.0.roster().keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The members, in the order in which they were added.
    pub fn members(&self) -> Vec<Arc<Member<S>>> {
        self.0.members().to_vec()
    }

    /// How many peers there may be for another one to be accepted; 0, the default, is no limit. Further ones are reset.
    pub fn set_max_members(&self, count: usize) {
        self.0.max_members.store(count, Ordering::Relaxed);
    }

    /// See [`set_max_members`](Self::set_max_members).
    pub fn max_members(&self) -> usize {
        self.0.max_members.load(Ordering::Relaxed)
    }

    /// Ends the wait of the thread that is polling. If none is, the next poll does not wait.
    pub fn wake(&self) {
        self.0.group.wake();
    }

    /// Visits the members that something has happened to, and notifies `listener`. The members that have unread data or a
    /// packet that nobody listens to, or whose status has changed. If there is none, it waits for one, at most `limit`,
    /// without limit if that is `None`.
    ///
    /// Work is bounded: a member delivers at most 64 packets at a time, and then it is another one's turn; a poll delivers
    /// 1024 of those that go beyond. What is left is delivered by the next poll. Of a server at most 64 connections are
    /// accepted. A listener may poll the loop: that goes on with the poll around it, at most 16 deep; a deeper poll returns
    /// at once. Such a poll does not report again what the poll around it has reported.
    pub fn poll(
        &self,
        limit: Option<Duration>,
        listener: &mut impl LoopListener<S>,
    ) -> Vec<Arc<Member<S>>> {
        let Some(_nesting) = Nesting::enter() else {
            return Vec::new();
        };
        let shared = &self.0;
        let _polling = Polling::begin(shared);
        // Polls around this one may be delivering packets, and have more of them.
        let delivering = lock(&shared.delivering).clone();
        delivering.iter().for_each(|key| shared.group.report(*key));
        let mut ready = Vec::new();
        let mut in_part = Vec::new();
        let mut visitation = Visitation::new(shared, listener);
        shared.group.poll_due(
            limit,
            |due| {
                let Some(member) = shared.member(due.key) else {
                    return Visit::Idle;
                };
                let visited = visitation.visit(&member, due);
                match visited {
                    Visited::Is(Visit::Ready) => ready.push(member),
                    Visited::Is(_) => {}
                    Visited::InPart { has_changed } => {
                        if has_changed {
                            ready.push(member.clone());
                        }
                        in_part.push(member);
                    }
                }
                visited.visit()
            },
            || shared.try_flush(),
        );
        let is_sorted = in_part.is_empty();
        let mut left = MAX_PACKETS_PER_POLL;
        while !in_part.is_empty() && left > 0 {
            in_part.retain(|member| visitation.deliver_more(member, &mut left));
        }
        ready.append(&mut in_part);
        if !is_sorted {
            ready.sort_unstable_by_key(|member| member.order);
            ready.dedup_by_key(|member| member.order);
        }
        ready
    }

    /// Puts `data` to each connected peer but those that `is_left_out` names; to a packet channel as a packet. Does not wait.
    /// The members that did not take it, and why. What is put during a poll is sent at its end, together.
    pub fn broadcast(&self, data: &[u8], is_left_out: impl Fn(&S) -> bool) -> Vec<Refused<S>> {
        broadcast::broadcast(&self.0, data, is_left_out)
    }
}

/// Packets of a member are being delivered.
pub(super) struct Delivering<'a>(&'a Mutex<Vec<usize>>);

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        // Deliveries nest, and one thread at a time polls.
        lock(self.0).pop();
    }
}

/// A poll of this thread that is under way.
struct Polling<'a, S: Subject>(&'a Shared<S>);

impl<'a, S: Subject> Polling<'a, S> {
    fn begin(shared: &'a Shared<S>) -> Polling<'a, S> {
        shared.roster().pollers.push(thread::current().id());
        Polling(shared)
    }
}

impl<S: Subject> Drop for Polling<'_, S> {
    fn drop(&mut self) {
        let this_thread = thread::current().id();
        let mut roster = self.0.roster();
        let own = roster.pollers.iter().rposition(|id| *id == this_thread);
        own.map(|index| roster.pollers.swap_remove(index));
        drop(roster);
        self.0.try_flush();
    }
}

impl<S: Subject + Send + Sync> Watcher for Shared<S> {
    fn wants_packets(&self) -> bool {
        (self.wants_packets)()
    }

    fn has_room(&self, key: usize) -> bool {
        self.group.has_room(key)
    }

    fn push_packet(&self, key: usize, packet: &[u8]) {
        self.group.push_notice(key, Notice::Packet(packet.into()));
    }

    fn report(&self, key: usize) {
        self.group.report(key);
    }

    fn replace(&self, key: usize, old: Option<PollableRef<'_>>, new: Option<PollableRef<'_>>) {
        self.group.replace(key, old, new);
    }
}

impl<S: Subject> fmt::Debug for EventLoop<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").finish_non_exhaustive()
    }
}
