//! Threads that wait for something of the world, or for a time of its clock.

use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::world::{Id, World, try_with, with};

/// A thread that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    id: Id,
    pub(super) what: &'static str,
    pub(super) thread: String,
    keys: [Id; 3],
    pub(super) deadline: Option<u64>,
    pub(super) is_woken: bool,
    waker: Option<Waker>,
}

/// A registered wait, which ends with it.
pub(super) struct Waiter(Id);

impl Waiter {
    /// From now on a wake-up of one of `keys` counts.
    pub(super) fn register(what: &'static str, keys: &[Id], deadline: Option<u64>) -> Waiter {
        with(|world| world.register(what, keys, deadline))
    }

    /// Sleeps until there was one, or until the deadline.
    pub(super) fn sleep(self) {
        shuttle::future::block_on(poll_fn(|context| {
            with(|world| {
                let waiting = world
                    .waiters
                    .iter_mut()
                    .find(|waiting| waiting.id == self.0);
                match waiting {
                    Some(waiting) if !waiting.is_woken => {
                        waiting.waker = Some(context.waker().clone());
                        Poll::Pending
                    }
                    _ => Poll::Ready(()),
                }
            })
        }));
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        try_with(|world| world.waiters.retain(|waiting| waiting.id != self.0));
    }
}

/// Waits until one of `keys` is woken, or until the deadline.
pub(super) fn block(what: &'static str, keys: &[Id], deadline: Option<u64>) {
    Waiter::register(what, keys, deadline).sleep();
}

/// Waits until `condition` gives something; `None` when `limit` is over before. It is asked again whenever one of `keys` is
/// woken.
pub(super) fn wait_until<R>(
    what: &'static str,
    keys: &[Id],
    limit: Option<Duration>,
    mut condition: impl FnMut(&mut World) -> Option<R>,
) -> Option<R> {
    let deadline = with(|world| limit.and_then(|limit| world.deadline(limit)));
    loop {
        let waiter = with(|world| match condition(world) {
            Some(result) => Err(Some(result)),
            None if deadline.is_some_and(|deadline| world.time >= deadline) => Err(None),
            None => Ok(world.register(what, keys, deadline)),
        });
        match waiter {
            Ok(waiter) => waiter.sleep(),
            Err(result) => return result,
        }
    }
}

/// Lets `time` pass.
pub(super) fn sleep(time: Duration) {
    let deadline = with(|world| world.deadline(time));
    while with(|world| deadline.is_none_or(|deadline| world.time < deadline)) {
        block("time", &[], deadline);
    }
}

impl World {
    fn register(&mut self, what: &'static str, keys: &[Id], deadline: Option<u64>) -> Waiter {
        let id = self.next_id();
        let mut kept = [0; 3];
        kept[..keys.len()].copy_from_slice(keys);
        self.waiters.push(Waiting {
            id,
            what,
            thread: format!("{:?}", shuttle::thread::current().id()),
            keys: kept,
            deadline,
            is_woken: false,
            waker: None,
        });
        Waiter(id)
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
