//! Forks, unloading, and very many sockets. These tests have a program of their own and run one at
//! a time: each changes the whole process.
#![cfg(target_os = "linux")]

mod forks;
mod forks_during_calls;
mod shared_state;
#[path = "../support/mod.rs"]
mod support;

use support::*;

/// Runs `body` in a fork of this process and waits for the child. Returns its wait status: 0 means
/// that `body` returned, 14 that it hung and was ended by the alarm.
fn forked(body: impl FnOnce()) -> i32 {
    until_all_others_sleep();
    // SAFETY: No other test runs, and all other threads sleep. So no thread that the child lacks
    // holds a lock.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let limit = 2 * PATIENCE.as_secs() as u32;
        // SAFETY: alarm(2) has no preconditions. It ends a child that hangs.
        unsafe { libc::alarm(limit) };
        let is_well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_ok();
        // SAFETY: Ends the child, and runs nothing that belongs to the parent.
        unsafe { libc::_exit(i32::from(!is_well)) };
    }
    assert!(child > 0);
    let mut status = -1;
    // SAFETY: The child is this process's own, and `status` has room for the answer.
    unsafe { libc::waitpid(child, &mut status, 0) };
    status
}

/// Waits until all other threads of this process sleep in the kernel.
fn until_all_others_sleep() {
    // SAFETY: gettid has no preconditions.
    let own = unsafe { libc::gettid() }.to_string();
    let is_awake = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The state follows the name, which is in parentheses (proc(5)).
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        entry.file_name() != *own && state == Some('R')
    };
    let mut rounds_asleep = 0;
    until("the other threads sleep", || {
        let mut tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let is_any_awake = tasks.any(is_awake);
        rounds_asleep = if is_any_awake { 0 } else { rounds_asleep + 1 };
        (rounds_asleep == 3).then_some(())
    });
}
