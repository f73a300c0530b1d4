//! The threads that wait, and what wakes each. A thread waits for up to two keys and a deadline;
//! whatever changes the state behind a key wakes the threads that wait for it.

use std::task::Waker;

use super::objects::Id;
use super::random::Random;

/// What a thread can wait for: the id of a socket, a poller or an interrupter, the address of a
/// lock or a condition variable, or [`RESOLVER`]. No thread waits for 0.
pub(super) type Key = Id;

/// The key of lookups that hang.
pub(super) const RESOLVER: Key = 2;

/// All threads that wait.
#[derive(Debug, Default)]
pub(super) struct WaitQueue {
    waits: Vec<Wait>,
}

/// One thread that waits.
#[derive(Debug)]
struct Wait {
    id: Id,
    /// What the thread waits for, in the words of a deadlock report.
    reason: &'static str,
    thread: String,
    keys: [Key; 2],
    deadline: Option<u64>,
    is_woken: bool,
    waker: Option<Waker>,
}

impl WaitQueue {
    /// Registers the current thread under `id`. A wake-up from now on counts, so the thread may
    /// still check its condition before it sleeps. 0 in `keys` stands for no key.
    pub(super) fn register(
        &mut self,
        id: Id,
        reason: &'static str,
        keys: &[Key],
        deadline: Option<u64>,
        now: u64,
    ) {
        debug_assert!(self.waits.iter().all(|wait| wait.id != id), "{id} is new");
        let mut all = [0; 2];
        all[..keys.len()].copy_from_slice(keys);
        self.waits.push(Wait {
            id,
            reason,
            thread: format!("{:?}", shuttle::thread::current().id()),
            keys: all,
            deadline,
            // The clock does not reach a deadline twice, so one that has passed wakes here.
            is_woken: deadline.is_some_and(|deadline| deadline <= now),
            waker: None,
        });
    }

    /// Ends the wait `id`.
    pub(super) fn remove(&mut self, id: Id) {
        self.waits.retain(|wait| wait.id != id);
    }

    /// Whether the wait `id` is over. If not, `waker` is called when it is.
    pub(super) fn poll(&mut self, id: Id, waker: &Waker) -> bool {
        let wait = self.waits.iter_mut().find(|wait| wait.id == id);
        debug_assert!(
            wait.is_some(),
            "a thread sleeps while its wait is registered"
        );
        match wait {
            Some(wait) if !wait.is_woken => {
                wait.waker = Some(waker.clone());
                false
            }
            _ => true,
        }
    }

    /// Wakes all threads that wait for `key`.
    pub(super) fn wake_all(&mut self, key: Key) {
        debug_assert_ne!(key, 0, "0 is no key");
        self.wake_where(|wait| wait.keys.contains(&key));
    }

    /// Wakes any one of the threads that wait for `key`.
    pub(super) fn wake_one(&mut self, key: Key, random: &mut Random) {
        debug_assert_ne!(key, 0, "0 is no key");
        let waits = |wait: &&Wait| !wait.is_woken && wait.keys.contains(&key);
        let ids: Vec<Id> = self
            .waits
            .iter()
            .filter(waits)
            .map(|wait| wait.id)
            .collect();
        if !ids.is_empty() {
            let chosen = random.choose(&ids);
            self.wake_where(|wait| wait.id == chosen);
        }
    }

    /// Wakes the threads whose deadlines have come by `now`.
    pub(super) fn wake_expired(&mut self, now: u64) {
        self.wake_where(|wait| wait.deadline.is_some_and(|deadline| deadline <= now));
    }

    fn wake_where(&mut self, mut is_meant: impl FnMut(&Wait) -> bool) {
        for wait in &mut self.waits {
            if !wait.is_woken && is_meant(wait) {
                wait.is_woken = true;
                if let Some(waker) = wait.waker.take() {
                    waker.wake();
                }
            }
        }
    }

    /// The next deadline of a thread that sleeps.
    pub(super) fn next_deadline(&self) -> Option<u64> {
        let sleeping = self.waits.iter().filter(|wait| !wait.is_woken);
        sleeping.filter_map(|wait| wait.deadline).min()
    }

    /// Whether a thread was woken and has not run since.
    pub(super) fn has_woken(&self) -> bool {
        self.waits.iter().any(|wait| wait.is_woken)
    }

    /// Which thread waits for what.
    pub(super) fn describe(&self) -> String {
        let waits = self.waits.iter();
        let lines: Vec<String> = waits
            .map(|wait| format!("{} waits for {}", wait.thread, wait.reason))
            .collect();
        lines.join(", ")
    }
}
