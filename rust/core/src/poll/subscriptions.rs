//! The groups that one connection or listener is in.
//!
//! A connection does not keep its groups alive, and a group knows its members by key only.

use std::sync::{Arc, Weak};

use crate::event::{ConnectEnd, EndCause, Event};
use crate::poll::ready_list::{QueuedEvent, ReadyList};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};
use crate::sys::Socket;

/// The ready lists of the groups, each with the key of the member there. Dropping it removes the
/// member from all of them.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// An upper bound of the length of the list, so that a connection without groups need not lock.
    count: AtomicUsize,
    list: Mutex<Vec<(Weak<ReadyList>, usize)>>,
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.each(ReadyList::remove);
    }
}

impl Subscriptions {
    /// An upper bound of the number of groups.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Adds a group. `socket` is the open socket, if there is one.
    pub(super) fn add(&self, ready_list: &Arc<ReadyList>, key: usize, socket: Option<&Socket>) {
        let mut list = lock(&self.list);
        list.push((Arc::downgrade(ready_list), key));
        self.count.store(list.len(), Ordering::Relaxed);
        drop(list);
        if let Some(socket) = socket {
            ready_list.watch(key, socket);
        }
    }

    /// Removes the membership with `key`. `socket` is the open socket, if there is one.
    pub(super) fn remove(&self, ready_list: &Arc<ReadyList>, key: usize, socket: Option<&Socket>) {
        let is_group =
            |other: &Weak<ReadyList>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(ready_list));
        let mut list = lock(&self.list);
        list.retain(|(other, member)| !(is_group(other) && *member == key));
        self.count.store(list.len(), Ordering::Relaxed);
        let Some(socket) = socket else { return };
        ready_list.unwatch(socket);
        // The member may be in the group twice, and the kernel reports a socket under one key.
        if let Some((_, key)) = list.iter().find(|(other, _)| is_group(other)) {
            ready_list.watch(*key, socket);
        }
    }

    /// Registers `socket`, which was just opened, with the groups.
    pub(crate) fn opened(&self, socket: &Socket) {
        self.each(|ready_list, key| ready_list.watch(key, socket));
    }

    /// Deregisters `socket`, which stays open but no longer belongs to the member.
    pub(crate) fn retired(&self, socket: &Socket) {
        self.each(|ready_list, _| ready_list.unwatch(socket));
    }

    /// Makes the member due in all groups, because of something that the kernel does not report.
    #[inline]
    pub(crate) fn report(&self) {
        self.each(ReadyList::report);
    }

    /// Like [`report`](Self::report), when the kernel has refused the queue. Only groups that watch
    /// for refusals are notified.
    pub(crate) fn report_refusal(&self) {
        self.each(ReadyList::report_refusal);
    }

    /// Like [`report`](Self::report), for `event`. Queues the start and the end of a connection.
    pub(crate) fn report_event(&self, event: Event) {
        let queued = match event {
            Event::ConnectFinished(ConnectEnd::Connected) => QueuedEvent::Connected,
            Event::ConnectFinished(end) => QueuedEvent::Ended(EndCause::Connect(end)),
            Event::Disconnected(cause) => QueuedEvent::Ended(EndCause::Disconnect(cause)),
            Event::StatusChanged(_) | Event::Drained => return self.report(),
        };
        self.each(|ready_list, key| ready_list.push_event(key, queued.clone()));
    }

    /// Calls `then` for each group, and removes groups that no longer exist.
    #[inline]
    fn each(&self, then: impl Fn(&ReadyList, usize)) {
        if self.count() == 0 {
            return;
        }
        lock(&self.list).retain(|(ready_list, key)| {
            let ready_list = ready_list.upgrade();
            if let Some(ready_list) = &ready_list {
                then(ready_list, *key);
            }
            ready_list.is_some()
        });
    }
}
