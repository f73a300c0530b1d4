//! A relay between real sockets: forwarding, conditions, and how links end.

#[path = "../../core/tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use stream_socket::{
    Address, BindAddress, ConnectError, Connection, ListenOptions, ReadError, Status, Target,
};
use stream_socket_relay::{Conditions, LinkEnd, Relay, RelayEvent};
use support::*;

for_each_family!(
    eight_mebibytes_both_ways_at_once,
    nothing_is_lost_while_conditions_change,
    an_end_of_either_side_follows_its_bytes,
    a_reset_of_either_side_reaches_the_other,
    a_reset_follows_the_bytes_before_it,
    a_reader_that_does_not_read_exerts_backpressure,
    a_target_that_refuses_is_a_reset,
    a_client_without_a_target_is_reset,
    a_relay_that_targets_itself_resets_its_clients,
    two_hundred_links_at_once,
    links_outlive_the_listener,
    a_link_is_closed_after_exactly_the_set_number_of_bytes,
    a_link_is_aborted_after_the_set_number_of_bytes,
    all_links_are_closed_or_aborted_at_once,
    a_dropped_relay_resets_its_links,
    one_byte_arrives_with_each_poll,
    a_stall_holds_bytes_and_ends_until_it_is_over,
    a_client_that_fails_after_its_end_resets_the_target,
);

/// A relay to a server, with a clock that the test controls.
struct Relayed {
    server: Server,
    relay: Relay,
    address: Address,
    now: Instant,
    /// How far each poll advances the clock.
    step: Duration,
    events: Vec<RelayEvent>,
    _directory: TemporaryDirectory,
}

impl Relayed {
    fn new(family: AddressFamily) -> Relayed {
        let server = Server::new(family);
        let target = Target::Address(server.address.clone());
        Relayed::to(family, server, target)
    }

    fn to(family: AddressFamily, server: Server, target: Target) -> Relayed {
        let directory = TemporaryDirectory::new();
        let mut relay = Relay::new(1);
        relay.set_target(target, Some(Duration::from_secs(60)));
        let at = match family {
            AddressFamily::Ipv4 => BindAddress::Inet(([127, 0, 0, 1], 0).into()),
            AddressFamily::Ipv6 => BindAddress::Inet((std::net::Ipv6Addr::LOCALHOST, 0).into()),
            AddressFamily::Unix => BindAddress::Unix(directory.file("relay")),
        };
        relay.listen(&at).unwrap();
        let address = relay.local_address().unwrap();
        Relayed {
            server,
            relay,
            address,
            now: Instant::now(),
            step: Duration::from_millis(1),
            events: Vec::new(),
            _directory: directory,
        }
    }

    fn poll(&mut self) {
        self.now += self.step;
        let events = &mut self.events;
        self.relay
            .poll(self.now, |event| events.push(event))
            .unwrap();
    }

    /// Polls until `condition` returns `Some`.
    fn until<T>(&mut self, what: &str, mut condition: impl FnMut(&mut Relay) -> Option<T>) -> T {
        until(what, || {
            self.poll();
            condition(&mut self.relay)
        })
    }

    /// The server's end of the next link.
    fn accept(&mut self) -> Connection {
        until("the link", || {
            self.poll();
            self.server.listener.accept().unwrap()
        })
    }

    /// A client that has connected to the relay, and the server's end of its link. Both may be
    /// half-open.
    fn link(&mut self) -> (Connection, Connection) {
        let client = connected(&self.address);
        let served = self.accept();
        client.set_allow_half_open(true);
        served.set_allow_half_open(true);
        (client, served)
    }

    /// Takes the ends of links that were reported since the last call.
    fn ends(&mut self) -> Vec<LinkEnd> {
        let ends = self.events.drain(..).filter_map(|event| match event {
            RelayEvent::Closed { end, .. } => Some(end),
            RelayEvent::Opened { .. } => None,
        });
        ends.collect()
    }

    /// Polls until no link is left. Returns how the last one ended.
    fn end(&mut self) -> LinkEnd {
        self.until("the end of the link", |relay| {
            (relay.link_count() == 0).then_some(())
        });
        let ends = self.ends();
        assert_eq!(ends.len(), 1, "{ends:?}");
        ends.into_iter().next().unwrap()
    }
}

/// One end of a link. It writes all of its data, ends its stream, and reads to the end of the other
/// stream.
struct Party<'a> {
    connection: &'a Connection,
    data: &'a [u8],
    written: usize,
    received: Vec<u8>,
    has_end: bool,
}

impl<'a> Party<'a> {
    fn new(connection: &'a Connection, data: &'a [u8]) -> Party<'a> {
        Party {
            connection,
            data,
            written: 0,
            received: Vec::new(),
            has_end: false,
        }
    }

    fn step(&mut self) {
        if self.written < self.data.len() {
            let rest = &self.data[self.written..];
            self.written += self.connection.try_write(rest).unwrap();
            if self.written == self.data.len() {
                self.connection.shut_down_writing().unwrap();
            }
        }
        while !self.has_end {
            match try_read(self.connection, 1 << 16) {
                Ok(bytes) if bytes.is_empty() => break,
                Ok(bytes) => self.received.extend(bytes),
                // The connection is over once both directions have ended.
                Err(ReadError::EndOfStream | ReadError::NotConnected) => self.has_end = true,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Lets both ends of a link write `there` and `back`, and read to the end. `change` is called
/// before each poll.
fn exchange(
    relayed: &mut Relayed,
    there: &[u8],
    back: &[u8],
    mut change: impl FnMut(&mut Relay, usize),
) {
    let (client, served) = relayed.link();
    let mut parties = [Party::new(&client, there), Party::new(&served, back)];
    let mut polls = 0;
    while parties.iter().any(|party| !party.has_end) {
        parties.iter_mut().for_each(Party::step);
        change(&mut relayed.relay, polls);
        relayed.poll();
        polls += 1;
        assert!(polls < 5_000_000, "the exchange does not end");
    }
    let [client_got, server_got] = parties.map(|party| party.received);
    assert_eq!(same_bytes(&server_got, there), there.len());
    assert_eq!(same_bytes(&client_got, back), back.len());
    assert_eq!(
        (server_got.len(), client_got.len()),
        (there.len(), back.len())
    );
    assert!(matches!(relayed.end(), LinkEnd::Ended));
    assert_eq!(client.status(), Status::None);
    assert_eq!(served.status(), Status::None);
}

fn eight_mebibytes_both_ways_at_once(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let there = pattern(8 << 20);
    let back: Vec<u8> = there.iter().rev().map(|byte| byte ^ 0x55).collect();
    exchange(&mut relayed, &there, &back, |_, _| ());
    assert_eq!(relayed.relay.bytes_to_target(), 8 << 20);
    assert_eq!(relayed.relay.bytes_to_client(), 8 << 20);
}

fn nothing_is_lost_while_conditions_change(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let there = pattern(1 << 20);
    let back: Vec<u8> = there.iter().map(|byte| byte ^ 0xAA).collect();
    let millisecond = Duration::from_millis(1);
    exchange(&mut relayed, &there, &back, |relay, polls| {
        if polls % 7 != 0 {
            return;
        }
        let step = (polls / 7) as u32;
        let conditions = Conditions {
            delay: millisecond * (step % 5 * 10),
            jitter: millisecond * (step % 3 * 20),
            bandwidth: [0, 200_000, 5_000_000][step as usize % 3],
            max_piece: [0, 0, 1, 1000][step as usize % 4],
            is_stalled: step.is_multiple_of(11),
            ..Conditions::default()
        };
        relay.to_target = conditions;
        relay.to_client = Conditions {
            is_stalled: step.is_multiple_of(13),
            ..conditions
        };
    });
}

fn an_end_of_either_side_follows_its_bytes(family: AddressFamily) {
    let much = pattern(3 << 20);
    for client_first in [true, false] {
        let mut relayed = Relayed::new(family);
        relayed.relay.to_target.delay = Duration::from_millis(100);
        relayed.relay.to_client.delay = Duration::from_millis(50);
        let (client, served) = relayed.link();
        let (first, second) = match client_first {
            true => (&client, &served),
            false => (&served, &client),
        };
        let mut sender = Party::new(first, &much);
        let mut responder = Party::new(second, b"the answer");
        relayed.until("the end of the first", |_| {
            sender.step();
            while let Ok(bytes) = try_read(second, 1 << 16)
                && !bytes.is_empty()
            {
                responder.received.extend(bytes);
            }
            second.is_read_closed().then_some(())
        });
        assert!(responder.received == much);
        assert_eq!(
            second.status(),
            Status::Connected,
            "the other direction is open"
        );
        assert_eq!(relayed.relay.link_count(), 1);
        relayed.until("the answer", |_| {
            sender.step();
            responder.step();
            (sender.has_end && responder.has_end).then_some(())
        });
        assert_eq!(sender.received, b"the answer");
        assert!(matches!(relayed.end(), LinkEnd::Ended));
    }
}

/// Waits until `connection` is over. Returns whether it was reset.
fn is_reset(relayed: &mut Relayed, connection: &Connection) -> bool {
    connection.set_allow_half_open(false);
    relayed.until("the reset", |_| {
        let outcome = connection.poll(Instant::now);
        let is_over = matches!(connection.status(), Status::None | Status::Error);
        is_over.then_some(outcome.is_err())
    })
}

fn a_reset_of_either_side_reaches_the_other(family: AddressFamily) {
    if !reports_resets("a_reset_of_either_side_reaches_the_other") {
        return;
    }
    for of_client in [true, false] {
        let mut relayed = Relayed::new(family);
        relayed.relay.to_target.delay = Duration::from_millis(30);
        relayed.relay.to_client.delay = Duration::from_millis(30);
        let (client, served) = relayed.link();
        let (first, second) = match of_client {
            true => (client, served),
            false => (served, client),
        };
        first.abort();
        // Unix domain sockets have no reset: the peer sees an end.
        let has_resets = family != AddressFamily::Unix;
        assert_eq!(is_reset(&mut relayed, &second), has_resets);
        let end = relayed.end();
        assert_eq!(matches!(end, LinkEnd::Failed), has_resets, "{end:?}");
    }
}

fn a_reset_follows_the_bytes_before_it(family: AddressFamily) {
    if family == AddressFamily::Unix || !reports_resets("a_reset_follows_the_bytes_before_it") {
        return;
    }
    let mut relayed = Relayed::new(family);
    relayed.relay.to_target.bandwidth = 1000;
    let (client, served) = relayed.link();
    write(&client, &pattern(500)).unwrap();
    relayed.until("the bytes are in transit", |relay| {
        (relay.bytes_to_target() > 100).then_some(())
    });
    client.abort();
    let mut received = Vec::new();
    relayed.until("the bytes", |_| {
        received.extend(try_read(&served, 1000).unwrap());
        (received.len() == 500).then_some(())
    });
    assert_eq!(received, pattern(500));
    assert!(is_reset(&mut relayed, &served));
    assert!(matches!(relayed.end(), LinkEnd::Failed));
}

fn a_reader_that_does_not_read_exerts_backpressure(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let (client, served) = relayed.link();
    let block = pattern(1 << 20);
    let mut sent = 0;
    let mut refused = 0;
    relayed.until("the writer is blocked", |_| {
        let count = client.try_write(&block[sent % block.len()..]).unwrap();
        sent += count;
        refused = if count == 0 { refused + 1 } else { 0 };
        (refused == 100).then_some(())
    });
    // Two sockets and a pipe hold less. A relay without a limit would accept more.
    assert!(sent < 64 << 20, "{sent} bytes were accepted");
    let handed_over = relayed.relay.bytes_to_target() as usize;
    assert!(handed_over < sent, "{handed_over} of {sent}");
    let mut received = 0;
    relayed.until("the accepted bytes", |_| {
        let bytes = try_read(&served, 1 << 16).unwrap();
        for byte in bytes {
            assert_eq!(byte, block[received % block.len()], "at {received}");
            received += 1;
        }
        (received == sent).then_some(())
    });
    assert!(client.try_write(b"x").unwrap() > 0, "there is room");
}

fn a_target_that_refuses_is_a_reset(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    relayed.server.listener.stop();
    let client = connected(&relayed.address);
    let was_reset = is_reset(&mut relayed, &client);
    if reports_resets("the kind of the end") {
        assert_eq!(was_reset, family != AddressFamily::Unix);
    }
    let end = relayed.end();
    assert!(
        matches!(&end, LinkEnd::Unreached(error) if matches!(**error, ConnectError::Os { .. })),
        "{end:?}"
    );
}

fn a_client_without_a_target_is_reset(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let mut relay = Relay::new(0);
    std::mem::swap(&mut relay, &mut relayed.relay);
    relay.stop();
    let at = match &relayed.address {
        Address::Inet(address) => BindAddress::Inet(*address),
        Address::Unix(path) => BindAddress::Unix(path.clone()),
    };
    relayed.relay.listen(&at).unwrap();
    let client = connected(&relayed.address);
    is_reset(&mut relayed, &client);
    assert!(matches!(relayed.end(), LinkEnd::NoTarget));
}

/// Otherwise each link would open the next one, until the process had no descriptors left.
fn a_relay_that_targets_itself_resets_its_clients(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let mut targets = vec![Target::Address(relayed.address.clone())];
    if family != AddressFamily::Unix {
        targets.push(Target::Name {
            host: "localhost".into(),
            port: relayed.relay.local_port(),
        });
    }
    for target in targets {
        relayed.relay.set_target(target, None);
        let client = connected(&relayed.address);
        let mut most = 0;
        until("the end of the link", || {
            relayed.poll();
            most = most.max(relayed.relay.link_count());
            let is_over = client.poll(Instant::now).is_err() || client.status() == Status::None;
            (is_over && relayed.relay.link_count() == 0).then_some(())
        });
        for _ in 0..20 {
            relayed.poll();
            most = most.max(relayed.relay.link_count());
        }
        assert!(most <= 1, "{most} links of one client");
        let ends = relayed.ends();
        assert!(matches!(ends[..], [LinkEnd::NoTarget]), "{ends:?}");
    }
}

fn two_hundred_links_at_once(family: AddressFamily) {
    const COUNT: usize = 200;
    let mut relayed = Relayed::new(family);
    relayed.relay.to_target.jitter = Duration::from_millis(20);
    relayed.relay.to_client.max_piece = 100;
    let mut clients = Vec::new();
    let mut served = Vec::new();
    for index in 0..COUNT {
        let client = connected(&relayed.address);
        write(&client, &(index as u32).to_le_bytes()).unwrap();
        clients.push(client);
        relayed.poll();
        served.extend(relayed.server.listener.accept().unwrap());
    }
    while served.len() < COUNT {
        served.push(relayed.accept());
    }
    assert_eq!(relayed.relay.link_count(), COUNT);
    // The server answers each client with its own number, repeated.
    for connection in &served {
        let index = relayed.until("a number", |_| {
            connection.read_count(4, <[u8]>::to_vec).unwrap()
        });
        write(connection, &index.repeat(1000)).unwrap();
        connection.disconnect();
    }
    for (index, client) in clients.iter().enumerate() {
        let answer = relayed.until("an answer", |_| {
            client.read_count(4000, <[u8]>::to_vec).unwrap()
        });
        assert_eq!(answer, (index as u32).to_le_bytes().repeat(1000));
    }
    clients.clear();
    relayed.until("the end of all", |relay| {
        (relay.link_count() == 0).then_some(())
    });
}

fn links_outlive_the_listener(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    relayed.relay.to_target.delay = Duration::from_millis(100);
    let (client, served) = relayed.link();
    write(&client, b"in flight").unwrap();
    relayed.poll();
    relayed.relay.stop();
    assert!(!relayed.relay.is_listening());
    assert_eq!(relayed.relay.local_address(), None);
    let late = Connection::new();
    let _ = start_connect(&late, &relayed.address);
    until("the refusal", || {
        late.poll(Instant::now).ok();
        (late.status() != Status::Connecting).then_some(())
    });
    assert_ne!(late.status(), Status::Connected);
    let bytes = relayed.until("the bytes", |_| {
        served.read_count(9, <[u8]>::to_vec).unwrap()
    });
    assert_eq!(bytes, b"in flight");
}

fn a_link_is_closed_after_exactly_the_set_number_of_bytes(family: AddressFamily) {
    for count in [0, 1, 1000, 100_000] {
        let mut relayed = Relayed::new(family);
        relayed.relay.to_client.close_after = Some(count as u64);
        let client = connected(&relayed.address);
        // After zero bytes, the link may be closed before the server has accepted it.
        if count == 0 {
            assert!(matches!(relayed.end(), LinkEnd::Cut));
            until_status(&client, Status::None).unwrap();
            continue;
        }
        let served = relayed.accept();
        served.set_queue_limit(1 << 20);
        let data = pattern(200_000);
        write(&served, &data).unwrap();
        let mut received = Vec::new();
        relayed.until("the end", |_| {
            let _ = served.poll(Instant::now);
            match try_read(&client, 1 << 16) {
                Ok(bytes) => {
                    received.extend(bytes);
                    None
                }
                Err(ReadError::EndOfStream) => Some(()),
                Err(error) => panic!("{error}"),
            }
        });
        assert!(received == data[..count], "{} of {count}", received.len());
        assert!(matches!(relayed.ends()[..], [LinkEnd::Cut]));
        assert_eq!(relayed.relay.bytes_to_client(), count as u64);
        until_status(&served, Status::None).ok();
    }
}

fn a_link_is_aborted_after_the_set_number_of_bytes(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let (client, served) = relayed.link();
    relayed.relay.to_target.abort_after = Some(1000);
    write(&client, &pattern(999)).unwrap();
    let bytes = relayed.until("the bytes", |_| {
        served.read_count(999, <[u8]>::to_vec).unwrap()
    });
    assert_eq!(bytes, pattern(999));
    write(&client, &[7; 100]).unwrap();
    let mut rest = Vec::new();
    relayed.until("the reset", |_| match try_read(&served, 100) {
        Ok(bytes) => {
            rest.extend(bytes);
            None
        }
        Err(_) => Some(()),
    });
    assert!(rest.len() <= 1, "{rest:?}");
    assert!(matches!(relayed.end(), LinkEnd::Cut));
    assert_eq!(relayed.relay.bytes_to_target(), 1000);
    let was_reset = is_reset(&mut relayed, &client);
    if reports_resets("the kind of the end") {
        // A Unix domain socket that is closed with unread input resets its peer too, on some
        // systems.
        assert!(was_reset || family == AddressFamily::Unix);
    }
}

fn all_links_are_closed_or_aborted_at_once(family: AddressFamily) {
    for closes in [true, false] {
        let mut relayed = Relayed::new(family);
        let links = [relayed.link(), relayed.link(), relayed.link()];
        assert_eq!(relayed.relay.link_count(), 3);
        match closes {
            true => relayed.relay.close_all(),
            false => relayed.relay.abort_all(),
        }
        assert_eq!(relayed.relay.link_count(), 0);
        relayed.poll();
        let ends = relayed.ends();
        assert!(matches!(
            ends[..],
            [LinkEnd::Cut, LinkEnd::Cut, LinkEnd::Cut]
        ));
        for (client, served) in &links {
            for connection in [client, served] {
                let was_reset = is_reset(&mut relayed, connection);
                if reports_resets("the kind of the end") {
                    assert_eq!(was_reset, !closes && family != AddressFamily::Unix);
                }
            }
        }
        // The relay still accepts clients.
        let (client, served) = relayed.link();
        write(&client, b"x").unwrap();
        relayed.until("a byte", |_| served.read_count(1, drop_bytes).unwrap());
    }
}

fn drop_bytes(_: &[u8]) {}

fn a_dropped_relay_resets_its_links(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let (client, served) = relayed.link();
    relayed.relay = Relay::new(0);
    for connection in [&client, &served] {
        let was_reset = is_reset(&mut relayed, connection);
        if reports_resets("the kind of the end") {
            assert_eq!(was_reset, family != AddressFamily::Unix);
        }
    }
}

fn one_byte_arrives_with_each_poll(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let (client, served) = relayed.link();
    relayed.relay.to_target.max_piece = 1;
    let data = pattern(300);
    write(&client, &data).unwrap();
    let mut received = Vec::new();
    while received.len() < data.len() {
        let before = relayed.relay.bytes_to_target();
        relayed.until("the next byte is forwarded", |relay| {
            (relay.bytes_to_target() > before).then_some(())
        });
        assert_eq!(relayed.relay.bytes_to_target(), before + 1);
        until_available(&served, 1);
        let bytes = try_read(&served, 100).unwrap();
        assert_eq!(bytes.len(), 1);
        received.extend(bytes);
    }
    assert_eq!(received, data);
}

fn a_stall_holds_bytes_and_ends_until_it_is_over(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let (client, served) = relayed.link();
    relayed.relay.to_target.is_stalled = true;
    write(&client, b"stalled").unwrap();
    client.shut_down_writing().unwrap();
    // The other direction continues.
    write(&served, b"meanwhile").unwrap();
    relayed.until("the other direction", |_| {
        client.read_count(9, drop_bytes).unwrap()
    });
    for _ in 0..100 {
        relayed.poll();
    }
    assert_eq!(try_read(&served, 100).unwrap(), b"");
    assert!(!served.is_read_closed());
    relayed.relay.to_target.is_stalled = false;
    relayed.until("the bytes", |_| served.read_count(7, drop_bytes).unwrap());
    relayed.until("the end", |_| {
        served.poll(Instant::now).unwrap();
        served.is_read_closed().then_some(())
    });
}

fn a_client_that_fails_after_its_end_resets_the_target(family: AddressFamily) {
    let mut relayed = Relayed::new(family);
    let (client, served) = relayed.link();
    client.shut_down_writing().unwrap();
    relayed.until("the end", |_| {
        served.poll(Instant::now).unwrap();
        served.is_read_closed().then_some(())
    });
    client.abort();
    drop(client);
    // A write to the client, which is closed, fails.
    relayed.until("the link is over", |relay| {
        let _ = served.try_write(b"still there?");
        (relay.link_count() == 0).then_some(())
    });
    let ends = relayed.ends();
    assert!(matches!(ends[..], [LinkEnd::Failed]), "{ends:?}");
    until("the server sees the failure", || {
        let _ = served.try_write(b"x");
        let _ = served.poll(Instant::now);
        (served.status() != Status::Connected).then_some(())
    });
}

/// The target's backlog is full, so the connect to it stays pending.
#[cfg(target_os = "linux")]
mod a_target_that_does_not_answer {
    use super::*;

    fn relayed() -> (Relayed, Connection) {
        let directory = TemporaryDirectory::new();
        let path = directory.file("full");
        let listener = stream_socket::Listener::new();
        let at = BindAddress::Unix(path.clone());
        listener.listen(&at, ListenOptions::new(0)).unwrap();
        let first = connected(&Address::Unix(path.clone()));
        let mut server = Server::new(AddressFamily::Unix);
        server.listener = listener;
        let target = Target::Address(Address::Unix(path));
        let mut relayed = Relayed::to(AddressFamily::Ipv4, server, target);
        relayed._directory = directory;
        (relayed, first)
    }

    #[test]
    fn is_given_up_when_its_time_is_over() {
        let (mut relayed, _first) = relayed();
        let client = connected(&relayed.address);
        relayed.until("the link", |relay| (relay.link_count() == 1).then_some(()));
        relayed.now += Duration::from_secs(59);
        relayed.poll();
        assert_eq!(relayed.relay.link_count(), 1);
        relayed.now += Duration::from_secs(2);
        assert!(is_reset(&mut relayed, &client));
        let end = relayed.end();
        assert!(
            matches!(&end, LinkEnd::Unreached(error) if matches!(**error, ConnectError::TimedOut { .. })),
            "{end:?}"
        );
    }

    #[test]
    fn is_given_up_when_the_client_goes_away() {
        let (mut relayed, _first) = relayed();
        let client = connected(&relayed.address);
        write(&client, b"hello?").unwrap();
        relayed.until("the link", |relay| (relay.link_count() == 1).then_some(()));
        client.abort();
        assert!(matches!(relayed.end(), LinkEnd::Failed));
    }

    #[test]
    fn receives_everything_when_it_answers_late() {
        let (mut relayed, _first) = relayed();
        let client = connected(&relayed.address);
        relayed.relay.to_target.bandwidth = 100_000;
        write(&client, &pattern(100_000)).unwrap();
        client.disconnect();
        relayed.until("the link", |relay| (relay.link_count() == 1).then_some(()));
        // The bandwidth of the time before the connect is not saved up.
        relayed.now += Duration::from_secs(10);
        relayed.poll();
        let _first = relayed.server.accept();
        let served = relayed.accept();
        assert!(relayed.relay.bytes_to_target() < 1000);
        let mut received = Vec::new();
        relayed.until("the end", |_| match try_read(&served, 1 << 16) {
            Ok(bytes) => {
                received.extend(bytes);
                None
            }
            Err(ReadError::EndOfStream) => Some(()),
            Err(error) => panic!("{error}"),
        });
        assert!(received == pattern(100_000));
    }
}

/// The same seed gives the same pieces, and another seed other ones.
#[test]
fn pieces_follow_from_the_seed() {
    let mut relayed = Relayed::new(AddressFamily::Ipv4);
    let pieces = |relayed: &mut Relayed, seed: u64| {
        relayed.relay.set_seed(seed);
        relayed.relay.to_target = Conditions::default();
        let (client, _served) = relayed.link();
        relayed.relay.to_target.is_stalled = true;
        write(&client, &pattern(500)).unwrap();
        relayed.poll();
        // Waits until the relay holds all of it.
        until("everything is in transit", || {
            relayed.poll();
            (relayed.relay.bytes_in_transit() == 500).then_some(())
        });
        relayed.relay.to_target.is_stalled = false;
        relayed.relay.to_target.max_piece = 20;
        let start = relayed.relay.bytes_to_target();
        let mut ends = Vec::new();
        while ends.last() != Some(&500) {
            relayed.poll();
            ends.push(relayed.relay.bytes_to_target() - start);
        }
        ends
    };
    let some = pieces(&mut relayed, 5);
    assert_eq!(some, pieces(&mut relayed, 5));
    assert_ne!(some, pieces(&mut relayed, 6));
    assert!(some.len() > 30, "{} pieces", some.len());
}
