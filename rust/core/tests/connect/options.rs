//! Options of a connection. They apply to the current connection and to later ones.

use std::time::Duration;

use stream_socket::{Connection, KeepAlive, Status};

use crate::support::*;

#[test]
fn options_apply_to_the_open_connection_and_to_later_ones() {
    const NAME: &str = "options_apply_to_the_open_connection_and_to_later_ones";
    if !counts_keep_alive(NAME) {
        return;
    }
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    for _ in 0..2 {
        client
            .set_options(|options| {
                options.no_delay = !options.no_delay;
                options.keep_alive = Some(KeepAlive {
                    idle: Duration::from_secs(60),
                    interval: Duration::from_secs(10),
                    count: 5,
                });
                if cfg!(target_os = "linux") {
                    options.user_timeout = Some(Duration::from_secs(20));
                }
                options.send_buffer_size = Some(100_000);
                options.receive_buffer_size = Some(100_000);
            })
            .unwrap();
        if client.status() == Status::None {
            connect(&client, &server.address);
        }
    }
    assert!(!client.options().no_delay);
    client.write_fully(b"x").unwrap();
    assert_eq!(read(&server.accept(), 1).unwrap(), b"x");
    if !has_unix_sockets(NAME) {
        return;
    }
    // A Unix domain socket ignores the options of TCP.
    let server = Server::new(AddressFamily::Unix);
    client.disconnect();
    connect(&client, &server.address);
}

/// An option that the platform lacks is refused, and no later connect fails because of it.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[test]
fn an_unknown_option_is_refused() {
    let server = Server::new(AddressFamily::Ipv4);
    let client = Connection::new();
    let error = client
        .set_options(|options| options.user_timeout = Some(Duration::from_secs(20)))
        .unwrap_err();
    assert_eq!(error.source.kind(), std::io::ErrorKind::Unsupported);
    assert_eq!(client.options(), Default::default());
    connect(&client, &server.address);
}
