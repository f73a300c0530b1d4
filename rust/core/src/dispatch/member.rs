//! A member of an event loop.

use std::sync::Arc;

use crate::connection::Connection;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};

/// Makes a member of a connection that a server has accepted.
pub(super) type Accept<S> = Arc<dyn Fn(Connection) -> S + Send + Sync>;

/// A member of an [`EventLoop`](crate::dispatch::EventLoop).
pub struct Member<S> {
    subject: S,
    pub(super) key: usize,
    /// Later members have larger numbers.
    pub(super) order: u64,
    /// The loop has accepted it, and removes it when it is over.
    pub(super) is_accepted: bool,
    is_removed: AtomicBool,
    /// What is done with the connections of a server.
    accept: Mutex<Option<Accept<S>>>,
    reported: Reported,
}

/// What the loop has reported of a member. Changed by the thread that polls the loop.
#[derive(Debug, Default)]
pub(super) struct Reported {
    /// Which connection it is, as an address: a packet channel may get another one.
    connection: AtomicUsize,
    version: AtomicU64,
    is_read_closed: AtomicBool,
    /// How many bytes the session had received when its data was reported last, and the number of that poll.
    data_version: AtomicU64,
    received: AtomicU64,
    poll: AtomicU64,
}

impl Reported {
    /// What there is of `connection` when it is added.
    pub(super) fn of(connection: &Connection) -> Reported {
        Reported {
            connection: AtomicUsize::new(address(connection)),
            version: AtomicU64::new(connection.version()),
            is_read_closed: AtomicBool::new(connection.is_read_closed()),
            data_version: AtomicU64::new(0),
            received: AtomicU64::new(0),
            poll: AtomicU64::new(0),
        }
    }
}

fn address(connection: &Connection) -> usize {
    std::ptr::from_ref(connection).addr()
}

impl<S> Member<S> {
    pub(super) fn new(
        subject: S,
        key: usize,
        order: u64,
        is_accepted: bool,
        reported: Reported,
    ) -> Member<S> {
        Member {
            subject,
            key,
            order,
            is_accepted,
            is_removed: AtomicBool::new(false),
            accept: Mutex::new(None),
            reported,
        }
    }

    /// What it is.
    pub fn subject(&self) -> &S {
        &self.subject
    }

    /// Whether it is not a member any more.
    pub(super) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Acquire)
    }

    pub(super) fn remove(&self) {
        self.is_removed.store(true, Ordering::Release);
    }

    pub(super) fn accept(&self) -> Option<Accept<S>> {
        lock(&self.accept).clone()
    }

    /// The way to accept before this one, which the caller drops without a lock.
    pub(super) fn set_accept(&self, accept: Option<Accept<S>>) -> Option<Accept<S>> {
        std::mem::replace(&mut *lock(&self.accept), accept)
    }

    /// Whether the status has changed since it was looked at last.
    pub(super) fn has_another_version(&self, connection: &Connection) -> bool {
        self.reported.version.load(Ordering::Relaxed) != connection.version()
    }

    /// Takes note of the connection that the member has now. Whether its status has changed since it was looked at last, or
    /// its peer has ended its direction; what another connection was like does not count.
    pub(super) fn has_changed(&self, connection: &Connection, is_read_closed: bool) -> bool {
        let reported = &self.reported;
        let version = connection.version();
        let address = address(connection);
        let is_same = reported.connection.swap(address, Ordering::Relaxed) == address;
        let was_version = reported.version.swap(version, Ordering::Relaxed);
        let was_closed = reported
            .is_read_closed
            .swap(is_read_closed, Ordering::Relaxed);
        if !is_same {
            reported.received.store(0, Ordering::Relaxed);
        }
        is_same && (was_version != version || was_closed != is_read_closed)
    }

    /// Takes note that the `poll` of this number reports data of a connection that has received so many bytes. Whether that
    /// poll has not done so before.
    pub(super) fn is_new(&self, (version, received): (u64, u64), poll: u64) -> bool {
        let reported = &self.reported;
        let is_known = reported.received.load(Ordering::Relaxed) == received
            && reported.data_version.load(Ordering::Relaxed) == version
            && reported.poll.load(Ordering::Relaxed) == poll;
        if !is_known {
            reported.data_version.store(version, Ordering::Relaxed);
            reported.received.store(received, Ordering::Relaxed);
            reported.poll.store(poll, Ordering::Relaxed);
        }
        !is_known
    }
}

impl<S> std::fmt::Debug for Member<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Member")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
