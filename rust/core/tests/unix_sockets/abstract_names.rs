//! An abstract name is free again as soon as the connection that was bound to it is closed, as the
//! file of a path is.

use std::path::{Path, PathBuf};

use stream_socket::{
    Address, BindAddress, BindError, Connection, ListenOptions, Listener, Options,
};

use crate::support::*;

/// A connection that is bound to a fresh name, and the server's end.
fn bound() -> (Connection, Connection, PathBuf) {
    let server = Server::new(AddressFamily::Unix);
    let name = unique_abstract_name();
    let client = Connection::new();
    client.bind(&BindAddress::Unix(name.clone())).unwrap();
    connect(&client, &server.address);
    let accepted = server.accept();
    (client, accepted, name)
}

fn bind(name: &Path) -> Result<Connection, BindError> {
    let connection = Connection::new();
    connection.bind(&BindAddress::Unix(name.into()))?;
    Ok(connection)
}

#[test]
fn a_name_is_free_at_once() {
    let _only = only_test();
    let leaves: [fn(Connection); 3] = [drop, |it| it.disconnect(), |it| it.abort()];
    for leave in leaves {
        let (client, peer, name) = bound();
        write(&client, b"last words").unwrap();
        write(&peer, b"unread").unwrap();
        assert!(bind(&name).is_err(), "the name is in use");
        leave(client);
        bind(&name).unwrap();
        assert_eq!(read(&peer, 10).unwrap(), b"last words");
    }
}

/// The kernel accepts a queue of some length at once if its buffer is enlarged.
#[test]
fn a_queue_of_some_length_does_not_hold_a_name() {
    let _only = only_test();
    let (client, peer, name) = bound();
    let small = |options: &mut Options| options.send_buffer_size = Some(4096);
    client.set_options(small).unwrap();
    let data = pattern(60_000);
    client.set_queue_limit(data.len());
    client.write_fully(&data).unwrap();
    assert!(client.pending_bytes() > 0);
    client.disconnect();
    bind(&name).unwrap();
    assert!(read(&peer, data.len()).unwrap() == data);
}

/// A queue that is larger than the kernel's buffer is not lost: the name is free once it was read.
#[test]
fn a_long_queue_is_delivered_first() {
    let _only = only_test();
    let (client, peer, name) = bound();
    let data = pattern(11 << 20);
    client.set_queue_limit(data.len());
    client.write_fully(&data).unwrap();
    client.disconnect();
    assert!(
        bind(&name).is_err(),
        "the name is in use until the queue is sent"
    );
    assert!(read(&peer, data.len()).unwrap() == data);
    until("the name is free", || bind(&name).ok());
}

#[test]
#[cfg(target_os = "linux")]
fn abstract_names_make_no_file() {
    let _only = only_test();
    let name = unique_abstract_name();
    let listener = Listener::new();
    let address = BindAddress::Unix(name.clone());
    listener.listen(&address, ListenOptions::new(8)).unwrap();
    let again = Listener::new().listen(&address, ListenOptions::new(8));
    assert!(again.is_err(), "the name is in use");
    assert!(!name.exists());
    let client = connected(&Address::Unix(name));
    let accepted = listener.accept().unwrap().expect("a connection waits");
    client.write_fully(b"x").unwrap();
    assert_eq!(read(&accepted, 1).unwrap(), b"x");
}
