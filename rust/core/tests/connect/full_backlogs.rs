//! Connects that wait for room in the backlog of a Unix listener.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{
    Address, BindAddress, ConnectError, Connection, ListenOptions, Listener, PollError, Status,
};

use crate::support::*;

/// A Unix listener whose backlog is full, so that connects stay pending.
fn full_listener(path: &std::path::Path) -> (socket2::Socket, Vec<socket2::Socket>) {
    use socket2::{Domain, SockAddr, Socket, Type};
    let address = SockAddr::unix(path).unwrap();
    let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(0).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        if client.connect(&address).is_err() {
            return (listener, waiting);
        }
        waiting.push(client);
    }
}

/// One thread sets the queue limit to 0 while another one writes: the write is refused, and the
/// connect times out as usual.
#[test]
fn a_connect_is_not_lost_by_a_change_of_the_queue_limit() {
    let directory = TemporaryDirectory::new();
    let path = directory.file("s");
    let (_listener, _waiting) = full_listener(&path);
    let stop = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(4);
    let connection = Connection::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                connection.set_queue_limit(1 << 30);
                connection.set_queue_limit(0);
            }
        });
        let mut lost = None;
        'rounds: while Instant::now() < end {
            let target = Address::Unix(path.clone()).into();
            let limit = Some(Duration::from_millis(50));
            connection.connect(target, limit, Instant::now()).unwrap();
            for _ in 0..2000 {
                let _ = connection.write_fully(b"x");
                let _ = connection.try_write(b"x");
            }
            let begin = Instant::now();
            while connection.status() == Status::Connecting {
                let _ = connection.poll(Instant::now);
                if begin.elapsed() > PATIENCE {
                    lost = Some(connection.status());
                    break 'rounds;
                }
            }
            connection.disconnect();
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(lost, None, "the connect has not timed out after 50 ms");
    });
}

#[test]
fn a_unix_connect_waits_for_room_in_the_backlog_until_its_time_is_over() {
    let directory = TemporaryDirectory::new();
    let address = Address::Unix(directory.file("s"));
    let listener = Listener::new();
    listener
        .listen(
            &BindAddress::Unix(directory.file("s")),
            ListenOptions::new(0),
        )
        .unwrap();
    let first = connected(&address);
    let start = Instant::now();
    let limit = Duration::from_secs(5);
    let waiting = |now| {
        let client = Connection::new();
        let target = address.clone().into();
        client.connect(target, Some(limit), now).unwrap();
        assert_eq!(client.status(), Status::Connecting);
        client
    };
    // The clock is the caller's, so the test does not wait.
    let late = waiting(start);
    poll_in_frames(&late, start, start + limit).unwrap();
    assert_eq!(late.status(), Status::Connecting);
    let error = late
        .poll(|| start + limit + Duration::from_nanos(1))
        .unwrap_err();
    assert!(
        matches!(&error, PollError::Connect(error) if matches!(**error, ConnectError::TimedOut { .. }))
    );
    assert_eq!(late.status(), Status::Error);

    let patient = waiting(start);
    listener
        .accept()
        .unwrap()
        .expect("the first connection waits");
    // A connection that was established in time counts, even if a poll finds it late.
    patient.poll(|| start + 2 * limit).unwrap();
    assert_eq!(patient.status(), Status::Connected);
    drop(first);
}
