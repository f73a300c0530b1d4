//! The events of a connection come in order.


use crate::support::*;
use stream_socket::{
    ConnectEnd, Connection, DisconnectCause, Event, Status,
};

for_each_family!(notices_tell_what_happened_in_order,);

fn notices_tell_what_happened_in_order(family: AddressFamily) {
    let server = Server::new(family);
    let client = Connection::new();
    assert!(!client.has_events());
    connect(&client, &server.address);
    assert!(client.has_events());
    assert_eq!(
        notices(&client),
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
    assert_eq!(notices(&client), ended(DisconnectCause::Local));
    client.disconnect();
    assert!(!client.has_events());
    assert!(!accepted.has_events(), "it was connected from the start");
    until_status(&accepted, Status::None).unwrap();
    assert_eq!(notices(&accepted), ended(DisconnectCause::EndOfStream));
}
