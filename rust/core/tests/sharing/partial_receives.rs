//! A connection counts as quiet only after the kernel has reported that nothing is left. A receive
//! may return less than there is: before urgent data, and after data that came with descriptors.

use std::io::{IoSlice, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use socket2::Socket;
use stream_socket::{Connection, Group, ReadError, Status, Visit};

use crate::support::*;

for_each_family!(
    data_after_a_boundary_is_reported,
    an_end_after_a_boundary_is_reported,
    a_group_reports_data_after_a_boundary,
    a_line_across_a_boundary_is_read,
);

/// Sends `abc`, a boundary at which a receive stops, and `def`.
fn send_with_a_boundary(family: AddressFamily, mut peer: &Socket) {
    match family {
        AddressFamily::Unix => {
            let descriptors = [peer.as_fd()];
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
            let data = [IoSlice::new(b"abc")];
            let sent = rustix::net::sendmsg(peer, &data, &mut control, SendFlags::empty());
            assert_eq!(sent.unwrap(), 3);
        }
        _ => {
            peer.write_all(b"abc").unwrap();
            peer.send_out_of_band(b"!").unwrap();
        }
    }
    peer.write_all(b"def").unwrap();
}

/// Waits until the data has arrived, without using the library.
fn until_travelled(peer: &Socket) {
    let unsent = || {
        let mut count = 0;
        // SAFETY: The kernel writes one number (tcp(7), SIOCOUTQ).
        let outcome = unsafe {
            use std::os::fd::AsRawFd;
            libc::ioctl(peer.as_raw_fd(), libc::TIOCOUTQ, &raw mut count)
        };
        assert_eq!(outcome, 0);
        count
    };
    until("the data has arrived", || (unsent() == 0).then_some(()));
}

/// Sends `abc` and `def` with a boundary between them to an idle connection, and waits until both
/// have arrived.
fn with_a_boundary(family: AddressFamily) -> (Connection, Socket) {
    let (connection, peer) = raw_peer(family);
    make_idle(&connection);
    send_with_a_boundary(family, &peer);
    if family != AddressFamily::Unix {
        until_travelled(&peer);
    }
    (connection, peer)
}

type Way = fn(&Connection) -> Vec<u8>;

/// The ways to find and read data. Each returns what it has read.
const WAYS: [(&str, Way); 5] = [
    ("poll", |connection| {
        if !connection.poll(Instant::now).unwrap() {
            return Vec::new();
        }
        try_read(connection, 100).unwrap()
    }),
    ("small reads after a poll", |connection| {
        if !connection.poll(Instant::now).unwrap() {
            return Vec::new();
        }
        read(connection, 1).unwrap()
    }),
    ("the number of bytes available", |connection| {
        let count = connection.available().unwrap();
        read(connection, count.min(1)).unwrap()
    }),
    ("reads of the available data", |connection| {
        try_read(connection, 100_000).unwrap()
    }),
    ("reads of everything", |connection| {
        connection
            .try_read_with(usize::MAX, <[u8]>::to_vec)
            .unwrap()
    }),
];

fn data_after_a_boundary_is_reported(family: AddressFamily) {
    let _only = only_test();
    for (name, way) in WAYS {
        let (connection, _peer) = with_a_boundary(family);
        let mut received = Vec::new();
        for _ in 0..200 {
            received.extend(way(&connection));
        }
        assert_eq!(received, b"abcdef", "by {name}");
        assert_eq!(connection.status(), Status::Connected);
    }
}

/// The peer's end follows the boundary.
fn an_end_after_a_boundary_is_reported(family: AddressFamily) {
    let _only = only_test();
    let (connection, peer) = with_a_boundary(family);
    drop(peer);
    let mut received = Vec::new();
    until("the end", || {
        connection.poll(Instant::now).unwrap();
        received.extend(try_read(&connection, 100).unwrap_or_default());
        (connection.status() != Status::Connected).then_some(())
    });
    assert_eq!(received, b"abcdef");
}

fn a_group_reports_data_after_a_boundary(family: AddressFamily) {
    let _only = only_test();
    let (connection, peer) = raw_peer(family);
    let group = Group::new();
    group.add(&connection);
    let received = std::cell::RefCell::new(Vec::new());
    // The member is idle once a poll finds nothing.
    let visit = |_| {
        if !connection.poll(Instant::now).unwrap() {
            return Visit::Idle;
        }
        let bytes = try_read(&connection, 100).unwrap();
        received.borrow_mut().extend(bytes);
        Visit::Ready
    };
    for _ in 0..5 {
        group.poll(Some(Duration::ZERO), visit);
    }
    send_with_a_boundary(family, &peer);
    let end = Instant::now() + PATIENCE;
    while received.borrow().len() < 6 && Instant::now() < end {
        group.poll(Some(Duration::from_millis(10)), visit);
    }
    assert_eq!(*received.borrow(), b"abcdef");
}

fn a_line_across_a_boundary_is_read(family: AddressFamily) {
    let _only = only_test();
    let (connection, mut peer) = with_a_boundary(family);
    peer.write_all(b"\n").unwrap();
    let end = Instant::now() + PATIENCE;
    let line = loop {
        if !connection.poll(Instant::now).unwrap() {
            assert!(Instant::now() < end, "the line is not found");
            continue;
        }
        match connection.read_until(b"\n", 100, <[u8]>::to_vec) {
            Ok(Some(line)) => break line,
            Ok(None) => assert!(Instant::now() < end, "the line is not found"),
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(line, b"abcdef\n");
}

/// A blocking read returns data after a boundary.
#[test]
fn a_blocking_read_continues_after_a_boundary() {
    let _only = only_test();
    for family in [
        AddressFamily::Ipv4,
        AddressFamily::Ipv6,
        AddressFamily::Unix,
    ] {
        for length in [6, 9] {
            let (connection, mut peer) = with_a_boundary(family);
            connection.set_read_timeout(Some(PATIENCE));
            peer.write_all(b"ghi").unwrap();
            assert_eq!(read(&connection, length).unwrap(), b"abcdefghi"[..length]);
            assert!(!matches!(
                try_read(&connection, 9),
                Err(ReadError::EndOfStream)
            ));
        }
    }
}
