//! A send fails in the middle, and the socket lives on: the failure is reported, and what was sent is
//! counted.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::failing_sends::*;
use crate::support::*;
use stream_socket::{
    Connection, Status, WriteError,
};

const MUCH: usize = 11 << 20;

fn received(peer: &socket2::Socket) -> Vec<u8> {
    peer.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    read_to_end(peer).0
}

/// What `try_write` has counted before a failure: "the next call tells of the failure".
#[test]
fn a_poll_tells_of_a_write_that_has_failed_in_the_middle() {
    if !can_fail_sends("a_poll_tells_of_a_write_that_has_failed_in_the_middle") {
        return;
    }
    let _only = only_test();
    let (connection, _peer) = raw_peer(AddressFamily::Unix);
    make_idle(&connection);
    let data = pattern(MUCH);
    let count = with_failing_sends(MUCH, libc::EIO, || connection.try_write(&data).unwrap());
    assert!(count > 0 && count < MUCH);
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        if connection.poll(Instant::now).is_err() {
            return;
        }
    }
    panic!(
        "two seconds of polls say nothing; the status is {:?}",
        connection.status()
    );
}

/// A reader that sleeps while a poll finds out that nothing can be sent any more.
#[test]
fn a_failed_send_ends_a_reader_that_sleeps() {
    if !can_fail_sends("a_failed_send_ends_a_reader_that_sleeps") {
        return;
    }
    let _only = only_test();
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    connection.set_queue_limit(MUCH);
    thread::scope(|scope| {
        let reader = asleep(scope, || read(&connection, 5));
        connection.write_fully(&pattern(MUCH)).unwrap();
        with_failing_sends(ANY_LENGTH, libc::EIO, || {
            let _ = connection.poll(Instant::now);
        });
        let lost = connection.pending_bytes() == 0;
        let end = Instant::now() + Duration::from_secs(2);
        let mut told = false;
        while Instant::now() < end && !told {
            told = connection.poll(Instant::now).is_err() || reader.is_finished();
            thread::sleep(Duration::from_millis(1));
        }
        let status = connection.status();
        connection.disconnect();
        let _ = reader.join().unwrap();
        drop(peer);
        assert!(
            !lost || told,
            "the queue is lost, the reader sleeps, polls say nothing; {status:?}"
        );
    });
}

#[test]
fn a_line_that_cannot_come_to_its_end_is_told_after_a_failed_send() {
    if !can_fail_sends("a_line_that_cannot_come_to_its_end_is_told_after_a_failed_send") {
        return;
    }
    let _only = only_test();
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    connection.set_queue_limit(MUCH);
    connection.write_fully(&pattern(MUCH)).unwrap();
    peer.write_all(b"half a li").unwrap();
    until_available(&connection, 9);
    with_failing_sends(ANY_LENGTH, libc::EIO, || {
        let _ = connection.poll(Instant::now);
    });
    assert_eq!(connection.pending_bytes(), 0);
    let end = Instant::now() + Duration::from_secs(1);
    while Instant::now() < end {
        if connection.poll(Instant::now).is_err()
            || connection.read_until(b"\n", 1000, <[u8]>::len).is_err()
        {
            return;
        }
    }
    panic!(
        "neither polls nor reads tell that what was accepted is lost; {:?}",
        connection.status()
    );
}

fn assert_counted(connection: Connection, peer: socket2::Socket, accepted: usize, before: usize) {
    connection.disconnect();
    drop(connection);
    let came = received(&peer).len();
    assert_eq!(
        came,
        before + accepted,
        "of the bytes that came {accepted} were said to be accepted"
    );
}

#[test]
fn a_queued_write_that_fails_in_the_middle_counts_what_was_sent() {
    if !can_fail_sends("a_queued_write_that_fails_in_the_middle_counts_what_was_sent") {
        return;
    }
    let _only = only_test();
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    connection.set_queue_limit(2 * MUCH);
    let data = pattern(MUCH);
    let outcome = with_failing_sends(MUCH, libc::EIO, || connection.write_fully(&data));
    let stream_socket::WriteFailure {
        error,
        accepted: count,
        ..
    } = outcome.unwrap_err();
    assert!(matches!(error, WriteError::Socket { .. }));
    assert_counted(connection, peer, count, 0);
}

#[test]
fn a_partial_queued_write_that_fails_in_the_middle_counts_what_was_sent() {
    if !can_fail_sends("a_partial_queued_write_that_fails_in_the_middle_counts_what_was_sent") {
        return;
    }
    let _only = only_test();
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    connection.set_queue_limit(2 * MUCH);
    let data = pattern(MUCH);
    let outcome = with_failing_sends(MUCH, libc::EIO, || connection.try_write(&data));
    assert_counted(connection, peer, outcome.unwrap_or(0), 0);
}

#[test]
fn a_joined_write_that_fails_in_the_middle_counts_what_was_sent() {
    if !can_fail_sends("a_joined_write_that_fails_in_the_middle_counts_what_was_sent") {
        return;
    }
    let _only = only_test();
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    // So that 60000 bytes are not taken at once.
    connection
        .set_options("set the size", |options| {
            options.send_buffer_size = Some(4096)
        })
        .unwrap();
    connection.set_coalesces(true);
    connection.write_fully(b"0123456789").unwrap();
    let data = pattern(60_000);
    let outcome = with_failing_sends(60_010, libc::EIO, || connection.write_fully(&data));
    let stream_socket::WriteFailure {
        accepted: count, ..
    } = outcome.unwrap_err();
    assert_counted(connection, peer, count, 10);
}

/// A flush that waits for its turn behind a write that fails.
#[test]
fn a_flush_does_not_say_ok_after_the_failure_of_what_it_was_to_send() {
    let _only = only_test();
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    peer.write_all(b"unread").unwrap();
    until_available(&connection, 6);
    loop {
        if connection.try_write(&pattern(1 << 20)).unwrap() == 0 {
            break;
        }
    }
    connection.set_coalesces(true);
    connection.write_fully(b"gathered").unwrap();
    thread::scope(|scope| {
        let writer = asleep(scope, || write(&connection, &pattern(20_000)));
        let flusher = asleep(scope, || connection.flush_queue());
        drop(peer);
        assert!(writer.join().unwrap().is_err());
        let outcome = flusher.join().unwrap();
        assert!(
            outcome.is_err(),
            "the gathered bytes are lost, the flush says {outcome:?}"
        );
    });
    assert_eq!(
        connection.status(),
        Status::Connected,
        "something is unread"
    );
}

/// Nothing of the call was taken, so it has failed.
#[test]
fn a_queued_write_of_which_nothing_was_taken_fails() {
    if !can_fail_sends("a_queued_write_of_which_nothing_was_taken_fails") {
        return;
    }
    let (connection, _peer) = raw_peer(AddressFamily::Ipv4);
    connection.set_queue_limit(1000);
    let outcome = with_failing_sends(ANY_LENGTH, libc::EIO, || connection.try_write(b"x"));
    let (unqueued, _peer) = raw_peer(AddressFamily::Ipv4);
    let failure = with_failing_sends(ANY_LENGTH, libc::EIO, || unqueued.try_write(b"x"));
    assert!(
        matches!(failure, Err(WriteError::Socket { .. })),
        "{failure:?}"
    );
    assert!(
        matches!(outcome, Err(WriteError::Socket { .. })),
        "{outcome:?}"
    );
}
