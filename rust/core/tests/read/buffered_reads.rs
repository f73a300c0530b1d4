//! Reads from the receive buffer, and what counts as unread.

use std::io::Write;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, ReadError, Status};

use crate::support::*;

for_each_family!(
    unread_is_what_was_received_and_not_read,
    a_buffered_read_takes_all_or_nothing,
    an_empty_read_does_not_report_the_end,
);

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

fn unread_is_what_was_received_and_not_read(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    assert!(!connection.has_unread());
    assert!(!poll(&connection));
    assert!(!connection.has_unread());
    peer.write_all(b"some").unwrap();
    until("the data that was sent", || poll(&connection).then_some(()));
    assert!(connection.has_unread());
    // A waiting reader takes the buffered data.
    thread::scope(|scope| {
        let reader = asleep(scope, || {
            let mut out = [MaybeUninit::uninit(); 8];
            connection.read_fully_or_nothing(&mut out).is_ok()
        });
        assert!(!connection.has_unread());
        peer.write_all(b"more").unwrap();
        assert!(reader.join().unwrap());
    });
    assert!(!connection.has_unread());
}

fn a_buffered_read_takes_all_or_nothing(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    let buffered = |length| {
        let mut out = vec![MaybeUninit::uninit(); length];
        connection.read_buffered(&mut out)
    };
    peer.write_all(b"abcdef").unwrap();
    until_available(&connection, 6);
    assert!(!buffered(7));
    assert!(!buffered(0), "an empty read takes nothing from the buffer");
    assert!(buffered(4));
    assert!(!buffered(3));
    assert!(buffered(2));
    assert!(!buffered(1));
}

fn an_empty_read_does_not_report_the_end(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    peer.shutdown(Shutdown::Write).unwrap();
    connection.set_allow_half_open(true);
    assert!(!connection.is_read_closed());
    until("the end", || {
        poll(&connection);
        connection.is_read_closed().then_some(())
    });
    connection.set_allow_half_open(false);
    assert_eq!(connection.try_read_with(0, <[u8]>::len).unwrap(), 0);
    assert_eq!(try_read(&connection, 0).unwrap(), b"");
    assert_eq!(connection.status(), Status::Connected);
    let outcome = connection.try_read_with(1, <[u8]>::len);
    assert!(
        matches!(outcome, Err(ReadError::EndOfStream)),
        "{outcome:?}"
    );
    assert_eq!(connection.status(), Status::None);
    assert!(!connection.is_read_closed());
}

#[test]
fn std_reads_report_a_timeout() {
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    connection.set_read_timeout(Some(Duration::from_millis(1)));
    let mut out = [0; 8];
    let error = std::io::Read::read(&mut &connection, &mut out).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(connection.status(), Status::Connected);
    peer.write_all(b"late").unwrap();
    assert_eq!(read(&connection, 4).unwrap(), b"late");
}
