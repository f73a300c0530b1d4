//! Connecting, exchanging and ending, over every family.

mod support;

use std::thread;
use std::time::Instant;

use stream_socket::{
    Address, BindAddress, ConnectError, Connection, ListenError, ListenOptions, Listener,
    PollError, ReadError, Status, WriteError, parse_ip,
};
use support::*;

for_each_family!(
    connects_and_exchanges,
    serves_five_clients,
    small_reads_see_every_byte_in_order,
    available_counts_what_can_be_read,
    available_is_fresh_after_a_poll,
    a_partial_read_gives_all_that_was_announced,
    end_of_stream_comes_after_the_data,
    end_of_stream_is_told_by_a_read,
    an_idle_poll_changes_nothing,
    blocking_transfers_complete_in_both_directions,
    a_partial_write_stops_when_the_peer_does_not_read,
    disconnect_from_either_side,
    connects_again_after_disconnecting,
    a_stopped_listener_refuses_and_keeps_what_it_accepted,
    nothing_works_without_a_connection,
    a_second_connect_is_refused_and_harmless,
    a_dropped_connection_is_closed,
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
                panic!("no peer")
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

fn small_reads_see_every_byte_in_order(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let data = pattern(100_000);
    thread::scope(|scope| {
        scope.spawn(|| client.write_fully(&data).unwrap());
        let mut received = Vec::new();
        // Sizes around those at which a read turns from the buffer to the kernel.
        for size in [
            1, 2, 3, 4, 8, 1000, 4095, 4096, 4097, 16_383, 16_384, 16_385,
        ]
        .iter()
        .cycle()
        {
            let size = (*size).min(data.len() - received.len());
            received.extend(read(&accepted, size).unwrap());
            if received.len() == data.len() {
                break;
            }
        }
        assert!(received == data);
    });
}

fn available_counts_what_can_be_read(family: AddressFamily) {
    let (client, accepted) = pair(family);
    assert_eq!(accepted.available(), Some(0));
    // More than a poll brings in.
    client.write_fully(&pattern(10_000)).unwrap();
    until_available(&accepted, 10_000);
    assert_eq!(accepted.available(), Some(10_000));
    read(&accepted, 1).unwrap();
    assert_eq!(accepted.available(), Some(9_999));
    read(&accepted, 9_999).unwrap();
    assert_eq!(accepted.available(), Some(0));
}

fn available_is_fresh_after_a_poll(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.write_fully(b"ab").unwrap();
    until_available(&accepted, 2);
    client.write_fully(b"cd").unwrap();
    accepted.poll(Instant::now).unwrap();
    assert_eq!(accepted.available(), Some(4));
}

fn a_partial_read_gives_all_that_was_announced(family: AddressFamily) {
    let (client, accepted) = pair(family);
    assert_eq!(try_read(&accepted, 10).unwrap(), b"");
    let data = pattern(50_000);
    client.write_fully(&data).unwrap();
    until_available(&accepted, data.len());
    accepted.poll(Instant::now).unwrap();
    let announced = accepted.available().unwrap();
    assert_eq!(announced, data.len());
    assert!(try_read(&accepted, announced).unwrap() == data);
    assert_eq!(try_read(&accepted, 0).unwrap(), b"");
}

fn end_of_stream_comes_after_the_data(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.write_fully(b"last words").unwrap();
    client.disconnect();
    until_available(&accepted, 10);
    for _ in 0..3 {
        accepted.poll(Instant::now).unwrap();
        assert_eq!(accepted.status(), Status::Connected);
    }
    assert_eq!(read(&accepted, 10).unwrap(), b"last words");
    let peer = accepted.peer_address();
    until_status(&accepted, Status::None).unwrap();
    assert_eq!(accepted.peer_address(), peer, "kept after a drop");
    assert_eq!(accepted.available(), None);
    accepted.disconnect();
    assert_eq!(accepted.peer_address(), None);
}

fn end_of_stream_is_told_by_a_read(family: AddressFamily) {
    let (client, accepted) = pair(family);
    client.write_fully(b"abc").unwrap();
    client.disconnect();
    let mut buffer = [std::mem::MaybeUninit::new(9); 8];
    let stream_socket::ReadFailure {
        error, received, ..
    } = accepted.read_fully(&mut buffer).unwrap_err();
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    assert_eq!(received, 3);
    assert_eq!(accepted.status(), Status::None);

    let (client, accepted) = pair(family);
    client.disconnect();
    let error = until("the end", || try_read(&accepted, 1).err());
    assert!(matches!(error, ReadError::EndOfStream), "{error}");
    let error = try_read(&accepted, 1).unwrap_err();
    assert!(matches!(error, ReadError::NotConnected), "{error}");
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

fn blocking_transfers_complete_in_both_directions(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let data = pattern(4 << 20);
    thread::scope(|scope| {
        for connection in [&client, &accepted] {
            scope.spawn(|| connection.write_fully(&data).unwrap());
            scope.spawn(|| assert!(read(connection, data.len()).unwrap() == data));
        }
    });
}

fn a_partial_write_stops_when_the_peer_does_not_read(family: AddressFamily) {
    let (client, accepted) = pair(family);
    let block = pattern(1 << 20);
    let mut sent = 0;
    until("the kernel is full", || {
        let count = client.try_write(&block[sent % block.len()..]).unwrap();
        sent += count;
        (count == 0).then_some(())
    });
    // What was taken arrives whole, and then there is room again.
    for start in (0..sent).step_by(1000) {
        let size = 1000.min(sent - start);
        let expected: Vec<u8> = (start..start + size)
            .map(|at| block[at % block.len()])
            .collect();
        assert_eq!(read(&accepted, size).unwrap(), expected);
    }
    until("room", || {
        (client.try_write(b"x").unwrap() == 1).then_some(())
    });
}

fn disconnect_from_either_side(family: AddressFamily) {
    let (client, accepted) = pair(family);
    accepted.disconnect();
    assert_eq!(accepted.status(), Status::None);
    assert_eq!(accepted.peer_address(), None);
    accepted.disconnect();
    until_status(&client, Status::None).unwrap();
    client.poll(Instant::now).unwrap();
    assert_eq!(client.status(), Status::None);
}

fn connects_again_after_disconnecting(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    for round in 0..3 {
        connect(&client, &server.address);
        let accepted = server.accept();
        accepted.write_fully(&[round; 10]).unwrap();
        // Some of it is read, some buffered, none of it may show up in the next round.
        assert_eq!(read(&client, 1).unwrap(), [round]);
        client.disconnect();
    }
}

fn a_stopped_listener_refuses_and_keeps_what_it_accepted(family: AddressFamily) {
    let server = Server::new(family);
    let client = connected(&server.address);
    let accepted = server.accept();
    server.listener.stop();
    assert!(!server.listener.is_listening());
    assert!(!server.listener.is_connection_available().unwrap());
    assert!(server.listener.accept().unwrap().is_none());
    let late = Connection::new();
    match start_connect(&late, &server.address) {
        Ok(()) => {
            let error = until_status(&late, Status::Error).unwrap_err();
            assert!(matches!(error, PollError::Connect(_)), "{error}");
        }
        Err(_) => assert_eq!(late.status(), Status::None),
    }
    client.write_fully(b"x").unwrap();
    assert_eq!(read(&accepted, 1).unwrap(), b"x");
}

fn nothing_works_without_a_connection(_: AddressFamily) {
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
    assert!(matches!(again, Err(ConnectError::AlreadyConnected)));
    client.write_fully(b"x").unwrap();
    assert_eq!(read(&accepted, 1).unwrap(), b"x");
}

fn a_dropped_connection_is_closed(family: AddressFamily) {
    let (client, accepted) = pair(family);
    drop(client);
    until_status(&accepted, Status::None).unwrap();
}

/// Over a Unix domain socket a send has arrived when it returns, so nothing has to be waited for.
#[test]
fn available_is_fresh_after_a_send_of_this_process() {
    if !has_unix_sockets("available_is_fresh_after_a_send_of_this_process") {
        return;
    }
    let (client, accepted) = pair(AddressFamily::Unix);
    for count in 1..=100 {
        accepted.poll(Instant::now).unwrap();
        client.write_fully(b"x").unwrap();
        assert_eq!(accepted.available(), Some(count));
        assert_eq!(accepted.available(), Some(count));
    }
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

#[test]
#[cfg(target_os = "linux")]
fn a_unix_connect_waits_for_room_in_the_backlog_until_its_time_is_over() {
    use std::time::Duration;
    use stream_socket::Target;
    let directory = TemporaryDirectory::new();
    let address = Address::Unix(directory.file("s"));
    let listener = Listener::new();
    listener
        .listen(
            &BindAddress::Unix(directory.file("s")),
            ListenOptions::new(0),
        )
        .unwrap();
    let first = connected(&address);
    let start = Instant::now();
    let limit = Duration::from_secs(5);
    let waiting = |now| {
        let client = Connection::new();
        let target = Target::Address(address.clone());
        client.connect(target, Some(limit), now).unwrap();
        assert_eq!(client.status(), Status::Connecting);
        client
    };
    // The clock is the caller's, so no time has to pass.
    let late = waiting(start);
    poll_in_frames(&late, start, start + limit).unwrap();
    assert_eq!(late.status(), Status::Connecting);
    let error = late
        .poll(|| start + limit + Duration::from_nanos(1))
        .unwrap_err();
    assert!(
        matches!(&error, PollError::Connect(error) if matches!(**error, ConnectError::TimedOut { .. }))
    );
    assert_eq!(late.status(), Status::Error);

    let patient = waiting(start);
    listener.accept().unwrap().expect("the first one waits");
    // A connection that is there counts, however late it is noticed.
    patient.poll(|| start + 2 * limit).unwrap();
    assert_eq!(patient.status(), Status::Connected);
    drop(first);
}

#[test]
fn listening_twice_is_refused_and_harmless() {
    let server = Server::new(AddressFamily::Ipv4);
    let again = server
        .listener
        .listen(&BindAddress::Any { port: 0 }, ListenOptions::new(1));
    assert!(matches!(again, Err(ListenError::AlreadyListening)));
    connected(&server.address);
}

#[test]
fn a_listener_on_all_addresses_serves_both_families() {
    let listener = Listener::new();
    listener
        .listen(&BindAddress::Any { port: 0 }, ListenOptions::new(8))
        .unwrap();
    for ip in ["127.0.0.1", "::1"] {
        let address = Address::Inet(parse_ip(ip, listener.local_port()).unwrap());
        let client = connected(&address);
        let accepted = until("a connection", || listener.accept().unwrap());
        let Some(Address::Inet(peer)) = accepted.peer_address() else {
            panic!("no peer")
        };
        assert_eq!(peer.ip().to_string(), ip);
        assert_eq!(peer.port(), local_port(&client));
    }
}

#[test]
fn a_port_can_be_listened_on_again_at_once() {
    let server = Server::new(AddressFamily::Ipv4);
    let client = connected(&server.address);
    let accepted = server.accept();
    // The end that closes first keeps the port in TIME_WAIT.
    accepted.disconnect();
    until_status(&client, Status::None).unwrap();
    let Address::Inet(address) = server.address else {
        unreachable!()
    };
    server.listener.stop();
    server
        .listener
        .listen(&BindAddress::Inet(address), ListenOptions::new(8))
        .unwrap();
}
