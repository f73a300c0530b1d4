//! Groups: many connections and listeners watched together, so that looking after them costs what the busy ones cost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::event::EndCause;
use crate::poll::readiness::Readiness;
use crate::poll::ready_list::{self, LATER, Notice, ReadyList, Urgency};
use crate::poll::subscriptions::Subscriptions;
use crate::sync::{Mutex, lock};
use crate::sys::{self, Poller, Socket};

/// How long the kernel is waited for at a time while there are members of which it does not tell.
const SLICE: Duration = Duration::from_millis(10);

/// The token of the waker. Members count from 0.
const WAKER: usize = usize::MAX;

/// Connections and listeners that are watched together. A group knows the keys of its members only: whoever polls the group
/// polls the members that it names. An [`EventLoop`](crate::dispatch::EventLoop) does that, and knows what to report of each.
///
/// Every method may be called from any thread. One thread at a time polls a group. In a forked child the kernel reports
/// nothing to a group of the parent, so each member is asked every 10 milliseconds.
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_socket::{Connection, Group, Visit};
///
/// let (one, other) = Connection::pair()?;
/// let group = Group::new();
/// let key = group.add(&one);
/// other.write_fully(b"news")?;
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
    /// Held during a wait.
    poller: Mutex<Option<Poller>>,
    ready_list: Arc<ReadyList>,
}

/// What a visit to a member has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// Nothing is to be reported, and the kernel has nothing left: no visit is needed before something happens.
    Idle,
    /// Nothing is to be reported, but the kernel may have more: the next round visits it again. This does not end a wait.
    Again,
    /// Nothing is to be reported, and the kernel has probably nothing left, although it has not said so: the member is
    /// visited again after 20 milliseconds, unless something happens before. This does not end a wait.
    Later,
    /// Nothing is to be reported yet, and the kernel need not report when there is: it is connecting, or short of something.
    Pending,
    /// Something is to be reported: the next poll visits it again, whatever happens. This ends a wait.
    Ready,
}

/// A member that is to be visited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Due {
    pub(crate) key: usize,
    /// There are notices to be taken.
    pub(crate) has_notices: bool,
    /// The poll is one within a visit.
    pub(crate) is_nested: bool,
    /// The number of the poll, or of the one around it.
    pub(crate) poll: u64,
}

/// What can be in a group: a [`Connection`](crate::Connection) or a [`Listener`](crate::Listener).
pub trait Pollable {
    /// How a group sees it.
    fn as_pollable(&self) -> PollableRef<'_>;
}

/// What a group knows of a member.
#[derive(Clone, Copy)]
pub struct PollableRef<'a>(pub(crate) &'a dyn Watched);

/// What a group has to know of a member.
pub(crate) trait Watched {
    /// What is reported of the member's socket. `None` for one that is always asked.
    fn readiness(&self) -> Option<Arc<Readiness>>;

    /// Calls `change` with the groups that it is in and with its open socket, if it has one. Neither changes meanwhile.
    fn with_subscriptions(&self, change: &mut dyn FnMut(&Subscriptions, Option<&Socket>));
}

impl fmt::Debug for PollableRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollableRef").finish_non_exhaustive()
    }
}

impl Group {
    /// A group without members.
    pub fn new() -> Group {
        let watching = Poller::new().and_then(|(registry, poller)| {
            let waker = registry.waker(WAKER)?;
            Ok(((registry, waker), poller))
        });
        let (kernel, poller) = watching.ok().unzip();
        Group {
            poller: Mutex::new(poller),
            ready_list: Arc::new(ReadyList::new(kernel)),
        }
    }

    /// Adds `member`, in whatever status, and gives its key. It is a member through all that it connects to, until it is
    /// removed or dropped.
    pub fn add(&self, member: &impl Pollable) -> usize {
        let member = member.as_pollable().0;
        let key = self.ready_list.enter(member.readiness());
        self.join(key, member);
        key
    }

    fn join(&self, key: usize, member: &dyn Watched) {
        member.with_subscriptions(&mut |subscriptions, socket| {
            subscriptions.join(&self.ready_list, key, socket);
        });
    }

    fn part(&self, key: usize, member: &dyn Watched) {
        member.with_subscriptions(&mut |subscriptions, socket| {
            subscriptions.leave(&self.ready_list, key, socket);
        });
    }

    /// Removes the member that was added as `key`.
    pub fn remove(&self, key: usize, member: &impl Pollable) {
        self.ready_list.leave(key);
        self.part(key, member.as_pollable().0);
    }

    /// As [`add`](Self::add), also for a member that has no connection yet.
    pub(crate) fn add_maybe(&self, connection: Option<&impl Pollable>) -> usize {
        match connection {
            Some(connection) => self.add(connection),
            None => self.ready_list.enter(None),
        }
    }

    /// As [`remove`](Self::remove), also for a member that has no connection now.
    pub(crate) fn remove_maybe(&self, key: usize, connection: Option<&impl Pollable>) {
        match connection {
            Some(connection) => self.remove(key, connection),
            None => self.ready_list.leave(key),
        }
    }

    /// A number for the key that no other member has at the same time. The numbers are small.
    pub(crate) fn index(key: usize) -> usize {
        ready_list::index(key)
    }

    /// Puts `new` in the place of `old`, the member that is known as `key`. What was to be reported of it still is.
    pub(crate) fn replace(
        &self,
        key: usize,
        old: Option<PollableRef<'_>>,
        new: Option<PollableRef<'_>>,
    ) {
        if let Some(PollableRef(old)) = old {
            self.part(key, old);
        }
        let readiness = new.and_then(|PollableRef(new)| new.readiness());
        self.ready_list.replace(key, readiness);
        if let Some(PollableRef(new)) = new {
            self.join(key, new);
        }
    }

    /// Calls `visit` with the key of each member to which something has happened, or whose last visit was not idle. If there
    /// is none, it waits for one, at most `limit`, without limit if that is `None`. It returns once a visit was
    /// [`Ready`](Visit::Ready), when the time is over, or after a [`wake`](Self::wake). While another thread polls, it waits
    /// for that to end, for at most `limit` too.
    ///
    /// `visit` is to poll the member, and may do with the group whatever it wants. A poll in a visit goes on with the round
    /// of the poll around it.
    pub fn poll(&self, limit: Option<Duration>, mut visit: impl FnMut(usize) -> Visit) {
        self.poll_due(limit, |due| visit(due.key), || ());
    }

    /// As [`poll`](Self::poll), with what is known of the member that is due. After each round, before a wait, it calls
    /// `end_round`.
    pub(crate) fn poll_due(
        &self,
        limit: Option<Duration>,
        mut visit: impl FnMut(Due) -> Visit,
        mut end_round: impl FnMut(),
    ) {
        // A limit that no clock can hold is none.
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
            while let Some((key, has_notices)) = self.ready_list.next_visit() {
                let due = Due {
                    key,
                    has_notices,
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
            end_round();
            if guard.is_over(is_ready) || limit == Some(Duration::ZERO) {
                return;
            }
            // The round has looked at what came meanwhile, also in a process that was stopped while it waited.
            let left = deadline.map(|deadline| deadline.saturating_duration_since(sys::now()));
            if left == Some(Duration::ZERO) {
                return;
            }
            wait = left;
        }
    }

    /// Ends the wait of the thread that is polling. If none is, the next poll does not wait.
    pub fn wake(&self) {
        self.ready_list.wake();
    }

    /// The oldest thing to be reported of the member once.
    pub(crate) fn next_notice(&self, key: usize) -> Option<Notice> {
        self.ready_list.next_notice(key)
    }

    /// Has the end of the connection with which the member was added reported, unless it is already.
    pub(crate) fn push_first_end(&self, key: usize, cause: EndCause) {
        self.ready_list.push_first_end(key, cause);
    }

    /// Has `notice` reported of the member by the next poll.
    pub(crate) fn push_notice(&self, key: usize, notice: Notice) {
        self.ready_list.push_notice(key, notice);
    }

    /// Has the member visited by the next poll.
    pub(crate) fn report(&self, key: usize) {
        self.ready_list.report(key);
    }

    /// Whether the group keeps another packet for the member.
    pub(crate) fn has_room(&self, key: usize) -> bool {
        self.ready_list.has_room(key)
    }

    /// Waits at most `limit` until a member is due, and begins a round of visits.
    fn wait(&self, limit: Option<Duration>) {
        // In a child the lock may be held by a thread of its parent's, which is not there.
        let is_ours = self.ready_list.is_of_this_process();
        let mut poller = is_ours.then(|| lock(&self.poller));
        let limit = match self.ready_list.begin_wait(limit != Some(Duration::ZERO)) {
            Urgency::Now => Some(Duration::ZERO),
            Urgency::Later => Some(limit.map_or(LATER, |limit| limit.min(LATER))),
            Urgency::Soon => Some(limit.map_or(SLICE, |limit| limit.min(SLICE))),
            Urgency::Idle => limit,
        };
        let mut reported = Vec::new();
        match poller.as_deref_mut() {
            // If it fails, the members that are due are visited all the same.
            Some(Some(poller)) => {
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
