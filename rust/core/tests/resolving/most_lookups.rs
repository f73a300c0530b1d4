//! As many lookups as possible, all of which hang: the next one is refused, and their threads end.

use std::time::{Duration, Instant};

use super::resolver::*;
use crate::support::*;
use stream_socket::Status;

#[test]
fn a_lookup_behind_many_that_hang_is_refused_once_nobody_waits_for_them() {
    let _only = only_lookups();
    hold_back();
    // As many as there may be hang; of the last one the asker is still there.
    let mut last = None;
    for count in 1..=256 {
        last = Some(connect_to_name("gone.hangs", 1));
        until("asked", || (hanging() == count).then_some(()));
    }
    let waits = connect_to_name("waits.hangs", 1);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(hanging(), 256);
    drop(last);
    // Now all hang, and nobody waits for any of them. Who asks from now on is refused at once.
    assert_eq!(waits.status(), Status::Connecting);
    let end = Instant::now() + Duration::from_secs(3);
    while waits.poll(Instant::now).is_ok() {
        assert!(Instant::now() < end, "neither asked nor refused, for ever");
        std::thread::sleep(Duration::from_millis(1));
    }
    release();
    until_none_hangs();
}

/// The program's address space in bytes.
fn address_space() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
}

/// Threads that were there for lookups that hang leave nothing behind once they have ended.
#[test]
fn waves_of_hanging_lookups_do_not_add_up() {
    let _only = only_lookups();
    let mut sizes = Vec::new();
    for _ in 0..6 {
        hold_back();
        for count in 1..=150 {
            drop({
                let asked = connect_to_name("gone.hangs", 1);
                until("asked", || (hanging() == count).then_some(()));
                asked
            });
        }
        release();
        until_none_hangs();
        std::thread::sleep(Duration::from_millis(300));
        sizes.push(address_space() >> 20);
    }
    assert!(sizes[5] < sizes[1] + 300, "MiB after each wave: {sizes:?}");
}
