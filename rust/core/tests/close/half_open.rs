//! One direction ends, and the other one continues.

use std::io::Read;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{ReadError, Status, WriteError};

use crate::support::*;

for_each_family!(
    half_open_connections_continue_in_the_other_direction,
    shutting_down_both_sides_ends_the_connection,
    a_write_continues_after_the_peers_end,
);

fn half_open_connections_continue_in_the_other_direction(family: AddressFamily) {
    let (client, accepted) = pair(family);
    accepted.set_allow_half_open(true);
    client.write_fully(b"question").unwrap();
    client.shut_down_writing().unwrap();
    assert!(matches!(write(&client, b"more"), Err(WriteError::ShutDown)));
    assert_eq!(client.status(), Status::Connected);
    assert_eq!(read(&accepted, 8).unwrap(), b"question");
    until("the end is noticed", || {
        accepted.poll(Instant::now).unwrap();
        accepted.is_read_closed().then_some(())
    });
    for _ in 0..3 {
        accepted.poll(Instant::now).unwrap();
        assert!(matches!(read(&accepted, 1), Err(ReadError::EndOfStream)));
        assert_eq!(accepted.status(), Status::Connected);
        assert_eq!(accepted.available(), Some(0));
    }
    accepted.write_fully(b"answer").unwrap();
    assert_eq!(read(&client, 6).unwrap(), b"answer");
    assert!(!client.is_read_closed());
    accepted.shut_down_writing().unwrap();
    assert_eq!(accepted.status(), Status::None);
    until_status(&client, Status::None).unwrap();
}

fn shutting_down_both_sides_ends_the_connection(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.shut_down_writing().unwrap();
    // Without half-open connections the peer's end closes the connection.
    until_status(&accepted, Status::None).unwrap();
    until_status(&client, Status::None).unwrap();
    assert!(matches!(
        client.shut_down_writing(),
        Err(WriteError::NotConnected)
    ));
}

#[test]
fn a_reset_ends_a_half_open_connection() {
    if !reports_resets("a_reset_ends_a_half_open_connection") {
        return;
    }
    let (client, peer) = connection_to_raw_peer();
    client.set_allow_half_open(true);
    peer.shutdown(Shutdown::Write).unwrap();
    until("the end is noticed", || {
        client.poll(Instant::now).unwrap();
        client.is_read_closed().then_some(())
    });
    reset(peer);
    until_status(&client, Status::Error).unwrap_err();
}

fn a_write_continues_after_the_peers_end(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    let data = pattern(MUCH);
    thread::scope(|scope| {
        let writer = asleep(scope, || connection.write_fully(&data));
        peer.shutdown(Shutdown::Write).unwrap();
        // A frame loop continues meanwhile.
        for _ in 0..20 {
            let _ = connection.poll(Instant::now);
            thread::sleep(Duration::from_millis(5));
        }
        let mut received = vec![0; MUCH];
        let read = peer.read_exact(&mut received);
        let written = writer.join().unwrap();
        assert!(
            read.is_ok() && written.is_ok() && received == data,
            "the write: {written:?}; the peer's read: {read:?}"
        );
    });
}
