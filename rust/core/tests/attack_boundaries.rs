//! A short read may end at a boundary: it says nothing of what is behind it.
#![cfg(target_os = "linux")]

mod support;

use std::time::Instant;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use support::*;

/// Sends `data` with a descriptor, which makes a boundary behind it (unix(7), SCM_RIGHTS).
fn send_with_descriptor(peer: &socket2::Socket, data: &[u8]) {
    use std::os::fd::AsFd;
    let descriptors = [peer.as_fd()];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    let slices = [std::io::IoSlice::new(data)];
    sendmsg(peer, &slices, &mut control, SendFlags::empty()).unwrap();
}

#[test]
fn a_question_right_after_a_poll_counts_what_is_behind_a_boundary() {
    let mut wrong = 0;
    for _ in 0..200 {
        let (connection, peer) = raw_peer(Family::Unix);
        send_with_descriptor(&peer, b"one");
        peer.send(b"two").unwrap();
        assert!(connection.poll(Instant::now).unwrap());
        wrong += usize::from(connection.available() != Some(6));
    }
    assert_eq!(wrong, 0, "of 200 answers are less than what is there");
}

#[test]
fn everything_that_is_there_is_read() {
    let (connection, peer) = raw_peer(Family::Unix);
    send_with_descriptor(&peer, b"one");
    peer.send(b"two").unwrap();
    let all = connection.read_all_available(100, <[u8]>::to_vec).unwrap();
    assert_eq!(String::from_utf8_lossy(&all), "onetwo");
}

#[test]
fn a_line_that_is_there_is_found() {
    let (connection, peer) = raw_peer(Family::Unix);
    send_with_descriptor(&peer, b"one");
    peer.send(b"two\n").unwrap();
    let line = connection.read_until(b"\n", 100, <[u8]>::to_vec).unwrap();
    assert_eq!(line.as_deref(), Some(&b"onetwo\n"[..]));
}
