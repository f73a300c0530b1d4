//! Open descriptors. These tests have a program of their own and run one at a time: they count the
//! sockets of the whole process.
#![cfg(target_os = "linux")]

mod lingering_closes;
mod no_leaks;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::sync::{MutexGuard, OnceLock};

use support::*;

/// The descriptors of this process that are sockets.
fn sockets() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").unwrap();
    let sockets = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let target = fs::read_link(entry.path()).ok()?;
        let is_socket = target.to_string_lossy().starts_with("socket:");
        is_socket.then(|| entry.file_name().into_string().unwrap())
    });
    let mut found: Vec<_> = sockets.collect();
    found.sort();
    found
}

/// While it lives no other test of this program runs. At first, only the sockets that all tests
/// keep open are open.
fn only_counting_test() -> MutexGuard<'static, ()> {
    static LASTING: OnceLock<Vec<String>> = OnceLock::new();
    let only = only_test();
    // The first call opens a socket that stays open.
    refusing_address();
    let lasting = LASTING.get_or_init(sockets);
    until("all other sockets are closed", || {
        (sockets() == *lasting).then_some(())
    });
    only
}
