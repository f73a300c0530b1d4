//! Groups: many connections and listeners watched together, so that looking after them costs what the busy ones cost.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::connection::Connection;
use crate::listener::Listener;
use crate::lock::lock;
use crate::readiness::Readiness;
use crate::sys::{Interest, Registrar, Selector, Waker};

/// How long the kernel is waited for at a time while there are unsettled members, of which it does not tell.
const SLICE: Duration = Duration::from_millis(10);

/// The token of the waker. Members count from 0.
const WAKER: usize = usize::MAX;

/// Connections and listeners that are looked after together. Of its members it knows the keys only; whoever polls the
/// group polls the members it names.
///
/// Every method may be called from any thread. One thread at a time polls a group.
#[derive(Debug)]
pub struct Group {
    /// Held during a wait.
    selector: Mutex<Option<Selector>>,
    bell: Arc<Bell>,
}

/// What a visit to a member has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// It has nothing to say: no need to visit it again before something happens to it.
    Silent,
    /// It has nothing to say yet, and the kernel need not tell when it has: it is connecting, or short of something.
    Unsettled,
    /// It has something to say: it is visited again by the next poll, whatever happens.
    Speaks,
}

/// What a member rings when something has happened to it.
#[derive(Debug)]
struct Bell {
    /// `None` where sockets cannot be watched.
    kernel: Option<(Registrar, Waker)>,
    news: Mutex<News>,
    /// There is somebody to visit, or nobody is polling any more.
    has_news: Condvar,
}

#[derive(Debug, Default)]
struct News {
    members: HashMap<usize, Member>,
    next_key: usize,
    /// Who is to be visited, in the order in which they were added.
    due: BTreeSet<usize>,
    /// Who is to be visited from time to time.
    unsettled: BTreeSet<usize>,
    /// The thread that is polling the group. Its visits may poll it too.
    poller: Option<ThreadId>,
    is_waiting: bool,
    is_woken: bool,
}

/// The right to poll, to its end.
struct Turn<'a> {
    bell: &'a Bell,
    is_nested: bool,
}

#[derive(Debug)]
struct Member {
    /// A connection's; a listener has none.
    readiness: Option<Arc<Readiness>>,
    /// Its socket could not be watched.
    is_unwatched: bool,
}

/// The groups that a connection or a listener is in.
#[derive(Debug, Default)]
pub(crate) struct Memberships {
    /// Whether there may be any, so that those in none need not lock.
    are_any: AtomicBool,
    list: Mutex<Vec<(Weak<Bell>, usize)>>,
}

impl Group {
    /// A group without members.
    pub fn new() -> Group {
        let watching = Selector::new().and_then(|(registrar, selector)| {
            let waker = registrar.waker(WAKER)?;
            Ok(((registrar, waker), selector))
        });
        let (kernel, selector) = watching.ok().unzip();
        Group {
            selector: Mutex::new(selector),
            bell: Arc::new(Bell {
                kernel,
                news: Mutex::default(),
                has_news: Condvar::new(),
            }),
        }
    }

    /// Adds `connection`, in whatever status, and gives its key, which no other member ever has. It is a member through all
    /// that it connects to, until it is removed or dropped.
    pub fn add(&self, connection: &Connection) -> usize {
        let key = self.bell.enter(Some(connection.readiness.clone()));
        connection.with_groups(|groups, socket| groups.join(&self.bell, key, socket));
        key
    }

    /// Adds `listener`, whether it listens or not, and gives its key.
    pub fn add_listener(&self, listener: &Listener) -> usize {
        let key = self.bell.enter(None);
        listener.with_groups(|groups, socket| groups.join(&self.bell, key, socket));
        key
    }

    /// Removes the connection that was added as `key`.
    pub fn remove(&self, key: usize, connection: &Connection) {
        self.bell.leave(key);
        connection.with_groups(|groups, socket| groups.leave(&self.bell, key, socket));
    }

    /// Removes the listener that was added as `key`.
    pub fn remove_listener(&self, key: usize, listener: &Listener) {
        self.bell.leave(key);
        listener.with_groups(|groups, socket| groups.leave(&self.bell, key, socket));
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
            limit => limit.and_then(|limit| Instant::now().checked_add(limit)),
        };
        let mut wait = Some(Duration::ZERO);
        let Some(_turn) = self.bell.take_turn(limit, deadline) else {
            return;
        };
        loop {
            let (keys, is_woken) = self.wait(wait);
            let mut is_over = is_woken || limit == Some(Duration::ZERO);
            for key in keys {
                let visit = visit(key);
                is_over |= visit == Visit::Speaks;
                self.bell.visited(key, visit);
            }
            wait = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if is_over || wait.is_some_and(|left| left.is_zero()) {
                return;
            }
        }
    }

    /// Ends the wait of the thread that is polling. If none is, the next poll does not wait.
    pub fn wake(&self) {
        let mut news = self.bell.news();
        news.is_woken = true;
        self.bell.ring(&news);
    }

    /// Waits at most `limit` until there is somebody to visit. Who that is, and whether it was woken.
    fn wait(&self, mut limit: Option<Duration>) -> (BTreeSet<usize>, bool) {
        let mut selector = lock(&self.selector);
        let bell = &*self.bell;
        {
            let mut news = bell.news();
            if !news.due.is_empty() || news.is_woken {
                limit = Some(Duration::ZERO);
            } else if !news.unsettled.is_empty() {
                limit = Some(limit.map_or(SLICE, |limit| limit.min(SLICE)));
            }
            news.is_waiting = limit != Some(Duration::ZERO);
        }
        let mut told = BTreeSet::new();
        match &mut *selector {
            // If it fails, who is due is visited all the same.
            Some(selector) => drop(selector.wait(limit, |token, _| {
                if token != WAKER {
                    told.insert(token);
                }
            })),
            None => bell.wait(limit.unwrap_or(SLICE)),
        }
        let mut news = bell.news();
        news.is_waiting = false;
        told.append(&mut news.due);
        told.append(&mut news.unsettled);
        // One that was removed may still have been told of.
        told.retain(|key| match news.members.get(key) {
            Some(Member { readiness, .. }) => {
                if let Some(readiness) = readiness {
                    readiness.tell(false);
                }
                true
            }
            None => false,
        });
        (told, std::mem::take(&mut news.is_woken))
    }
}

impl Default for Group {
    fn default() -> Group {
        Group::new()
    }
}

impl Bell {
    fn news(&self) -> MutexGuard<'_, News> {
        lock(&self.news)
    }

    /// Ends the wait that is under way.
    fn ring(&self, news: &News) {
        if !news.is_waiting {
            return;
        }
        self.has_news.notify_all();
        if let Some((_, waker)) = &self.kernel {
            // It can fail only if it has rung so often that it cannot be overheard.
            let _ = waker.wake();
        }
    }

    /// Waits for the bell alone.
    fn wait(&self, limit: Duration) {
        if !limit.is_zero() {
            let is_quiet = |news: &mut News| news.due.is_empty() && !news.is_woken;
            let waited = self
                .has_news
                .wait_timeout_while(self.news(), limit, is_quiet);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// The right to poll, which one thread has at a time. `None` if the time is over before.
    fn take_turn(&self, limit: Option<Duration>, deadline: Option<Instant>) -> Option<Turn<'_>> {
        let me = thread::current().id();
        let mut news = self.news();
        while news.poller.is_some_and(|poller| poller != me) {
            let left = match deadline {
                None if limit == Some(Duration::ZERO) => return None,
                None => Duration::MAX,
                Some(deadline) => deadline.checked_duration_since(Instant::now())?,
            };
            let waited = self.has_news.wait_timeout(news, left);
            news = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let is_nested = news.poller.replace(me).is_some();
        Some(Turn {
            bell: self,
            is_nested,
        })
    }

    fn enter(&self, readiness: Option<Arc<Readiness>>) -> usize {
        let mut news = self.news();
        let key = news.next_key;
        news.next_key += 1;
        let is_unwatched = self.kernel.is_none();
        let member = Member {
            readiness,
            is_unwatched,
        };
        news.members.insert(key, member);
        news.due.insert(key);
        self.ring(&news);
        key
    }

    fn leave(&self, key: usize) {
        let mut news = self.news();
        news.members.remove(&key);
        news.due.remove(&key);
        news.unsettled.remove(&key);
    }

    fn visited(&self, key: usize, visit: Visit) {
        let mut news = self.news();
        let Some(member) = news.members.get(&key) else {
            return;
        };
        match visit {
            Visit::Speaks => news.due.insert(key),
            Visit::Unsettled => news.unsettled.insert(key),
            Visit::Silent => member.is_unwatched && news.unsettled.insert(key),
        };
    }

    fn watch(&self, key: usize, socket: &Socket) {
        let Some((registrar, _)) = &self.kernel else {
            return;
        };
        // A connection is of interest when it can be read, and when its queue can be sent.
        let interests = [Interest::Readable, Interest::Writable];
        let is_unwatched = registrar.add(socket, key, &interests).is_err();
        if let Some(member) = self.news().members.get_mut(&key) {
            member.is_unwatched = is_unwatched;
        }
    }

    fn unwatch(&self, socket: &Socket) {
        if let Some((registrar, _)) = &self.kernel {
            // It fails if it was not watched.
            let _ = registrar.remove(socket);
        }
    }

    fn tell(&self, key: usize) {
        let mut news = self.news();
        news.due.insert(key);
        self.ring(&news);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.is_nested {
            self.bell.news().poller = None;
            self.bell.has_news.notify_all();
        }
    }
}

impl Memberships {
    #[inline]
    pub(crate) fn are_any(&self) -> bool {
        self.are_any.load(Ordering::Relaxed)
    }

    fn join(&self, bell: &Arc<Bell>, key: usize, socket: Option<&Socket>) {
        lock(&self.list).push((Arc::downgrade(bell), key));
        self.are_any.store(true, Ordering::Relaxed);
        if let Some(socket) = socket {
            bell.watch(key, socket);
        }
    }

    fn leave(&self, bell: &Arc<Bell>, key: usize, socket: Option<&Socket>) {
        let is_it = |group: &Weak<Bell>| std::ptr::eq(group.as_ptr(), Arc::as_ptr(bell));
        lock(&self.list).retain(|(group, member)| !(is_it(group) && *member == key));
        if let Some(socket) = socket {
            bell.unwatch(socket);
        }
    }

    /// Has the groups watch `socket`, which is new.
    pub(crate) fn opened(&self, socket: &Socket) {
        self.each(|bell, key| bell.watch(key, socket));
    }

    /// Tells the groups that something has happened which the kernel does not tell them.
    #[inline]
    pub(crate) fn tell(&self) {
        self.each(|bell, key| bell.tell(key));
    }

    /// Calls `then` for each group, and forgets those that are gone.
    #[inline]
    fn each(&self, then: impl Fn(&Bell, usize)) {
        if !self.are_any() {
            return;
        }
        lock(&self.list).retain(|(bell, key)| {
            let bell = bell.upgrade();
            if let Some(bell) = &bell {
                then(bell, *key);
            }
            bell.is_some()
        });
    }
}
