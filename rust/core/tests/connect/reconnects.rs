//! One object connects several times. It keeps its settings, and changes its version and its
//! addresses.

use std::time::Duration;

use stream_socket::{Address, Connection, Status};

use crate::support::*;

#[test]
fn settings_survive_connects() {
    let connection = Connection::new();
    assert_eq!(connection.read_timeout(), None);
    assert_eq!(connection.write_timeout(), None);
    assert_eq!(connection.queue_limit(), 0);
    assert!(!connection.coalesces());
    assert!(!connection.allows_half_open());
    for (milliseconds, enabled) in [(5, true), (7, false)] {
        let time = Some(Duration::from_millis(milliseconds));
        connection.set_read_timeout(time);
        connection.set_write_timeout(time.map(|time| time * 2));
        connection.set_queue_limit(milliseconds as usize);
        connection.set_coalesces(enabled);
        connection.set_allow_half_open(enabled);
        assert_eq!(connection.read_timeout(), time);
        assert_eq!(connection.write_timeout(), time.map(|time| time * 2));
        assert_eq!(connection.queue_limit(), milliseconds as usize);
        assert_eq!(connection.coalesces(), enabled);
        assert_eq!(connection.allows_half_open(), enabled);
    }
}

#[test]
fn versions_do_not_repeat() {
    let server = Server::new(AddressFamily::Unix);
    let client = Connection::new();
    let mut seen = vec![client.version()];
    for _ in 0..3 {
        connect(&client, &server.address);
        seen.push(client.version());
        client.disconnect();
        seen.push(client.version());
    }
    let mut different = seen.clone();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), seen.len(), "{seen:?}");
}

#[test]
fn addresses_are_those_of_the_present_connection() {
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    assert_eq!(client.local_address(), None);
    connect(&client, &server.address);
    assert_eq!(client.peer_address(), Some(server.address.clone()));
    let accepted = server.accept();
    let local = client.local_address().unwrap();
    assert_eq!(accepted.peer_address(), Some(Address::Inet(local)));
    // The address is kept after the peer's end, until a disconnect.
    accepted.disconnect();
    until_status(&client, Status::None).unwrap();
    assert_eq!(client.peer_address(), Some(server.address.clone()));
    client.disconnect();
    assert_eq!(client.peer_address(), None);
}
