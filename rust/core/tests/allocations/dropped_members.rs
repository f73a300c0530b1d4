//! A member is in a group until it is removed or dropped: a dropped one leaves nothing behind.

use std::collections::BTreeSet;
use std::time::Duration;

use stream_socket::{Connection, Group, Visit};

use super::bytes;
use crate::support::*;

#[test]
fn nothing_is_left_of_members_that_were_dropped() {
    let group = Group::new();
    let round = || {
        for _ in 0..1000 {
            group.add(&Connection::new());
        }
        group.poll(Some(Duration::ZERO), |_| Visit::Idle);
    };
    round();
    let (left, ()) = bytes(|| (0..20).for_each(|_| round()));
    assert!(
        left < 100_000,
        "{left} bytes of 20000 dropped members are left"
    );
}

#[test]
fn a_member_that_was_dropped_is_not_visited() {
    let group = Group::new();
    let (one, other) = local_pair();
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
        "members that were dropped are visited: {visited:?}"
    );
}
