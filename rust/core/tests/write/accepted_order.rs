//! Writes keep their order, and only accepted bytes count as pending.

use std::io::Write;
use std::thread;
use std::time::Duration;

use stream_socket::{ConnectEnd, Connection, Event, Status, WriteError};

use crate::support::*;

for_each_family!(
    a_write_while_connecting_needs_a_queue,
    data_queued_while_connecting_is_reported_as_drained,
);

fn a_write_while_connecting_needs_a_queue(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    start_connect(&client, &server.address).unwrap();
    if client.status() == Status::Connecting {
        let outcomes = [
            write(&client, b"x"),
            client.try_write(b"x").map(drop),
            client.flush_queue(),
        ];
        for outcome in outcomes {
            assert!(matches!(outcome, Err(WriteError::Connecting)));
        }
    }
    until_status(&client, Status::Connected).unwrap();
}

fn data_queued_while_connecting_is_reported_as_drained(family: AddressFamily) {
    for queues in [true, false] {
        let server = Server::new(family);
        let client = Connection::new();
        client.set_queue_limit(1000);
        start_connect(&client, &server.address).unwrap();
        let has_waited = queues && client.status() == Status::Connecting;
        if queues {
            client.write_fully(b"early").unwrap();
        } else {
            client.flush_queue().unwrap();
        }
        until_status(&client, Status::Connected).unwrap();
        client.flush_queue().unwrap();
        let mut expected = vec![
            Event::StatusChanged(Status::Connecting),
            Event::StatusChanged(Status::Connected),
            Event::ConnectFinished(ConnectEnd::Connected),
        ];
        expected.extend(has_waited.then_some(Event::Drained));
        assert_eq!(pending_events(&client), expected);
    }
}

/// std's `write` returns the number of accepted bytes, and an error if none was accepted.
#[test]
fn std_writes_return_the_accepted_count() {
    let (one, other) = Connection::pair().unwrap();
    assert_eq!((&one).write(b"three").unwrap(), 5);
    assert_eq!(read(&other, 5).unwrap(), b"three");
    (&Connection::new()).write(b"x").unwrap_err();
}

/// Coalesced bytes are sent before later writes.
#[test]
fn a_write_follows_coalesced_bytes() {
    for length in [6, 11 << 10, 1 << 17] {
        let (connection, peer) = raw_peer(AddressFamily::Unix);
        connection.set_coalesces(true);
        connection.write_fully(b"coalesce").unwrap();
        connection.set_coalesces(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                connection.write_fully(&pattern(length)).unwrap();
                connection.disconnect();
            });
            let expected = [b"coalesce", &pattern(length)[..]].concat();
            assert_whole(read_to_end(&peer), &expected);
        });
    }
}

/// There is a little room, too little for the system to wake the blocked writer. A small write
/// has to wait too.
#[test]
fn a_small_write_does_not_overtake_a_waiting_write() {
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    // A time limit, so that a failed test ends.
    connection.set_write_timeout(Some(Duration::from_secs(60)));
    let data = pattern(MUCH);
    thread::scope(|scope| {
        let large = asleep(scope, || connection.write_fully(&data));
        let mut received = vec![0; 100_000];
        std::io::Read::read_exact(&mut peer, &mut received).unwrap();
        let small = asleep(scope, || connection.write_fully(b"small"));
        let mut rest = vec![0; MUCH - received.len() + 5];
        std::io::Read::read_exact(&mut peer, &mut rest).unwrap();
        large.join().unwrap().unwrap();
        small.join().unwrap().unwrap();
        received.extend(rest);
        assert!(received == [&data[..], b"small"].concat());
    });
}

/// The bytes of a blocked call do not count as pending before they are accepted.
#[test]
fn pending_bytes_exclude_bytes_not_yet_accepted() {
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    let filled = fill(&connection);
    connection.set_coalesces(true);
    connection.write_fully(b"coalesce").unwrap();
    thread::scope(|scope| {
        let writer = asleep(scope, || connection.write_fully(&[7; 20_000]));
        assert_eq!(connection.pending_bytes(), 8);
        let mut received = vec![0; filled + 8 + 20_000];
        std::io::Read::read_exact(&mut &peer, &mut received).unwrap();
        writer.join().unwrap().unwrap();
    });
    assert_eq!(connection.pending_bytes(), 0);
}
