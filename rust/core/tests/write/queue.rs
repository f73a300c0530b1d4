//! The queue, and coalesced writes.

use std::time::Instant;

use stream_socket::{Connection, Event, Status, WriteError};

use crate::support::*;

for_each_family!(
    a_queue_takes_all_or_nothing_and_keeps_the_order,
    data_is_queued_while_connecting,
    coalesced_writes_go_out_together,
);

fn a_queue_takes_all_or_nothing_and_keeps_the_order(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_queue_limit(100_000);
    assert!(matches!(
        write(&client, &pattern(100_001)),
        Err(WriteError::TooLarge { .. })
    ));
    let block = pattern(1000);
    let mut sent = fill_queue(&client, &block);
    while client.write_fully(&block).is_ok() {
        sent += block.len();
    }
    let pending = client.pending_bytes();
    assert!(pending > 99_000 && pending <= 100_000, "{pending}");
    assert!(matches!(
        write(&client, &block),
        Err(WriteError::Busy { limit: 100_000, .. })
    ));
    assert!(matches!(client.flush_queue(), Err(WriteError::Busy { .. })));
    assert_eq!(
        client.pending_bytes(),
        pending,
        "no part of a refused write is queued"
    );
    pending_events(&client);
    for _ in 0..sent / block.len() {
        let mut received = Vec::new();
        while received.len() < block.len() {
            client.poll(Instant::now).unwrap();
            received.extend(try_read(&accepted, block.len() - received.len()).unwrap());
        }
        assert!(received == block);
    }
    assert_eq!(client.pending_bytes(), 0);
    client.poll(Instant::now).unwrap();
    assert_eq!(pending_events(&client), [Event::Drained]);
    client.flush_queue().unwrap();
    assert_eq!(pending_events(&client), []);
}

fn data_is_queued_while_connecting(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    client.set_queue_limit(1000);
    assert!(matches!(
        write(&client, b"x"),
        Err(WriteError::NotConnected)
    ));
    start_connect(&client, &server.address).unwrap();
    client.write_fully(b"early ").unwrap();
    assert_eq!(client.try_write(b"bird").unwrap(), 4);
    until_status(&client, Status::Connected).unwrap();
    assert_eq!(read(&server.accept(), 10).unwrap(), b"early bird");
    assert_eq!(client.pending_bytes(), 0);
}

fn coalesced_writes_go_out_together(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_coalesces(true);
    let flushes: [fn(&Connection); 2] = [
        |client| client.flush_queue().unwrap(),
        |client| assert!(!client.poll(Instant::now).unwrap()),
    ];
    client.write_fully(b"first").unwrap();
    assert_eq!(client.pending_bytes(), 5);
    client.poll(Instant::now).unwrap();
    assert_eq!(read(&accepted, 5).unwrap(), b"first");
    for flush in flushes {
        client.write_fully(b"one ").unwrap();
        assert_eq!(client.try_write(b"two ").unwrap(), 4);
        client.write_fully(b"three").unwrap();
        assert_eq!(client.pending_bytes(), 13);
        assert_eq!(accepted.available(), Some(0));
        flush(&client);
        assert_eq!(client.pending_bytes(), 0);
        assert_eq!(read(&accepted, 13).unwrap(), b"one two three");
    }
    client.write_fully(&pattern(16 * 1024)).unwrap();
    assert_eq!(client.pending_bytes(), 0, "a large write is not held back");
    assert!(read(&accepted, 16 * 1024).unwrap() == pattern(16 * 1024));
    client.write_fully(b"last").unwrap();
    client.disconnect();
    assert_eq!(read(&accepted, 4).unwrap(), b"last");
    assert_eq!(pending_events(&client).len(), 5);
}

#[test]
fn a_failed_flush_of_a_poll_is_an_error() {
    let (client, peer) = connection_to_raw_peer();
    client.set_queue_limit(1 << 20);
    fill_queue(&client, &pattern(100_000));
    reset(peer);
    until("the connection ends", || {
        let _ = client.poll(Instant::now);
        (client.status() != Status::Connected).then_some(())
    });
    assert_eq!(client.pending_bytes(), 0);
}
