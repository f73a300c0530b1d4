//! Accepted data is delivered completely and in order, and then the end of the stream.

use std::net::Shutdown;
use std::thread;
use std::time::Instant;

use stream_socket::{Connection, Status, WriteError};

use crate::support::*;

for_each_family!(
    a_reply_outlives_the_peers_end,
    a_reply_with_a_pending_shutdown_outlives_the_peers_end,
    a_queue_outlives_the_peers_end_that_ends_the_connection,
    a_connection_ends_with_its_second_direction,
);

fn until_end_is_seen(connection: &Connection) {
    until("the peer's end", || {
        connection.poll(Instant::now).unwrap();
        let is_over = connection.status() == Status::None;
        (is_over || connection.is_read_closed()).then_some(())
    });
}

/// Polls `connection` while another thread reads from `peer` to the end. Returns what it has read.
fn polled_until_read(
    connection: &Connection,
    peer: &socket2::Socket,
) -> (Vec<u8>, std::io::Result<()>) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_to_end(peer));
        while !reader.is_finished() {
            connection.poll(Instant::now).unwrap();
            thread::yield_now();
        }
        reader.join().unwrap()
    })
}

fn a_reply_outlives_the_peers_end(family: AddressFamily) {
    let (connection, peer) = queueing(family, 2 * MUCH);
    connection.set_allow_half_open(true);
    peer.shutdown(Shutdown::Write).unwrap();
    until_end_is_seen(&connection);
    let reply = pattern(MUCH);
    connection.write_fully(&reply).unwrap();
    connection.shut_down_writing().unwrap();
    assert_whole(polled_until_read(&connection, &peer), &reply);
    until_status(&connection, Status::None).unwrap();
}

fn a_reply_with_a_pending_shutdown_outlives_the_peers_end(family: AddressFamily) {
    let (connection, peer) = queueing(family, 2 * MUCH);
    connection.set_allow_half_open(true);
    let reply = pattern(MUCH);
    connection.write_fully(&reply).unwrap();
    connection.shut_down_writing().unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    until_end_is_seen(&connection);
    assert_whole(polled_until_read(&connection, &peer), &reply);
    until_status(&connection, Status::None).unwrap();
}

/// A poll, a read or a shutdown of this side finds the peer's end.
fn a_queue_outlives_the_peers_end_that_ends_the_connection(family: AddressFamily) {
    let finds: [fn(&Connection); 3] = [
        |connection| until_status(connection, Status::None).unwrap(),
        |connection| {
            until("the end", || try_read(connection, 1).err());
        },
        |connection| {
            let _ = connection.shut_down_writing();
            until_status(connection, Status::None).unwrap();
        },
    ];
    for find in finds {
        let (connection, peer) = queueing(family, 2 * MUCH);
        let data = pattern(MUCH);
        connection.write_fully(&data).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        find(&connection);
        assert_eq!(connection.status(), Status::None);
        assert_whole(read_to_end(&peer), &data);
    }
}

fn a_connection_ends_with_its_second_direction(family: AddressFamily) {
    let (connection, peer) = queueing(family, 2 * MUCH);
    connection.set_allow_half_open(true);
    peer.shutdown(Shutdown::Write).unwrap();
    until_end_is_seen(&connection);
    connection.write_fully(&pattern(MUCH)).unwrap();
    connection.shut_down_writing().unwrap();
    for _ in 0..20 {
        connection.poll(Instant::now).unwrap();
        assert_eq!(connection.status(), Status::Connected, "a part is unsent");
    }
    assert!(connection.pending_bytes() > 0);
    assert!(matches!(
        write(&connection, b"x"),
        Err(WriteError::ShutDown)
    ));
    thread::scope(|scope| {
        scope.spawn(|| read_to_end(&peer));
        until_status(&connection, Status::None).unwrap();
    });
    assert_eq!(connection.pending_bytes(), 0);
}
