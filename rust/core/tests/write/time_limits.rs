//! A write that times out counts what it accepted, and only that is sent.

use std::thread;
use std::time::Duration;

use stream_socket::{Connection, Status, WriteError, WriteFailure};

use crate::support::*;

for_each_family!(
    a_timed_out_write_counts_what_was_sent,
    a_retry_after_a_timed_out_write_completes_the_stream,
    writes_that_time_out_do_not_pile_up,
    coalesced_bytes_precede_a_timed_out_write,
);

const SHORT: Option<Duration> = Some(Duration::from_millis(20));

fn a_timed_out_write_counts_what_was_sent(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.set_write_timeout(SHORT);
    let data = pattern(64 << 20);
    let WriteFailure {
        error,
        accepted: sent,
        ..
    } = client.write_fully(&data).unwrap_err();
    let WriteError::TimedOut { .. } = error else {
        panic!("{error}")
    };
    assert_eq!(client.status(), Status::Connected);
    client.set_write_timeout(None);
    std::thread::scope(|scope| {
        scope.spawn(|| client.write_fully(&data[sent..]).unwrap());
        assert!(read(&accepted, data.len()).unwrap() == data);
    });
}

/// Writes `data` in blocks of `block` bytes until a write times out. Returns how many bytes were
/// accepted.
fn write_until_timed_out(connection: &Connection, data: &[u8], block: usize) -> usize {
    connection.set_write_timeout(SHORT);
    let mut accepted = 0;
    loop {
        let end = data.len().min(accepted + block);
        match connection.write_fully(&data[accepted..end]) {
            Ok(()) => accepted = end,
            Err(WriteFailure {
                error: WriteError::TimedOut { .. },
                accepted: count,
                ..
            }) => {
                assert!(count <= end - accepted);
                return accepted + count;
            }
            Err(WriteFailure { error, .. }) => panic!("{error}"),
        }
        assert!(accepted < data.len(), "no write times out");
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

/// Bytes that were not accepted are not kept, so the number of kept bytes is bounded.
fn writes_that_time_out_do_not_pile_up(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    connection.set_coalesces(true);
    let data = pattern(2 * MUCH);
    let block = 1 << 20;
    let mut accepted = write_until_timed_out(&connection, &data, block);
    for _ in 0..10 {
        match connection.write_fully(&data[accepted..accepted + block]) {
            Ok(()) => accepted += block,
            Err(WriteFailure {
                accepted: count, ..
            }) => accepted += count,
        }
        let pending = connection.pending_bytes();
        assert!(pending <= 2 * block, "{pending} bytes are kept");
    }
    connection.disconnect();
    assert_whole(read_to_end(&peer), &data[..accepted]);
}

fn coalesced_bytes_precede_a_timed_out_write(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    let data = pattern(MUCH);
    // The system is full. A little is coalesced, and then a large write times out.
    let mut accepted = write_until_timed_out(&connection, &data, 100_000);
    connection.set_coalesces(true);
    connection
        .write_fully(&data[accepted..accepted + 100])
        .unwrap();
    accepted += 100;
    let rest = &data[accepted..];
    let WriteFailure {
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

/// A length of slightly more than 2 GiB does not overflow: the system accepts a part of it.
#[cfg(unix)]
#[test]
fn more_than_two_gibibytes_are_taken_in_part() {
    use rustix::fd::AsFd;
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    let length = (1 << 31) + (1 << 16);
    // SAFETY: An anonymous private mapping that is only read: all of its pages are the zero page.
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
    let WriteFailure {
        error,
        accepted: taken,
        ..
    } = connection.write_fully(zeroes).unwrap_err();
    assert!(matches!(error, WriteError::TimedOut { .. }), "{error}");
    assert!(taken < MUCH, "{taken}");
}

/// Every limit above zero counts, however small.
#[test]
fn a_limit_of_a_nanosecond_is_applied() {
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
