//! Binding a connection: local addresses, and what is left after a failure.

use stream_socket::{Address, BindAddress, BindError, Connection, Status};

use crate::support::*;

fn inet(ip: &str, port: u16) -> BindAddress {
    BindAddress::new(ip, port).unwrap()
}

#[test]
fn a_bound_connection_connects_from_there() {
    let server = Server::new(AddressFamily::Ipv4);
    for address in [inet("127.0.0.2", 0), BindAddress::Any { port: 0 }] {
        let client = Connection::new();
        client.bind(&address).unwrap();
        let port = local_port(&client);
        assert_ne!(port, 0);
        assert!(matches!(
            client.bind(&address),
            Err(BindError::AlreadyOpen { .. })
        ));
        assert_eq!(client.status(), Status::None);
        connect(&client, &server.address);
        assert_eq!(local_port(&client), port);
        let Some(Address::Inet(peer)) = server.accept().peer_address() else {
            panic!("the peer has no address of TCP")
        };
        assert_eq!(peer.port(), port);
    }
}

#[test]
fn a_bind_that_fails_leaves_nothing_open() {
    let server = Server::new(AddressFamily::Ipv4);
    let Address::Inet(taken) = server.address else {
        unreachable!()
    };
    let client = Connection::new();
    // 192.0.2.0/24 is assigned to no host (RFC 5737).
    for address in [inet("192.0.2.1", 0), BindAddress::Inet(taken)] {
        assert!(matches!(client.bind(&address), Err(BindError::Os { .. })));
        assert_eq!(local_port(&client), 0);
    }
    connect(&client, &server.address);
}

#[test]
fn disconnect_releases_a_bound_port() {
    let client = Connection::new();
    client.bind(&inet("127.0.0.1", 0)).unwrap();
    let port = local_port(&client);
    client.disconnect();
    assert_eq!(local_port(&client), 0);
    client.bind(&inet("127.0.0.1", port)).unwrap();
}

#[test]
fn a_connection_bound_to_the_other_family_fails_and_is_closed() {
    let server = Server::new(AddressFamily::Ipv6);
    let client = Connection::new();
    client.bind(&inet("127.0.0.1", 0)).unwrap();
    start_connect(&client, &server.address).unwrap_err();
    assert_eq!(client.status(), Status::None);
    assert_eq!(local_port(&client), 0);
    connect(&client, &server.address);
}
