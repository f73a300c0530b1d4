//! What a group's members have to tell it, and waiting for that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::poll::readiness::Readiness;
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait_timeout};
use crate::sys::{self, Interests, Registry, Socket, Waker};

/// Where members leave word, and where the group looks for it.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// The process whose kernel tells of the sockets. What a child has of it is its parent's.
    process: u64,
    /// `None` where sockets cannot be watched.
    kernel: Option<(Registry, Waker)>,
    mail: Mutex<Mail>,
    /// There is somebody to visit, or nobody is polling any more.
    has_mail: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct Mail {
    /// In the order in which they are visited, so that neighbours lie beside each other in memory.
    members: BTreeMap<usize, Member>,
    next_key: usize,
    /// Who is to be visited, in the order in which they were added.
    due: BTreeSet<usize>,
    /// Who is to be visited from time to time, since the kernel does not tell of it.
    pending: BTreeSet<usize>,
    /// The thread that is polling the group. Its visits may poll it too.
    poller: Option<ThreadId>,
    /// How many threads wait for their turn to poll. Waking nobody would cost a system call.
    queued: u32,
    is_waiting: bool,
    is_woken: bool,
}

#[derive(Debug)]
struct Member {
    /// A connection's; a listener has none.
    readiness: Option<Arc<Readiness>>,
    /// Its socket could not be watched.
    is_unwatched: bool,
}

/// How soon a poll has to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Somebody is due, or the group was woken.
    Now,
    /// There are members that have to be asked from time to time.
    Soon,
    /// Nobody waits.
    Idle,
}

/// Visits to members, each at most once: those that are left, in the order in which they were added. Members that a visit
/// adds come later.
pub(super) struct Round {
    next: usize,
    end: usize,
}

/// The right to poll, to its end.
pub(super) struct Turn<'a> {
    mailbox: &'a Mailbox,
    is_nested: bool,
}

impl Mailbox {
    pub(super) fn new(kernel: Option<(Registry, Waker)>) -> Mailbox {
        Mailbox {
            process: sys::process(),
            kernel,
            mail: Mutex::default(),
            has_mail: Condvar::new(),
        }
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        lock(&self.mail)
    }

    /// What tells of sockets, if there is such a thing and it is this process's.
    fn kernel(&self) -> Option<&(Registry, Waker)> {
        self.kernel.as_ref().filter(|_| self.is_of_this_process())
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == sys::process()
    }

    /// Ends the wait that is under way.
    fn notify(&self, mail: &Mail) {
        if !mail.is_waiting {
            return;
        }
        self.has_mail.notify_all();
        if let Some((_, waker)) = self.kernel() {
            // It can fail only if it was called so often that it cannot be overheard.
            let _ = waker.wake();
        }
    }

    /// Ends the wait of the thread that is polling, or the next one.
    pub(super) fn wake(&self) {
        let mut mail = self.mail();
        mail.is_woken = true;
        self.notify(&mail);
    }

    /// The right to poll, which one thread has at a time. `None` if the time is over before.
    pub(super) fn take_turn(
        &self,
        limit: Option<Duration>,
        deadline: Option<Instant>,
    ) -> Option<Turn<'_>> {
        let me = thread::current().id();
        let mut mail = self.mail();
        // A thread that was polling when the process was forked is not there in the child.
        while self.is_of_this_process() && mail.poller.is_some_and(|poller| poller != me) {
            let left = match deadline {
                None if limit == Some(Duration::ZERO) => return None,
                None => Duration::MAX,
                Some(deadline) => deadline.checked_duration_since(sys::now())?,
            };
            mail.queued += 1;
            mail = wait_timeout(&self.has_mail, mail, left);
            mail.queued -= 1;
        }
        let is_nested = mail.poller.replace(me) == Some(me);
        Some(Turn {
            mailbox: self,
            is_nested,
        })
    }

    /// Adds a member; its key, which no other member ever has.
    pub(super) fn enter(&self, readiness: Option<Arc<Readiness>>) -> usize {
        let mut mail = self.mail();
        let key = mail.next_key;
        mail.next_key += 1;
        let is_unwatched = self.kernel().is_none();
        let member = Member {
            readiness,
            is_unwatched,
        };
        mail.members.insert(key, member);
        mail.due.insert(key);
        self.notify(&mail);
        key
    }

    pub(super) fn leave(&self, key: usize) {
        let mut mail = self.mail();
        mail.members.remove(&key);
        mail.due.remove(&key);
        mail.pending.remove(&key);
    }

    /// Begins a wait, and says how long it may be.
    pub(super) fn begin_wait(&self, may_wait: bool) -> Urgency {
        let mut mail = self.mail();
        let urgency = if !mail.due.is_empty() || mail.is_woken {
            Urgency::Now
        } else if !mail.pending.is_empty() || !self.is_of_this_process() {
            Urgency::Soon
        } else {
            Urgency::Idle
        };
        mail.is_waiting = may_wait && urgency != Urgency::Now;
        urgency
    }

    /// Waits for what members tell, where the kernel cannot be waited for.
    pub(super) fn wait(&self, limit: Duration) {
        let mail = self.mail();
        if !limit.is_zero() && mail.due.is_empty() && !mail.is_woken {
            drop(wait_timeout(&self.has_mail, mail, limit));
        }
    }

    /// Ends the wait, in which the kernel has `told` of members. Whom to visit, and whether the group was woken.
    pub(super) fn end_wait(&self, told: Vec<usize>) -> (Round, bool) {
        let mut mail = self.mail();
        let Mail {
            members,
            due,
            pending,
            ..
        } = &mut *mail;
        due.extend(told);
        due.append(pending);
        if !self.is_of_this_process() {
            due.extend(members.keys());
        }
        mail.is_waiting = false;
        let round = Round {
            next: 0,
            end: mail.next_key,
        };
        (round, std::mem::take(&mut mail.is_woken))
    }

    /// The next member to be visited in a round. It is due until then: a visit may poll the group, and wait for what another
    /// member has to say.
    pub(super) fn next_visit(&self, round: &mut Round) -> Option<usize> {
        let mut mail = self.mail();
        loop {
            let key = *mail.due.range(round.next..round.end).next()?;
            round.next = key + 1;
            mail.due.remove(&key);
            // One that was removed may still have been told of.
            let Some(Member { readiness, .. }) = mail.members.get(&key) else {
                continue;
            };
            if let Some(readiness) = readiness {
                readiness.tell();
            }
            return Some(key);
        }
    }

    /// Has the member visited once more: at once, or from time to time.
    pub(super) fn visit_again(&self, key: usize, urgency: Urgency) {
        let mut mail = self.mail();
        let Some(member) = mail.members.get(&key) else {
            return;
        };
        match urgency {
            Urgency::Now => mail.due.insert(key),
            Urgency::Soon => mail.pending.insert(key),
            Urgency::Idle => member.is_unwatched && mail.pending.insert(key),
        };
    }

    /// Has the kernel tell of the socket of a member.
    pub(super) fn watch(&self, key: usize, socket: &Socket) {
        let Some((registry, _)) = self.kernel() else {
            return;
        };
        // A connection is of interest when it can be read, and when its queue can be sent.
        let is_unwatched = registry.add(socket, key, Interests::BOTH).is_err();
        if let Some(member) = self.mail().members.get_mut(&key) {
            member.is_unwatched = is_unwatched;
        }
    }

    pub(super) fn unwatch(&self, socket: &Socket) {
        if let Some((registry, _)) = self.kernel() {
            // It fails if it was not watched.
            let _ = registry.remove(socket);
        }
    }

    /// Has the member visited: something has happened to it that the kernel does not tell.
    pub(super) fn tell(&self, key: usize) {
        let mut mail = self.mail();
        mail.due.insert(key);
        self.notify(&mail);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_nested {
            let mut mail = self.mailbox.mail();
            mail.poller = None;
            if mail.queued > 0 {
                self.mailbox.has_mail.notify_all();
            }
        }
    }
}
