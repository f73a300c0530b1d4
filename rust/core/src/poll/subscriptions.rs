//! The groups that a connection or a listener is in.

use std::sync::{Arc, Weak};

use crate::poll::mailbox::Mailbox;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, lock};
use crate::sys::Socket;

/// The mailboxes to leave word in, each with the key of the member there. Dropping it ends the memberships.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    /// Whether there may be any, so that those in none need not lock.
    are_any: AtomicBool,
    list: Mutex<Vec<(Weak<Mailbox>, usize)>>,
}

impl Drop for Subscriptions {
    fn drop(&mut self) {
        self.each(Mailbox::leave);
    }
}

impl Subscriptions {
    #[inline]
    pub(crate) fn are_any(&self) -> bool {
        self.are_any.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self, mailbox: &Arc<Mailbox>, key: usize, socket: Option<&Socket>) {
        lock(&self.list).push((Arc::downgrade(mailbox), key));
        self.are_any.store(true, Ordering::Relaxed);
        if let Some(socket) = socket {
            mailbox.watch(key, socket);
        }
    }

    pub(super) fn leave(&self, mailbox: &Arc<Mailbox>, key: usize, socket: Option<&Socket>) {
        let is_it = |other: &Weak<Mailbox>| std::ptr::eq(other.as_ptr(), Arc::as_ptr(mailbox));
        let mut list = lock(&self.list);
        list.retain(|(other, member)| !(is_it(other) && *member == key));
        let Some(socket) = socket else { return };
        mailbox.unwatch(socket);
        // It may have been added twice. The kernel knows a socket by one key.
        if let Some((_, key)) = list.iter().find(|(other, _)| is_it(other)) {
            mailbox.watch(*key, socket);
        }
    }

    /// Has the groups watch `socket`, which is new.
    pub(crate) fn opened(&self, socket: &Socket) {
        self.each(|mailbox, key| mailbox.watch(key, socket));
    }

    /// Ends that the groups watch `socket`, which goes on without the member.
    pub(crate) fn retired(&self, socket: &Socket) {
        self.each(|mailbox, _| mailbox.unwatch(socket));
    }

    /// Tells the groups that something has happened which the kernel does not tell them.
    #[inline]
    pub(crate) fn tell(&self) {
        self.each(Mailbox::tell);
    }

    /// Calls `then` for each group, and forgets those that are gone.
    #[inline]
    fn each(&self, then: impl Fn(&Mailbox, usize)) {
        if !self.are_any() {
            return;
        }
        lock(&self.list).retain(|(mailbox, key)| {
            let mailbox = mailbox.upgrade();
            if let Some(mailbox) = &mailbox {
                then(mailbox, *key);
            }
            mailbox.is_some()
        });
    }
}
