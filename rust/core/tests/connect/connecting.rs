//! Connecting, connecting again, and calls without a connection.

use std::time::Instant;

use stream_socket::{Address, ConnectError, Connection, ReadError, Status, WriteError};

use crate::support::*;

for_each_family!(
    connects_and_exchanges,
    serves_five_clients,
    connects_again_after_disconnecting,
    an_idle_poll_changes_nothing,
    calls_without_a_connection_fail,
    a_second_connect_is_refused_and_harmless,
);

fn connects_and_exchanges(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    assert_eq!(client.status(), Status::None);
    connect(&client, &server.address);
    assert_eq!(client.peer_address().as_ref(), Some(&server.address));
    let accepted = server.accept();
    assert_eq!(accepted.status(), Status::Connected);
    client.write_fully(b"ping").unwrap();
    assert_eq!(read(&accepted, 4).unwrap(), b"ping");
    accepted.write_fully(b"pong").unwrap();
    assert_eq!(read(&client, 4).unwrap(), b"pong");
    match (family, &server.address) {
        (AddressFamily::Unix, _) => {
            assert_eq!(accepted.peer_address().as_ref(), Some(&server.address))
        }
        (_, Address::Inet(address)) => {
            assert_eq!(local_port(&accepted), address.port());
            let Some(Address::Inet(peer)) = accepted.peer_address() else {
                panic!("the peer has no address of TCP")
            };
            assert_eq!(peer.port(), local_port(&client));
        }
        other => unreachable!("{other:?}"),
    }
}

fn serves_five_clients(family: AddressFamily) {
    let server = Server::new(family);
    let clients: Vec<_> = (0..5).map(|_| connected(&server.address)).collect();
    let accepted: Vec<_> = (0..5).map(|_| server.accept()).collect();
    assert!(!server.listener.is_connection_available().unwrap());
    for (number, client) in clients.iter().enumerate() {
        client.write_fully(&[number as u8]).unwrap();
    }
    let mut numbers: Vec<_> = accepted
        .iter()
        .map(|peer| read(peer, 1).unwrap()[0])
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}

fn connects_again_after_disconnecting(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    for round in 0..3 {
        connect(&client, &server.address);
        let accepted = server.accept();
        accepted.write_fully(&[round; 10]).unwrap();
        // A part is read, and a part is buffered. No part may appear in the next round.
        assert_eq!(read(&client, 1).unwrap(), [round]);
        client.disconnect();
    }
}

fn an_idle_poll_changes_nothing(family: AddressFamily) {
    let (client, accepted) = pair(family);
    for _ in 0..100 {
        client.poll(Instant::now).unwrap();
        accepted.poll(Instant::now).unwrap();
    }
    assert_eq!(client.status(), Status::Connected);
    assert_eq!(accepted.status(), Status::Connected);
}

fn calls_without_a_connection_fail(_: AddressFamily) {
    let connection = Connection::new();
    for _ in 0..2 {
        assert!(matches!(read(&connection, 1), Err(ReadError::NotConnected)));
        assert!(matches!(
            try_read(&connection, 1),
            Err(ReadError::NotConnected)
        ));
        assert!(matches!(
            write(&connection, b"x"),
            Err(WriteError::NotConnected)
        ));
        assert!(matches!(
            connection.try_write(b"x"),
            Err(WriteError::NotConnected)
        ));
        assert_eq!(connection.available(), None);
        assert_eq!(local_port(&connection), 0);
        connection.poll(Instant::now).unwrap();
        connection.disconnect();
    }
}

fn a_second_connect_is_refused_and_harmless(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let again = start_connect(&client, &refusing_address());
    assert!(matches!(again, Err(ConnectError::AlreadyConnected { .. })));
    client.write_fully(b"x").unwrap();
    assert_eq!(read(&accepted, 1).unwrap(), b"x");
}

#[test]
fn a_refused_connect_ends_in_error_and_can_be_tried_again() {
    let client = Connection::new();
    for _ in 0..2 {
        let address = refusing_address();
        start_connect(&client, &address).unwrap();
        assert_eq!(client.status(), Status::Connecting);
        let error = until_status(&client, Status::Error).unwrap_err();
        let expected = format!("connect {address}: connection refused");
        assert_eq!(error.to_string(), expected);
        assert_eq!(client.peer_address(), None);
    }
    let server = Server::new(AddressFamily::Ipv4);
    connect(&client, &server.address);
}

#[cfg(unix)]
#[test]
fn a_pair_is_connected() {
    let (one, other) = Connection::pair().unwrap();
    one.write_fully(b"x").unwrap();
    assert_eq!(read(&other, 1).unwrap(), b"x");
    let credentials = one.peer_credentials().unwrap();
    assert_eq!(credentials.pid, i64::from(std::process::id()));
}

#[test]
fn a_connect_without_a_limit_reports_a_refusal() {
    let client = Connection::new();
    let address = refusing_address();
    client
        .connect(address.into(), None, Instant::now())
        .unwrap();
    until_status(&client, Status::Error).unwrap_err();
}

#[test]
fn a_connect_is_unpolled_until_a_poll() {
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    assert!(!client.is_unpolled_connect(), "it is not connecting");
    for _ in 0..2 {
        start_connect(&client, &server.address).unwrap();
        if client.status() == Status::Connecting {
            assert!(client.is_unpolled_connect());
            let _ = (client.available(), client.try_write(b"x"));
            assert!(
                client.is_unpolled_connect(),
                "other calls do not advance it"
            );
        }
        client.poll(Instant::now).unwrap();
        assert!(!client.is_unpolled_connect());
        client.disconnect();
        assert!(!client.is_unpolled_connect());
    }
}
