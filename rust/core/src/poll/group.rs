//! Groups: many connections and listeners that are polled together, at a cost that depends on the
//! busy members only.
//!
//! One thread at a time polls a group; another one waits for it, or returns. Where the system has
//! no edge-triggered poller, each member is pending, so each poll visits it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::event::EndCause;
use crate::poll::readiness_slab::ReadinessRef;
use crate::poll::ready_list::{self, DEFER_DELAY, QueuedEvent, ReadyList, Urgency};
use crate::poll::subscriptions::Subscriptions;
use crate::sync::{Mutex, lock};
use crate::sys::{self, Poller, Socket};

/// How long one wait may take while there are members on which the kernel does not report.
const SLICE: Duration = Duration::from_millis(10);

/// The token of the waker. The tokens of members are small numbers.
const WAKER: usize = usize::MAX;

/// Connections and listeners that are polled together. A group knows only the keys of its members:
/// [`poll`](Self::poll) passes the keys of the members that are due to a closure, which polls them.
/// An [`EventLoop`](crate::dispatch::EventLoop) polls its members itself, and reports their events.
///
/// Every method may be called from any thread. One thread at a time polls a group. In a forked
/// child the kernel does not report to a group of the parent, so each member is visited every 10
/// milliseconds.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_socket::{Connection, Group, Visit};
///
/// let (one, other) = Connection::pair()?;
/// let group = Group::new();
/// let key = group.add(&one);
/// other.write_fully(b"hello")?;
/// let mut ready = Vec::new();
/// group.poll(Some(Duration::from_secs(1)), |key| match one.poll(Instant::now) {
///     Ok(true) => {
///         ready.push(key);
///         Visit::Ready
///     }
///     _ => Visit::Idle,
/// });
/// assert_eq!(ready, [key]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Group {
    /// `None` where sockets cannot be watched. Locked during a wait.
    poller: Mutex<Option<Poller>>,
    ready_list: Arc<ReadyList>,
}

/// The result of a visit to a member: when the next visit is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Visit {
    /// There is nothing to report, and the kernel has nothing left. The next event makes the member
    /// due.
    Idle,
    /// There is nothing to report, but the kernel may have more. The next round visits the member
    /// again. Does not end a wait.
    Again,
    /// There is nothing to report, and the kernel probably has nothing left, but has not answered
    /// EAGAIN. The member is visited again after 20 milliseconds, or on the next event. Does not
    /// end a wait.
    Later,
    /// There is nothing to report yet, and the kernel may not report the next event, because the
    /// member is connecting or lacks a resource. The member is visited every 10 milliseconds. Does
    /// not end a wait.
    Pending,
    /// There is something to report. The next poll visits the member again. Ends a wait.
    Ready,
}

/// A member that is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) key: usize,
    /// It has queued events.
    pub(crate) has_queued_events: bool,
    /// A visit of another poll has called this poll.
    pub(crate) is_nested: bool,
    /// The number of the outermost poll.
    pub(crate) poll: u64,
}

/// What can be in a group: a [`Connection`](crate::Connection) or a [`Listener`](crate::Listener).
pub trait Pollable {
    /// Borrows the parts that a group uses.
    fn as_pollable(&self) -> PollableRef<'_>;
}

/// The parts of a borrowed connection or listener that a group uses.
#[derive(Clone, Copy)]
pub struct PollableRef<'a>(pub(crate) &'a dyn Watched);

/// What a group needs from a member.
pub(crate) trait Watched {
    /// The word that records what the kernel reports of the socket. `None` for a member that is
    /// probed at each visit.
    fn readiness(&self) -> Option<ReadinessRef>;

    /// Calls `change` with the member's groups and with its open socket, if it has one. Both are
    /// locked during the call.
    fn with_subscriptions(&self, change: &mut dyn FnMut(&Subscriptions, Option<&Socket>));
}

impl fmt::Debug for PollableRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollableRef").finish_non_exhaustive()
    }
}

impl Group {
    /// Creates a group without members. If the process has no free descriptor for a poller, the
    /// group works without one, and visits each member every 10 milliseconds.
    pub fn new() -> Group {
        let parts = Poller::new().and_then(|(registry, poller)| {
            let waker = registry.waker(WAKER)?;
            Ok(((registry, waker), poller))
        });
        let (kernel, poller) = parts.ok().unzip();
        Group {
            poller: Mutex::new(poller),
            ready_list: Arc::new(ReadyList::new(kernel)),
        }
    }

    /// Adds `member`, in any status, and returns its key. It stays a member through later connects
    /// and disconnects, until it is removed or dropped. A new member is due.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_socket::{Group, Listener, Visit};
    ///
    /// let (group, listener) = (Group::new(), Listener::new());
    /// let key = group.add(&listener);
    /// let mut visited = Vec::new();
    /// group.poll(Some(Duration::ZERO), |key| {
    ///     visited.push(key);
    ///     Visit::Idle
    /// });
    /// assert_eq!(visited, [key]);
    /// group.remove(key, &listener);
    /// ```
    pub fn add(&self, member: &impl Pollable) -> usize {
        let member = member.as_pollable().0;
        let key = self.ready_list.insert(member.readiness());
        self.subscribe(key, member);
        key
    }

    fn subscribe(&self, key: usize, member: &dyn Watched) {
        member.with_subscriptions(&mut |subscriptions, socket| {
            subscriptions.add(&self.ready_list, key, socket);
        });
    }

    fn unsubscribe(&self, key: usize, member: &dyn Watched) {
        member.with_subscriptions(&mut |subscriptions, socket| {
            subscriptions.remove(&self.ready_list, key, socket);
        });
    }

    /// Removes `member`, which [`add`](Self::add) returned `key` for. Later polls do not pass this
    /// key to `visit`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_socket::{Group, Listener, Visit};
    ///
    /// let (group, one, other) = (Group::new(), Listener::new(), Listener::new());
    /// let (key, other_key) = (group.add(&one), group.add(&other));
    /// group.remove(key, &one);
    /// let mut visited = Vec::new();
    /// group.poll(Some(Duration::ZERO), |key| {
    ///     visited.push(key);
    ///     Visit::Idle
    /// });
    /// assert_eq!(visited, [other_key]);
    /// ```
    pub fn remove(&self, key: usize, member: &impl Pollable) {
        self.ready_list.remove(key);
        self.unsubscribe(key, member.as_pollable().0);
    }

    /// Like [`add`](Self::add), also for a member without a connection.
    pub(crate) fn add_optional(&self, connection: Option<&impl Pollable>) -> usize {
        match connection {
            Some(connection) => self.add(connection),
            None => self.ready_list.insert(None),
        }
    }

    /// Like [`remove`](Self::remove), also for a member without a connection.
    pub(crate) fn remove_optional(&self, key: usize, connection: Option<&impl Pollable>) {
        match connection {
            Some(connection) => self.remove(key, connection),
            None => self.ready_list.remove(key),
        }
    }

    /// The index of `key`: a small number that no other present member has.
    pub(crate) fn index(key: usize) -> usize {
        ready_list::index(key)
    }

    /// Replaces `old`, the member with the key `key`, by `new`. Queued events are kept.
    pub(crate) fn replace(
        &self,
        key: usize,
        old: Option<PollableRef<'_>>,
        new: Option<PollableRef<'_>>,
    ) {
        if let Some(PollableRef(old)) = old {
            self.unsubscribe(key, old);
        }
        let readiness = new.and_then(|PollableRef(new)| new.readiness());
        self.ready_list.replace(key, readiness);
        if let Some(PollableRef(new)) = new {
            self.subscribe(key, new);
        }
    }

    /// Calls `visit` with the key of each member that is due. A member is due after an event, and
    /// after a visit that was not [`Idle`](Visit::Idle). If no member is ready, waits until one is
    /// due and visits again.
    ///
    /// Returns after the round in which a visit was [`Ready`](Visit::Ready), after a
    /// [`wake`](Self::wake), or when `limit` has passed; `None` is unlimited. While another thread
    /// polls, waits for it to return, also for at most `limit`.
    ///
    /// `visit` should poll the member, and may call any method of the group. A poll within a visit
    /// continues the round of the outer poll.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use stream_socket::{Connection, Group, Visit};
    ///
    /// let (client, server) = Connection::pair()?;
    /// let group = Group::new();
    /// group.add(&server);
    /// client.write_fully(b"ping")?;
    /// group.poll(Some(Duration::from_secs(1)), |_| match server.poll(Instant::now) {
    ///     Ok(true) => Visit::Ready,
    ///     _ => Visit::Idle,
    /// });
    /// assert_eq!(server.try_read_with(16, <[u8]>::to_vec)?, b"ping");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn poll(&self, limit: Option<Duration>, mut visit: impl FnMut(usize) -> Visit) {
        self.poll_due(limit, |due| visit(due.key), || None);
    }

    /// Like [`poll`](Self::poll), with details of each member that is due. Calls `end_round` after
    /// each round, before a wait. It returns how long that wait may take; `None` is unlimited.
    pub(crate) fn poll_due(
        &self,
        limit: Option<Duration>,
        mut visit: impl FnMut(Due) -> Visit,
        mut end_round: impl FnMut() -> Option<Duration>,
    ) {
        // A limit beyond the range of the clock is unlimited.
        let deadline = match limit {
            Some(Duration::ZERO) => None,
            limit => limit.and_then(|limit| sys::now().checked_add(limit)),
        };
        let mut wait = Some(Duration::ZERO);
        let Some(guard) = self.ready_list.begin_poll(limit, deadline) else {
            return;
        };
        loop {
            self.wait(wait);
            let mut is_ready = false;
            while let Some((key, has_queued_events)) = self.ready_list.next_visit() {
                let due = Due {
                    key,
                    has_queued_events,
                    is_nested: guard.is_nested,
                    poll: guard.number,
                };
                let urgency = match visit(due) {
                    Visit::Ready => Urgency::Now,
                    Visit::Again => {
                        self.ready_list.visit_again(key, Urgency::Now);
                        continue;
                    }
                    Visit::Later => {
                        self.ready_list.visit_later(key);
                        continue;
                    }
                    Visit::Pending => Urgency::Soon,
                    Visit::Idle => Urgency::Idle,
                };
                is_ready |= urgency == Urgency::Now;
                self.ready_list.visit_again(key, urgency);
            }
            let slice = end_round();
            if guard.is_over(is_ready) || limit == Some(Duration::ZERO) {
                return;
            }
            // The deadline is checked after a round, so a process that was stopped during the wait
            // still sees what arrived in time.
            let left = deadline.map(|deadline| deadline.saturating_duration_since(sys::now()));
            if left == Some(Duration::ZERO) {
                return;
            }
            wait = match (left, slice) {
                (Some(left), Some(slice)) => Some(left.min(slice)),
                (left, slice) => left.or(slice),
            };
        }
    }

    /// Ends the wait of the thread that is polling. If no thread waits, the next poll does not.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::{Group, Visit};
    ///
    /// let group = Group::new();
    /// group.wake();
    /// group.poll(None, |_| Visit::Idle);
    /// ```
    pub fn wake(&self) {
        self.ready_list.wake();
    }

    /// Takes the oldest queued event of the member.
    pub(crate) fn next_event(&self, key: usize) -> Option<QueuedEvent> {
        self.ready_list.next_event(key)
    }

    /// Queues, before all other events, the end of the connection that the member had when it was
    /// added. Does nothing if that end is queued already.
    pub(crate) fn push_first_end(&self, key: usize, cause: EndCause) {
        self.ready_list.push_first_end(key, cause);
    }

    /// Queues `event` for the next poll, and makes the member due.
    pub(crate) fn push_event(&self, key: usize, event: QueuedEvent) {
        self.ready_list.push_event(key, event);
    }

    /// Makes the member due.
    pub(crate) fn report(&self, key: usize) {
        self.ready_list.report(key);
    }

    /// Sets whether a member becomes due when the kernel refuses its queue.
    pub(crate) fn watch_refusals(&self, enabled: bool) {
        self.ready_list.watch_refusals(enabled);
    }

    /// Whether another packet of the member can be queued.
    pub(crate) fn has_room(&self, key: usize) -> bool {
        self.ready_list.has_room(key)
    }

    /// Waits until a member is due, for at most `limit`, and begins a round of visits.
    fn wait(&self, limit: Option<Duration>) {
        // In a forked child the lock may be held by a thread of the parent, which does not exist.
        let is_ours = self.ready_list.is_of_this_process();
        let mut poller = is_ours.then(|| lock(&self.poller));
        let limit = match self.ready_list.begin_wait(limit != Some(Duration::ZERO)) {
            Urgency::Now => Some(Duration::ZERO),
            Urgency::Later => Some(limit.map_or(DEFER_DELAY, |limit| limit.min(DEFER_DELAY))),
            Urgency::Soon => Some(limit.map_or(SLICE, |limit| limit.min(SLICE))),
            Urgency::Idle => limit,
        };
        let mut reported = Vec::new();
        match poller.as_deref_mut() {
            Some(Some(poller)) => {
                // After a failed wait the members that are due are visited all the same.
                drop(poller.wait(limit, |token| {
                    if token != WAKER {
                        reported.push(token);
                    }
                }));
            }
            _ => self.ready_list.wait(limit.unwrap_or(SLICE)),
        }
        self.ready_list.end_wait(reported);
    }
}

impl Default for Group {
    fn default() -> Group {
        Group::new()
    }
}
