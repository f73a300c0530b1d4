//! Options that are set while the addresses of a host race hold for the winner.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::support::*;
use stream_socket::{Address, Connection, Status, Target};

/// A port where the first address of this machine's name answers nobody, since its backlog is full, and the second one
/// does; and what keeps it so.
fn racing_port() -> (u16, impl Drop) {
    until("a port that is free for both", || {
        let (answers, port) = listening(Ipv4Addr::LOCALHOST.into(), 0, 8)?;
        let (silent, _) = listening(Ipv6Addr::LOCALHOST.into(), port, 0)?;
        let address = Address::Inet((Ipv6Addr::LOCALHOST, port).into());
        let fills = connected(&address);
        Some((port, Box::new((answers, silent, fills))))
    })
}

/// A connect of which both attempts are under way, and the time then.
fn racing(port: u16) -> (Connection, Instant) {
    let client = Connection::new();
    let host = "localhost".to_owned();
    let start = Instant::now();
    let target = Target::Name { host, port };
    client.connect(target, None, start).unwrap();
    let now = start + Duration::from_millis(300);
    client.poll(|| now).unwrap();
    assert_eq!(client.status(), Status::Connecting);
    (client, now)
}

fn until_won(client: &Connection, now: Instant) {
    until("the second one wins", || {
        client.poll(|| now).unwrap();
        (client.status() == Status::Connected).then_some(())
    });
    let peer = client.peer_address().unwrap().to_string();
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
}

#[test]
fn a_size_set_during_a_race_is_that_of_the_winner() {
    let (port, _sockets) = racing_port();
    let (client, now) = racing(port);
    let set = client.set_options("set", |options| options.send_buffer_size = Some(12_345));
    set.unwrap();
    until_won(&client, now);
    let (send, _) = client.buffer_sizes().unwrap();
    assert!((12_345..=2 * 12_345).contains(&send), "{send}");
}

#[cfg(target_os = "linux")]
#[test]
fn switches_set_during_a_race_are_those_of_the_winner() {
    use std::os::fd::BorrowedFd;
    use stream_socket::KeepAlive;
    let (port, _sockets) = racing_port();
    let (client, now) = racing(port);
    client
        .set_options("set", |options| {
            options.no_delay = true;
            options.keep_alive = Some(KeepAlive {
                idle: Duration::from_secs(11),
                interval: Duration::from_secs(12),
                count: 3,
            });
        })
        .unwrap();
    until_won(&client, now);
    let descriptors = descriptors_of_port(local_port(&client));
    let [descriptor] = descriptors[..] else {
        panic!("{descriptors:?}")
    };
    // SAFETY: The connection that it belongs to lives.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let socket = socket2::SockRef::from(&descriptor);
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert_eq!(
        socket.tcp_keepalive_time().unwrap(),
        Duration::from_secs(11)
    );
}

/// What is taken back during a race is not what the winner has.
#[test]
fn an_option_taken_back_during_a_race_is_not_the_winner_s() {
    let (port, _sockets) = racing_port();
    let client = Connection::new();
    client
        .set_options("set", |options| options.send_buffer_size = Some(12_345))
        .unwrap();
    let host = "localhost".to_owned();
    let start = Instant::now();
    let target = Target::Name { host, port };
    client.connect(target, None, start).unwrap();
    let now = start + Duration::from_millis(300);
    client.poll(|| now).unwrap();
    client
        .set_options("set", |options| options.send_buffer_size = Some(54_321))
        .unwrap();
    until_won(&client, now);
    let (send, _) = client.buffer_sizes().unwrap();
    assert!((54_321..=2 * 54_321).contains(&send), "{send}");
}
