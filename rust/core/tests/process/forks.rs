//! Groups, lingering closes and lookups work in a forked child and in its parent.

use std::cell::Cell;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, Status, Target, Visit};

use super::forked;
use crate::support::*;

/// A group of idle members, and their peers.
fn group_of(count: usize) -> (Group, Vec<(Connection, Connection)>) {
    let group = Group::new();
    let pairs: Vec<_> = (0..count).map(|_| Connection::pair().unwrap()).collect();
    for (member, _) in &pairs {
        group.add(member);
    }
    for _ in 0..5 {
        assert_eq!(visited(&group, &pairs, Duration::ZERO), 0);
    }
    (group, pairs)
}

/// How many members are ready within `limit`.
fn visited(group: &Group, pairs: &[(Connection, Connection)], limit: Duration) -> usize {
    let ready = Cell::new(0);
    group.poll(Some(limit), |key| {
        let (member, _) = &pairs[key];
        if !member.poll(Instant::now).unwrap() {
            return Visit::Idle;
        }
        ready.set(ready.get() + 1);
        Visit::Ready
    });
    ready.get()
}

fn until_visited(group: &Group, pairs: &[(Connection, Connection)], process: &str) {
    let end = Instant::now() + PATIENCE;
    while visited(group, pairs, Duration::from_millis(100)) == 0 {
        assert!(Instant::now() < end, "no event reaches {process}");
    }
}

/// A poll of the child must not take the parent's event.
#[test]
fn a_group_and_its_fork_both_report_an_event() {
    let _only = only_test();
    let (group, pairs) = group_of(3);
    let status = forked(|| {
        pairs[1].1.write_fully(b"x").unwrap();
        until_visited(&group, &pairs, "the child");
        assert_eq!(pairs[1].0.available(), Some(1), "the parent's byte is left");
    });
    // The child receives its own byte only.
    pairs[1].1.write_fully(b"y").unwrap();
    until_visited(&group, &pairs, "the parent");
    assert_eq!(status, 0, "the child has failed");
}

#[test]
fn a_fork_that_polls_takes_no_event_from_its_parent() {
    let _only = only_test();
    let (group, pairs) = group_of(3);
    // The event is pending when the child polls.
    pairs[1].1.write_fully(b"x").unwrap();
    let status = forked(|| {
        // It polls the group, but receives nothing.
        group.poll(Some(Duration::ZERO), |_| Visit::Idle);
    });
    until_visited(&group, &pairs, "the parent");
    assert_eq!(status, 0, "the child has failed");
}

#[test]
fn a_fork_that_removes_members_leaves_those_of_its_parent() {
    let _only = only_test();
    let (group, pairs) = group_of(3);
    let status = forked(|| {
        for (key, (member, _)) in pairs.iter().enumerate() {
            group.remove(key, member);
        }
        let more = Connection::pair().unwrap();
        group.add(&more.0);
    });
    pairs[2].1.write_fully(b"x").unwrap();
    until_visited(&group, &pairs, "the parent");
    assert_eq!(status, 0, "the child has failed");
}

#[test]
fn a_group_made_before_a_fork_wakes_in_the_child() {
    let _only = only_test();
    let (group, pairs) = group_of(1);
    let status = forked(|| {
        std::thread::scope(|scope| {
            let poller = asleep(scope, || {
                let start = Instant::now();
                group.poll(Some(PATIENCE * 2), |_| Visit::Idle);
                start.elapsed()
            });
            group.wake();
            assert!(poller.join().unwrap() < PATIENCE);
        });
        pairs[0].1.write_fully(b"x").unwrap();
        until_visited(&group, &pairs, "the child");
    });
    assert_eq!(status, 0, "the child has failed");
}

/// Closes a connection with unsent data, and asserts that the data arrives.
fn close_lingering() {
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    connection.set_queue_limit(MUCH);
    let data = pattern(MUCH);
    connection.write_fully(&data).unwrap();
    connection.disconnect();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_whole(read_to_end(&peer), &data);
}

#[test]
fn lingering_closes_work_in_a_fork() {
    let _only = only_test();
    // Afterwards the closer thread exists and is idle.
    close_lingering();
    assert_eq!(forked(close_lingering), 0, "the child has failed");
    close_lingering();
}

/// A lingering close that is under way at a fork belongs to the parent: the child does not send the
/// data again.
#[test]
fn a_lingering_close_under_way_is_sent_once() {
    let _only = only_test();
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    connection.set_queue_limit(MUCH);
    let data = pattern(MUCH);
    connection.write_fully(&data).unwrap();
    connection.disconnect();
    assert_eq!(forked(close_lingering), 0, "the child has failed");
    assert_whole(read_to_end(&peer), &data);
}

/// Connects to a name, which is looked up.
fn look_up() {
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    let (host, port) = ("127.0.0.1".to_owned(), server.listener.local_port());
    let target = Target::Name { host, port };
    client.connect(target, None, Instant::now()).unwrap();
    let end = Instant::now() + PATIENCE;
    while client.status() != Status::Connected {
        client.poll(Instant::now).unwrap();
        assert!(Instant::now() < end, "the name was not looked up in time");
        std::thread::yield_now();
    }
}

#[test]
fn names_are_looked_up_in_a_fork() {
    let _only = only_test();
    look_up();
    assert_eq!(forked(look_up), 0, "the child has failed");
    look_up();
}
