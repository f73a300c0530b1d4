//! Reads return every byte once, in order, and then the end of the stream.

use std::thread;
use std::time::Instant;

use stream_socket::{Connection, Options, ReadError, ReadFailure, Status};

use crate::support::*;

for_each_family!(
    small_reads_see_every_byte_in_order,
    available_counts_what_can_be_read,
    available_is_fresh_after_a_poll,
    a_partial_read_returns_all_available_bytes,
    end_of_stream_comes_after_the_data,
    a_read_reports_the_end_of_stream,
    all_that_was_counted_is_read_at_once,
    everything_available_is_received,
);

fn small_reads_see_every_byte_in_order(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let data = pattern(100_000);
    thread::scope(|scope| {
        scope.spawn(|| client.write_fully(&data).unwrap());
        let mut received = Vec::new();
        // Sizes around the one from which a read bypasses the buffer.
        for size in [
            1, 2, 3, 4, 8, 1000, 4095, 4096, 4097, 16_383, 16_384, 16_385,
        ]
        .iter()
        .cycle()
        {
            let size = (*size).min(data.len() - received.len());
            received.extend(read(&accepted, size).unwrap());
            if received.len() == data.len() {
                break;
            }
        }
        assert!(received == data);
    });
}

fn available_counts_what_can_be_read(family: AddressFamily) {
    let (client, accepted) = pair(family);
    assert_eq!(accepted.available(), Some(0));
    // More than a poll receives.
    client.write_fully(&pattern(10_000)).unwrap();
    until_available(&accepted, 10_000);
    assert_eq!(accepted.available(), Some(10_000));
    read(&accepted, 1).unwrap();
    assert_eq!(accepted.available(), Some(9_999));
    read(&accepted, 9_999).unwrap();
    assert_eq!(accepted.available(), Some(0));
}

fn available_is_fresh_after_a_poll(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.write_fully(b"ab").unwrap();
    until_available(&accepted, 2);
    client.write_fully(b"cd").unwrap();
    accepted.poll(Instant::now).unwrap();
    assert_eq!(accepted.available(), Some(4));
}

fn a_partial_read_returns_all_available_bytes(family: AddressFamily) {
    let (client, accepted) = pair(family);
    assert_eq!(try_read(&accepted, 10).unwrap(), b"");
    let data = pattern(50_000);
    client.write_fully(&data).unwrap();
    until_available(&accepted, data.len());
    accepted.poll(Instant::now).unwrap();
    let announced = accepted.available().unwrap();
    assert_eq!(announced, data.len());
    assert!(try_read(&accepted, announced).unwrap() == data);
    assert_eq!(try_read(&accepted, 0).unwrap(), b"");
}

fn end_of_stream_comes_after_the_data(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.write_fully(b"last words").unwrap();
    client.disconnect();
    until_available(&accepted, 10);
    for _ in 0..3 {
        accepted.poll(Instant::now).unwrap();
        assert_eq!(accepted.status(), Status::Connected);
    }
    assert_eq!(read(&accepted, 10).unwrap(), b"last words");
    let peer = accepted.peer_address();
    until_status(&accepted, Status::None).unwrap();
    assert_eq!(
        accepted.peer_address(),
        peer,
        "the address stays after the peer's end"
    );
    assert_eq!(accepted.available(), None);
    accepted.disconnect();
    assert_eq!(accepted.peer_address(), None);
}

fn a_read_reports_the_end_of_stream(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.write_fully(b"abc").unwrap();
    client.disconnect();
    let mut buffer = [std::mem::MaybeUninit::new(9); 8];
    let ReadFailure {
        error, received, ..
    } = accepted.read_fully(&mut buffer).unwrap_err();
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    assert_eq!(received, 3);
    assert_eq!(accepted.status(), Status::None);

    let (client, accepted) = pair(family);
    client.disconnect();
    let error = until("the end", || try_read(&accepted, 1).err());
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    let error = try_read(&accepted, 1).unwrap_err();
    assert!(matches!(error, ReadError::NotConnected), "{error}");
}

/// Over a Unix domain socket data has arrived when the send returns, so the test does not wait.
#[test]
fn available_is_fresh_after_a_send_of_this_process() {
    if !has_unix_sockets("available_is_fresh_after_a_send_of_this_process") {
        return;
    }
    let (client, accepted) = pair(AddressFamily::Unix);
    for count in 1..=100 {
        accepted.poll(Instant::now).unwrap();
        client.write_fully(b"x").unwrap();
        assert_eq!(accepted.available(), Some(count));
        assert_eq!(accepted.available(), Some(count));
    }
}

/// A send invalidates what is known without a system call.
#[test]
fn a_known_count_is_that_of_available() {
    let (client, accepted) = pair(AddressFamily::Ipv4);
    assert_eq!(accepted.known_available(), None);
    // Otherwise each byte waits for the acknowledgement of the last one, 40 ms on Linux.
    let at_once = |options: &mut Options| options.no_delay = true;
    client.set_options(at_once).unwrap();
    let mut known_counts = 0;
    for count in 1..=1000 {
        client.write_fully(b"x").unwrap();
        assert_eq!(accepted.known_available(), None, "more may have arrived");
        until_available(&accepted, count);
        if let Some(known) = accepted.known_available() {
            assert_eq!(known, count);
            known_counts += 1;
        }
    }
    // Windows has no set of watched sockets whose answer is valid for longer than the call.
    let is_known = known_counts > 0 || cfg!(windows);
    assert!(is_known, "the last answer is valid for a moment");
    read(&accepted, 1000).unwrap();
    assert_eq!(accepted.known_available(), None, "there is nothing");
}

/// The kernel has more data than a poll has received.
fn all_that_was_counted_is_read_at_once(family: AddressFamily) {
    let read_all = |client: &Connection| client.try_read_with(usize::MAX, <[u8]>::len);
    let read_some = |client: &Connection| {
        let mut bytes = [std::mem::MaybeUninit::uninit(); 8192];
        client.try_read(&mut bytes)
    };
    type Way = fn(&Connection) -> Result<usize, ReadError>;
    let ways: [Way; 2] = [read_all, read_some];
    for way in ways {
        let (client, accepted) = pair(family);
        accepted.write_fully(&[1; 18]).unwrap();
        until("a part", || {
            client.poll(Instant::now).unwrap();
            client.has_unread().then_some(())
        });
        accepted.write_fully(&[2; 5000]).unwrap();
        until_available(&client, 5018);
        assert_eq!(way(&client).unwrap(), 5018);
    }
}

fn everything_available_is_received(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let receive = |limit| client.try_read_with(limit, <[u8]>::to_vec).unwrap();
    assert_eq!(receive(usize::MAX), b"");
    accepted.write_fully(&pattern(50_000)).unwrap();
    until_available(&client, 50_000);
    assert!(receive(10) == pattern(10));
    assert_eq!(receive(0), b"");
    assert!(receive(usize::MAX) == pattern(50_000)[10..]);
}
