//! Members of an event loop whose peers send nothing.

use std::thread;
use std::time::{Duration, Instant};

use stream_socket::packets::Framing;
use stream_socket::{Connection, DisconnectCause, EndCause, Status};

use super::loops::{Loop, Member, Report};
use crate::support::*;

for_each_family!(
    a_silent_member_is_ended,
    what_was_written_to_a_silent_member_arrives,
    a_member_that_sends_stays,
    a_part_of_a_packet_does_not_keep_a_member,
    a_member_whose_data_waits_stays,
    a_wait_ends_a_silent_member,
    time_without_a_poll_does_not_count,
    a_half_open_member_stays,
    a_member_whose_packets_are_delivered_stays,
);

const LIMIT: Duration = Duration::from_millis(300);
const SILENT: Report = Report::Ended(EndCause::Disconnect(DisconnectCause::Silent));

/// A loop with the limit, a member, and its peer.
fn member(family: AddressFamily) -> (Loop, Member, Connection) {
    let event_loop = Loop::new();
    event_loop.members.set_max_silent(Some(LIMIT));
    assert_eq!(event_loop.members.max_silent(), Some(LIMIT));
    let (one, other) = pair(family);
    let member = Member::peer(one);
    event_loop.add(&member);
    (event_loop, member, other)
}

/// Polls in frames of 10 ms until a member is ended, for `limit` at most.
fn ended_within(event_loop: &Loop, limit: Duration) -> Option<Report> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        let reported = event_loop.poll(|_, _| {});
        let is_end = |report: &Report| matches!(report, Report::Ended(_));
        if let Some((_, end)) = reported.into_iter().find(|(_, report)| is_end(report)) {
            return Some(end);
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

fn a_silent_member_is_ended(family: AddressFamily) {
    let (event_loop, member, other) = member(family);
    let begin = Instant::now();
    assert_eq!(ended_within(&event_loop, PATIENCE), Some(SILENT));
    assert!(begin.elapsed() >= LIMIT, "{:?}", begin.elapsed());
    let connection = member.connection();
    assert_eq!(connection.status(), Status::None);
    let message = connection
        .ended()
        .expect("it has a reason")
        .error
        .to_string();
    assert!(message.starts_with("receive from "), "{message}");
    let waited = message.rsplit("nothing received for ").next().unwrap();
    let seconds: f64 = waited.strip_suffix(" s").unwrap().parse().unwrap();
    assert!((0.3..10.0).contains(&seconds), "{message}");
    assert_eq!(ended_within(&event_loop, LIMIT * 2), None, "only once");
    drop(other);
}

/// The close is graceful: the peer reads everything, and then the end of the stream.
fn what_was_written_to_a_silent_member_arrives(family: AddressFamily) {
    let (event_loop, member, other) = member(family);
    let data = pattern(4 << 20);
    member.connection().set_queue_limit(8 << 20);
    write(&member.connection(), &data).unwrap();
    assert_eq!(ended_within(&event_loop, PATIENCE), Some(SILENT));
    assert!(read(&other, data.len()).unwrap() == data);
    until("the end arrives", || {
        let _ = other.poll(Instant::now);
        (other.status() == Status::None).then_some(())
    });
}

fn a_member_that_sends_stays(family: AddressFamily) {
    let (event_loop, member, other) = member(family);
    let begin = Instant::now();
    while begin.elapsed() < LIMIT * 4 {
        write(&other, b"x").unwrap();
        assert_eq!(ended_within(&event_loop, LIMIT / 6), None);
        try_read(&member.connection(), 100).unwrap();
    }
    assert_eq!(ended_within(&event_loop, PATIENCE), Some(SILENT));
}

fn a_part_of_a_packet_does_not_keep_a_member(family: AddressFamily) {
    let event_loop = Loop::new();
    let (one, other) = pair(family);
    let member = Member::channel(one, Framing::Delimiter(b"\n".to_vec()));
    event_loop.add(&member);
    write(&other, b"whole\npart").unwrap();
    assert_eq!(
        event_loop.next(|_, _| {}),
        [(member.id, Report::Packet("whole".into()))]
    );
    // The limit counts for members from before it.
    event_loop.members.set_max_silent(Some(LIMIT));
    assert_eq!(ended_within(&event_loop, PATIENCE), Some(SILENT));
    // Without the limit nothing is ended.
    event_loop.members.set_max_silent(None);
    let (one, _other) = pair(family);
    let member = Member::peer(one);
    event_loop.add(&member);
    assert_eq!(ended_within(&event_loop, LIMIT * 3), None);
    assert_eq!(member.connection().status(), Status::Connected);
}

/// The program does not read, so the peer may be unable to send more.
fn a_member_whose_data_waits_stays(family: AddressFamily) {
    let (event_loop, member, other) = member(family);
    write(&other, &pattern(50_000)).unwrap();
    assert_eq!(ended_within(&event_loop, LIMIT * 3), None);
    assert!(read(&member.connection(), 50_000).unwrap() == pattern(50_000));
    assert_eq!(ended_within(&event_loop, PATIENCE), Some(SILENT));
}

fn a_wait_ends_a_silent_member(family: AddressFamily) {
    let (event_loop, member, _other) = member(family);
    let mut reported = Vec::new();
    let begin = Instant::now();
    while reported.is_empty() && begin.elapsed() < PATIENCE {
        reported = event_loop.wait(None, |_, _| {});
    }
    assert_eq!(reported, [(member.id, SILENT)]);
}

fn time_without_a_poll_does_not_count(family: AddressFamily) {
    let (event_loop, member, other) = member(family);
    assert_eq!(ended_within(&event_loop, Duration::from_millis(100)), None);
    for _ in 0..2 {
        thread::sleep(LIMIT * 2);
        assert_eq!(ended_within(&event_loop, Duration::from_millis(50)), None);
        assert_eq!(member.connection().status(), Status::Connected);
        write(&other, b"x").unwrap();
        assert_eq!(ended_within(&event_loop, Duration::from_millis(50)), None);
    }
    try_read(&member.connection(), 2).unwrap();
    assert_eq!(ended_within(&event_loop, PATIENCE), Some(SILENT));
}

/// A peer that has ended its direction waits for an answer.
fn a_half_open_member_stays(family: AddressFamily) {
    let (event_loop, member, other) = member(family);
    member.connection().set_allow_half_open(true);
    write(&other, b"question").unwrap();
    other.shut_down_writing().unwrap();
    assert_eq!(read(&member.connection(), 8).unwrap(), b"question");
    assert_eq!(ended_within(&event_loop, LIMIT * 3), None);
    assert_eq!(member.connection().status(), Status::Connected);
}

/// The packets arrive at once, and are delivered one by one.
fn a_member_whose_packets_are_delivered_stays(family: AddressFamily) {
    let event_loop = Loop::new();
    event_loop.members.set_max_silent(Some(LIMIT));
    event_loop.members.set_max_packets_per_poll(1);
    let (one, other) = pair(family);
    event_loop.add(&Member::channel(one, Framing::Delimiter(b"\n".to_vec())));
    write(&other, &b"packet\n".repeat(100)).unwrap();
    let begin = Instant::now();
    let mut count = 0;
    while count < 100 {
        let reported = event_loop.poll(|_, _| {});
        let is_packet = |report: &(u64, Report)| matches!(report.1, Report::Packet(_));
        count += reported.iter().filter(|report| is_packet(report)).count();
        assert!(
            reported.iter().all(is_packet),
            "{reported:?} after {count} packets"
        );
        thread::sleep(Duration::from_millis(10));
    }
    assert!(begin.elapsed() > LIMIT * 2);
    assert_eq!(ended_within(&event_loop, PATIENCE), Some(SILENT));
}
