//! The polls of a frame loop report a failed send, whatever else the loop asks between them.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use stream_socket::{Address, Connection, Status};

use crate::support::failing_sends::*;
use crate::support::*;

/// By this frame, a failure has been reported.
const FRAMES: usize = 1000;

/// One frame asks for the available bytes, as `while available() > 0` does, and the next one polls.
fn assert_reported(connection: &Connection) {
    for _ in 0..FRAMES {
        assert_eq!(connection.available(), Some(0));
        if connection.poll(Instant::now).is_err() {
            return;
        }
    }
    panic!(
        "{FRAMES} frames report nothing; the status is {:?}",
        connection.status()
    );
}

/// `try_write` has returned the count of accepted bytes, so the next call has to report the
/// failure.
#[test]
fn a_failed_write_is_reported_despite_calls_of_available() {
    if !can_fail_sends("a_failed_write_is_reported_despite_calls_of_available") {
        return;
    }
    let _only = only_test();
    let (connection, _peer) = raw_peer(AddressFamily::Unix);
    make_idle(&connection);
    let data = pattern(MUCH);
    let count = with_failing_sends(MUCH, libc::ENOBUFS, || connection.try_write(&data).unwrap());
    assert!(count > 0 && count < MUCH);
    assert_reported(&connection);
}

/// A poll fails to send the queue while there is unread data. This poll reports the data. A later
/// one, after the loop has read the data, reports the failure.
#[test]
fn a_failed_queue_is_reported_after_unread_data_was_read() {
    if !can_fail_sends("a_failed_queue_is_reported_after_unread_data_was_read") {
        return;
    }
    let _only = only_test();
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    make_idle(&connection);
    connection.set_queue_limit(MUCH);
    write(&connection, &pattern(MUCH)).unwrap();
    assert!(
        connection.pending_bytes() > 0,
        "the system has accepted everything"
    );
    peer.write_all(b"data").unwrap();
    // The peer makes room, so that the next send is not refused because the buffer is full.
    peer.read_exact(&mut [0; 4096]).unwrap();
    with_failing_sends(ANY_LENGTH, libc::ENOBUFS, || {
        until_available(&connection, 4);
        assert!(
            connection.poll(Instant::now).unwrap(),
            "there is something to read"
        );
    });
    assert_eq!(connection.pending_bytes(), 0, "the send has failed");
    assert_eq!(read(&connection, 4).unwrap(), b"data");
    assert_reported(&connection);
}

/// After a connect that failed at once, a read fails. It does not return the end of the previous
/// stream.
#[test]
fn a_read_after_a_failed_connect_does_not_return_an_earlier_end() {
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    drop(peer);
    let mut byte = [0];
    assert_eq!((&connection).read(&mut byte).unwrap(), 0, "the end");
    assert_eq!(connection.status(), Status::None);
    let nowhere = Address::Unix("/nonexistent/socket".into());
    connection
        .connect(nowhere.into(), Some(Duration::from_secs(1)), Instant::now())
        .unwrap_err();
    let outcome = (&connection).read(&mut byte);
    assert!(outcome.is_err(), "there was no connection: {outcome:?}");
}
