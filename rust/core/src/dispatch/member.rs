//! One member of an event loop, and what the loop has reported of it.

use std::sync::Arc;

use crate::connection::Connection;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};

/// Makes a member of a connection that a server accepted.
pub(super) type Accept<S> = Arc<dyn Fn(Connection) -> S + Send + Sync>;

/// A member of an [`EventLoop`](crate::dispatch::EventLoop).
pub struct LoopMember<S> {
    subject: S,
    pub(super) key: usize,
    /// Members that were added later have larger numbers.
    pub(super) order: u64,
    /// It is a listening socket.
    pub(super) is_server: bool,
    /// It is a session: what happens to its connection is reported to nobody.
    pub(super) is_session: bool,
    /// The loop accepted it, and removes it when its connection or its session ends.
    pub(super) is_accepted: bool,
    is_removed: AtomicBool,
    /// What to do with the connections of a server.
    accept: Mutex<Option<Accept<S>>>,
    reported: Reported,
}

/// What a new member is.
pub(super) struct MemberKind {
    pub(super) is_server: bool,
    pub(super) is_session: bool,
    pub(super) is_accepted: bool,
}

/// The state of a member that the loop has reported. Only the thread that polls the loop changes
/// it.
#[derive(Debug, Default)]
pub(super) struct Reported {
    /// The address of the connection: a packet channel can get another one.
    connection: AtomicUsize,
    version: AtomicU64,
    is_read_closed: AtomicBool,
    /// Of the last report of data: the version of the connection, the number of bytes that it had
    /// received, and the number of the poll.
    data_version: AtomicU64,
    received: AtomicU64,
    poll: AtomicU64,
}

/// How much data a connection has received: what distinguishes new data from data that was
/// reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DataPosition {
    /// The version of the connection.
    pub(super) version: u64,
    /// The number of bytes received.
    pub(super) received: u64,
}

impl Reported {
    /// The state of `connection` when it is added, which the loop does not report.
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

impl<S> LoopMember<S> {
    pub(super) fn new(
        subject: S,
        key: usize,
        order: u64,
        kind: MemberKind,
        reported: Reported,
    ) -> LoopMember<S> {
        debug_assert!(
            !(kind.is_server && kind.is_accepted),
            "a loop accepts no servers"
        );
        LoopMember {
            subject,
            key,
            order,
            is_server: kind.is_server,
            is_session: kind.is_session,
            is_accepted: kind.is_accepted,
            is_removed: AtomicBool::new(false),
            accept: Mutex::new(None),
            reported,
        }
    }

    /// The subject that was added.
    pub fn subject(&self) -> &S {
        &self.subject
    }

    /// Whether it was removed from the loop.
    pub(super) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Acquire)
    }

    /// Marks it as removed. Each member is removed once.
    pub(super) fn mark_removed(&self) {
        let was_removed = self.is_removed.swap(true, Ordering::Release);
        debug_assert!(!was_removed, "a member is removed twice");
    }

    pub(super) fn accept(&self) -> Option<Accept<S>> {
        lock(&self.accept).clone()
    }

    /// Replaces the function that accepts. The caller drops the old one without holding a lock.
    #[must_use = "dropping it may run code of the program, which must not run under a lock"]
    pub(super) fn set_accept(&self, accept: Option<Accept<S>>) -> Option<Accept<S>> {
        std::mem::replace(&mut *lock(&self.accept), accept)
    }

    /// Whether the status of `connection` changed since the loop reported it.
    pub(super) fn has_unreported_version(&self, connection: &Connection) -> bool {
        self.reported.version.load(Ordering::Relaxed) != connection.version()
    }

    /// Records the current state of `connection` as reported. Returns whether its status, or its
    /// half-close by the peer, changed since the last report. A connection that replaced another
    /// one counts as unchanged.
    pub(super) fn record_state(&self, connection: &Connection, is_read_closed: bool) -> bool {
        let reported = &self.reported;
        let version = connection.version();
        let address = address(connection);
        let is_same = reported.connection.swap(address, Ordering::Relaxed) == address;
        let old_version = reported.version.swap(version, Ordering::Relaxed);
        let was_closed = reported
            .is_read_closed
            .swap(is_read_closed, Ordering::Relaxed);
        if !is_same {
            reported.received.store(0, Ordering::Relaxed);
        }
        is_same && (old_version != version || was_closed != is_read_closed)
    }

    /// Records that the poll number `poll` reports data up to `position`. Returns false if the same
    /// poll has reported exactly that already.
    pub(super) fn record_data(&self, position: DataPosition, poll: u64) -> bool {
        let DataPosition { version, received } = position;
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

impl<S> std::fmt::Debug for LoopMember<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoopMember")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
