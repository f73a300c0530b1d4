//! Options that are set while the addresses of a host race apply to the winner.

use std::time::{Duration, Instant};

use stream_socket::{Connection, Status, Target};

use crate::support::*;

/// Starts a connect of `client` and polls until both attempts have started. Returns the current
/// time of its clock.
fn race(client: &Connection, port: u16) -> Instant {
    let start = Instant::now();
    let target = Target::new("localhost", port).unwrap();
    client.connect(target, None, start).unwrap();
    let now = start + Duration::from_millis(300);
    client.poll(|| now).unwrap();
    assert_eq!(client.status(), Status::Connecting);
    now
}

fn until_won(client: &Connection, now: Instant) {
    until("the second attempt wins", || {
        client.poll(|| now).unwrap();
        (client.status() == Status::Connected).then_some(())
    });
    let peer = client.peer_address().unwrap().to_string();
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
}

#[test]
fn a_size_set_during_a_race_is_that_of_the_winner() {
    let (port, _sockets) = racing_port();
    let client = Connection::new();
    let now = race(&client, port);
    let set = client.set_options(|options| options.send_buffer_size = Some(12_345));
    set.unwrap();
    until_won(&client, now);
    let send = client.buffer_sizes().unwrap().send;
    assert!((12_345..=2 * 12_345).contains(&send), "{send}");
}

#[cfg(target_os = "linux")]
#[test]
fn switches_set_during_a_race_are_those_of_the_winner() {
    use std::os::fd::BorrowedFd;

    use stream_socket::KeepAlive;

    let (port, _sockets) = racing_port();
    let client = Connection::new();
    let now = race(&client, port);
    client
        .set_options(|options| {
            options.no_delay = true;
            options.keep_alive = Some(KeepAlive {
                idle: Duration::from_secs(11),
                interval: Duration::from_secs(12),
                count: 3,
            });
        })
        .unwrap();
    until_won(&client, now);
    let descriptors = stream_of(&client).descriptors();
    let [descriptor] = descriptors[..] else {
        panic!("{descriptors:?}")
    };
    // SAFETY: The connection that owns the descriptor is alive.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let socket = socket2::SockRef::from(&descriptor);
    assert!(socket.tcp_nodelay().unwrap());
    assert!(socket.keepalive().unwrap());
    assert_eq!(
        socket.tcp_keepalive_time().unwrap(),
        Duration::from_secs(11)
    );
}

/// The winner has the value that was set last.
#[test]
fn an_option_changed_back_during_a_race_does_not_apply() {
    let (port, _sockets) = racing_port();
    let client = Connection::new();
    client
        .set_options(|options| options.send_buffer_size = Some(12_345))
        .unwrap();
    let now = race(&client, port);
    client
        .set_options(|options| options.send_buffer_size = Some(54_321))
        .unwrap();
    until_won(&client, now);
    let send = client.buffer_sizes().unwrap().send;
    assert!((54_321..=2 * 54_321).contains(&send), "{send}");
}
