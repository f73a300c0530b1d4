//! Listeners: where they listen, and what stopping one leaves.

use std::net::SocketAddr;

use stream_socket::{
    Address, BindAddress, Connection, ListenError, ListenOptions, Listener, PollError, Status,
};

use crate::support::*;

for_each_family!(a_stopped_listener_refuses_and_keeps_what_it_accepted,);

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

#[test]
fn listening_twice_is_refused_and_harmless() {
    let server = Server::new(AddressFamily::Ipv4);
    let again = server
        .listener
        .listen(&BindAddress::Any { port: 0 }, ListenOptions::new(1));
    assert!(matches!(again, Err(ListenError::AlreadyListening { .. })));
    connected(&server.address);
}

#[test]
fn a_listener_on_all_addresses_serves_both_families() {
    let listener = Listener::new();
    listener
        .listen(&BindAddress::Any { port: 0 }, ListenOptions::new(8))
        .unwrap();
    for ip in ["127.0.0.1", "::1"] {
        let address = Address::Inet(SocketAddr::new(ip.parse().unwrap(), listener.local_port()));
        let client = connected(&address);
        let accepted = until("a connection", || listener.accept().unwrap());
        let Some(Address::Inet(peer)) = accepted.peer_address() else {
            panic!("the peer has no address of TCP")
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
