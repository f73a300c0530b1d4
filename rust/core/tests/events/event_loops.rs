//! Event loops: which listener is notified of what, and when.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::loops::{Handle, Loop, Thing, Told};
use crate::support::*;
use stream_socket::packets::{Framing, LengthField, Width};
use stream_socket::{Connection, DisconnectCause, EndCause, Status, Target};

for_each_family!(
    what_is_left_in_the_kernel_is_reported_again,
    an_end_behind_what_is_left_is_reported,
    half_a_packet_before_a_reset_is_no_zombie,
    half_a_packet_before_an_end_is_no_zombie,
    half_a_line_before_an_end_is_no_zombie,
    a_wait_sleeps_over_half_a_packet,
    a_packet_waits_for_a_listener,
    nothing_is_reported_after_a_removal,
    a_room_gets_what_the_lobby_has_left,
    an_end_has_the_cause_of_its_connection,
    an_accepted_member_that_connects_again_is_gone,
    an_accepted_member_that_has_ended_before_is_gone,
    a_stream_that_was_replaced_is_served,
    a_poll_by_hand_reports_to_the_loop,
    broadcasts_of_handlers_reach_those_who_read,
);

const GONE: Told = Told::Over(EndCause::Disconnect(DisconnectCause::EndOfStream));

fn newline() -> Framing {
    Framing::Delimiter(b"\n".to_vec())
}

fn framings() -> [Framing; 3] {
    [
        newline(),
        Framing::ContentLength,
        Framing::Length(LengthField {
            width: Width::Bytes(4),
            big_endian: false,
            includes_itself: false,
        }),
    ]
}

/// A client, and the member that a loop has made of the other end.
fn accepted(
    family: AddressFamily,
    event_loop: &Loop,
    member: impl Fn(Connection) -> Thing + Send + Sync + 'static,
) -> (Connection, Thing) {
    let server = Server::new(family);
    let address = server.address.clone();
    event_loop.accept(server, member);
    let client = connected(&address);
    let mut accepted = None;
    event_loop.next(|thing, _| accepted = Some(thing.clone()));
    (client, accepted.unwrap())
}

/// Polls until `goal` is reported of `member`. Everything that was.
fn poll_until(event_loop: &Loop, goal: &Told, mut handler: impl FnMut(&Thing, &Told)) -> Vec<Told> {
    let mut all = Vec::new();
    until("the event is reported", || {
        let told = event_loop.poll(&mut handler);
        all.extend(told.into_iter().map(|(_, told)| told));
        all.contains(goal).then(|| std::mem::take(&mut all))
    })
}

fn what_is_left_in_the_kernel_is_reported_again(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, Thing::peer);
    client.write_fully(b"first").unwrap();
    event_loop.next(|_, _| {});
    client.write_fully(b"second").unwrap();
    until("all has arrived", || {
        (member.connection().available() == Some(11)).then_some(())
    });
    let mut lines = Vec::new();
    for size in [5, 6] {
        event_loop.next(|thing, _| lines.push(try_read(&thing.connection(), size).unwrap()));
    }
    assert_eq!(lines, [b"first".to_vec(), b"second".to_vec()]);
}

fn an_end_behind_what_is_left_is_reported(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, Thing::peer);
    client.write_fully(b"line").unwrap();
    event_loop.next(|_, _| {});
    client.disconnect();
    // The end is known, and what is before it is unread.
    until("the end has come", || {
        let _ = member.connection().read_until(b"\n", 100, |_| ());
        member.connection().is_read_closed().then_some(())
    });
    event_loop.next(|_, _| {});
    let told = poll_until(&event_loop, &GONE, |thing, told| {
        if *told == Told::Data {
            try_read(&thing.connection(), 100).unwrap();
        }
    });
    assert_eq!(told, [Told::Data, GONE]);
    assert_eq!(event_loop.members.len(), 1);
}

fn half_a_packet_before_a_reset_is_no_zombie(family: AddressFamily) {
    for framing in framings() {
        let event_loop = Loop::new();
        let kind = framing.clone();
        let member = move |connection| Thing::channel(connection, kind.clone());
        let (client, _) = accepted(family, &event_loop, member);
        let frame = framing.frame(b"packet", 100).unwrap();
        client.write_fully(&frame[..frame.len() - 2]).unwrap();
        event_loop.poll(|_, _| {});
        client.abort();
        let told = event_loop.next(|_, _| {});
        assert!(matches!(told[..], [(_, Told::Over(_))]), "{told:?}");
        assert_eq!(event_loop.members.len(), 1, "only the server is left");
    }
}

fn half_a_packet_before_an_end_is_no_zombie(family: AddressFamily) {
    for framing in framings() {
        let event_loop = Loop::new();
        let kind = framing.clone();
        let member = move |connection| Thing::channel(connection, kind.clone());
        let (client, _) = accepted(family, &event_loop, member);
        // Also if nobody listens to packets.
        event_loop.wants.store(false, Ordering::Relaxed);
        let frame = framing.frame(b"packet", 100).unwrap();
        client.write_fully(&frame[..frame.len() - 2]).unwrap();
        client.disconnect();
        assert_eq!(poll_until(&event_loop, &GONE, |_, _| {}), [GONE]);
        assert_eq!(event_loop.members.len(), 1, "only the server is left");
    }
}

fn half_a_line_before_an_end_is_no_zombie(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, _) = accepted(family, &event_loop, Thing::peer);
    client.write_fully(b"half a li").unwrap();
    client.disconnect();
    poll_until(&event_loop, &GONE, |thing, told| {
        if *told == Told::Data {
            let _ = thing.connection().read_until(b"\n", 100, |_| ());
        }
    });
    assert_eq!(event_loop.members.len(), 1, "only the server is left");
}

fn a_wait_sleeps_over_half_a_packet(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, |connection| {
        Thing::channel(connection, newline())
    });
    client.write_fully(b"half a pack").unwrap();
    until("it has arrived", || {
        event_loop.poll(|_, _| {});
        member.connection().has_unread().then_some(())
    });
    let before = member.visits.load(Ordering::Relaxed);
    event_loop.wait(Some(Duration::from_millis(300)), |_, _| {});
    let visits = member.visits.load(Ordering::Relaxed) - before;
    // Where sockets are not watched, each member is asked every 10 milliseconds.
    assert!(visits < 60, "{visits} visits while nothing happened");
}

fn a_packet_waits_for_a_listener(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, _) = accepted(family, &event_loop, |connection| {
        Thing::channel(connection, newline())
    });
    client.write_fully(b"one\ntwo\nthree\n").unwrap();
    let wants = event_loop.wants.clone();
    // As one that listens once.
    let told = event_loop.next(|_, _| wants.store(false, Ordering::Relaxed));
    assert_eq!(told.len(), 1);
    assert_eq!(event_loop.poll(|_, _| {}), []);
    event_loop.wants.store(true, Ordering::Relaxed);
    let last = Told::Packet("three".into());
    let told = poll_until(&event_loop, &last, |_, _| {});
    assert_eq!(told, [Told::Packet("two".into()), last]);
}

fn nothing_is_reported_after_a_removal(family: AddressFamily) {
    let event_loop = Loop::new();
    let server = Server::new(family);
    let address = server.address.clone();
    event_loop.accept(server, Thing::peer);
    let client = connected(&address);
    client.write_fully(b"data").unwrap();
    let mut kept = None;
    let told = event_loop.next(|thing, _| {
        assert!(event_loop.members.remove(thing.id).is_some());
        kept = Some(thing.clone());
    });
    assert_eq!(told.len(), 1);
    let member = kept.unwrap();
    until_available(&member.connection(), 4);
    client.disconnect();
    assert_eq!(read(&member.connection(), 4).unwrap(), b"data");
    until_status(&member.connection(), Status::None).unwrap();
    assert_eq!(event_loop.poll(|_, _| {}), []);
}

fn a_room_gets_what_the_lobby_has_left(family: AddressFamily) {
    let (lobby, room) = (Loop::new(), Loop::new());
    let (client, member) = accepted(family, &lobby, |connection| {
        Thing::channel(connection, newline())
    });
    client.write_fully(b"enter\none\ntwo\n").unwrap();
    let told = lobby.next(|thing, _| {
        lobby.members.remove(thing.id);
        room.add(thing);
    });
    assert_eq!(told, [(member.id, Told::Packet("enter".into()))]);
    let last = Told::Packet("two".into());
    let told = poll_until(&room, &last, |_, _| {});
    assert_eq!(told, [Told::Packet("one".into()), last]);
    assert_eq!(lobby.poll(|_, _| {}), []);
}

fn an_end_has_the_cause_of_its_connection(family: AddressFamily) {
    let server = Server::new(family);
    let client = Thing::peer(connected(&server.address));
    let connection = client.connection();
    while connection.next_event().is_some() {}
    let event_loop = Loop::new();
    event_loop.add(&client);
    server.accept().disconnect();
    until("the end has come", || {
        let _ = connection.poll(Instant::now);
        (connection.status() == Status::None).then_some(())
    });
    let target = Target::Address(server.address.clone());
    connection.connect(target, None, Instant::now()).unwrap();
    let told = poll_until(&event_loop, &Told::Connected, |_, _| {});
    assert_eq!(told, [GONE, Told::Connected]);
}

fn an_accepted_member_that_connects_again_is_gone(family: AddressFamily) {
    let event_loop = Loop::new();
    let (_client, member) = accepted(family, &event_loop, Thing::peer);
    let server = Server::new(family);
    member.connection().disconnect();
    connect(&member.connection(), &server.address);
    let local = Told::Over(EndCause::Disconnect(DisconnectCause::Local));
    assert_eq!(event_loop.poll(|_, _| {}), [(member.id, local)]);
    assert_eq!(event_loop.members.len(), 1);
    server.accept().write_fully(b"data").unwrap();
    until_available(&member.connection(), 4);
    assert_eq!(event_loop.poll(|_, _| {}), []);
}

fn an_accepted_member_that_has_ended_before_is_gone(family: AddressFamily) {
    let event_loop = Loop::new();
    let server = Server::new(family);
    let address = server.address.clone();
    event_loop.accept(server, |connection| {
        connection.disconnect();
        Thing::peer(connection)
    });
    let _client = connected(&address);
    let local = Told::Over(EndCause::Disconnect(DisconnectCause::Local));
    assert_eq!(
        poll_until(&event_loop, &local, |_, _| {}),
        [Told::Connected, local]
    );
    assert_eq!(event_loop.members.len(), 1);
}

fn a_stream_that_was_replaced_is_served(family: AddressFamily) {
    let (old, _old_other) = pair(family);
    let (new, other) = pair(family);
    let channel = Thing::channel(old, newline());
    let event_loop = Loop::new();
    event_loop.add(&channel);
    event_loop.poll(|_, _| {});
    let new = Handle(std::sync::Arc::new(new));
    drop(channel.packets().set_peer(Some(new)));
    event_loop.poll(|_, _| {});
    other.write_fully(b"new\n").unwrap();
    let told = event_loop.next(|_, _| {});
    assert_eq!(told, [(channel.id, Told::Packet("new".into()))]);
}

fn a_poll_by_hand_reports_to_the_loop(family: AddressFamily) {
    let (one, other) = pair(family);
    let channel = Thing::channel(one, newline());
    let (event_loop, second) = (Loop::new(), Loop::new());
    event_loop.add(&channel);
    second.add(&channel);
    other.write_fully(b"one\ntwo\n").unwrap();
    // What one loop takes, the other one gets too.
    let last = Told::Packet("two".into());
    let expected = [Told::Packet("one".into()), last.clone()];
    assert_eq!(poll_until(&event_loop, &last, |_, _| {}), expected);
    assert_eq!(poll_until(&second, &last, |_, _| {}), expected);
    other.disconnect();
    until("the end has come", || {
        let _ = channel.connection().poll(Instant::now);
        (channel.connection().status() == Status::None).then_some(())
    });
    assert_eq!(event_loop.poll(|_, _| {}), [(channel.id, GONE)]);
    assert_eq!(second.poll(|_, _| {}), [(channel.id, GONE)]);
}

fn broadcasts_of_handlers_reach_those_who_read(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, Thing::peer);
    client.write_fully(b"go").unwrap();
    let data = vec![b'x'; 200_000];
    let reading = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(&client, 6 * data.len()).map(|read| read.len()));
        event_loop.next(|thing, _| {
            for _ in 0..6 {
                let refused = event_loop.members.broadcast(&data, |_| false);
                assert!(refused.is_empty(), "one that reads is called slow");
            }
            try_read(&thing.connection(), 2).unwrap();
        });
        until("all is sent", || {
            event_loop.poll(|_, _| {});
            (member.connection().pending_bytes() == 0).then_some(())
        });
        reading.join().unwrap()
    });
    assert_eq!(reading.unwrap(), 6 * data.len());
    // A limit of its own counts.
    member.connection().set_queue_limit(1000);
    assert_eq!(event_loop.members.broadcast(&data, |_| false).len(), 1);
}

#[test]
fn nested_polls_are_bounded_and_skip_nobody() {
    let event_loop = Loop::new();
    let pairs: Vec<_> = (0..300).map(|_| local_pair()).collect();
    let (members, others): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .map(|(one, other)| (Thing::peer(one), other))
        .unzip();
    for (member, other) in members.iter().zip(&others) {
        event_loop.add(member);
        other.write_fully(b"x").unwrap();
        until_available(&member.connection(), 1);
    }
    let (mut told, mut deepest) = (Vec::new(), 0);
    poll_deeper(&event_loop, 1, &mut told, &mut deepest);
    assert!((2..=16).contains(&deepest), "{deepest} deep");
    told.sort_unstable();
    assert_eq!(
        told,
        members.iter().map(|member| member.id).collect::<Vec<_>>()
    );
}

/// Each handler polls again.
fn poll_deeper(event_loop: &Loop, depth: u32, told: &mut Vec<u64>, deepest: &mut u32) {
    event_loop.poll(|thing, _| {
        told.push(thing.id);
        *deepest = (*deepest).max(depth);
        poll_deeper(event_loop, depth + 1, told, deepest);
    });
}

/// No member waits for another one that always has packets.
#[test]
fn a_poll_is_bounded_and_fair() {
    let event_loop = Loop::new();
    let pairs: Vec<_> = (0..3).map(|_| local_pair()).collect();
    let mut members = Vec::new();
    for (index, (one, other)) in pairs.into_iter().enumerate() {
        let member = Thing::channel(one, newline());
        let count = if index == 0 { 5000 } else { 100 };
        other.set_queue_limit(1 << 20);
        other.write_fully(&b"x\n".repeat(count)).unwrap();
        until_available(&member.connection(), 2 * count);
        event_loop.add(&member);
        members.push((member, other));
    }
    let told = event_loop.poll(|_, _| {});
    let of = |member: &Thing| told.iter().filter(|(id, _)| *id == member.id).count();
    assert!(told.len() <= 3 * 64 + 1024, "{} in one poll", told.len());
    assert_eq!((of(&members[1].0), of(&members[2].0)), (100, 100));
    let longest = told.chunk_by(|one, other| one.0 == other.0).map(<[_]>::len);
    let first = longest.take(3).max();
    assert_eq!(
        first,
        Some(64),
        "so many packets of one before it is another one's turn"
    );
    let mut count = of(&members[0].0);
    while count < 5000 {
        count += event_loop.poll(|_, _| {}).len();
    }
}
