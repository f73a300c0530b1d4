//! Members of an event loop whose peers do not read.

use std::thread;
use std::time::{Duration, Instant};

use stream_socket::packets::Framing;
use stream_socket::{Connection, DisconnectCause, EndCause, Status};

use super::loops::{Loop, Member, Report};
use crate::support::*;

for_each_family!(
    a_member_that_never_reads_is_ended,
    a_member_that_reads_slowly_stays,
    a_queue_from_before_the_limit_counts,
    a_broadcast_that_is_refused_counts,
    a_wait_ends_a_stalled_member,
    time_without_a_poll_does_not_count,
    a_stalled_packet_channel_is_ended,
);

const LIMIT: Duration = Duration::from_millis(300);
const STALLED: Report = Report::Ended(EndCause::Disconnect(DisconnectCause::Stalled));
/// More than all buffers between two ends.
const BIG: usize = 32 << 20;

/// A loop with a member that has a queue, and the member's peer.
fn stalled(family: AddressFamily, event_loop: &Loop) -> (Member, Connection) {
    let (one, other) = pair(family);
    one.set_queue_limit(2 * BIG);
    write(&one, &pattern(BIG)).unwrap();
    let member = Member::peer(one);
    event_loop.add(&member);
    (member, other)
}

/// Polls in frames of 10 ms until something is reported, for `limit` at most.
fn poll_for(event_loop: &Loop, limit: Duration) -> Vec<Report> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        let reported = event_loop.poll(|_, _| {});
        if !reported.is_empty() {
            return reported.into_iter().map(|(_, report)| report).collect();
        }
        thread::sleep(Duration::from_millis(10));
    }
    Vec::new()
}

fn assert_ended(member: &Member) {
    let connection = member.connection();
    assert_eq!(connection.status(), Status::None);
    let ended = connection.ended().expect("it has a reason");
    let message = ended.error.to_string();
    assert!(message.starts_with("send to "), "{message}");
    let waited = message.rsplit("nothing accepted for ").next().unwrap();
    let seconds: f64 = waited.strip_suffix(" s").unwrap().parse().unwrap();
    assert!((0.3..10.0).contains(&seconds), "{message}");
}

fn a_member_that_never_reads_is_ended(family: AddressFamily) {
    let event_loop = Loop::new();
    event_loop.members.set_max_stalled(Some(LIMIT));
    assert_eq!(event_loop.members.max_stalled(), Some(LIMIT));
    let idle = pair(family);
    event_loop.add(&Member::peer(idle.0));
    let (member, other) = stalled(family, &event_loop);
    let begin = Instant::now();
    assert_eq!(poll_for(&event_loop, PATIENCE), [STALLED]);
    assert!(begin.elapsed() >= LIMIT, "{:?}", begin.elapsed());
    assert_ended(&member);
    // The queue is discarded: a TCP peer sees a reset behind what has arrived.
    let read_all = read(&other, BIG);
    assert!(read_all.is_err());
    assert_eq!(poll_for(&event_loop, LIMIT * 2), [], "only once");
}

fn a_member_that_reads_slowly_stays(family: AddressFamily) {
    let event_loop = Loop::new();
    event_loop.members.set_max_stalled(Some(LIMIT));
    let (member, other) = stalled(family, &event_loop);
    let begin = Instant::now();
    while begin.elapsed() < LIMIT * 4 {
        // On Linux too little for the kernel to report that there is room. Elsewhere only such a
        // report shows that the peer reads.
        let size = if cfg!(target_os = "linux") {
            1 << 15
        } else {
            1 << 20
        };
        try_read(&other, size).unwrap();
        assert_eq!(poll_for(&event_loop, Duration::from_millis(30)), []);
    }
    assert_eq!(member.connection().status(), Status::Connected);
    if cfg!(target_os = "linux") {
        assert_eq!(poll_for(&event_loop, PATIENCE), [STALLED]);
    }
}

fn a_queue_from_before_the_limit_counts(family: AddressFamily) {
    let event_loop = Loop::new();
    let (member, _other) = stalled(family, &event_loop);
    assert_eq!(poll_for(&event_loop, LIMIT * 2), []);
    event_loop.members.set_max_stalled(Some(LIMIT));
    assert_eq!(poll_for(&event_loop, PATIENCE), [STALLED]);
    assert_ended(&member);
    // Without the limit nothing is ended.
    event_loop.members.set_max_stalled(None);
    let (member, _other) = stalled(family, &event_loop);
    assert_eq!(poll_for(&event_loop, LIMIT * 3), []);
    assert_eq!(member.connection().status(), Status::Connected);
}

fn a_broadcast_that_is_refused_counts(family: AddressFamily) {
    let event_loop = Loop::new();
    event_loop.members.set_max_stalled(Some(LIMIT));
    let (one, _other) = pair(family);
    // More than the kernel accepts after a while.
    one.set_queue_limit(BIG);
    let member = Member::peer(one);
    event_loop.add(&member);
    assert_eq!(poll_for(&event_loop, Duration::from_millis(50)), []);
    let block = pattern(1 << 20);
    while event_loop
        .members
        .broadcast(&block, &mut (), |_| false)
        .is_empty()
    {}
    assert_eq!(poll_for(&event_loop, PATIENCE), [STALLED]);
    assert_ended(&member);
}

fn a_wait_ends_a_stalled_member(family: AddressFamily) {
    let event_loop = Loop::new();
    event_loop.members.set_max_stalled(Some(LIMIT));
    let (member, _other) = stalled(family, &event_loop);
    let begin = Instant::now();
    let mut reported = Vec::new();
    while reported.is_empty() && begin.elapsed() < PATIENCE {
        reported = event_loop.wait(None, |_, _| {});
    }
    assert_eq!(reported, [(member.id, STALLED)]);
    assert_ended(&member);
}

/// Polls are farther apart than the limit, and the peer reads a little between them.
fn time_without_a_poll_does_not_count(family: AddressFamily) {
    let event_loop = Loop::new();
    event_loop.members.set_max_stalled(Some(LIMIT));
    let (member, other) = stalled(family, &event_loop);
    assert_eq!(poll_for(&event_loop, Duration::from_millis(100)), []);
    for _ in 0..2 {
        thread::sleep(LIMIT * 2);
        for _ in 0..2 {
            assert_eq!(event_loop.poll(|_, _| {}), []);
        }
        assert_eq!(member.connection().status(), Status::Connected);
        until_available(&other, 1 << 16);
        try_read(&other, 1 << 16).unwrap();
        assert_eq!(poll_for(&event_loop, Duration::from_millis(50)), []);
    }
    assert_eq!(poll_for(&event_loop, PATIENCE), [STALLED]);
}

fn a_stalled_packet_channel_is_ended(family: AddressFamily) {
    let event_loop = Loop::new();
    event_loop.members.set_max_stalled(Some(LIMIT));
    let (one, _other) = pair(family);
    one.set_queue_limit(BIG);
    write(&one, &pattern(BIG)).unwrap();
    let member = Member::channel(one, Framing::Delimiter(b"\n".to_vec()));
    event_loop.add(&member);
    assert_eq!(poll_for(&event_loop, PATIENCE), [STALLED]);
    assert_ended(&member);
}
