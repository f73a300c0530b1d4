//! Many sockets watched with one system call (a completion port and the socket driver's poll request), through `polling`.
//!
//! The system tells of a socket once, and then has to be asked again; while bytes are unread, it tells at once. The platform layer
//! wants each change told once. So a socket knows the sets that it is in, and asks them again whenever a call of it has found
//! nothing to receive, or no room to send.

use std::collections::HashMap;
use std::io;
use std::os::windows::io::{AsRawSocket, BorrowedSocket, RawSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polling::{Event, Events};

use super::socket::Socket;
use crate::sys::descriptors::obtain;
use crate::sys::portable::check_watching;
use crate::sys::types::Interests;

/// The sets that a socket is in. Its calls keep them asking, and dropping this takes it out: a socket has to leave a set
/// before it is closed.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// Whether there may be any, so that a socket in none need not lock.
    are_any: AtomicBool,
    list: Mutex<Vec<Watch>>,
}

#[derive(Debug)]
struct Watch {
    set: Arc<Set>,
    key: usize,
    interests: Interests,
}

/// A set of sockets.
#[derive(Debug)]
struct Set {
    poller: polling::Poller,
    members: Mutex<Members>,
    waker: AtomicUsize,
    is_woken: AtomicBool,
}

#[derive(Debug, Default)]
struct Members {
    /// By keys that are never used again, so that what is told of a socket that has left is not taken for another's.
    list: HashMap<usize, Member>,
    next_key: usize,
    /// Who could not be asked for, and so is told of anyway.
    unasked: Vec<usize>,
}

#[derive(Debug)]
struct Member {
    socket: RawSocket,
    token: usize,
    /// What the system was asked for and has not told yet.
    asked: Interests,
}

/// Tells which of the sockets added to it have changed. Of each change it tells once.
#[derive(Debug)]
pub(crate) struct Poller {
    set: Arc<Set>,
    events: Events,
}

/// Adds sockets to a [`Poller`], also while another thread waits for it.
#[derive(Debug)]
pub(crate) struct Registry(Arc<Set>);

/// Ends the wait of another thread.
#[derive(Debug)]
pub(crate) struct Waker(Arc<Set>);

impl Watches {
    fn list(&self) -> MutexGuard<'_, Vec<Watch>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called when the socket was found not ready for `interests`: the sets are to tell when it is.
    pub(super) fn ask(&self, interests: Interests) {
        if self.are_any.load(Ordering::Relaxed) {
            for watch in self.list().iter() {
                watch.set.ask(watch.key, common(interests, watch.interests));
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

impl Set {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, socket: RawSocket, token: usize, interests: Interests) -> io::Result<usize> {
        let mut members = self.members();
        let key = members.next_key;
        // SAFETY: The caller's socket is open. It leaves the poller before it is closed: its `Watches` are dropped before it.
        unsafe { self.poller.add(socket, event(key, interests))? };
        members.next_key += 1;
        let member = Member {
            socket,
            token,
            asked: interests,
        };
        members.list.insert(key, member);
        Ok(key)
    }

    fn remove(&self, key: usize) {
        let mut members = self.members();
        if let Some(member) = members.list.remove(&key) {
            // It cannot be in there twice, and it is in there.
            let _ = self.poller.delete(member.borrow());
        }
    }

    fn ask(&self, key: usize, interests: Interests) {
        let mut members = self.members();
        let Some(member) = members.list.get_mut(&key) else {
            return;
        };
        let asked = both(member.asked, interests);
        if asked != member.asked {
            member.asked = asked;
            self.ask_again(key, &mut members);
        }
    }

    /// Asks the system for what the member is to be asked for.
    fn ask_again(&self, key: usize, members: &mut Members) {
        let Some(member) = members.list.get_mut(&key) else {
            return;
        };
        let asked = event(key, member.asked);
        if self.poller.modify(member.borrow(), asked).is_err() {
            member.asked = NOTHING;
            members.unasked.push(member.token);
            let _ = self.poller.notify();
        }
    }
}

impl Member {
    fn borrow(&self) -> BorrowedSocket<'_> {
        // SAFETY: A member leaves the set before its socket is closed, and the set's lock is held.
        unsafe { BorrowedSocket::borrow_raw(self.socket) }
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<(Registry, Poller)> {
        check_watching()?;
        let set = Arc::new(Set {
            poller: obtain(polling::Poller::new)?,
            members: Mutex::default(),
            waker: AtomicUsize::new(0),
            is_woken: AtomicBool::new(false),
        });
        let events = Events::new();
        Ok((Registry(set.clone()), Poller { set, events }))
    }

    /// Waits at most `limit` until something has changed, and calls `tell` with the token of each socket that has.
    pub(crate) fn wait(
        &mut self,
        mut limit: Option<Duration>,
        mut tell: impl FnMut(usize),
    ) -> io::Result<()> {
        loop {
            self.events.clear();
            self.set.poller.wait(&mut self.events, limit)?;
            let mut members = self.set.members();
            for event in self.events.iter() {
                let Some(member) = members.list.get_mut(&event.key) else {
                    continue;
                };
                member.asked.readable &= !event.readable;
                member.asked.writable &= !event.writable;
                tell(member.token);
                // The system has forgotten the rest too.
                if member.asked != NOTHING {
                    self.set.ask_again(event.key, &mut members);
                }
            }
            members.unasked.drain(..).for_each(&mut tell);
            drop(members);
            if self.set.is_woken.swap(false, Ordering::AcqRel) {
                tell(self.set.waker.load(Ordering::Relaxed));
            }
            if self.events.len() < self.events.capacity().get() {
                return Ok(());
            }
            limit = Some(Duration::ZERO);
        }
    }
}

impl Registry {
    /// Has the poller tell of `socket` by `token`, beginning with what is there already. Closing the socket ends it.
    pub(crate) fn add(
        &self,
        socket: &Socket,
        token: usize,
        interests: Interests,
    ) -> io::Result<()> {
        let watches = &socket.watches;
        let mut list = watches.list();
        if list.iter().any(|watch| Arc::ptr_eq(&watch.set, &self.0)) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let key = self.0.add(socket.as_raw_socket(), token, interests)?;
        list.push(Watch {
            set: self.0.clone(),
            key,
            interests,
        });
        watches.are_any.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Ends what [`add`](Self::add) has begun.
    pub(crate) fn remove(&self, socket: &Socket) -> io::Result<()> {
        let mut list = socket.watches.list();
        let mut watches = list.iter();
        let Some(index) = watches.position(|watch| Arc::ptr_eq(&watch.set, &self.0)) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let watch = list.swap_remove(index);
        watch.set.remove(watch.key);
        Ok(())
    }

    /// A waker of the poller, which tells of it by `token`.
    pub(crate) fn waker(&self, token: usize) -> io::Result<Waker> {
        self.0.waker.store(token, Ordering::Relaxed);
        Ok(Waker(self.0.clone()))
    }
}

impl Waker {
    pub(crate) fn wake(&self) -> io::Result<()> {
        self.0.is_woken.store(true, Ordering::Release);
        self.0.poller.notify()
    }
}

const NOTHING: Interests = Interests {
    readable: false,
    writable: false,
};

fn common(one: Interests, other: Interests) -> Interests {
    Interests {
        readable: one.readable && other.readable,
        writable: one.writable && other.writable,
    }
}

fn both(one: Interests, other: Interests) -> Interests {
    Interests {
        readable: one.readable || other.readable,
        writable: one.writable || other.writable,
    }
}

fn event(key: usize, interests: Interests) -> Event {
    Event::new(key, interests.readable, interests.writable)
}
