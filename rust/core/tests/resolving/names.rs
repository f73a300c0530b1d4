//! Connecting to names, with a resolver that answers as a test wants, slowly or never.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use stream_socket::{
    Address, ConnectEnd, ConnectError, Connection, Event, Listener, PollError, Status, Target,
};

use super::resolver::*;
use crate::support::*;

/// A listener that does not answer: its backlog is full, and the kernel drops further connects.
fn unanswering(ip: Ipv4Addr, port: u16) -> Option<(Listener, Connection)> {
    let (listener, port) = listening(ip, port, 0)?;
    let address = Address::Inet((ip, port).into());
    Some((listener, connected(&address)))
}

/// A port where 127.0.0.2 does not answer, and 127.0.0.1 does, as long as the returned sockets
/// exist.
fn half_answering() -> (u16, impl Drop) {
    until("a port that is free at all addresses", || {
        let (answering, port) = listening(Ipv4Addr::LOCALHOST, 0, 8)?;
        let unanswering = unanswering(Ipv4Addr::new(127, 0, 0, 2), port)?;
        let refusing = refusing_at(Ipv6Addr::LOCALHOST, port)?;
        Some((port, Box::new((answering, unanswering, refusing))))
    })
}

/// A listener at `ip`, and its port, where the loopback address of the other family refuses.
fn alone_at(ip: impl Into<IpAddr>) -> (Listener, u16, socket2::Socket) {
    let ip = ip.into();
    let other: IpAddr = match ip {
        IpAddr::V4(_) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv4Addr::LOCALHOST.into(),
    };
    until("a port that is free for both families", || {
        let (listener, port) = listening(ip, 0, 8)?;
        Some((listener, port, refusing_at(other, port)?))
    })
}

fn connect_to(name: &str, port: u16, limit: Option<Duration>, now: Instant) -> Connection {
    let client = Connection::new();
    let host = name.to_owned();
    client
        .connect(Target::Name { host, port }, limit, now)
        .unwrap();
    assert_eq!(client.status(), Status::Connecting);
    client
}

fn peer(connection: &Connection) -> String {
    connection.peer_address().unwrap().to_string()
}

#[test]
fn a_name_is_connected_to() {
    let _only = only_lookups();
    let (_listener, port) = listening(Ipv4Addr::LOCALHOST, 0, 8).unwrap();
    let client = connect_to("four.test", port, None, Instant::now());
    until_status(&client, Status::Connected).unwrap();
    assert_eq!(peer(&client), format!("127.0.0.1:{port}"));
}

#[test]
fn every_name_that_the_system_knows_is_connected_to() {
    let _only = only_lookups();
    let (_listener, port) = listening(Ipv4Addr::LOCALHOST, 0, 64).unwrap();
    for name in ODD_NAMES {
        let target = Target::new(name, port);
        assert!(matches!(target, Ok(Target::Name { .. })), "{name}");
        let client = Connection::new();
        client
            .connect(target.unwrap(), None, Instant::now())
            .unwrap();
        until_status(&client, Status::Connected).unwrap();
        assert_eq!(peer(&client), format!("127.0.0.1:{port}"), "{name}");
    }
}

#[test]
fn a_server_on_the_other_family_is_found() {
    let _only = only_lookups();
    let (_listener, port, _other) = alone_at(Ipv4Addr::LOCALHOST);
    let client = connect_to("both.test", port, None, Instant::now());
    until_status(&client, Status::Connected).unwrap();
    assert_eq!(peer(&client), format!("127.0.0.1:{port}"));

    let (_listener, port, _other) = alone_at(Ipv6Addr::LOCALHOST);
    let client = connect_to("both.test", port, None, Instant::now());
    until_status(&client, Status::Connected).unwrap();
    assert_eq!(peer(&client), format!("[::1]:{port}"));
}

#[test]
fn localhost_is_found_on_either_family() {
    let _only = only_lookups();
    for ip in [
        std::net::IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ] {
        let (_listener, port) = listening(ip, 0, 8).unwrap();
        let client = connect_to("localhost", port, None, Instant::now());
        let outcome = until_status(&client, Status::Connected);
        outcome.unwrap();
    }
}

/// The clock is the test's, so it does not wait for a quarter of a second.
#[test]
fn an_address_that_does_not_answer_is_overtaken_after_250_ms() {
    let _only = only_lookups();
    let (port, _sockets) = half_answering();
    let start = Instant::now();
    let client = connect_to("two.test", port, None, start);
    until("the first attempt", || {
        client.poll(|| start).unwrap();
        client.peer_address()
    });
    assert_eq!(peer(&client), format!("127.0.0.2:{port}"));
    for _ in 0..20 {
        client.poll(|| start + Duration::from_millis(249)).unwrap();
        assert_eq!(client.status(), Status::Connecting);
    }
    until("the second attempt wins", || {
        client.poll(|| start + Duration::from_millis(250)).unwrap();
        (client.status() == Status::Connected).then_some(())
    });
    assert_eq!(peer(&client), format!("127.0.0.1:{port}"));
}

#[test]
fn a_bound_address_restricts_the_family() {
    let _only = only_lookups();
    let (_listener, port) = listening(Ipv6Addr::LOCALHOST, 0, 8).unwrap();
    let client = Connection::new();
    let any_v6 = "[::1]:0".parse().unwrap();
    client.bind(&any_v6).unwrap();
    let host = "mixed.test".to_owned();
    let target = Target::Name { host, port };
    client.connect(target, None, Instant::now()).unwrap();
    until_status(&client, Status::Connected).unwrap();
    assert_eq!(peer(&client), format!("[::1]:{port}"));

    let client = Connection::new();
    client.bind(&any_v6).unwrap();
    let host = "two.test".to_owned();
    let target = Target::Name { host, port };
    client.connect(target, None, Instant::now()).unwrap();
    let error = until_status(&client, Status::Error).unwrap_err();
    let words =
        format!("connect two.test:{port}: host has no address that the bound socket can reach");
    assert_eq!(error.to_string(), words);
}

#[test]
fn a_name_without_an_address_ends_in_error() {
    let _only = only_lookups();
    let client = connect_to("none.test", 1, None, Instant::now());
    let error = until_status(&client, Status::Error).unwrap_err();
    assert!(
        matches!(&error, PollError::Connect(error) if matches!(**error, ConnectError::Resolve { .. })),
        "{error}"
    );
    assert!(
        error.to_string().starts_with("resolve none.test: "),
        "{error}"
    );
    let finished = Event::ConnectFinished(ConnectEnd::Unresolved);
    assert_eq!(
        pending_events(&client),
        [
            Event::StatusChanged(Status::Connecting),
            Event::StatusChanged(Status::Error),
            finished
        ]
    );
}

#[test]
fn if_all_addresses_refuse_the_error_is_that_of_the_last() {
    let _only = only_lookups();
    let Address::Inet(refusing) = refusing_address() else {
        unreachable!()
    };
    let client = connect_to("both.test", refusing.port(), None, Instant::now());
    let error = until_status(&client, Status::Error).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("connect {refusing}: connection refused")
    );
}

/// The game is busy for longer than the time limit, and the name is looked up meanwhile: its
/// addresses have not been tried.
#[test]
fn a_frame_longer_than_the_limit_leaves_time_for_each_address() {
    let _only = only_lookups();
    let (port, _sockets) = half_answering();
    let limit = Some(Duration::from_secs(1));
    for (name, reached) in [
        ("four.test", "127.0.0.1"),
        ("both.test", "127.0.0.1"),
        ("two.test", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
    ] {
        for busy in [1500, 10_000] {
            let start = Instant::now();
            let client = connect_to(name, port, limit, start);
            let mut now = start + Duration::from_millis(busy);
            until(&format!("{name} after {busy} ms"), || {
                client.poll(|| now).unwrap();
                // A lookup takes real time. This clock only advances afterwards.
                if client.peer_address().is_some() {
                    now += Duration::from_millis(16);
                }
                (client.status() == Status::Connected).then_some(())
            });
            assert_eq!(peer(&client), format!("{reached}:{port}"), "{name}");
        }
    }
}

/// A connect without an answer ends, however rarely it is polled.
#[test]
fn a_connect_that_is_polled_rarely_ends() {
    let _only = only_lookups();
    let (port, _sockets) = until("a port that is free at both addresses", || {
        let first = unanswering(Ipv4Addr::LOCALHOST, 0)?;
        let port = first.0.local_port();
        Some((
            port,
            [first, unanswering(Ipv4Addr::new(127, 0, 0, 2), port)?],
        ))
    });
    let start = Instant::now();
    let client = connect_to("two.test", port, Some(Duration::from_secs(1)), start);
    let mut polls = 0;
    until("the end", || {
        let asked = client.peer_address().is_some();
        polls += u32::from(asked);
        let outcome = client.poll(|| start + Duration::from_secs(1) * (2 * polls + 2));
        outcome.is_err().then_some(())
    });
    assert!(polls <= 5, "{polls}");
}

/// A hanging lookup can time out, be cancelled and outlive its object, and other names are answered
/// meanwhile.
#[test]
fn a_hanging_lookup_blocks_no_other_lookup() {
    let _only = only_lookups();
    let (_listener, port) = listening(Ipv4Addr::LOCALHOST, 0, 8).unwrap();

    // It can time out,
    let start = Instant::now();
    let limit = Duration::from_secs(3);
    let late = connect_to("late.hangs", port, Some(limit), start);
    until("the lookup has begun", || (hanging() == 1).then_some(()));
    poll_in_frames(&late, start, start + limit).unwrap();
    assert_eq!(late.peer_address(), None);
    let error = late
        .poll(|| start + limit + Duration::from_millis(1))
        .unwrap_err();
    assert_eq!(error.to_string(), "resolve late.hangs: timed out");
    assert_eq!(late.status(), Status::Error);

    // be cancelled,
    let cancelled = connect_to("late.hangs", port, None, start);
    cancelled.disconnect();
    assert_eq!(cancelled.status(), Status::None);
    assert_eq!(
        pending_events(&cancelled),
        [
            Event::StatusChanged(Status::Connecting),
            Event::StatusChanged(Status::None),
            Event::ConnectFinished(ConnectEnd::Cancelled)
        ]
    );

    // outlive its object,
    drop(connect_to("late.hangs", port, None, start));
    // and others are answered meanwhile.
    let client = connect_to("four.test", port, None, start);
    until_status(&client, Status::Connected).unwrap();

    // A late answer serves a connect that still waits for it.
    let patient = connect_to("late.hangs", port, None, start);
    until("the second lookup has begun", || {
        (hanging() >= 2).then_some(())
    });
    release();
    until_status(&patient, Status::Connected).unwrap();
    assert_eq!(late.status(), Status::Error);
    assert_eq!(cancelled.status(), Status::None);
}
