//! Where a thread lets others run: once, until it is woken, or until a time.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use super::objects::Id;
use super::wait_queue::Key;
use super::world::{World, try_with, with};

/// A point where another thread may run. Every system call and every use of a lock begins with one.
#[track_caller]
pub(super) fn pause() {
    let switches = try_with(|world| world.random.once_in(world.parameters.switch_once_in));
    if switches.unwrap_or(false) {
        shuttle::thread::yield_now();
    }
}

/// A system call: another thread may run before it.
pub(super) fn call<R>(body: impl FnOnce(&mut World) -> R) -> R {
    pause();
    with(body)
}

/// The registered wait of this thread. Dropping it ends the wait.
pub(super) struct Waiter(Id);

impl Waiter {
    /// Registers a wait: from now on a wake-up of one of `keys` counts.
    pub(super) fn register(reason: &'static str, keys: &[Key], deadline: Option<u64>) -> Waiter {
        Waiter(with(|world| world.register_wait(reason, keys, deadline)))
    }

    /// Sleeps until the wake-up, or until the deadline.
    pub(super) fn sleep(self) {
        shuttle::future::block_on(poll_fn(|context| {
            match with(|world| world.wait_queue.poll(self.0, context.waker())) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        }));
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        try_with(|world| world.wait_queue.remove(self.0));
    }
}

/// Sleeps until one of `keys` is woken.
pub(super) fn block(reason: &'static str, keys: &[Key]) {
    Waiter::register(reason, keys, None).sleep();
}

/// Sleeps until `condition` returns something; `None` if `limit` is over first. The condition is
/// checked whenever one of `keys` is woken.
pub(super) fn wait_until<R>(
    reason: &'static str,
    keys: &[Key],
    limit: Option<Duration>,
    mut condition: impl FnMut(&mut World) -> Option<R>,
) -> Option<R> {
    let deadline = with(|world| limit.and_then(|limit| world.deadline(limit)));
    loop {
        let waiter = with(|world| match condition(world) {
            Some(result) => Err(Some(result)),
            None if deadline.is_some_and(|deadline| world.time >= deadline) => Err(None),
            None => Ok(Waiter(world.register_wait(reason, keys, deadline))),
        });
        match waiter {
            Ok(waiter) => waiter.sleep(),
            Err(result) => return result,
        }
    }
}

/// Sleeps for `time`.
pub(super) fn sleep(time: Duration) {
    let deadline = with(|world| world.deadline(time));
    while with(|world| deadline.is_none_or(|deadline| world.time < deadline)) {
        Waiter::register("time", &[], deadline).sleep();
    }
}
