//! No descriptor is leaked, and none reaches a child process.

use std::fs;

use stream_socket::{Address, BindAddress, Connection, ListenOptions, Listener, Status};

use super::{only_counting_test, sockets};
use crate::support::*;

#[test]
fn descriptors_are_closed_and_not_inherited() {
    let _only = only_counting_test();
    let before = sockets();
    let directory = TemporaryDirectory::new();
    for family in [
        AddressFamily::Ipv4,
        AddressFamily::Ipv6,
        AddressFamily::Unix,
    ] {
        let server = Server::new(family);
        let client = Connection::new();
        for _ in 0..10 {
            connect(&client, &server.address);
            let accepted = server.accept();
            // Failed calls on open sockets.
            let _ = start_connect(&client, &refusing_address());
            let _ = client.bind(&BindAddress::Any { port: 0 });
            let _ = server
                .listener
                .listen(&BindAddress::Any { port: 0 }, ListenOptions::new(1));
            for descriptor in sockets() {
                if before.contains(&descriptor) {
                    continue;
                }
                // The descriptor of a connection that was disconnected may be closed at any time.
                let path = format!("/proc/self/fdinfo/{descriptor}");
                let Ok(info) = fs::read_to_string(path) else {
                    continue;
                };
                let flags = info
                    .lines()
                    .find_map(|line| line.strip_prefix("flags:"))
                    .unwrap();
                let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
                assert_ne!(flags & libc::O_CLOEXEC, 0, "a child would inherit it");
                assert_ne!(flags & libc::O_NONBLOCK, 0, "a call on it could block");
            }
            client.disconnect();
            drop(accepted);
        }
        // Failed calls on closed sockets.
        for _ in 0..10 {
            let _ = start_connect(&client, &refusing_address());
            let _ = until_status(&client, Status::Error);
            let missing = Address::Unix(directory.file("missing"));
            let _ = start_connect(&client, &missing);
            let _ = client.bind(&"192.0.2.1:0".parse().unwrap());
            let _ = client.bind(&BindAddress::Unix(directory.0.clone()));
            let _ = Listener::new().listen(
                &BindAddress::Unix(directory.0.clone()),
                ListenOptions::new(1),
            );
        }
        server.listener.stop();
        until(&format!("all sockets are closed, {family:?}"), || {
            (sockets() == before).then_some(())
        });
    }
}
