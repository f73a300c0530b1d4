//! The polls of a frame loop report a failed send, whatever else the loop asks between them.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::support::failing_sends::*;
use crate::support::*;
use stream_socket::{Connection, Status, Target};

const MUCH: usize = 11 << 20;

/// So many frames are more than enough to tell a failure.
const FRAMES: usize = 1000;

/// A frame asks for available bytes, as `while available() > 0` does in the end, and the next one polls.
fn assert_reported(connection: &Connection) {
    for _ in 0..FRAMES {
        assert_eq!(connection.available(), Some(0));
        if connection.poll(Instant::now).is_err() {
            return;
        }
    }
    panic!(
        "{FRAMES} frames say nothing; the status is {:?}",
        connection.status()
    );
}

/// `try_write` has counted what was taken: "the next call tells of the failure".
#[test]
fn a_question_for_available_bytes_does_not_hide_a_failed_write() {
    if !can_fail_sends("a_question_for_available_bytes_does_not_hide_a_failed_write") {
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

/// A queue that a poll was sending, while something was there to be read: the poll tells of that, and the loop reads it.
#[test]
fn a_question_for_available_bytes_does_not_hide_a_failed_queue() {
    if !can_fail_sends("a_question_for_available_bytes_does_not_hide_a_failed_queue") {
        return;
    }
    let _only = only_test();
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    make_idle(&connection);
    connection.set_queue_limit(MUCH);
    write(&connection, &pattern(MUCH)).unwrap();
    assert!(connection.pending_bytes() > 0, "the system takes it all");
    peer.write_all(b"news").unwrap();
    // The peer makes room, so that the next send is not refused for want of it.
    peer.read_exact(&mut [0; 4096]).unwrap();
    with_failing_sends(ANY_LENGTH, libc::ENOBUFS, || {
        until_available(&connection, 4);
        assert!(
            connection.poll(Instant::now).unwrap(),
            "there is something to read"
        );
    });
    assert_eq!(connection.pending_bytes(), 0, "the send has failed");
    assert_eq!(read(&connection, 4).unwrap(), b"news");
    assert_reported(&connection);
}

/// A connect that fails at once is not the end of a stream.
#[test]
fn a_connect_that_fails_at_once_is_no_end_of_the_stream_before() {
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    drop(peer);
    let mut byte = [0];
    assert_eq!((&connection).read(&mut byte).unwrap(), 0, "the end");
    assert_eq!(connection.status(), Status::None);
    let nowhere = stream_socket::Address::Unix("/nonexistent/socket".into());
    connection
        .connect(
            Target::Address(nowhere),
            Some(Duration::from_secs(1)),
            Instant::now(),
        )
        .unwrap_err();
    let outcome = (&connection).read(&mut byte);
    assert!(outcome.is_err(), "nobody was connected: {outcome:?}");
}
