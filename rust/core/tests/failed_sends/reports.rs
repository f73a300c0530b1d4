//! A send fails in the middle, and the socket stays intact: the failure is reported, and what was
//! sent is counted.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Status, WriteError, WriteFailure};

use crate::support::failing_sends::*;
use crate::support::*;

fn received(peer: &socket2::Socket) -> Vec<u8> {
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    read_to_end(peer).0
}

/// `try_write` returns the count of bytes before the failure, so the next call has to report it.
#[test]
fn a_poll_reports_a_write_that_failed_in_the_middle() {
    if !can_fail_sends("a_poll_reports_a_write_that_failed_in_the_middle") {
        return;
    }
    let _only = only_test();
    let (connection, _peer) = raw_peer(AddressFamily::Unix);
    make_idle(&connection);
    let data = pattern(MUCH);
    let count = with_failing_sends(MUCH, libc::EIO, || connection.try_write(&data).unwrap());
    assert!(count > 0 && count < MUCH);
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if connection.poll(Instant::now).is_err() {
            return;
        }
    }
    panic!(
        "the polls report nothing; the status is {:?}",
        connection.status()
    );
}

/// A reader sleeps while a poll finds that nothing more can be sent.
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
        let end = Instant::now() + PATIENCE;
        let mut reported = false;
        while Instant::now() < end && !reported {
            reported = connection.poll(Instant::now).is_err() || reader.is_finished();
            thread::sleep(Duration::from_millis(1));
        }
        let status = connection.status();
        connection.disconnect();
        let _ = reader.join().unwrap();
        drop(peer);
        assert!(
            !lost || reported,
            "the queue is lost, but neither the reader nor a poll reports it; the status is {status:?}"
        );
    });
}

#[test]
fn a_line_that_cannot_be_completed_after_a_failed_send_is_an_error() {
    if !can_fail_sends("a_line_that_cannot_be_completed_after_a_failed_send_is_an_error") {
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
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if connection.poll(Instant::now).is_err()
            || connection.read_until(b"\n", 1000, <[u8]>::len).is_err()
        {
            return;
        }
    }
    panic!(
        "neither polls nor reads report that accepted data is lost; the status is {:?}",
        connection.status()
    );
}

fn assert_counted(connection: Connection, peer: socket2::Socket, accepted: usize, before: usize) {
    connection.disconnect();
    drop(connection);
    let delivered = received(&peer).len();
    assert_eq!(
        delivered,
        before + accepted,
        "the write has counted {accepted} bytes"
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
    let WriteFailure {
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
fn a_coalesced_write_that_fails_in_the_middle_counts_what_was_sent() {
    if !can_fail_sends("a_coalesced_write_that_fails_in_the_middle_counts_what_was_sent") {
        return;
    }
    let _only = only_test();
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    // A small buffer, so that the system does not accept 60000 bytes at once.
    connection
        .set_options(|options| options.send_buffer_size = Some(4096))
        .unwrap();
    connection.set_coalesces(true);
    connection.write_fully(b"0123456789").unwrap();
    let data = pattern(60_000);
    let outcome = with_failing_sends(60_010, libc::EIO, || connection.write_fully(&data));
    let count = outcome.unwrap_err().accepted;
    assert_counted(connection, peer, count, 10);
}

/// A flush waits for the direction while a write fails.
#[test]
fn a_flush_fails_if_its_data_could_not_be_sent() {
    let _only = only_test();
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    peer.write_all(b"unread").unwrap();
    until_available(&connection, 6);
    fill(&connection);
    connection.set_coalesces(true);
    connection.write_fully(b"coalesce").unwrap();
    thread::scope(|scope| {
        let writer = asleep(scope, || write(&connection, &pattern(20_000)));
        let flusher = asleep(scope, || connection.flush_queue());
        drop(peer);
        assert!(writer.join().unwrap().is_err());
        let outcome = flusher.join().unwrap();
        assert!(
            outcome.is_err(),
            "the coalesced bytes are lost, and the flush returns {outcome:?}"
        );
    });
    assert_eq!(connection.status(), Status::Connected, "data is unread");
}

/// No byte of the call was accepted, so the call fails.
#[test]
fn a_queued_write_without_accepted_bytes_fails() {
    if !can_fail_sends("a_queued_write_without_accepted_bytes_fails") {
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
