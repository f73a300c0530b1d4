//! The sets of sockets behind pollers, and the sets that each socket is in.
//!
//! Windows reports a socket once and then has to be armed again; while bytes are unread, arming
//! reports them at once. The platform layer wants each change reported once. So a socket knows the
//! sets that it is in, and arms them again whenever one of its calls has found nothing to receive
//! or no room to send.
//!
//! A socket leaves its sets before it is closed.

use std::collections::HashMap;
use std::io;
use std::os::windows::io::{BorrowedSocket, RawSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use polling::Event;

use crate::sys::types::Interests;

/// The sets that a socket is in. Dropping this removes the socket from them: a socket has to leave
/// a set before it is closed.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// False if the socket is in no set. Then its calls need not take the lock.
    may_have_any: AtomicBool,
    list: Mutex<Vec<SocketWatch>>,
}

#[derive(Debug)]
struct SocketWatch {
    set: Arc<WatchSet>,
    key: usize,
    interests: Interests,
}

/// A set of sockets.
#[derive(Debug)]
pub(super) struct WatchSet {
    pub(super) poller: polling::Poller,
    members: Mutex<WatchedSockets>,
    /// The token of the waker.
    pub(super) waker: AtomicUsize,
    pub(super) is_woken: AtomicBool,
}

#[derive(Debug, Default)]
struct WatchedSockets {
    /// By keys that are never reused, so that an event of a socket that has left is not taken for
    /// an event of another one.
    list: HashMap<usize, WatchedSocket>,
    next_key: usize,
    /// The tokens of sockets that could not be armed, and are therefore reported.
    unarmed: Vec<usize>,
}

#[derive(Debug)]
struct WatchedSocket {
    socket: RawSocket,
    token: usize,
    /// What the system was armed for and has not reported yet.
    armed: Interests,
}

impl Watches {
    fn list(&self) -> MutexGuard<'_, Vec<SocketWatch>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the socket, whose handle is `socket`, to `set`.
    pub(super) fn add(
        &self,
        set: &Arc<WatchSet>,
        socket: RawSocket,
        token: usize,
        interests: Interests,
    ) -> io::Result<()> {
        let mut list = self.list();
        if list.iter().any(|watch| Arc::ptr_eq(&watch.set, set)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let key = set.add(socket, token, interests)?;
        list.push(SocketWatch {
            set: set.clone(),
            key,
            interests,
        });
        self.may_have_any.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Removes the socket from `set`.
    pub(super) fn remove(&self, set: &Arc<WatchSet>) -> io::Result<()> {
        let mut list = self.list();
        let mut watches = list.iter();
        let Some(index) = watches.position(|watch| Arc::ptr_eq(&watch.set, set)) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let watch = list.swap_remove(index);
        watch.set.remove(watch.key);
        Ok(())
    }

    /// Arms the sets. The caller has found that the socket is not ready for `interests`.
    pub(super) fn arm(&self, interests: Interests) {
        if self.may_have_any.load(Ordering::Relaxed) {
            for watch in self.list().iter() {
                watch
                    .set
                    .arm(watch.key, intersection(interests, watch.interests));
            }
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        for watch in self.list().drain(..) {
            watch.set.remove(watch.key);
        }
    }
}

impl WatchSet {
    pub(super) fn new(poller: polling::Poller) -> WatchSet {
        WatchSet {
            poller,
            members: Mutex::default(),
            waker: AtomicUsize::new(0),
            is_woken: AtomicBool::new(false),
        }
    }

    fn members(&self) -> MutexGuard<'_, WatchedSockets> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, socket: RawSocket, token: usize, interests: Interests) -> io::Result<usize> {
        let mut members = self.members();
        let key = members.next_key;
        // SAFETY: The caller's socket is open. It leaves the poller before it is closed, because
        // its `Watches` are dropped first.
        unsafe { self.poller.add(socket, event(key, interests))? };
        members.next_key += 1;
        let member = WatchedSocket {
            socket,
            token,
            armed: interests,
        };
        members.list.insert(key, member);
        Ok(key)
    }

    fn remove(&self, key: usize) {
        let mut members = self.members();
        if let Some(member) = members.list.remove(&key) {
            // Cannot fail: the socket is in the poller, once.
            let _ = self.poller.delete(member.borrow());
        }
    }

    fn arm(&self, key: usize, interests: Interests) {
        let mut members = self.members();
        let Some(member) = members.list.get_mut(&key) else {
            return;
        };
        let armed = union(member.armed, interests);
        if armed != member.armed {
            member.armed = armed;
            self.rearm(key, &mut members);
        }
    }

    /// Arms the system for the member again.
    fn rearm(&self, key: usize, members: &mut WatchedSockets) {
        let Some(member) = members.list.get_mut(&key) else {
            return;
        };
        let armed = event(key, member.armed);
        if self.poller.modify(member.borrow(), armed).is_err() {
            member.armed = NOTHING;
            members.unarmed.push(member.token);
            let _ = self.poller.notify();
        }
    }

    /// Calls `report` with the token of each member that `events` are about.
    pub(super) fn report<'a>(
        &self,
        events: impl Iterator<Item = Event> + 'a,
        mut report: impl FnMut(usize),
    ) {
        let mut members = self.members();
        for event in events {
            let Some(member) = members.list.get_mut(&event.key) else {
                continue;
            };
            member.armed.readable &= !event.readable;
            member.armed.writable &= !event.writable;
            report(member.token);
            // The event has disarmed the socket for its other interests too.
            if member.armed != NOTHING {
                self.rearm(event.key, &mut members);
            }
        }
        members.unarmed.drain(..).for_each(report);
    }
}

impl WatchedSocket {
    fn borrow(&self) -> BorrowedSocket<'_> {
        // SAFETY: The socket is open: a member leaves the set, whose lock is held here, before its
        // socket is closed.
        unsafe { BorrowedSocket::borrow_raw(self.socket) }
    }
}

const NOTHING: Interests = Interests {
    readable: false,
    writable: false,
};

fn intersection(one: Interests, other: Interests) -> Interests {
    Interests {
        readable: one.readable && other.readable,
        writable: one.writable && other.writable,
    }
}

fn union(one: Interests, other: Interests) -> Interests {
    Interests {
        readable: one.readable || other.readable,
        writable: one.writable || other.writable,
    }
}

fn event(key: usize, interests: Interests) -> Event {
    Event::new(key, interests.readable, interests.writable)
}
