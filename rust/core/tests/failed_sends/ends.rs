//! After a failed send the peer sees a reset, and no clean end after a part of the data.

use std::io::Write;
use std::thread;

use socket2::SockRef;
use stream_socket::Status;

use crate::support::failing_sends::*;
use crate::support::*;

/// A send of fewer bytes than this fails.
const LEAST: usize = 24 << 20;

const MUCH: usize = 32 << 20;

/// How the stream ends for a peer that reads everything, when a blocked write fails in the middle.
/// If `ends`, a shutdown was requested before the failure.
fn outcome(ends: bool) -> std::io::Result<()> {
    let (connection, peer) = raw_peer(AddressFamily::Ipv4);
    SockRef::from(&connection.socket_handle().unwrap())
        .set_send_buffer_size(64 << 10)
        .unwrap();
    let data = pattern(MUCH);
    let (written, received) = thread::scope(|scope| {
        let writer = asleep(scope, || {
            fail_sends_of_this_thread(LEAST, libc::EIO);
            connection.write_fully(&data)
        });
        if ends {
            connection.shut_down_writing().unwrap();
        }
        let received = read_to_end(&peer);
        (writer.join().unwrap(), received)
    });
    let count = written.unwrap_err().accepted;
    assert!(count < data.len() && received.0.len() <= count);
    received.1
}

#[test]
fn a_failed_write_ends_in_a_reset() {
    if !can_fail_sends("a_failed_write_ends_in_a_reset") {
        return;
    }
    outcome(false).unwrap_err();
}

#[test]
fn a_failed_write_before_a_shutdown_ends_in_a_reset() {
    if !can_fail_sends("a_failed_write_before_a_shutdown_ends_in_a_reset") {
        return;
    }
    outcome(true).unwrap_err();
}

/// A send has failed, and data is left to read. A disconnect must not make the sent part look like
/// all of the data.
#[test]
fn a_disconnect_after_a_failed_send_is_a_reset() {
    if !can_fail_sends("a_disconnect_after_a_failed_send_is_a_reset") {
        return;
    }
    let (connection, mut peer) = raw_peer(AddressFamily::Ipv4);
    connection.write_fully(b"first").unwrap();
    peer.write_all(b"unread").unwrap();
    until_available(&connection, 6);
    with_failing_sends(ANY_LENGTH, libc::EIO, || {
        write(&connection, b"second").unwrap_err();
    });
    assert_eq!(connection.status(), Status::Connected);
    connection.disconnect();
    read_to_end(&peer).1.unwrap_err();
}
