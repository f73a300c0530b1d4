//! A group sleeps while its members have no new data, and misses no member with new data.

use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, Visit};

use crate::support::*;

/// More visits in half a second than a member needs to become idle. Where sockets are not watched,
/// each member is probed every 10 milliseconds.
fn many_visits() -> usize {
    if is_watching() { 10 } else { 60 }
}

/// Asserts that a group with `connection` alone hardly visits it in half a second without an event.
/// Each visit calls `visit`.
fn assert_sleeps(connection: &Connection, mut visit: impl FnMut()) {
    let group = Group::new();
    group.add(connection);
    let mut visits = 0;
    group.poll(Some(Duration::from_millis(500)), |_| {
        visits += 1;
        visit();
        Visit::Idle
    });
    assert!(
        visits < many_visits(),
        "{visits} visits in half a second without an event"
    );
}

/// Polls `group` once, whose members are all `connection`. Returns the keys that were visited.
fn visited(group: &Group, connection: &Connection, limit: Duration) -> Vec<usize> {
    let mut visited = Vec::new();
    group.poll(Some(limit), |key| {
        visited.push(key);
        match connection.poll(Instant::now) {
            Ok(true) => Visit::Ready,
            _ => Visit::Idle,
        }
    });
    visited
}

#[test]
fn a_stalled_queue_does_not_keep_a_wait_awake() {
    let (connection, _peer) = queued(local_family(), &pattern(MUCH));
    let start = Instant::now();
    assert_sleeps(&connection, || drop(connection.poll(Instant::now)));
    assert!(start.elapsed() >= Duration::from_millis(400));
}

/// A read that finds nothing causes no further visit.
#[test]
fn a_read_that_finds_nothing_does_not_keep_a_wait_awake() {
    let (connection, _peer) = raw_peer(local_family());
    assert_sleeps(&connection, || {
        assert_eq!(try_read(&connection, 100).unwrap(), b"");
    });
}

#[test]
fn read_all_that_finds_nothing_does_not_keep_a_wait_awake() {
    let (connection, _peer) = raw_peer(local_family());
    assert_sleeps(&connection, || {
        let length = connection.try_read_with(100, <[u8]>::len).unwrap();
        assert_eq!(length, 0);
    });
}

/// One member has two keys: removing one leaves the other.
#[test]
fn a_member_added_twice_is_reported_until_both_keys_are_removed() {
    let (one, other) = local_pair();
    let group = Group::new();
    let first = group.add(&one);
    let second = group.add(&one);
    let visit = |limit| visited(&group, &one, limit);
    for _ in 0..5 {
        visit(Duration::ZERO);
    }
    group.remove(second, &one);
    for _ in 0..5 {
        visit(Duration::ZERO);
    }
    other.write_fully(b"x").unwrap();
    assert_eq!(visit(PATIENCE), [first]);
}

/// A query of the available bytes receives them, so the kernel has nothing left to report to the
/// group.
#[test]
fn data_received_by_a_probe_is_reported() {
    let (one, mut other) = raw_peer(local_family());
    let group = Group::new();
    let key = group.add(&one);
    // Nothing more can be sent, so the kernel does not report room either.
    fill(&one);
    let visit = |limit| visited(&group, &one, limit);
    for _ in 0..5 {
        visit(Duration::ZERO);
    }
    std::io::Write::write_all(&mut other, b"hello").unwrap();
    assert_eq!(one.available(), Some(5));
    assert_eq!(visit(PATIENCE), [key]);
}

/// A write that the kernel has accepted completely causes no visit.
#[test]
fn a_queued_write_that_was_sent_causes_no_visit() {
    let (one, _other) = local_pair();
    let group = Group::new();
    group.add(&one);
    one.set_queue_limit(1 << 20);
    let visit = || {
        let mut visits = 0;
        group.poll(Some(Duration::ZERO), |_| {
            visits += 1;
            let _ = one.poll(Instant::now);
            Visit::Idle
        });
        visits
    };
    for _ in 0..5 {
        visit();
    }
    one.write_fully(b"x").unwrap();
    assert_eq!(one.pending_bytes(), 0);
    // Where sockets are not watched, each poll probes each member.
    assert_eq!(visit(), usize::from(!is_watching()));
}
