//! The groups that a connection or a listener is in.

use std::sync::{Arc, Weak};

use crate::event::{ConnectEnd, EndCause, Event};
use crate::poll::ready_list::{Notice, ReadyList};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};
use crate::sys::Socket;

/// The ready lists to report to, each with the key of the member there. Dropping it ends the memberships.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// How many there are at most, so that a connection in none need not lock.
    count: AtomicUsize,
    list: Mutex<Vec<(Weak<ReadyList>, usize)>>,
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.each(ReadyList::leave);
    }
}

impl Subscriptions {
    /// How many there are at most.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self, ready_list: &Arc<ReadyList>, key: usize, socket: Option<&Socket>) {
        let mut list = lock(&self.list);
        list.push((Arc::downgrade(ready_list), key));
        self.count.store(list.len(), Ordering::Relaxed);
        drop(list);
        if let Some(socket) = socket {
            ready_list.watch(key, socket);
        }
    }

    pub(super) fn leave(&self, ready_list: &Arc<ReadyList>, key: usize, socket: Option<&Socket>) {
        let is_it = |other: &Weak<ReadyList>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(ready_list));
        let mut list = lock(&self.list);
        list.retain(|(other, member)| !(is_it(other) && *member == key));
        self.count.store(list.len(), Ordering::Relaxed);
        let Some(socket) = socket else { return };
        ready_list.unwatch(socket);
        // It may have been added twice. The kernel knows a socket by one key.
        if let Some((_, key)) = list.iter().find(|(other, _)| is_it(other)) {
            ready_list.watch(*key, socket);
        }
    }

    /// Has the groups watch `socket`, which is new.
    pub(crate) fn opened(&self, socket: &Socket) {
        self.each(|ready_list, key| ready_list.watch(key, socket));
    }

    /// Ends that the groups watch `socket`, which goes on without the member.
    pub(crate) fn retired(&self, socket: &Socket) {
        self.each(|ready_list, _| ready_list.unwatch(socket));
    }

    /// Reports to the groups that something has happened which the kernel does not report.
    #[inline]
    pub(crate) fn report(&self) {
        self.each(ReadyList::report);
    }

    /// As [`report`](Self::report), for an event: the beginning and the end of a connection are reported by the group too.
    pub(crate) fn report_event(&self, event: Event) {
        let notice = match event {
            Event::ConnectFinished(ConnectEnd::Connected) => Notice::Connected,
            Event::ConnectFinished(end) => Notice::Ended(EndCause::Connect(end)),
            Event::Disconnected(cause) => Notice::Ended(EndCause::Disconnect(cause)),
            Event::StatusChanged(_) | Event::Drained => return self.report(),
        };
        self.each(|ready_list, key| ready_list.push_notice(key, notice.clone()));
    }

    /// Calls `then` for each group, and forgets those that are gone.
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
