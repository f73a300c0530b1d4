//! Once a send has failed nothing more is sent: the peer gets no stream with a gap.

use std::io::Write;
use std::thread;
use std::time::Instant;

use stream_socket::{Connection, Status, WriteError, os_code};

use crate::support::failing_sends::*;
use crate::support::*;

for_each_family!(
    a_failed_send_of_a_queue_leaves_no_gap,
    a_failed_flush_leaves_no_gap,
);

/// A connection with unread data, whose queue holds the part of `data` that the system has not
/// accepted.
fn stuffed(family: AddressFamily, data: &[u8]) -> (Connection, socket2::Socket) {
    let (connection, mut peer) = raw_peer(family);
    peer.write_all(b"unread").unwrap();
    until_available(&connection, 6);
    connection.set_queue_limit(4 * MUCH);
    connection.write_fully(data).unwrap();
    assert!(connection.pending_bytes() > 0);
    (connection, peer)
}

/// Goes on writing while the peer reads. The peer has to get a prefix of `data`, and each write has
/// to fail.
fn assert_nothing_more_is_sent(connection: &Connection, peer: &socket2::Socket, data: &[u8]) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_to_end(peer));
        let mut failed = 0;
        for _ in 0..20 {
            let error = write(connection, &pattern(100_000)).err();
            failed += usize::from(error.is_some());
            if let Some(WriteError::Socket { source, .. }) = &error {
                assert_eq!(os_code(source), Some(libc::EIO));
            }
            let _ = connection.poll(Instant::now);
        }
        assert_eq!(connection.status(), Status::Connected);
        assert_eq!(read(connection, 6).unwrap(), b"unread");
        connection.disconnect();
        let (received, _) = reader.join().unwrap();
        let good = same_bytes(&received, data);
        assert_eq!(received.len(), good, "the stream continues after a gap");
        assert!(good < data.len());
        assert_eq!(failed, 20, "writes that cannot be delivered are accepted");
    });
}

fn a_failed_send_of_a_queue_leaves_no_gap(family: AddressFamily) {
    if !can_fail_sends("a_failed_send_of_a_queue_leaves_no_gap") {
        return;
    }
    let data = pattern(MUCH);
    let (connection, peer) = stuffed(family, &data);
    with_failing_sends(ANY_LENGTH, libc::EIO, || {
        connection.poll(Instant::now).unwrap()
    });
    assert_nothing_more_is_sent(&connection, &peer, &data);
}

fn a_failed_flush_leaves_no_gap(family: AddressFamily) {
    if !can_fail_sends("a_failed_flush_leaves_no_gap") {
        return;
    }
    let data = pattern(MUCH);
    let (connection, peer) = stuffed(family, &data);
    let error = with_failing_sends(ANY_LENGTH, libc::EIO, || connection.flush_queue()).unwrap_err();
    assert!(matches!(error, WriteError::Socket { .. }), "{error}");
    assert_nothing_more_is_sent(&connection, &peer, &data);
}
