//! Groups: which members are visited, and when a wait ends.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, ListenOptions, Listener, Status, Visit};

use crate::support::*;

for_each_family!(
    only_ready_members_are_visited,
    a_ready_member_is_visited_again,
    a_queue_is_sent_by_visits,
    a_member_is_followed_through_its_connections,
    a_wait_ends_with_data,
    an_idle_member_has_data_after_a_report_of_the_kernel,
    data_left_by_a_small_read_is_reported,
);

const LONG: Option<Duration> = Some(Duration::from_secs(20));

/// Polls the group once. Returns the keys of the visited members. A visit polls the connection,
/// which is ready if it has data.
fn visit(group: &Group, limit: Option<Duration>, members: &[(usize, &Connection)]) -> Vec<usize> {
    let mut visited = Vec::new();
    group.poll(limit, |key| {
        let (_, connection) = members.iter().find(|member| member.0 == key).unwrap();
        visited.push(key);
        match connection.poll(Instant::now) {
            Ok(true) => Visit::Ready,
            _ if connection.status() == Status::Connecting => Visit::Pending,
            _ => Visit::Idle,
        }
    });
    visited
}

/// Polls the group until it visits no member.
fn calm(group: &Group, members: &[(usize, &Connection)]) {
    until("silence", || {
        visit(group, Some(Duration::ZERO), members)
            .is_empty()
            .then_some(())
    });
}

fn only_ready_members_are_visited(family: AddressFamily) {
    if !is_watching() {
        return;
    }
    let pairs: Vec<_> = (0..50).map(|_| pair(family)).collect();
    let group = Group::new();
    let members: Vec<_> = pairs.iter().map(|(one, _)| (group.add(one), one)).collect();
    assert_eq!(visit(&group, Some(Duration::ZERO), &members).len(), 50);
    calm(&group, &members);
    for busy in [3, 17, 4] {
        pairs[busy].1.write_fully(b"x").unwrap();
        assert_eq!(visit(&group, LONG, &members), [members[busy].0]);
        assert_eq!(read(&pairs[busy].0, 1).unwrap(), b"x");
        calm(&group, &members);
    }
}

fn a_ready_member_is_visited_again(family: AddressFamily) {
    let (one, other) = pair(family);
    let group = Group::new();
    let members = [(group.add(&one), &one)];
    other.write_fully(b"unread").unwrap();
    until_available(&one, 6);
    for _ in 0..3 {
        assert_eq!(visit(&group, LONG, &members), [members[0].0]);
    }
    read(&one, 6).unwrap();
    assert!(visit(&group, Some(Duration::from_millis(1)), &members).len() < 3);
}

fn a_queue_is_sent_by_visits(family: AddressFamily) {
    let (one, other) = pair(family);
    let group = Group::new();
    let members = [(group.add(&one), &one)];
    if is_watching() {
        calm(&group, &members);
    }
    let data = pattern(4 << 20);
    one.set_queue_limit(data.len());
    one.write_fully(&data).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| read(&other, data.len()).unwrap());
        while one.pending_bytes() > 0 {
            visit(&group, Some(Duration::from_millis(100)), &members);
        }
        assert!(reader.join().unwrap() == data);
    });
    one.set_queue_limit(0);
    one.set_coalesces(true);
    one.write_fully(b"coalesce").unwrap();
    visit(&group, Some(Duration::ZERO), &members);
    assert_eq!(read(&other, 8).unwrap(), b"coalesce");
}

fn a_member_is_followed_through_its_connections(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    let group = Group::new();
    let members = [(group.add(&client), &client)];
    for message in [b"1", b"2"] {
        start_connect(&client, &server.address).unwrap();
        let accepted = until("a connection", || {
            visit(&group, Some(Duration::ZERO), &members);
            server.listener.accept().unwrap()
        });
        until("connected", || {
            visit(&group, Some(Duration::ZERO), &members);
            (client.status() == Status::Connected).then_some(())
        });
        accepted.write_fully(message).unwrap();
        until("the message", || {
            visit(&group, LONG, &members);
            (client.available() == Some(1)).then_some(())
        });
        assert_eq!(read(&client, 1).unwrap(), message);
        client.disconnect();
    }
    group.remove(members[0].0, &client);
    connect(&client, &server.address);
    server.accept().write_fully(b"unseen").unwrap();
    assert!(visit(&group, Some(Duration::from_millis(5)), &[]).is_empty());
}

fn a_wait_ends_with_data(family: AddressFamily) {
    let (one, other) = pair(family);
    let group = Group::new();
    let members = [(group.add(&one), &one)];
    thread::scope(|scope| {
        let waiting = asleep(scope, || visit(&group, None, &members));
        other.write_fully(b"x").unwrap();
        assert!(waiting.join().unwrap().contains(&members[0].0));
    });
}

/// The kernel reports to the group directly. An older answer of a shared poll must not hide the
/// report.
fn an_idle_member_has_data_after_a_report_of_the_kernel(family: AddressFamily) {
    let (one, other) = pair(family);
    make_idle(&one);
    let group = Group::new();
    let members = [(group.add(&one), &one)];
    for _ in 0..200 {
        other.write_fully(b"x").unwrap();
        until("the member has data", || {
            visit(&group, LONG, &members);
            (try_read(&one, 8).unwrap() == b"x").then_some(())
        });
        make_idle(&one);
    }
}

/// A small read receives more than it returns. The kernel will not report the rest again.
fn data_left_by_a_small_read_is_reported(family: AddressFamily) {
    let (one, other) = pair(family);
    let group = Group::new();
    let members = [(group.add(&one), &one)];
    if is_watching() {
        calm(&group, &members);
    }
    other.write_fully(b"two messages").unwrap();
    assert_eq!(read(&one, 3).unwrap(), b"two");
    assert!(visit(&group, LONG, &members).contains(&members[0].0));
    assert_eq!(try_read(&one, 20).unwrap(), b" messages");
}

#[test]
fn wake_ends_the_current_or_the_next_wait() {
    let group = Group::new();
    group.wake();
    assert!(visit(&group, None, &[]).is_empty());
    thread::scope(|scope| {
        let waiting = asleep(scope, || visit(&group, None, &[]));
        group.wake();
        assert!(waiting.join().unwrap().is_empty());
    });
}

#[test]
fn a_wait_ends_when_its_time_is_over() {
    let begin = Instant::now();
    let limit = Duration::from_millis(30);
    assert!(visit(&Group::new(), Some(limit), &[]).is_empty());
    assert!(begin.elapsed() >= limit);
}

#[test]
fn a_second_poll_waits_until_its_limit_at_most() {
    let group = Group::new();
    thread::scope(|scope| {
        let waiting = asleep(scope, || visit(&group, None, &[]));
        let begin = Instant::now();
        let limit = Duration::from_millis(10);
        assert!(visit(&group, Some(limit), &[]).is_empty());
        assert!(begin.elapsed() >= limit);
        group.wake();
        waiting.join().unwrap();
    });
}

#[test]
fn a_listener_is_reported_if_added_before_or_after_it_listens() {
    let group = Group::new();
    let visits = |listener: &Listener| {
        let mut visits = 0;
        group.poll(LONG, |_| {
            visits += 1;
            match listener.is_connection_available() {
                Ok(true) => Visit::Ready,
                _ => Visit::Idle,
            }
        });
        visits
    };
    let server = Server::new(AddressFamily::Ipv4);
    let key = group.add(&server.listener);
    let _client = connected(&server.address);
    assert!(visits(&server.listener) > 0);
    server.accept();
    group.remove(key, &server.listener);

    let late = Listener::new();
    group.add(&late);
    let address = "127.0.0.1:0".parse().unwrap();
    late.listen(&address, ListenOptions::new(8)).unwrap();
    let _client = connected(&SocketAddr::from(([127, 0, 0, 1], late.local_port())).into());
    assert!(visits(&late) > 0);
}
