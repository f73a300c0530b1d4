//! Who waits for what, and who is woken.

use super::id::Id;
use super::waiters::Waiting;
use super::world::World;

impl World {
    /// From now on a wake-up of one of `keys` counts for the present thread. The number of its wait.
    pub(super) fn register(
        &mut self,
        what: &'static str,
        keys: &[Id],
        deadline: Option<u64>,
    ) -> Id {
        let id = self.next_id();
        let mut kept = [0; 3];
        kept[..keys.len()].copy_from_slice(keys);
        self.waiters.push(Waiting {
            id,
            what,
            thread: format!("{:?}", shuttle::thread::current().id()),
            keys: kept,
            deadline,
            // A wait of no time at all is over: the clock does not move to where it is.
            is_woken: deadline.is_some_and(|deadline| deadline <= self.time),
            waker: None,
        });
        id
    }

    pub(super) fn wake_where(&mut self, mut whom: impl FnMut(&Waiting) -> bool) {
        for waiting in &mut self.waiters {
            if !waiting.is_woken && whom(waiting) {
                waiting.is_woken = true;
                if let Some(waker) = waiting.waker.take() {
                    waker.wake();
                }
            }
        }
    }

    /// Wakes all who wait for `key`.
    pub(super) fn wake(&mut self, key: Id) {
        self.wake_where(|waiting| waiting.keys.contains(&key));
    }

    /// Wakes one of those who wait for `key`.
    pub(super) fn wake_one(&mut self, key: Id) {
        let waits = |waiting: &&Waiting| !waiting.is_woken && waiting.keys.contains(&key);
        let ids: Vec<Id> = self
            .waiters
            .iter()
            .filter(waits)
            .map(|waiting| waiting.id)
            .collect();
        if !ids.is_empty() {
            let chosen = self.random.choose(&ids);
            self.wake_where(|waiting| waiting.id == chosen);
        }
    }
}
