//! The recording of a connection: the last bytes of each direction, by every path, and the events.

use std::thread;
use std::time::Instant;

use stream_socket::{ConnectEnd, Connection, DisconnectCause, Event, Status};

use crate::support::*;

for_each_family!(
    bytes_are_recorded_by_every_path,
    large_transfers_leave_their_last_bytes,
    events_are_kept_across_connections,
);

/// How many bytes are kept for each direction.
const KEPT: usize = 4096;

/// More than all buffers between two ends.
const BIG: usize = 32 << 20;

fn received(connection: &Connection) -> Vec<u8> {
    connection.recording(Instant::now()).unwrap().received
}

fn sent(connection: &Connection) -> Vec<u8> {
    connection.recording(Instant::now()).unwrap().sent
}

fn bytes_are_recorded_by_every_path(family: AddressFamily) {
    let (one, other) = pair(family);
    write(&one, b"before").unwrap();
    read(&other, 6).unwrap();
    assert_eq!(other.recording(Instant::now()), None);
    one.record(true);
    other.record(true);
    assert_eq!((sent(&one), received(&other)), (Vec::new(), Vec::new()));
    // Sent at once, and received by a poll.
    write(&one, b"a").unwrap();
    until("the data has arrived", || {
        other.poll(Instant::now).unwrap().then_some(())
    });
    assert_eq!(
        (sent(&one), received(&other)),
        (b"a".to_vec(), b"a".to_vec())
    );
    read(&other, 1).unwrap();
    // Received by a query of what is available.
    assert_eq!(one.try_write(b"bc").unwrap(), 2);
    until_available(&other, 2);
    assert_eq!(received(&other), b"abc");
    assert_eq!(try_read(&other, 1 << 16).unwrap(), b"bc");
    // Coalesced, sent from the queue, and read without the buffer.
    one.set_coalesces(true);
    write(&one, b"de").unwrap();
    assert_eq!(sent(&one), b"abc", "coalesced bytes are not sent yet");
    one.flush_queue().unwrap();
    assert_eq!(sent(&one), b"abcde");
    until("the data is read", || {
        (try_read(&other, 1 << 16).unwrap() == b"de").then_some(())
    });
    // Read line by line.
    one.set_coalesces(false);
    write(&one, b"f\ng\n").unwrap();
    for line in [b"f\n", b"g\n"] {
        let found = until("a line", || {
            other.read_until(b"\n", 100, <[u8]>::to_vec).unwrap()
        });
        assert_eq!(found, line);
    }
    assert_eq!(received(&other), b"abcdef\ng\n");
    other.record(false);
    assert_eq!(other.recording(Instant::now()), None);
    one.record(true);
    assert_eq!(sent(&one), Vec::new(), "a new recording is empty");
}

fn large_transfers_leave_their_last_bytes(family: AddressFamily) {
    let (one, other) = pair(family);
    one.record(true);
    other.record(true);
    let data = pattern(BIG);
    thread::scope(|scope| {
        scope.spawn(|| write(&one, &data).unwrap());
        read(&other, BIG).unwrap();
    });
    let last = &data[BIG - KEPT..];
    assert!(sent(&one) == last && received(&other) == last);
    // The same through a queue.
    one.set_queue_limit(BIG);
    write(&one, &data[..BIG - 1]).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| read(&other, BIG - 1).unwrap());
        until("everything is sent", || {
            one.poll(Instant::now).unwrap();
            (one.pending_bytes() == 0).then_some(())
        });
    });
    let last = &data[BIG - 1 - KEPT..BIG - 1];
    assert!(sent(&one) == last && received(&other) == last);
}

fn events_are_kept_across_connections(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    client.record(true);
    connect(&client, &server.address);
    // Events are kept after they were taken.
    assert!(!pending_events(&client).is_empty());
    client.disconnect();
    let recording = client.recording(Instant::now()).unwrap();
    let events: Vec<Event> = recording.events.iter().map(|(_, event)| *event).collect();
    assert_eq!(
        events,
        [
            Event::StatusChanged(Status::Connecting),
            Event::StatusChanged(Status::Connected),
            Event::ConnectFinished(ConnectEnd::Connected),
            Event::StatusChanged(Status::None),
            Event::Disconnected(DisconnectCause::Local),
        ]
    );
    let ages: Vec<_> = recording.events.iter().map(|(age, _)| *age).collect();
    assert!(ages.is_sorted_by(|one, next| one >= next), "{ages:?}");
    // Only the last events are kept.
    for _ in 0..50 {
        connect(&client, &server.address);
        client.disconnect();
    }
    let recording = client.recording(Instant::now()).unwrap();
    assert_eq!(recording.events.len(), 64);
}
