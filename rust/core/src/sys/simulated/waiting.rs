//! Where a thread lets others go on: for once, until something of the world happens, or until a time of its clock.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use super::id::Id;
use super::world::{World, try_with, with};

/// A point where another thread may go on.
#[track_caller]
pub(super) fn pause() {
    let stops = try_with(|world| world.random.once_in(world.regime.pauses)).unwrap_or(false);
    if stops {
        shuttle::thread::yield_now();
    }
}

/// A registered wait, which ends with it.
pub(super) struct Waiter(Id);

impl Waiter {
    /// From now on a wake-up of one of `keys` counts.
    pub(super) fn register(what: &'static str, keys: &[Id], deadline: Option<u64>) -> Waiter {
        Waiter(with(|world| world.register(what, keys, deadline)))
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
            None => Ok(Waiter(world.register(what, keys, deadline))),
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
