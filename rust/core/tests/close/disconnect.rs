//! Disconnecting, aborting and dropping a connection.

use std::io::{ErrorKind, Read, Write};
use std::time::Instant;

use stream_socket::{Connection, ReadError, Status};

use crate::support::*;

for_each_family!(
    disconnect_from_either_side,
    a_dropped_connection_is_closed,
    a_graceful_close_sends_the_queue,
);

fn disconnect_from_either_side(family: AddressFamily) {
    let (client, accepted) = pair(family);
    accepted.disconnect();
    assert_eq!(accepted.status(), Status::None);
    assert_eq!(accepted.peer_address(), None);
    accepted.disconnect();
    until_status(&client, Status::None).unwrap();
    client.poll(Instant::now).unwrap();
    assert_eq!(client.status(), Status::None);
}

fn a_dropped_connection_is_closed(family: AddressFamily) {
    let (client, accepted) = pair(family);
    drop(client);
    until_status(&accepted, Status::None).unwrap();
}

fn a_graceful_close_sends_the_queue(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_queue_limit(1 << 20);
    let block = pattern(10_000);
    let sent = fill_queue(&client, &block);
    client.disconnect();
    assert_eq!(client.status(), Status::None);
    assert_eq!(client.pending_bytes(), 0);
    for _ in 0..sent / block.len() {
        assert!(read(&accepted, block.len()).unwrap() == block);
    }
    assert!(matches!(read(&accepted, 1), Err(ReadError::EndOfStream)));
}

#[test]
fn closing_with_unread_input_does_not_reset_the_peer() {
    for leave in [Connection::disconnect as fn(&Connection), |_| {}] {
        let (client, mut peer) = connection_to_raw_peer();
        peer.write_all(&pattern(100_000)).unwrap();
        until_available(&client, 1);
        client.write_fully(b"last words").unwrap();
        leave(&client);
        drop(client);
        let mut received = Vec::new();
        peer.read_to_end(&mut received).unwrap();
        assert_eq!(received, b"last words");
    }
}

#[test]
fn abort_resets() {
    if !reports_resets("abort_resets") {
        return;
    }
    let (client, mut peer) = connection_to_raw_peer();
    client.abort();
    assert_eq!(client.status(), Status::None);
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
