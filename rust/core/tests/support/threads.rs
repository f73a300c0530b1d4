//! Threads that sleep inside a call.

use std::sync::mpsc;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Duration;

use super::until;

/// Waits until the thread `id` sleeps in the kernel.
#[cfg(target_os = "linux")]
fn until_asleep(id: i32) {
    let path = format!("/proc/self/task/{id}/stat");
    until("the thread sleeps", || {
        let stat = std::fs::read_to_string(&path).ok()?;
        // The state follows the name, which is in parentheses (proc(5)).
        let state = stat.rsplit(") ").next()?.chars().next()?;
        (state == 'S').then_some(())
    });
}

/// Waits for as long as a new thread needs to fall asleep. This system does not show the state of a
/// thread.
#[cfg(not(target_os = "linux"))]
fn until_asleep(_id: i32) {
    thread::sleep(Duration::from_millis(100));
}

/// The number of this thread, where other threads can use it.
fn thread_id() -> i32 {
    #[cfg(target_os = "linux")]
    // SAFETY: gettid has no preconditions.
    return unsafe { libc::gettid() };
    #[cfg(not(target_os = "linux"))]
    0
}

/// Runs `body` on a new thread, and returns once that thread sleeps.
pub fn asleep<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    body: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let (sender, id) = mpsc::channel();
    let handle = scope.spawn(move || {
        sender.send(thread_id()).unwrap();
        body()
    });
    until_asleep(id.recv().unwrap());
    handle
}
