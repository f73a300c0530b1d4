//! What calls answer in the corners of what they promise.
#![cfg(target_os = "linux")]

#[path = "support/failing_sends.rs"]
mod failing_sends;
mod support;

use std::io::Write;
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use failing_sends::*;
use stream_socket::{
    ConnectEnd, Connection, Event, Group, Options, Pollable, ReadError, Status, Visit, WriteError,
};
use support::*;

for_each_family!(
    unread_is_what_was_received_and_not_read,
    a_buffered_read_takes_all_or_nothing,
    an_end_is_told_to_those_who_want_something,
    a_write_while_connecting_needs_a_queue,
    what_was_queued_while_connecting_is_told_to_be_sent,
    a_limit_that_no_clock_can_hold_is_long,
);

const MUCH: usize = 11 << 20;

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

/// Writes until the system takes no more.
fn fill(connection: &Connection) -> usize {
    let block = pattern(1 << 20);
    let pieces = std::iter::from_fn(|| match connection.try_write(&block).unwrap() {
        0 => None,
        count => Some(count),
    });
    pieces.sum()
}

fn unread_is_what_was_received_and_not_read(family: AddressFamily) {
    let (connection, mut peer) = raw_peer(family);
    assert!(!connection.has_unread());
    assert!(!poll(&connection));
    assert!(!connection.has_unread());
    peer.write_all(b"some").unwrap();
    until("what was sent", || poll(&connection).then_some(()));
    assert!(connection.has_unread());
    // A reader that waits has it.
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
    assert!(!buffered(0), "nothing is not to be had from a buffer");
    assert!(buffered(4));
    assert!(!buffered(3));
    assert!(buffered(2));
    assert!(!buffered(1));
}

fn an_end_is_told_to_those_who_want_something(family: AddressFamily) {
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
    let told = connection.try_read_with(1, <[u8]>::len);
    assert!(matches!(told, Err(ReadError::EndOfStream)), "{told:?}");
    assert_eq!(connection.status(), Status::None);
    assert!(!connection.is_read_closed());
}

fn a_write_while_connecting_needs_a_queue(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    start_connect(&client, &server.address).unwrap();
    if client.status() == Status::Connecting {
        let outcomes = [
            client
                .write_fully(b"x")
                .map_err(|stream_socket::WriteFailure { error, .. }| error),
            client.try_write(b"x").map(drop),
            client.flush_queue(),
        ];
        for outcome in outcomes {
            assert!(matches!(outcome, Err(WriteError::Connecting)));
        }
    }
    until_status(&client, Status::Connected).unwrap();
}

fn what_was_queued_while_connecting_is_told_to_be_sent(family: AddressFamily) {
    for queues in [true, false] {
        let server = Server::new(family);
        let client = Connection::new();
        client.set_queue_limit(1000);
        start_connect(&client, &server.address).unwrap();
        let has_waited = queues && client.status() == Status::Connecting;
        if queues {
            client.write_fully(b"early").unwrap();
        } else {
            client.flush_queue().unwrap();
        }
        until_status(&client, Status::Connected).unwrap();
        client.flush_queue().unwrap();
        let mut expected = vec![
            Event::StatusChanged(Status::Connecting),
            Event::StatusChanged(Status::Connected),
            Event::ConnectFinished(ConnectEnd::Connected),
        ];
        expected.extend(has_waited.then_some(Event::Drained));
        assert_eq!(notices(&client), expected);
    }
}

/// What is queued is sent all the same.
fn a_limit_that_no_clock_can_hold_is_long(family: AddressFamily) {
    let limit: [fn(&Connection); 2] = [
        |connection| connection.set_write_timeout(Some(Duration::MAX)),
        |connection| {
            let lingers = |options: &mut Options| options.linger = Some(Duration::MAX);
            connection.set_options("linger", lingers).unwrap();
        },
    ];
    for limit in limit {
        let (connection, peer) = raw_peer(family);
        connection.set_queue_limit(MUCH);
        limit(&connection);
        connection.write_fully(&pattern(MUCH)).unwrap();
        connection.disconnect();
        assert_whole(read_to_end(&peer), &pattern(MUCH));
    }
}

#[test]
fn settings_are_what_they_were_set_to() {
    let connection = Connection::new();
    assert_eq!(connection.read_timeout(), None);
    assert_eq!(connection.write_timeout(), None);
    assert_eq!(connection.queue_limit(), 0);
    assert!(!connection.coalesces());
    assert!(!connection.allows_half_open());
    for (milliseconds, enabled) in [(5, true), (7, false)] {
        let time = Some(Duration::from_millis(milliseconds));
        connection.set_read_timeout(time);
        connection.set_write_timeout(time.map(|time| time * 2));
        connection.set_queue_limit(milliseconds as usize);
        connection.set_coalesces(enabled);
        connection.set_allow_half_open(enabled);
        assert_eq!(connection.read_timeout(), time);
        assert_eq!(connection.write_timeout(), time.map(|time| time * 2));
        assert_eq!(connection.queue_limit(), milliseconds as usize);
        assert_eq!(connection.coalesces(), enabled);
        assert_eq!(connection.allows_half_open(), enabled);
    }
}

#[test]
fn a_version_is_never_the_same_again() {
    let server = Server::new(AddressFamily::Unix);
    let client = Connection::new();
    let mut seen = vec![client.version()];
    for _ in 0..3 {
        connect(&client, &server.address);
        seen.push(client.version());
        client.disconnect();
        seen.push(client.version());
    }
    let mut different = seen.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), seen.len(), "{seen:?}");
}

#[test]
fn addresses_are_those_of_the_session() {
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    assert_eq!(client.local_address(), None);
    connect(&client, &server.address);
    assert_eq!(client.peer_address(), Some(server.address.clone()));
    let accepted = server.accept();
    let local = client.local_address().unwrap();
    assert_eq!(
        accepted.peer_address(),
        Some(stream_socket::Address::Inet(local))
    );
    // The peer's end leaves its address, a disconnect does not.
    accepted.disconnect();
    until_status(&client, Status::None).unwrap();
    assert_eq!(client.peer_address(), Some(server.address.clone()));
    client.disconnect();
    assert_eq!(client.peer_address(), None);
}

/// The second value of std's `write` is what was taken, and a failure without anything taken is one.
#[test]
fn std_writes_tell_what_they_took() {
    let (one, other) = Connection::pair().unwrap();
    assert_eq!((&one).write(b"three").unwrap(), 5);
    assert_eq!(read(&other, 5).unwrap(), b"three");
    (&Connection::new()).write(b"x").unwrap_err();
}

/// Whatever is coalesced is sent before what follows it.
#[test]
fn a_write_of_its_own_goes_behind_what_is_coalesced() {
    for length in [6, 11 << 10, 1 << 17] {
        let (connection, peer) = raw_peer(AddressFamily::Unix);
        connection.set_coalesces(true);
        connection.write_fully(b"gathered").unwrap();
        connection.set_coalesces(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                connection.write_fully(&pattern(length)).unwrap();
                connection.disconnect();
            });
            let expected = [b"gathered", &pattern(length)[..]].concat();
            assert_whole(read_to_end(&peer), &expected);
        });
    }
}

/// There is a little room, not enough for the system to wake the one that waits for it: a small write waits all the same.
#[test]
fn a_small_write_does_not_pass_one_that_waits() {
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    // So that a failure ends.
    connection.set_write_timeout(Some(Duration::from_secs(60)));
    let data = pattern(MUCH);
    thread::scope(|scope| {
        let large = asleep(scope, || connection.write_fully(&data));
        let mut received = vec![0; 100_000];
        std::io::Read::read_exact(&mut peer, &mut received).unwrap();
        let small = asleep(scope, || connection.write_fully(b"small"));
        let mut rest = vec![0; MUCH - received.len() + 5];
        std::io::Read::read_exact(&mut peer, &mut rest).unwrap();
        large.join().unwrap().unwrap();
        small.join().unwrap().unwrap();
        received.extend(rest);
        assert!(received == [&data[..], b"small"].concat());
    });
}

/// What a blocked call has added to what is coalesced is not accepted yet.
#[test]
fn pending_is_what_was_accepted() {
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    let filled = fill(&connection);
    connection.set_coalesces(true);
    connection.write_fully(b"gathered").unwrap();
    thread::scope(|scope| {
        let writer = asleep(scope, || connection.write_fully(&[7; 20_000]));
        assert_eq!(connection.pending_bytes(), 8);
        let mut received = vec![0; filled + 8 + 20_000];
        std::io::Read::read_exact(&mut &peer, &mut received).unwrap();
        writer.join().unwrap().unwrap();
    });
    assert_eq!(connection.pending_bytes(), 0);
}

/// A send has failed, and something is left to read. Who lets the connection go then must not make a part look like all.
#[test]
fn a_disconnect_behind_a_failed_send_is_a_reset() {
    if !can_fail_sends("a_disconnect_behind_a_failed_send_is_a_reset") {
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

/// Nothing of the call was taken, so it has failed.
#[test]
fn a_queued_write_of_which_nothing_was_taken_fails() {
    if !can_fail_sends("a_queued_write_of_which_nothing_was_taken_fails") {
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

/// One thread at a time polls a group; a second one waits for its turn, and is called when it has come.
#[test]
fn a_thread_waits_for_its_turn_to_poll_a_group() {
    let (one, other) = Connection::pair().unwrap();
    let group = Group::new();
    let key = group.add(&one);
    let visit = |limit| {
        let mut visited = Vec::new();
        group.poll(limit, |key| {
            visited.push(key);
            if poll(&one) {
                Visit::Ready
            } else {
                Visit::Idle
            }
        });
        visited
    };
    (0..3).for_each(|_| drop(visit(Some(Duration::ZERO))));
    thread::scope(|scope| {
        let first = asleep(scope, || visit(None));
        let second = asleep(scope, || visit(None));
        assert_eq!(visit(Some(Duration::ZERO)), [0; 0], "it is not its turn");
        other.write_fully(b"x").unwrap();
        // Where sockets are not watched it is visited before, too.
        assert_eq!(first.join().unwrap().last(), Some(&key));
        assert_eq!(second.join().unwrap().last(), Some(&key));
    });
}

/// While a reader waits, polls see nothing of what is in the buffer. It gives up: the group is told of what it leaves.
#[test]
fn what_a_reader_leaves_is_told_to_the_group() {
    let (one, other) = Connection::pair().unwrap();
    let group = Group::new();
    let key = group.add(&one);
    let visit = |limit| {
        let mut visited = Vec::new();
        group.poll(Some(limit), |key| {
            let is_ready = poll(&one);
            visited.push((key, is_ready));
            if is_ready { Visit::Ready } else { Visit::Idle }
        });
        visited
    };
    other.write_fully(b"part").unwrap();
    assert_eq!(visit(Duration::ZERO), [(key, true)]);
    one.set_read_timeout(Some(Duration::from_secs(2)));
    thread::scope(|scope| {
        let reader = asleep(scope, || {
            let mut out = [MaybeUninit::uninit(); 8];
            one.read_fully_or_nothing(&mut out).is_ok()
        });
        (0..3).for_each(|_| drop(visit(Duration::ZERO)));
        assert!(!reader.join().unwrap());
    });
    assert_eq!(visit(Duration::from_secs(5)).last(), Some(&(key, true)));
}

#[test]
fn members_can_be_written_down() {
    let connection = Connection::new();
    let text = format!("{:?}", connection.as_pollable());
    assert!(text.contains("PollableRef"), "{text}");
}

#[test]
fn std_reads_tell_that_their_time_is_over() {
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    connection.set_read_timeout(Some(Duration::from_millis(1)));
    let mut out = [0; 8];
    let error = std::io::Read::read(&mut &connection, &mut out).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert_eq!(connection.status(), Status::Connected);
    peer.write_all(b"late").unwrap();
    assert_eq!(read(&connection, 4).unwrap(), b"late");
}

/// A second reader and a second writer wait for their turn, and have it.
#[test]
fn calls_that_wait_have_their_turn() {
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    thread::scope(|scope| {
        let readers = [(); 3].map(|()| asleep(scope, || read(&connection, 4)));
        peer.write_all(b"aaaabbbbcccc").unwrap();
        let mut parts = readers.map(|reader| reader.join().unwrap().unwrap());
        parts.sort();
        assert_eq!(parts, [b"aaaa", b"bbbb", b"cccc"]);
    });
    let filled = fill(&connection);
    thread::scope(|scope| {
        let writers = [(); 3].map(|()| asleep(scope, || connection.write_fully(&[7; 100_000])));
        let mut received = vec![0; filled + 300_000];
        std::io::Read::read_exact(&mut peer, &mut received).unwrap();
        for writer in writers {
            writer.join().unwrap().unwrap();
        }
    });
    // They belong to the session in which they were called.
    thread::scope(|scope| {
        let readers = [(); 3].map(|()| asleep(scope, || read(&connection, 4)));
        connection.disconnect();
        for reader in readers {
            let outcome = reader.join().unwrap();
            assert!(
                matches!(outcome, Err(ReadError::Disconnected)),
                "{outcome:?}"
            );
        }
    });
}
