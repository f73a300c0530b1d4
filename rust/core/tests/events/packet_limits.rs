//! How many packets one poll delivers: one peer that sends many does not hold up the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::Connection;
use stream_socket::dispatch::{Format, OwnEvent, PacketChannel, Source, Subject};
use stream_socket::packets::Framing;

use super::loops::{Handle, Loop, Member, Report};
use crate::support::*;

fn lines() -> Framing {
    Framing::Delimiter(b"\n".to_vec())
}

/// Numbered packets on their way to a connection, and the other end.
fn filled(count: usize) -> (Connection, Connection) {
    let (one, other) = local_pair();
    other.set_queue_limit(1 << 20);
    let text: String = (0..count).map(|number| format!("{number}\n")).collect();
    other.write_fully(text.as_bytes()).unwrap();
    until_available(&one, text.len().min(100_000));
    (one, other)
}

/// A packet channel with numbered packets in a loop, and the other end.
fn flooding(event_loop: &Loop, count: usize) -> (Member, Connection) {
    let (one, other) = filled(count);
    let member = Member::channel(one, lines());
    event_loop.add(&member);
    (member, other)
}

/// The numbers of the packets of `member`.
fn numbers(reported: &[(u64, Report)], member: &Member) -> Vec<usize> {
    let own = reported.iter().filter(|(id, _)| *id == member.id);
    let packets = own.filter_map(|(_, report)| match report {
        Report::Packet(text) => text.parse().ok(),
        _ => None,
    });
    packets.collect()
}

#[test]
fn each_member_delivers_its_share_and_the_next_poll_continues() {
    let event_loop = Loop::new();
    assert_eq!(event_loop.members.max_packets_per_poll(), 64);
    let counts = [5000, 100, 64, 63, 1];
    let members: Vec<_> = counts.map(|count| flooding(&event_loop, count)).into();
    let mut received = vec![Vec::new(); counts.len()];
    for round in 0..80 {
        let reported = event_loop.poll(|_, _| {});
        for (index, (member, _)) in members.iter().enumerate() {
            let new = numbers(&reported, member);
            let left = counts[index] - received[index].len();
            assert_eq!(new.len(), left.min(64), "{round} {index}");
            received[index].extend(new);
        }
    }
    for (received, count) in received.iter().zip(counts) {
        assert!(received.iter().copied().eq(0..count), "all, in order");
    }
}

/// Which members a poll returns.
#[test]
fn a_member_is_ready_only_while_packets_are_left() {
    let event_loop = Loop::new();
    event_loop.members.set_max_packets_per_poll(3);
    let (member, _other) = flooding(&event_loop, 6);
    for (count, is_ready) in [(3, true), (3, false), (0, false)] {
        let mut handler = Counter(0);
        let ready = event_loop.members.poll(Some(Duration::ZERO), &mut handler);
        assert_eq!((handler.0, ready.len()), (count, usize::from(is_ready)));
        assert!(ready.iter().all(|it| it.subject().id == member.id));
    }
}

struct Counter(usize);

impl stream_socket::dispatch::LoopHandler<Member> for Counter {
    fn wants_packets(&mut self) -> bool {
        true
    }
    fn notify(&mut self, _: &Member, _: stream_socket::dispatch::LoopEvent<'_, String>) {
        self.0 += 1;
    }
}

/// A thread that waits without a limit gets everything, however small the limit of packets is.
#[test]
fn a_wait_returns_at_once_while_packets_are_left() {
    let event_loop = Loop::new();
    event_loop.members.set_max_packets_per_poll(1);
    let (member, other) = flooding(&event_loop, 50);
    let count = AtomicUsize::new(0);
    let received = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut received = Vec::new();
            while received.len() < 50 {
                let reported = event_loop.wait(None, |_, _| {
                    count.fetch_add(1, Ordering::Relaxed);
                });
                received.extend(numbers(&reported, &member));
                if reported.is_empty() {
                    break;
                }
            }
            received
        });
        let begin = Instant::now();
        while count.load(Ordering::Relaxed) < 50 && begin.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        // After the last packet nothing is left, so the wait continues.
        event_loop.members.wake();
        waiting.join().unwrap()
    });
    assert!(received.into_iter().eq(0..50));
    drop(other);
}

#[test]
fn without_a_limit_all_packets_are_delivered() {
    let event_loop = Loop::new();
    event_loop.members.set_max_packets_per_poll(0);
    let (member, _other) = flooding(&event_loop, 5000);
    let mut received = Vec::new();
    while received.len() < 5000 {
        let new = numbers(&event_loop.poll(|_, _| {}), &member);
        assert!(!new.is_empty());
        received.extend(new);
    }
    assert!(received.into_iter().eq(0..5000));
}

/// Polls in a handler for each packet, as deep as possible.
fn poll_within(event_loop: &Loop, total: &mut Vec<(u64, Report)>, calls: &mut u32) {
    *calls += 1;
    assert!(*calls < 100_000, "handlers multiply the work");
    let mut inner = Vec::new();
    event_loop.poll(|member, report| {
        inner.push((member.id, report.clone()));
        total.append(&mut inner);
        poll_within(event_loop, total, calls);
    });
}

/// Without a common count, each level would multiply the packets of the next one.
#[test]
fn a_handler_that_polls_for_each_packet_stays_within_the_limit() {
    let event_loop = Loop::new();
    event_loop.members.set_max_packets_per_poll(8);
    let members: Vec<_> = (0..3).map(|_| flooding(&event_loop, 4000)).collect();
    let mut total = Vec::new();
    poll_within(&event_loop, &mut total, &mut 0);
    let limit = 3 * (8 + 16);
    assert!(total.len() <= limit, "{} of {limit} packets", total.len());
    // Nothing is lost, and the order of each member is kept.
    while total.len() < 3 * 4000 {
        total.extend(event_loop.poll(|_, _| {}));
    }
    for (member, _) in &members {
        assert!(numbers(&total, member).into_iter().eq(0..4000));
    }
}

/// A handler that waits for a later packet gets it: its polls have a share of their own.
#[test]
fn a_poll_in_a_handler_makes_progress() {
    let event_loop = Loop::new();
    event_loop.members.set_max_packets_per_poll(4);
    let (member, _other) = flooding(&event_loop, 200);
    let mut received = Vec::new();
    let outer = event_loop.poll(|_, report| {
        if *report == Report::Packet("1".into()) {
            for _ in 0..60 {
                received.extend(event_loop.poll(|_, _| {}));
                if received
                    .iter()
                    .any(|(_, it)| *it == Report::Packet("150".into()))
                {
                    return;
                }
            }
            panic!("packet 150 does not come");
        }
    });
    assert_eq!(numbers(&outer, &member), [0, 1], "the inner polls count");
    assert!(
        numbers(&received, &member)
            .into_iter()
            .eq(2..received.len() + 2)
    );
}

/// A handler that removes and adds the member again gets each packet once. A new member has a share
/// of its own, in the next poll.
#[test]
fn a_member_that_is_added_again_loses_nothing() {
    let event_loop = Loop::new();
    event_loop.members.set_max_packets_per_poll(5);
    let (member, _other) = flooding(&event_loop, 100);
    let mut received = Vec::new();
    for _ in 0..100 {
        let reported = event_loop.poll(|member, _| {
            event_loop.members.remove(member.id);
            event_loop.add(member);
        });
        assert!(reported.len() <= 5, "{reported:?}");
        received.extend(numbers(&reported, &member));
    }
    assert!(received.into_iter().eq(0..100));
}

#[test]
fn a_member_that_is_removed_or_disconnected_delivers_no_more() {
    let event_loop = Loop::new();
    let (removed, _other) = flooding(&event_loop, 100);
    let (left, _other) = flooding(&event_loop, 100);
    let reported = event_loop.poll(|member, _| {
        if member.id == removed.id {
            event_loop.members.remove(member.id);
        } else {
            member.connection().disconnect();
        }
    });
    assert_eq!(numbers(&reported, &removed), [0]);
    assert_eq!(numbers(&reported, &left), [0]);
}

/// Packets that another poll has taken for the loop count as well.
#[test]
fn packets_of_other_polls_count() {
    let event_loop = Loop::new();
    event_loop.members.set_max_packets_per_poll(10);
    let (member, _other) = flooding(&event_loop, 100);
    member.packets().outlet().set_max_packets_per_poll(7);
    let mut received = Vec::new();
    for _ in 0..30 {
        let alone = Alone::new(member.packets(), false);
        assert!(alone.poll() <= 7);
        let reported = event_loop.poll(|_, _| {});
        assert!(reported.len() <= 10, "{reported:?}");
        received.extend(numbers(&reported, &member));
    }
    assert!(received.into_iter().eq(0..100));
}

fn channel(connection: Connection) -> PacketChannel<Handle> {
    let channel = PacketChannel::new(Arc::new(Format {
        framing: lines(),
        limit: 100,
    }));
    drop(channel.set_endpoint(Some(Handle(Arc::new(connection)))));
    channel
}

/// The handler of a packet channel that is polled by itself.
struct Alone<'a> {
    channel: &'a PacketChannel<Handle>,
    received: Mutex<Vec<usize>>,
    polls_within: bool,
}

impl Alone<'_> {
    fn new(channel: &PacketChannel<Handle>, polls_within: bool) -> Alone<'_> {
        Alone {
            channel,
            received: Mutex::default(),
            polls_within,
        }
    }

    /// Polls. Returns how many packets that has delivered.
    fn poll(&self) -> usize {
        let before = self.received.lock().unwrap().len();
        let _ = self.channel.endpoint().unwrap().0.poll(Instant::now);
        self.channel.poll(self);
        self.received.lock().unwrap().len() - before
    }
}

impl Subject for Alone<'_> {
    type Endpoint = Handle;
    type Packet = String;
    type Message<'a> = ();

    fn id(&self) -> u64 {
        1
    }
    fn source(&self) -> Source<'_, Self> {
        Source::Packets(self.channel)
    }
    fn packet(bytes: &[u8], is_text: bool) -> String {
        Member::packet(bytes, is_text)
    }
    fn wants_packets(&self) -> bool {
        true
    }
    fn notify(&self, event: OwnEvent<'_, String>) {
        if let OwnEvent::PacketReceived(packet) = event {
            self.received.lock().unwrap().push(packet.parse().unwrap());
            if self.polls_within {
                self.poll();
            }
        }
    }
}

#[test]
fn a_poll_of_a_lone_channel_is_limited() {
    let (one, _other) = filled(2000);
    let channel = channel(one);
    let alone = Alone::new(&channel, false);
    assert_eq!(alone.channel.outlet().max_packets_per_poll(), 256);
    assert_eq!(alone.poll(), 256);
    alone.channel.outlet().set_max_packets_per_poll(10);
    assert_eq!(alone.poll(), 10);
    alone.channel.outlet().set_max_packets_per_poll(0);
    assert_eq!(alone.poll(), 2000 - 266);
    assert!(alone.received.lock().unwrap().iter().copied().eq(0..2000));
}

#[test]
fn polls_in_handlers_of_a_lone_channel_stay_within_the_limit() {
    let (one, _other) = filled(5000);
    let channel = channel(one);
    let alone = Alone::new(&channel, true);
    alone.channel.outlet().set_max_packets_per_poll(8);
    let count = alone.poll();
    assert!((8..=8 + 16).contains(&count), "{count} packets in one poll");
    while alone.received.lock().unwrap().len() < 5000 {
        alone.poll();
    }
    assert!(alone.received.lock().unwrap().iter().copied().eq(0..5000));
}
