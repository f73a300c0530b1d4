//! What was accepted is delivered: whole, in order, and then the end of the stream. What was not accepted is never sent.

mod support;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Status, WriteError};
use support::*;

for_each_family!(
    a_reply_outlives_the_peers_end,
    a_reply_whose_end_was_asked_for_outlives_the_peers_end,
    a_queue_outlives_the_peers_end_that_ends_the_connection,
    a_connection_is_over_when_both_directions_are,
    a_retry_after_a_timed_out_write_completes_the_stream,
    writes_that_time_out_do_not_pile_up,
    what_was_coalesced_before_a_timed_out_write_is_in_front_of_it,
    a_blocking_read_sends_the_request_first,
    a_blocking_read_sends_while_it_waits,
);

/// More than any system takes without a reader.
const MUCH: usize = 11 << 20;

/// A connection that queues without limit, and its peer.
fn queueing(family: AddressFamily) -> (Connection, socket2::Socket) {
    let (connection, peer) = raw_peer(family);
    connection.set_queue_limit(2 * MUCH);
    (connection, peer)
}

fn until_end_is_seen(connection: &Connection) {
    until("the peer's end", || {
        connection.poll(Instant::now).unwrap();
        let is_over = connection.status() == Status::None;
        (is_over || connection.is_read_closed()).then_some(())
    });
}

/// Polls `connection` while `peer` reads all, in a thread of its own. What has come.
fn polled_until_read(
    connection: &Connection,
    peer: &socket2::Socket,
) -> (Vec<u8>, std::io::Result<()>) {
    thread::scope(|scope| {
        let reader = scope.spawn(|| read_to_end(peer));
        while !reader.is_finished() {
            connection.poll(Instant::now).unwrap();
            thread::yield_now();
        }
        reader.join().unwrap()
    })
}

fn a_reply_outlives_the_peers_end(family: AddressFamily) {
    let (connection, peer) = queueing(family);
    connection.set_allow_half_open(true);
    peer.shutdown(Shutdown::Write).unwrap();
    until_end_is_seen(&connection);
    let reply = pattern(MUCH);
    connection.write_fully(&reply).unwrap();
    connection.shut_down_writing().unwrap();
    assert_whole(polled_until_read(&connection, &peer), &reply);
    until_status(&connection, Status::None).unwrap();
}

fn a_reply_whose_end_was_asked_for_outlives_the_peers_end(family: AddressFamily) {
    let (connection, peer) = queueing(family);
    connection.set_allow_half_open(true);
    let reply = pattern(MUCH);
    connection.write_fully(&reply).unwrap();
    connection.shut_down_writing().unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    until_end_is_seen(&connection);
    assert_whole(polled_until_read(&connection, &peer), &reply);
    until_status(&connection, Status::None).unwrap();
}

/// The peer's end is found by a poll, by a read, or by the one who asks for this side's end.
fn a_queue_outlives_the_peers_end_that_ends_the_connection(family: AddressFamily) {
    let finds: [fn(&Connection); 3] = [
        |connection| until_status(connection, Status::None).unwrap(),
        |connection| {
            until("the end", || try_read(connection, 1).err());
        },
        |connection| {
            let _ = connection.shut_down_writing();
            until_status(connection, Status::None).unwrap();
        },
    ];
    for find in finds {
        let (connection, peer) = queueing(family);
        let data = pattern(MUCH);
        connection.write_fully(&data).unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        find(&connection);
        assert_eq!(connection.status(), Status::None);
        assert_whole(read_to_end(&peer), &data);
    }
}

fn a_connection_is_over_when_both_directions_are(family: AddressFamily) {
    let (connection, peer) = queueing(family);
    connection.set_allow_half_open(true);
    peer.shutdown(Shutdown::Write).unwrap();
    until_end_is_seen(&connection);
    connection.write_fully(&pattern(MUCH)).unwrap();
    connection.shut_down_writing().unwrap();
    for _ in 0..20 {
        connection.poll(Instant::now).unwrap();
        assert_eq!(connection.status(), Status::Connected, "not all is sent");
    }
    assert!(connection.pending_bytes() > 0);
    assert!(matches!(
        write(&connection, b"x"),
        Err(WriteError::ShutDown)
    ));
    thread::scope(|scope| {
        scope.spawn(|| read_to_end(&peer));
        until_status(&connection, Status::None).unwrap();
    });
    assert_eq!(connection.pending_bytes(), 0);
}

const SHORT: Option<Duration> = Some(Duration::from_millis(10));

/// Writes `data` in `blocks` until a write times out. How many bytes were accepted.
fn write_until_timed_out(connection: &Connection, data: &[u8], block: usize) -> usize {
    connection.set_write_timeout(SHORT);
    let mut accepted = 0;
    loop {
        let end = data.len().min(accepted + block);
        match connection.write_fully(&data[accepted..end]) {
            Ok(()) => accepted = end,
            Err(stream_socket::WriteFailure {
                error: WriteError::TimedOut { .. },
                accepted: count,
                ..
            }) => {
                assert!(count <= end - accepted);
                return accepted + count;
            }
            Err(stream_socket::WriteFailure { error, .. }) => panic!("{error}"),
        }
        assert!(accepted < data.len(), "nothing times out");
    }
}

fn a_retry_after_a_timed_out_write_completes_the_stream(family: AddressFamily) {
    let data = pattern(MUCH);
    for coalesces in [false, true] {
        for block in [7_777, 3 << 20] {
            let (connection, peer) = raw_peer(family);
            connection.set_coalesces(coalesces);
            let accepted = write_until_timed_out(&connection, &data, block);
            connection.set_write_timeout(Some(PATIENCE));
            thread::scope(|scope| {
                let reader = scope.spawn(|| read_to_end(&peer));
                connection.write_fully(&data[accepted..]).unwrap();
                connection.disconnect();
                assert_whole(reader.join().unwrap(), &data);
            });
        }
    }
}

/// Nothing of what was not accepted is kept, so what is kept has a bound.
fn writes_that_time_out_do_not_pile_up(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    connection.set_coalesces(true);
    let data = pattern(2 * MUCH);
    let block = 1 << 20;
    let mut accepted = write_until_timed_out(&connection, &data, block);
    for _ in 0..10 {
        match connection.write_fully(&data[accepted..accepted + block]) {
            Ok(()) => accepted += block,
            Err(stream_socket::WriteFailure {
                accepted: count, ..
            }) => accepted += count,
        }
        let pending = connection.pending_bytes();
        assert!(pending <= 2 * block, "{pending} bytes are kept");
    }
    connection.disconnect();
    assert_whole(read_to_end(&peer), &data[..accepted]);
}

fn what_was_coalesced_before_a_timed_out_write_is_in_front_of_it(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    let data = pattern(MUCH);
    // The system is full, then a little is coalesced, then a large write fails.
    let mut accepted = write_until_timed_out(&connection, &data, 100_000);
    connection.set_coalesces(true);
    connection
        .write_fully(&data[accepted..accepted + 100])
        .unwrap();
    accepted += 100;
    let rest = &data[accepted..];
    let stream_socket::WriteFailure {
        error,
        accepted: count,
        ..
    } = connection.write_fully(rest).unwrap_err();
    assert!(matches!(error, WriteError::TimedOut { .. }), "{error}");
    accepted += count;
    connection.set_write_timeout(None);
    connection.disconnect();
    assert_whole(read_to_end(&peer), &data[..accepted]);
}

fn a_blocking_read_sends_the_request_first(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    connection.set_coalesces(true);
    connection.set_read_timeout(Some(PATIENCE));
    // A number and more than one are read in different ways.
    for length in [1, 8, 100] {
        let request = pattern(length);
        connection.write_fully(&request).unwrap();
        assert_eq!(connection.pending_bytes(), length, "it is gathered");
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

/// The peer answers once it has everything, which is more than the system takes at once.
fn a_blocking_read_sends_while_it_waits(family: AddressFamily) {
    let (connection, mut peer) = queueing(family);
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

/// 2 GiB and a little more than that are no number that wraps: of it is taken what the system takes.
#[cfg(unix)]
#[test]
fn more_than_two_gibibytes_are_taken_in_part() {
    use rustix::fd::AsFd;
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    let length = (1 << 31) + (1 << 16);
    // SAFETY: A private mapping of nothing, of which no page is ever written: all are the one of zeroes.
    let zeroes = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let start = libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, flags, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        std::slice::from_raw_parts(start.cast::<u8>(), length)
    };
    let taken = connection.try_write(zeroes).unwrap();
    assert!(taken > 0 && taken < MUCH, "{taken}");
    assert_eq!(
        rustix::io::ioctl_fionread(peer.as_fd()).unwrap(),
        taken as u64
    );
    connection.set_write_timeout(SHORT);
    let stream_socket::WriteFailure {
        error,
        accepted: taken,
        ..
    } = connection.write_fully(zeroes).unwrap_err();
    assert!(matches!(error, WriteError::TimedOut { .. }), "{error}");
    assert!(taken < MUCH, "{taken}");
}

/// A number that is not zero is a limit, however small.
#[test]
fn a_tiny_limit_is_one() {
    let (connection, _peer) = raw_peer(local_family());
    let tiny = Some(Duration::from_nanos(1));
    connection.set_read_timeout(tiny);
    connection.set_write_timeout(tiny);
    assert_eq!(connection.read_timeout(), tiny);
    assert_eq!(connection.write_timeout(), tiny);
    read(&connection, 1).unwrap_err();
    connection.write_fully(&pattern(MUCH)).unwrap_err();
    assert_eq!(connection.status(), Status::Connected);
}
