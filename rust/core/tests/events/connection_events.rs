//! The events of a connection come in order.

use stream_socket::{ConnectEnd, Connection, DisconnectCause, Event, Status};

use crate::support::*;

for_each_family!(events_come_in_order,);

fn events_come_in_order(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    assert!(!client.has_events());
    connect(&client, &server.address);
    assert!(client.has_events());
    assert_eq!(
        pending_events(&client),
        [
            Event::StatusChanged(Status::Connecting),
            Event::StatusChanged(Status::Connected),
            Event::ConnectFinished(ConnectEnd::Connected)
        ]
    );
    assert!(!client.has_events());
    assert!(start_connect(&client, &server.address).is_err());
    assert!(!client.has_events());
    let accepted = server.accept();
    client.disconnect();
    let ended = |cause| {
        [
            Event::StatusChanged(Status::None),
            Event::Disconnected(cause),
        ]
    };
    assert_eq!(pending_events(&client), ended(DisconnectCause::Local));
    client.disconnect();
    assert!(!client.has_events());
    assert!(
        !accepted.has_events(),
        "an accepted connection has no event of connecting"
    );
    until_status(&accepted, Status::None).unwrap();
    assert_eq!(
        pending_events(&accepted),
        ended(DisconnectCause::EndOfStream)
    );
}
