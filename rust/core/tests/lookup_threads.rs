//! Whoever waits behind as many lookups as there may be, all of them hanging, is told so.
#![cfg(target_os = "linux")]

#[path = "support/hanging_resolver.rs"]
mod hanging_resolver;
mod support;

use std::time::{Duration, Instant};

use hanging_resolver::*;
use stream_socket::Status;
use support::*;

#[test]
fn a_lookup_behind_many_that_hang_is_refused_once_nobody_waits_for_them() {
    let _only = only_test();
    RESOLVER.lock().unwrap().1 = false;
    // As many as there may be hang; of the last one the asker is still there.
    let mut last = None;
    for count in 1..=256 {
        last = Some(ask("gone.hangs", 1));
        until("asked", || (waiting() == count).then_some(()));
    }
    let waits = ask("waits.hangs", 1);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(waiting(), 256);
    drop(last);
    // Now all hang, and nobody waits for any of them. Who asks from now on is refused at once.
    assert_eq!(waits.status(), Status::Connecting);
    let end = Instant::now() + Duration::from_secs(3);
    while waits.poll(Instant::now).is_ok() {
        assert!(Instant::now() < end, "neither asked nor refused, for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
    RESOLVER.lock().unwrap().1 = true;
    RELEASED.notify_all();
    until("all have their answer", || (waiting() == 0).then_some(()));
}

/// The program's address space in bytes.
fn address_space() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
}

/// Threads that were there for lookups that hang leave nothing behind once they have ended.
#[test]
fn waves_of_hanging_lookups_do_not_add_up() {
    let _only = only_test();
    let mut sizes = Vec::new();
    for _ in 0..6 {
        RESOLVER.lock().unwrap().1 = false;
        for count in 1..=150 {
            drop({
                let asked = ask("gone.hangs", 1);
                until("asked", || (waiting() == count).then_some(()));
                asked
            });
        }
        RESOLVER.lock().unwrap().1 = true;
        RELEASED.notify_all();
        until("all have their answer", || (waiting() == 0).then_some(()));
        std::thread::sleep(Duration::from_millis(300));
        sizes.push(address_space() >> 20);
    }
    assert!(sizes[5] < sizes[1] + 300, "MiB after each wave: {sizes:?}");
}
