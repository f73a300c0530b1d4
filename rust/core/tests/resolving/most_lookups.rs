//! As many lookups as possible, all of which hang: the next one is refused, and their threads end.

use std::time::{Duration, Instant};

use stream_socket::Status;

use super::resolver::*;
use crate::support::*;

#[test]
fn a_lookup_after_too_many_abandoned_ones_is_refused() {
    let _only = only_lookups();
    // As many lookups hang as possible. Only the last one is not abandoned.
    let mut last = None;
    for count in 1..=256 {
        last = Some(connect_to_name("gone.hangs", 1));
        until("the lookup has begun", || {
            (hanging() == count).then_some(())
        });
    }
    let waits = connect_to_name("waits.hangs", 1);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(hanging(), 256);
    drop(last);
    // Now all that hang are abandoned, and the waiting lookup is refused.
    assert_eq!(waits.status(), Status::Connecting);
    let end = Instant::now() + PATIENCE;
    while waits.poll(Instant::now).is_ok() {
        assert!(Instant::now() < end, "neither looked up nor refused");
        std::thread::sleep(Duration::from_millis(1));
    }
    release();
    until_none_hangs();
}

/// The size of the program's address space in bytes.
fn address_space() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
}

/// The threads of hanging lookups leave nothing behind when they end.
#[test]
fn waves_of_hanging_lookups_do_not_add_up() {
    let _only = only_lookups();
    let mut sizes = Vec::new();
    for _ in 0..6 {
        hold_back();
        for count in 1..=150 {
            drop({
                let client = connect_to_name("gone.hangs", 1);
                until("the lookup has begun", || {
                    (hanging() == count).then_some(())
                });
                client
            });
        }
        release();
        until_none_hangs();
        std::thread::sleep(Duration::from_millis(300));
        sizes.push(address_space() >> 20);
    }
    assert!(sizes[5] < sizes[1] + 300, "MiB after each wave: {sizes:?}");
}
