//! A blocking read sends the queue before it waits, and while it waits.

use std::io::{Read, Write};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use socket2::Socket;
use stream_socket::{Connection, Options, ReadError};

use crate::support::*;

for_each_family!(
    a_blocking_read_sends_the_request_first,
    a_blocking_read_sends_while_it_waits,
);

fn a_blocking_read_sends_the_request_first(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    connection.set_coalesces(true);
    connection.set_read_timeout(Some(PATIENCE));
    // Short and long reads take different paths.
    for length in [1, 8, 100] {
        let request = pattern(length);
        connection.write_fully(&request).unwrap();
        assert_eq!(
            connection.pending_bytes(),
            length,
            "the request is coalesced"
        );
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut received = vec![0; length];
                if peer.read_exact(&mut received).is_ok() {
                    peer.write_all(&received).unwrap();
                }
            });
            assert_eq!(read(&connection, length).unwrap(), request);
        });
    }
}

/// The peer answers once it has the whole request, which is more than the system accepts at once.
fn a_blocking_read_sends_while_it_waits(family: AddressFamily) {
    let (connection, mut peer) = queueing(family, 2 * MUCH);
    connection.set_read_timeout(Some(PATIENCE));
    let request = pattern(MUCH);
    connection.write_fully(&request).unwrap();
    assert!(connection.pending_bytes() > 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut received = vec![0; MUCH];
            if peer.read_exact(&mut received).is_ok() {
                assert!(received == request);
                peer.write_all(b"answer").unwrap();
            }
        });
        assert_eq!(read(&connection, 6).unwrap(), b"answer");
    });
    assert_eq!(connection.pending_bytes(), 0);
}

/// Reads the request of `length` bytes from `peer` and answers it. Asserts that `reader` gets the
/// reply.
fn assert_answered(
    connection: &Connection,
    mut peer: &Socket,
    length: usize,
    reader: ScopedJoinHandle<'_, Result<Vec<u8>, ReadError>>,
) {
    let outcome = peer.read_exact(&mut vec![0; length]);
    if outcome.is_ok() {
        peer.write_all(b"reply").unwrap();
    }
    let reply = reader.join().unwrap();
    assert!(
        outcome.is_ok(),
        "the accepted request does not arrive: {outcome:?}, {} bytes are unsent",
        connection.pending_bytes()
    );
    assert_eq!(reply.unwrap(), b"reply");
}

/// Another thread queues the request after the reader has fallen asleep.
#[test]
fn queued_bytes_are_sent_while_a_reader_sleeps() {
    let (connection, peer) = raw_peer(local_family());
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_read_timeout(Some(PATIENCE * 2));
    thread::scope(|scope| {
        let reader = asleep(scope, || read(&connection, 5));
        connection.set_queue_limit(MUCH);
        connection.write_fully(&pattern(MUCH)).unwrap();
        assert_answered(&connection, &peer, MUCH, reader);
    });
}

#[test]
fn coalesced_bytes_are_sent_while_a_reader_sleeps() {
    let (connection, peer) = raw_peer(local_family());
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_read_timeout(Some(PATIENCE * 2));
    connection.set_coalesces(true);
    thread::scope(|scope| {
        let reader = asleep(scope, || read(&connection, 5));
        connection.write_fully(b"request").unwrap();
        assert_answered(&connection, &peer, 7, reader);
    });
}

/// A writer that was blocked when the reader fell asleep leaves the request.
#[test]
fn bytes_that_a_writer_leaves_are_sent_while_a_reader_sleeps() {
    let (connection, peer) = raw_peer(local_family());
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_read_timeout(Some(PATIENCE * 2));
    // Fixed buffer sizes: by default the system may enlarge them.
    peer.set_recv_buffer_size(64 << 10).unwrap();
    let bound = |options: &mut Options| options.send_buffer_size = Some(64 << 10);
    connection.set_options(bound).unwrap();
    // The system is full, so that the coalesced request is not sent.
    let filled = {
        let mut sum = 0;
        // Bytes that the system accepted may make room a moment later.
        let mut full = 0;
        while full < 30 {
            match connection.try_write(&pattern(1 << 20)).unwrap() {
                0 => {
                    full += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                count => (sum, full) = (sum + count, 0),
            }
        }
        sum
    };
    connection.set_coalesces(true);
    connection.write_fully(b"request").unwrap();
    connection.set_write_timeout(Some(Duration::from_millis(700)));
    thread::scope(|scope| {
        let writer = asleep(scope, || connection.flush_queue());
        let reader = asleep(scope, || read(&connection, 5));
        assert!(writer.join().unwrap().is_err());
        assert_answered(&connection, &peer, filled + 7, reader);
    });
}

/// std's `Read` returns the end at every call.
#[test]
fn std_reads_repeat_the_end_of_stream() {
    let (connection, peer) = raw_peer(local_family());
    drop(peer);
    let mut buffer = [0; 8];
    assert_eq!(
        std::io::Read::read(&mut &connection, &mut buffer).unwrap(),
        0
    );
    let again = std::io::Read::read(&mut &connection, &mut buffer);
    assert!(matches!(again, Ok(0)), "{again:?}");
    let _ = ReadError::EndOfStream;
}
