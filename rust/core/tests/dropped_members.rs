//! A member is in a group "until it is removed or dropped": of one that was dropped nothing is left.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::time::Duration;

use stream_socket::{Connection, Group, Visit};

/// Counts what is allocated.
struct Counting;

static BYTES: AtomicIsize = AtomicIsize::new(0);

// SAFETY: Everything is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: As for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: As for the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn nothing_is_left_of_members_that_were_dropped() {
    let _only = support::only_test();
    let group = Group::new();
    let round = || {
        for _ in 0..1000 {
            group.add(&Connection::new());
        }
        group.poll(Some(Duration::ZERO), |_| Visit::Idle);
    };
    round();
    let before = BYTES.load(Ordering::Relaxed);
    for _ in 0..20 {
        round();
    }
    let left = BYTES.load(Ordering::Relaxed) - before;
    assert!(left < 100_000, "{left} bytes are left of 20000 members");
}

#[test]
fn a_member_that_was_dropped_is_not_visited() {
    let _only = support::only_test();
    let group = Group::new();
    let (one, other) = support::local_pair();
    let keys: BTreeSet<usize> = [group.add(&one), group.add(&other)].into();
    drop(one);
    drop(other);
    let mut visited = BTreeSet::new();
    for _ in 0..2 {
        group.poll(Some(Duration::ZERO), |key| {
            visited.insert(key);
            Visit::Idle
        });
    }
    assert!(
        visited.is_disjoint(&keys),
        "{visited:?} were dropped before"
    );
}
