//! The counts of a connection are exact, also when the kernel accepts only a part of a write.

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Address, AttemptOutcome, Connection, Statistics, Status, Target};

use crate::support::*;

for_each_family!(
    every_byte_is_counted_once,
    a_partial_write_counts_its_accepted_bytes,
    queued_bytes_become_sent_bytes,
    counts_stay_after_the_end_and_start_at_zero_again,
    a_write_ended_by_a_disconnect_counts_its_accepted_bytes,
    times_are_those_of_the_connection,
    the_attempt_to_an_address_is_listed,
    what_was_accepted_is_counted_through_every_end,
    what_the_peer_has_not_acknowledged_is_not_counted,
    a_stall_lasts_from_the_last_accepted_byte,
);

/// More than all buffers between two ends.
const BIG: usize = 32 << 20;

fn statistics(connection: &Connection) -> Statistics {
    connection.statistics(Instant::now())
}

fn every_byte_is_counted_once(family: AddressFamily) {
    let (one, other) = pair(family);
    let shown = statistics(&one);
    assert_eq!(
        (shown.received, shown.unread, shown.sent, shown.queued),
        (0, 0, 0, 0)
    );
    write(&one, &pattern(1000)).unwrap();
    assert_eq!(statistics(&one).sent, 1000);
    // Small reads go through the buffer.
    for count in [1, 2, 97] {
        read(&other, count).unwrap();
    }
    let shown = statistics(&other);
    assert_eq!(shown.received - shown.unread as u64, 100);
    until_available(&other, 900);
    try_read(&other, 5000).unwrap();
    let shown = statistics(&other);
    assert_eq!((shown.received, shown.unread), (1000, 0));
    // Large reads bypass the buffer.
    thread::scope(|scope| {
        scope.spawn(|| write(&one, &pattern(BIG)).unwrap());
        read(&other, BIG).unwrap();
    });
    assert_eq!(statistics(&one).sent, 1000 + BIG as u64);
    let shown = statistics(&other);
    assert_eq!(
        (shown.received, shown.unread, shown.sent),
        (1000 + BIG as u64, 0, 0)
    );
}

fn a_partial_write_counts_its_accepted_bytes(family: AddressFamily) {
    let (one, _other) = pair(family);
    let data = pattern(BIG);
    let accepted = one.try_write(&data).unwrap();
    assert!(accepted > 0 && accepted < BIG, "{accepted}");
    assert_eq!(statistics(&one).sent, accepted as u64);
    // This write waits. It counts what is sent until it times out.
    one.set_write_timeout(Some(Duration::from_millis(20)));
    let more = one.write_fully(&data).unwrap_err().accepted;
    assert_eq!(statistics(&one).sent, (accepted + more) as u64);
    assert_eq!(statistics(&one).queued, 0);
}

fn queued_bytes_become_sent_bytes(family: AddressFamily) {
    let (one, other) = pair(family);
    one.set_queue_limit(BIG);
    write(&one, &pattern(BIG)).unwrap();
    let shown = statistics(&one);
    assert_eq!(shown.sent + shown.queued as u64, BIG as u64);
    assert!(shown.queued > 0);
    assert_eq!(shown.queued, one.pending_bytes());
    thread::scope(|scope| {
        scope.spawn(|| read(&other, BIG).unwrap());
        until("everything is sent", || {
            one.poll(Instant::now).unwrap();
            let shown = statistics(&one);
            assert_eq!(shown.sent + shown.queued as u64, BIG as u64);
            (shown.queued == 0).then_some(())
        });
    });
    assert_eq!(statistics(&other).received, BIG as u64);
    // Coalesced bytes count as queued.
    one.set_queue_limit(0);
    one.set_coalesces(true);
    write(&one, &[7; 10]).unwrap();
    let shown = statistics(&one);
    assert_eq!((shown.sent, shown.queued), (BIG as u64, 10));
    one.flush_queue().unwrap();
    let shown = statistics(&one);
    assert_eq!((shown.sent, shown.queued), (BIG as u64 + 10, 0));
}

fn counts_stay_after_the_end_and_start_at_zero_again(family: AddressFamily) {
    let server = Server::new(family);
    let client = connected(&server.address);
    let served = server.accept();
    write(&client, &[1; 70]).unwrap();
    write(&served, &[2; 30]).unwrap();
    read(&client, 10).unwrap();
    client.disconnect();
    let shown = statistics(&client);
    assert_eq!(
        (shown.received, shown.unread),
        (30, 0),
        "unread data is discarded"
    );
    assert_eq!((shown.sent, shown.queued), (70, 0));
    assert_eq!(shown.attempts.len(), 1);
    let (age, since) = (shown.age.unwrap(), shown.since_sent.unwrap());
    assert!(since <= age);
    assert_eq!(shown.round_trip_time, None);
    let later = client.statistics(Instant::now() + Duration::from_secs(100));
    assert_eq!((later.age, later.since_sent), (Some(age), Some(since)));
    // The other side finds the end.
    read(&served, 70).unwrap();
    until_status(&served, Status::None).unwrap();
    let shown = statistics(&served);
    assert_eq!((shown.received, shown.sent), (70, 30));
    assert!(shown.age.is_some());
    // The counts of the next connection start at zero.
    connect(&client, &server.address);
    let served = server.accept();
    let shown = statistics(&client);
    assert_eq!((shown.received, shown.sent, shown.since_sent), (0, 0, None));
    write(&client, &[1; 5]).unwrap();
    assert_eq!(statistics(&client).sent, 5);
    read(&served, 5).unwrap();
}

fn a_write_ended_by_a_disconnect_counts_its_accepted_bytes(family: AddressFamily) {
    let (one, _other) = pair(family);
    thread::scope(|scope| {
        let data = pattern(BIG);
        let writer = asleep(scope, {
            let one = &one;
            move || one.write_fully(&data).unwrap_err().accepted
        });
        one.disconnect();
        let accepted = writer.join().unwrap();
        assert!(accepted > 0 && accepted < BIG);
        assert_eq!(statistics(&one).sent, accepted as u64);
    });
}

fn times_are_those_of_the_connection(family: AddressFamily) {
    let idle = Connection::new();
    assert_eq!(statistics(&idle).age, None);
    let before = Instant::now();
    let (one, other) = pair(family);
    assert_eq!(statistics(&one).since_received, None);
    assert_eq!(statistics(&one).since_sent, None);
    write(&one, &[7]).unwrap();
    read(&other, 1).unwrap();
    for (end, since) in [
        (
            &one,
            (|shown| shown.since_sent) as fn(Statistics) -> Option<Duration>,
        ),
        (&other, |shown| shown.since_received),
    ] {
        let shown = statistics(end);
        let age = shown.age.unwrap();
        let since_first = since(shown).unwrap();
        assert!(since_first <= age && age <= before.elapsed());
        // The time since the last byte grows.
        thread::sleep(Duration::from_millis(50));
        let shown = statistics(end);
        assert!(shown.age.unwrap() >= age + Duration::from_millis(50));
        let since = since(shown).unwrap();
        assert!(
            since >= since_first + Duration::from_millis(40),
            "{since:?}, {since_first:?}"
        );
    }
    let shown = statistics(&one);
    if family == AddressFamily::Unix {
        assert_eq!((shown.round_trip_time, shown.retransmits), (None, None));
    } else if reports_round_trips("the round trips of a connection") {
        let time = shown.round_trip_time.expect("something was acknowledged");
        assert!(time < PATIENCE, "{time:?}");
        assert_eq!(shown.retransmits, Some(0));
    }
}

fn the_attempt_to_an_address_is_listed(family: AddressFamily) {
    let server = Server::new(family);
    let client = connected(&server.address);
    let [attempt] = &statistics(&client).attempts[..] else {
        panic!("{:?}", statistics(&client))
    };
    assert_eq!(attempt.address, server.address);
    assert_eq!(attempt.began_after, Duration::ZERO);
    assert!(
        matches!(attempt.outcome, AttemptOutcome::Connected),
        "{attempt:?}"
    );
    assert_eq!(statistics(&server.accept()).attempts.len(), 0);
    // The address no longer answers.
    server.listener.stop();
    client.disconnect();
    let failed = match start_connect(&client, &server.address) {
        Ok(()) => until_status(&client, Status::Error)
            .unwrap_err()
            .to_string(),
        Err(error) => error.to_string(),
    };
    let [attempt] = &statistics(&client).attempts[..] else {
        panic!("{:?}", statistics(&client))
    };
    let AttemptOutcome::Failed(error) = &attempt.outcome else {
        panic!("{attempt:?}")
    };
    assert_eq!(error.to_string(), failed);
    assert_eq!(statistics(&client).age, None, "it was never connected");
}

fn what_was_accepted_is_counted_through_every_end(family: AddressFamily) {
    type End = fn(&Connection, &Connection);
    let ends: [(&str, End); 3] = [
        ("disconnect", |one, _| one.disconnect()),
        ("abort", |one, _| one.abort()),
        ("reset", |one, other| {
            other.abort();
            until("the end is found", || {
                let _ = one.poll(Instant::now);
                (one.status() != Status::Connected).then_some(())
            });
        }),
    ];
    for (name, end) in ends {
        let (one, other) = pair(family);
        one.set_queue_limit(BIG);
        write(&one, &pattern(BIG)).unwrap();
        write(&one, &pattern(BIG + 1)).unwrap_err();
        let shown = statistics(&one);
        assert!(shown.queued > 0);
        assert_eq!(shown.accepted, BIG as u64, "{name}");
        end(&one, &other);
        let shown = statistics(&one);
        assert_eq!((shown.accepted, shown.queued), (BIG as u64, 0), "{name}");
        assert!(shown.sent < BIG as u64, "{name}");
        assert_eq!((shown.acknowledged, shown.stalled), (None, None), "{name}");
    }
    // Without a queue, what a call returns is accepted.
    let (one, other) = pair(family);
    write(&one, &[7; 10]).unwrap();
    let taken = one.try_write(&pattern(BIG)).unwrap();
    one.set_write_timeout(Some(Duration::from_millis(20)));
    let more = one.write_fully(&pattern(BIG)).unwrap_err().accepted;
    assert_eq!(statistics(&one).accepted, (10 + taken + more) as u64);
    drop(other);
}

fn what_the_peer_has_not_acknowledged_is_not_counted(family: AddressFamily) {
    let (one, other) = pair(family);
    let acknowledged = |connection: &Connection| statistics(connection).acknowledged;
    if family == AddressFamily::Unix || !cfg!(any(target_os = "linux", target_vendor = "apple")) {
        assert_eq!(acknowledged(&one), None);
        return;
    }
    assert_eq!(acknowledged(&one), Some(0));
    write(&one, &[7; 100]).unwrap();
    until("everything is acknowledged", || {
        (acknowledged(&one) == Some(100)).then_some(())
    });
    let mut taken = 0;
    // The system may move all that it accepted to the peer, and then accept more.
    let before = until("something is not acknowledged", || {
        taken += one.try_write(&pattern(BIG)).unwrap() as u64;
        acknowledged(&one).filter(|&count| count < 100 + taken)
    });
    thread::scope(|scope| {
        scope.spawn(|| read(&other, 100 + taken as usize).unwrap());
        until("everything is acknowledged", || {
            let now = acknowledged(&one).unwrap();
            assert!((before..=100 + taken).contains(&now), "{now}");
            (now == 100 + taken).then_some(())
        });
    });
    // The end of the stream is not counted.
    one.shut_down_writing().unwrap();
    for _ in 0..100 {
        assert_eq!(acknowledged(&one), Some(100 + taken));
    }
}

fn a_stall_lasts_from_the_last_accepted_byte(family: AddressFamily) {
    let (one, other) = pair(family);
    let stalled = || statistics(&one).stalled;
    assert_eq!(stalled(), None, "nothing was sent");
    one.set_coalesces(true);
    write(&one, &[7; 10]).unwrap();
    assert_eq!(stalled(), None, "the kernel has refused nothing");
    one.set_coalesces(false);
    one.set_queue_limit(BIG);
    let begin = Instant::now();
    write(&one, &pattern(BIG - 10)).unwrap();
    // The kernel may still move what it has accepted.
    until("the kernel accepts no more", || {
        one.poll(Instant::now).unwrap();
        let time = stalled().expect("nothing was read");
        assert!(time <= begin.elapsed());
        (time >= Duration::from_millis(50)).then_some(())
    });
    thread::scope(|scope| {
        scope.spawn(|| read(&other, BIG).unwrap());
        until("everything is sent", || {
            one.poll(Instant::now).unwrap();
            (statistics(&one).queued == 0).then_some(())
        });
    });
    until("everything is acknowledged", || {
        stalled().is_none().then_some(())
    });
    // Without a queue, some systems report what the peer has not acknowledged. They may move all
    // that they accepted to the peer, and then accept more.
    one.set_queue_limit(0);
    let write_more = || one.try_write(&pattern(BIG)).unwrap();
    if family != AddressFamily::Unix && cfg!(target_os = "linux") {
        until("something is not acknowledged", || {
            write_more();
            stalled().map(drop)
        });
    } else {
        write_more();
        assert_eq!(stalled(), None);
    }
}

/// Each attempt: its address without the port, its start and its duration in milliseconds, and its
/// outcome.
fn attempts(client: &Connection, now: Instant) -> Vec<(String, u128, u128, &'static str)> {
    let attempts = client.statistics(now).attempts.into_iter();
    let rows = attempts.map(|attempt| {
        let Address::Inet(address) = attempt.address else {
            panic!("{attempt:?}")
        };
        let outcome = match attempt.outcome {
            AttemptOutcome::UnderWay => "under way",
            AttemptOutcome::Connected => "connected",
            AttemptOutcome::Failed(_) => "failed",
            AttemptOutcome::GivenUp => "given up",
            _ => "something else",
        };
        let (began, took) = (attempt.began_after.as_millis(), attempt.took.as_millis());
        (address.ip().to_string(), began, took, outcome)
    });
    rows.collect()
}

fn attempt(
    ip: &str,
    began: u128,
    took: u128,
    outcome: &'static str,
) -> (String, u128, u128, &'static str) {
    (ip.to_owned(), began, took, outcome)
}

/// The clock is the test's, so the times are exact.
#[test]
fn each_address_of_a_race_is_listed() {
    let (port, _sockets) = racing_port();
    let client = Connection::new();
    let start = Instant::now();
    let at = |milliseconds| start + Duration::from_millis(milliseconds);
    let host = "localhost".to_owned();
    client
        .connect(Target::Name { host, port }, None, start)
        .unwrap();
    client.poll(|| at(100)).unwrap();
    assert_eq!(
        attempts(&client, at(100)),
        [attempt("::1", 0, 100, "under way")]
    );
    client.poll(|| at(300)).unwrap();
    let both = [
        attempt("::1", 0, 310, "under way"),
        attempt("127.0.0.1", 300, 10, "under way"),
    ];
    assert_eq!(attempts(&client, at(310)), both);
    until("the second attempt wins", || {
        client.poll(|| at(400)).unwrap();
        (client.status() == Status::Connected).then_some(())
    });
    let both = [
        attempt("::1", 0, 400, "given up"),
        attempt("127.0.0.1", 300, 100, "connected"),
    ];
    assert_eq!(attempts(&client, at(500)), both);
    client.disconnect();
    assert_eq!(attempts(&client, at(900)), both);
}

#[test]
fn a_connect_that_is_out_of_time_gives_its_attempts_up() {
    let (_silent, port) = listening(Ipv4Addr::LOCALHOST, 0, 0).unwrap();
    let address = Address::Inet((Ipv4Addr::LOCALHOST, port).into());
    let _fills = connected(&address);
    let client = Connection::new();
    let start = Instant::now();
    let limit = Some(Duration::from_secs(1));
    client.connect(address.into(), limit, start).unwrap();
    poll_in_frames(&client, start, start + Duration::from_secs(1)).unwrap();
    let late = start + Duration::from_millis(1050);
    client.poll(|| late).unwrap_err();
    let given_up = [attempt("127.0.0.1", 0, 1050, "given up")];
    assert_eq!(attempts(&client, late + Duration::from_secs(5)), given_up);
}

/// Reads and writes of other threads are counted while they run.
#[test]
fn threads_count_together() {
    const ROUNDS: usize = 2000;
    const SIZE: usize = 100;
    let (one, other) = local_pair();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    write(&one, &[7; SIZE]).unwrap();
                }
            });
            scope.spawn(|| {
                let mut buffer = [MaybeUninit::uninit(); SIZE];
                for _ in 0..ROUNDS {
                    other.read_fully(&mut buffer).unwrap();
                }
            });
        }
        let mut before = 0;
        while before < (2 * ROUNDS * SIZE) as u64 {
            let received = statistics(&other).received;
            assert!(received >= before);
            before = received;
            thread::yield_now();
        }
    });
    let all = (2 * ROUNDS * SIZE) as u64;
    assert_eq!(statistics(&one).sent, all);
    let shown = statistics(&other);
    assert_eq!((shown.received, shown.unread), (all, 0));
}

/// Bytes that arrive in pieces are all counted.
#[test]
fn bytes_of_a_plain_peer_are_counted() {
    let (connection, mut peer) = connection_to_raw_peer();
    for count in 1..=50_usize {
        peer.write_all(&pattern(count)).unwrap();
        read(&connection, count).unwrap();
    }
    write(&connection, &pattern(777)).unwrap();
    let mut received = [0; 777];
    peer.read_exact(&mut received).unwrap();
    let shown = statistics(&connection);
    assert_eq!((shown.received, shown.sent), ((1..=50).sum::<u64>(), 777));
}
