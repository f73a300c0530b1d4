//! Event loops: which handler is notified of what, and when.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stream_socket::packets::{Framing, LengthField, Width};
use stream_socket::{Connection, DisconnectCause, EndCause, Status};

use super::loops::{Handle, Loop, Member, Report};
use crate::support::*;

for_each_family!(
    data_left_in_the_kernel_is_reported_again,
    an_end_after_unread_data_is_reported,
    half_a_packet_before_a_reset_ends_the_member,
    half_a_packet_before_an_end_ends_the_member,
    half_a_line_before_an_end_ends_the_member,
    a_wait_sleeps_over_half_a_packet,
    a_packet_waits_for_a_handler,
    nothing_is_reported_after_a_removal,
    a_member_that_moves_to_another_loop_keeps_its_packets,
    an_end_has_the_cause_of_its_connection,
    an_accepted_member_that_connects_again_was_removed,
    an_accepted_member_that_has_ended_before_is_removed,
    a_stream_that_was_replaced_is_served,
    a_direct_poll_of_a_member_reports_to_the_loop,
    broadcasts_of_handlers_reach_members_that_read,
);

const GONE: Report = Report::Ended(EndCause::Disconnect(DisconnectCause::EndOfStream));

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

/// A client, and the member that `event_loop` has made from the other end.
fn accepted(
    family: AddressFamily,
    event_loop: &Loop,
    member: impl Fn(Connection) -> Member + Send + Sync + 'static,
) -> (Connection, Member) {
    let server = Server::new(family);
    let address = server.address.clone();
    event_loop.accept(server, member);
    let client = connected(&address);
    let mut accepted = None;
    event_loop.next(|member, _| accepted = Some(member.clone()));
    (client, accepted.unwrap())
}

/// Polls until `goal` is reported. Returns all reports up to then.
fn poll_until(
    event_loop: &Loop,
    goal: &Report,
    mut handler: impl FnMut(&Member, &Report),
) -> Vec<Report> {
    let mut all = Vec::new();
    until("the event is reported", || {
        let reported = event_loop.poll(&mut handler);
        all.extend(reported.into_iter().map(|(_, reported)| reported));
        all.contains(goal).then(|| std::mem::take(&mut all))
    })
}

fn data_left_in_the_kernel_is_reported_again(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, Member::peer);
    client.write_fully(b"first").unwrap();
    event_loop.next(|_, _| {});
    client.write_fully(b"second").unwrap();
    until("all data has arrived", || {
        (member.connection().available() == Some(11)).then_some(())
    });
    let mut lines = Vec::new();
    for size in [5, 6] {
        event_loop.next(|member, _| lines.push(try_read(&member.connection(), size).unwrap()));
    }
    assert_eq!(lines, [b"first".to_vec(), b"second".to_vec()]);
}

fn an_end_after_unread_data_is_reported(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, Member::peer);
    client.write_fully(b"line").unwrap();
    event_loop.next(|_, _| {});
    client.disconnect();
    // The end is known, and the data before it is unread.
    until("the end has come", || {
        let _ = member.connection().read_until(b"\n", 100, |_| ());
        member.connection().is_read_closed().then_some(())
    });
    event_loop.next(|_, _| {});
    let reported = poll_until(&event_loop, &GONE, |member, reported| {
        if *reported == Report::Data {
            try_read(&member.connection(), 100).unwrap();
        }
    });
    assert_eq!(reported, [Report::Data, GONE]);
    assert_eq!(event_loop.members.len(), 1);
}

fn half_a_packet_before_a_reset_ends_the_member(family: AddressFamily) {
    for framing in framings() {
        let event_loop = Loop::new();
        let kind = framing.clone();
        let member = move |connection| Member::channel(connection, kind.clone());
        let (client, _) = accepted(family, &event_loop, member);
        let frame = framing.frame(b"packet", 100).unwrap();
        client.write_fully(&frame[..frame.len() - 2]).unwrap();
        event_loop.poll(|_, _| {});
        client.abort();
        let reported = event_loop.next(|_, _| {});
        assert!(
            matches!(reported[..], [(_, Report::Ended(_))]),
            "{reported:?}"
        );
        assert_eq!(event_loop.members.len(), 1, "only the server is left");
    }
}

fn half_a_packet_before_an_end_ends_the_member(family: AddressFamily) {
    for framing in framings() {
        let event_loop = Loop::new();
        let kind = framing.clone();
        let member = move |connection| Member::channel(connection, kind.clone());
        let (client, _) = accepted(family, &event_loop, member);
        // The same without a handler for packets.
        event_loop.wants.store(false, Ordering::Relaxed);
        let frame = framing.frame(b"packet", 100).unwrap();
        client.write_fully(&frame[..frame.len() - 2]).unwrap();
        client.disconnect();
        assert_eq!(poll_until(&event_loop, &GONE, |_, _| {}), [GONE]);
        assert_eq!(event_loop.members.len(), 1, "only the server is left");
    }
}

fn half_a_line_before_an_end_ends_the_member(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, _) = accepted(family, &event_loop, Member::peer);
    client.write_fully(b"half a li").unwrap();
    client.disconnect();
    poll_until(&event_loop, &GONE, |member, reported| {
        if *reported == Report::Data {
            let _ = member.connection().read_until(b"\n", 100, |_| ());
        }
    });
    assert_eq!(event_loop.members.len(), 1, "only the server is left");
}

fn a_wait_sleeps_over_half_a_packet(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, |connection| {
        Member::channel(connection, newline())
    });
    client.write_fully(b"half a pack").unwrap();
    until("the data has arrived", || {
        event_loop.poll(|_, _| {});
        member.connection().has_unread().then_some(())
    });
    let before = member.visits.load(Ordering::Relaxed);
    event_loop.wait(Some(Duration::from_millis(300)), |_, _| {});
    let visits = member.visits.load(Ordering::Relaxed) - before;
    // Where sockets are not watched, each member is probed every 10 milliseconds.
    assert!(visits < 60, "{visits} visits while nothing happened");
}

fn a_packet_waits_for_a_handler(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, _) = accepted(family, &event_loop, |connection| {
        Member::channel(connection, newline())
    });
    client.write_fully(b"one\ntwo\nthree\n").unwrap();
    let wants = event_loop.wants.clone();
    // Like a handler that is connected for one packet.
    let reported = event_loop.next(|_, _| wants.store(false, Ordering::Relaxed));
    assert_eq!(reported.len(), 1);
    assert_eq!(event_loop.poll(|_, _| {}), []);
    event_loop.wants.store(true, Ordering::Relaxed);
    let last = Report::Packet("three".into());
    let reported = poll_until(&event_loop, &last, |_, _| {});
    assert_eq!(reported, [Report::Packet("two".into()), last]);
}

fn nothing_is_reported_after_a_removal(family: AddressFamily) {
    let event_loop = Loop::new();
    let server = Server::new(family);
    let address = server.address.clone();
    event_loop.accept(server, Member::peer);
    let client = connected(&address);
    client.write_fully(b"data").unwrap();
    let mut kept = None;
    let reported = event_loop.next(|member, _| {
        assert!(event_loop.members.remove(member.id).is_some());
        kept = Some(member.clone());
    });
    assert_eq!(reported.len(), 1);
    let member = kept.unwrap();
    until_available(&member.connection(), 4);
    client.disconnect();
    assert_eq!(read(&member.connection(), 4).unwrap(), b"data");
    until_status(&member.connection(), Status::None).unwrap();
    assert_eq!(event_loop.poll(|_, _| {}), []);
}

fn a_member_that_moves_to_another_loop_keeps_its_packets(family: AddressFamily) {
    let (lobby, room) = (Loop::new(), Loop::new());
    let (client, member) = accepted(family, &lobby, |connection| {
        Member::channel(connection, newline())
    });
    client.write_fully(b"enter\none\ntwo\n").unwrap();
    let reported = lobby.next(|member, _| {
        lobby.members.remove(member.id);
        room.add(member);
    });
    assert_eq!(reported, [(member.id, Report::Packet("enter".into()))]);
    let last = Report::Packet("two".into());
    let reported = poll_until(&room, &last, |_, _| {});
    assert_eq!(reported, [Report::Packet("one".into()), last]);
    assert_eq!(lobby.poll(|_, _| {}), []);
}

fn an_end_has_the_cause_of_its_connection(family: AddressFamily) {
    let server = Server::new(family);
    let client = Member::peer(connected(&server.address));
    let connection = client.connection();
    while connection.next_event().is_some() {}
    let event_loop = Loop::new();
    event_loop.add(&client);
    server.accept().disconnect();
    until("the end has come", || {
        let _ = connection.poll(Instant::now);
        (connection.status() == Status::None).then_some(())
    });
    let target = server.address.clone().into();
    connection.connect(target, None, Instant::now()).unwrap();
    let reported = poll_until(&event_loop, &Report::Connected, |_, _| {});
    assert_eq!(reported, [GONE, Report::Connected]);
}

fn an_accepted_member_that_connects_again_was_removed(family: AddressFamily) {
    let event_loop = Loop::new();
    let (_client, member) = accepted(family, &event_loop, Member::peer);
    let server = Server::new(family);
    member.connection().disconnect();
    connect(&member.connection(), &server.address);
    let local = Report::Ended(EndCause::Disconnect(DisconnectCause::Local));
    assert_eq!(event_loop.poll(|_, _| {}), [(member.id, local)]);
    assert_eq!(event_loop.members.len(), 1);
    server.accept().write_fully(b"data").unwrap();
    until_available(&member.connection(), 4);
    assert_eq!(event_loop.poll(|_, _| {}), []);
}

fn an_accepted_member_that_has_ended_before_is_removed(family: AddressFamily) {
    let event_loop = Loop::new();
    let server = Server::new(family);
    let address = server.address.clone();
    event_loop.accept(server, |connection| {
        connection.disconnect();
        Member::peer(connection)
    });
    let _client = connected(&address);
    let local = Report::Ended(EndCause::Disconnect(DisconnectCause::Local));
    assert_eq!(
        poll_until(&event_loop, &local, |_, _| {}),
        [Report::Connected, local]
    );
    assert_eq!(event_loop.members.len(), 1);
}

fn a_stream_that_was_replaced_is_served(family: AddressFamily) {
    let (old, _old_other) = pair(family);
    let (new, other) = pair(family);
    let channel = Member::channel(old, newline());
    let event_loop = Loop::new();
    event_loop.add(&channel);
    event_loop.poll(|_, _| {});
    let new = Handle(std::sync::Arc::new(new));
    drop(channel.packets().set_endpoint(Some(new)));
    event_loop.poll(|_, _| {});
    other.write_fully(b"new\n").unwrap();
    let reported = event_loop.next(|_, _| {});
    assert_eq!(reported, [(channel.id, Report::Packet("new".into()))]);
}

fn a_direct_poll_of_a_member_reports_to_the_loop(family: AddressFamily) {
    let (one, other) = pair(family);
    let channel = Member::channel(one, newline());
    let (event_loop, second) = (Loop::new(), Loop::new());
    event_loop.add(&channel);
    second.add(&channel);
    other.write_fully(b"one\ntwo\n").unwrap();
    // Both loops report the packets that one of them reads.
    let last = Report::Packet("two".into());
    let expected = [Report::Packet("one".into()), last.clone()];
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

fn broadcasts_of_handlers_reach_members_that_read(family: AddressFamily) {
    let event_loop = Loop::new();
    let (client, member) = accepted(family, &event_loop, Member::peer);
    client.write_fully(b"go").unwrap();
    let data = vec![b'x'; 200_000];
    let reading = std::thread::scope(|scope| {
        let reading = scope.spawn(|| read(&client, 6 * data.len()).map(|read| read.len()));
        event_loop.next(|member, _| {
            for _ in 0..6 {
                let refused = event_loop.members.broadcast(&data, &mut (), |_| false);
                assert!(refused.is_empty(), "a peer that reads is refused as slow");
            }
            try_read(&member.connection(), 2).unwrap();
        });
        until("everything is sent", || {
            event_loop.poll(|_, _| {});
            (member.connection().pending_bytes() == 0).then_some(())
        });
        reading.join().unwrap()
    });
    assert_eq!(reading.unwrap(), 6 * data.len());
    // The queue limit of a member counts.
    member.connection().set_queue_limit(1000);
    assert_eq!(
        event_loop
            .members
            .broadcast(&data, &mut (), |_| false)
            .len(),
        1
    );
}

#[test]
fn a_broadcast_to_some_members_reaches_each_of_them_once() {
    let event_loop = Loop::new();
    let pairs: Vec<_> = (0..4).map(|_| local_pair()).collect();
    let (members, others): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .map(|(one, other)| (Member::peer(one), other))
        .unzip();
    for member in &members {
        event_loop.add(member);
    }
    let other = Member::peer(local_pair().0);
    let ids = [&members[3], &members[1], &other, &members[3]].map(|member| member.id);
    assert!(
        event_loop
            .members
            .broadcast_to(b"some", &mut (), &ids)
            .is_empty()
    );
    assert!(
        event_loop
            .members
            .broadcast(b"all", &mut (), |_| false)
            .is_empty()
    );
    for (index, other) in others.iter().enumerate() {
        let expected: &[u8] = if index % 2 == 1 { b"someall" } else { b"all" };
        assert_eq!(read(other, expected.len()).unwrap(), expected, "{index}");
        assert_eq!(try_read(other, 10).unwrap(), b"", "{index}");
    }
}

#[test]
fn nested_polls_are_bounded_and_skip_no_member() {
    let event_loop = Loop::new();
    let pairs: Vec<_> = (0..300).map(|_| local_pair()).collect();
    let (members, others): (Vec<_>, Vec<_>) = pairs
        .into_iter()
        .map(|(one, other)| (Member::peer(one), other))
        .unzip();
    for (member, other) in members.iter().zip(&others) {
        event_loop.add(member);
        other.write_fully(b"x").unwrap();
        until_available(&member.connection(), 1);
    }
    let (mut reported, mut deepest) = (Vec::new(), 0);
    poll_deeper(&event_loop, 1, &mut reported, &mut deepest);
    assert!((2..=16).contains(&deepest), "nested {deepest} deep");
    reported.sort_unstable();
    assert_eq!(
        reported,
        members.iter().map(|member| member.id).collect::<Vec<_>>()
    );
}

/// Polls with a handler that polls again.
fn poll_deeper(event_loop: &Loop, depth: u32, reported: &mut Vec<u64>, deepest: &mut u32) {
    event_loop.poll(|member, _| {
        reported.push(member.id);
        *deepest = (*deepest).max(depth);
        poll_deeper(event_loop, depth + 1, reported, deepest);
    });
}
