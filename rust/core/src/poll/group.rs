//! Groups: many connections and listeners watched together, so that looking after them costs what the busy ones cost.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::poll::mailbox::{Mailbox, Round, Urgency};
use crate::poll::readiness::Readiness;
use crate::poll::subscriptions::Subscriptions;
use crate::sync::{Mutex, lock};
use crate::sys::{self, Poller, Socket};

/// How long the kernel is waited for at a time while there are members of which it does not tell.
const SLICE: Duration = Duration::from_millis(10);

/// The token of the waker. Members count from 0.
const WAKER: usize = usize::MAX;

/// Connections and listeners that are looked after together. Of its members it knows the keys only; whoever polls the
/// group polls the members it names.
///
/// Every method may be called from any thread. One thread at a time polls a group. In a forked child the kernel does not
/// tell a group of its parent's anything, and each member is asked every 10 milliseconds.
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_socket::{Connection, Group, Visit};
///
/// let (one, other) = Connection::pair()?;
/// let group = Group::new();
/// let key = group.add(&one);
/// other.write_all(b"news").map_err(|(error, _)| error)?;
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
    mailbox: Arc<Mailbox>,
}

/// What a visit to a member has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// It has nothing to say: no need to visit it again before something happens to it.
    Idle,
    /// It has nothing to say yet, and the kernel need not tell when it has: it is connecting, or short of something.
    Pending,
    /// It has something to say: it is visited again by the next poll, whatever happens.
    Ready,
}

/// What can be in a group: a [`Connection`](crate::Connection) or a [`Listener`](crate::Listener).
pub trait Member {
    /// How a group sees it.
    fn as_member(&self) -> MemberRef<'_>;
}

/// What a group knows of a member.
#[derive(Clone, Copy)]
pub struct MemberRef<'a>(pub(crate) &'a dyn Watched);

/// What a group has to know of a member.
pub(crate) trait Watched {
    /// What is told of the member's socket. `None` for one that is always asked.
    fn readiness(&self) -> Option<Arc<Readiness>>;

    /// Calls `change` with the groups that it is in and with its open socket, if it has one. Neither changes meanwhile.
    fn with_subscriptions(&self, change: &mut dyn FnMut(&Subscriptions, Option<&Socket>));
}

impl fmt::Debug for MemberRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberRef").finish_non_exhaustive()
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
            mailbox: Arc::new(Mailbox::new(kernel)),
        }
    }

    /// Adds `member`, in whatever status, and gives its key, which no other member ever has. It is a member through all
    /// that it connects to, until it is removed or dropped.
    pub fn add(&self, member: &impl Member) -> usize {
        let member = member.as_member().0;
        let key = self.mailbox.enter(member.readiness());
        member.with_subscriptions(&mut |subscriptions, socket| {
            subscriptions.join(&self.mailbox, key, socket);
        });
        key
    }

    /// Removes the member that was added as `key`.
    pub fn remove(&self, key: usize, member: &impl Member) {
        self.mailbox.leave(key);
        member
            .as_member()
            .0
            .with_subscriptions(&mut |subscriptions, socket| {
                subscriptions.leave(&self.mailbox, key, socket);
            });
    }

    /// Calls `visit` with the key of each member to which something has happened, or that had something to say when it was
    /// visited last. If none has, it waits for that, at most `limit`, without limit if that is `None`. It returns once one
    /// has, when the time is over, or after a [`wake`](Self::wake). While another thread is polling it waits for its turn,
    /// for at most `limit` too.
    ///
    /// `visit` is to poll the member, and may do with the group whatever it wants.
    pub fn poll(&self, limit: Option<Duration>, mut visit: impl FnMut(usize) -> Visit) {
        // A limit that no clock can hold is none.
        let deadline = match limit {
            Some(Duration::ZERO) => None,
            limit => limit.and_then(|limit| sys::now().checked_add(limit)),
        };
        let mut wait = Some(Duration::ZERO);
        let Some(_turn) = self.mailbox.take_turn(limit, deadline) else {
            return;
        };
        loop {
            let (mut round, is_woken) = self.wait(wait);
            let mut is_over = is_woken || limit == Some(Duration::ZERO);
            while let Some(key) = self.mailbox.next_visit(&mut round) {
                let urgency = match visit(key) {
                    Visit::Ready => Urgency::Now,
                    Visit::Pending => Urgency::Soon,
                    Visit::Idle => Urgency::Idle,
                };
                is_over |= urgency == Urgency::Now;
                self.mailbox.visit_again(key, urgency);
            }
            wait = deadline.map(|deadline| deadline.saturating_duration_since(sys::now()));
            if is_over || wait.is_some_and(|left| left.is_zero()) {
                return;
            }
        }
    }

    /// Ends the wait of the thread that is polling. If none is, the next poll does not wait.
    pub fn wake(&self) {
        self.mailbox.wake();
    }

    /// Waits at most `limit` until there is somebody to visit. Who that is, and whether it was woken.
    fn wait(&self, limit: Option<Duration>) -> (Round, bool) {
        // In a child the lock may be held by a thread of its parent's, which is not there.
        let is_ours = self.mailbox.is_of_this_process();
        let mut poller = is_ours.then(|| lock(&self.poller));
        let limit = match self.mailbox.begin_wait(limit != Some(Duration::ZERO)) {
            Urgency::Now => Some(Duration::ZERO),
            Urgency::Soon => Some(limit.map_or(SLICE, |limit| limit.min(SLICE))),
            Urgency::Idle => limit,
        };
        let mut told = Vec::new();
        match poller.as_deref_mut() {
            // If it fails, who is due is visited all the same.
            Some(Some(poller)) => {
                drop(poller.wait(limit, |token| {
                    if token != WAKER {
                        told.push(token);
                    }
                }));
            }
            _ => self.mailbox.wait(limit.unwrap_or(SLICE)),
        }
        self.mailbox.end_wait(told)
    }
}

impl Default for Group {
    fn default() -> Group {
        Group::new()
    }
}
