//! A disconnect or shutdown that is requested while another thread is inside a call takes effect
//! when that call returns. A call that began on one connection does not touch the next connection
//! of the same object.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Options, ReadError, Status, WriteError, WriteFailure};

use crate::support::*;

for_each_family!(
    an_unusable_stream_ends_and_the_next_one_is_served,
    a_queue_is_delivered_despite_calls_during_a_disconnect,
    a_queue_is_delivered_despite_calls_while_the_peer_ends,
    a_shutdown_during_a_write_follows_it,
    a_shutdown_during_another_call_is_sent,
    a_disconnect_during_a_write_delivers_what_was_accepted,
);

/// More than any system accepts while the peer does not read.
const MUCH: usize = 6 << 20;

fn an_unusable_stream_ends_and_the_next_one_is_served(family: AddressFamily) {
    let server = Server::new(family);
    let client = connected(&server.address);
    let first = client.version();
    let malformed = || ReadError::Malformed {
        peer: server.address.clone(),
        what: "a test",
    };
    assert!(client.end_unusable(first, malformed()));
    assert_eq!(client.status(), Status::None);
    let ended = client.ended().expect("the connection has ended by itself");
    assert_eq!(ended.version, client.version());
    let reason = ended.error.to_string();
    assert!(reason.ends_with("malformed packet: a test"), "{reason}");
    connect(&client, &server.address);
    let second = client.version();
    assert!(!client.end_unusable(first, malformed()));
    assert!(client.ended().is_none());
    assert_eq!(
        (client.status(), client.version()),
        (Status::Connected, second)
    );
}

/// Runs `body` while another thread calls `probe` over and over.
fn probed<T>(probe: impl Fn() + Sync, body: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    let probes = AtomicUsize::new(0);
    thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                probe();
                probes.fetch_add(1, Ordering::Relaxed);
            }
        });
        until("the other thread probes", || {
            (probes.load(Ordering::Relaxed) > 0).then_some(())
        });
        let result = body();
        drop(over);
        result
    })
}

/// Stops the other thread, after a failure too.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

const PROBES: [fn(&Connection); 3] = [
    |connection| assert!(connection.pending_bytes() < usize::MAX),
    |connection| drop(connection.poll(Instant::now)),
    |connection| drop(connection.flush_queue()),
];

fn a_queue_is_delivered_despite_calls_during_a_disconnect(family: AddressFamily) {
    let data = pattern(MUCH);
    for _ in 0..6 {
        for probe in PROBES {
            let (connection, peer) = queued(family, &data);
            probed(|| probe(&connection), || connection.disconnect());
            assert_whole(read_to_end(&peer), &data);
        }
    }
}

/// The probing thread may find the end itself, or be inside a call when this thread finds it.
fn a_queue_is_delivered_despite_calls_while_the_peer_ends(family: AddressFamily) {
    let data = pattern(MUCH);
    for _ in 0..3 {
        for probe in PROBES {
            let (connection, peer) = queued(family, &data);
            probed(
                || probe(&connection),
                || {
                    peer.shutdown(std::net::Shutdown::Write).unwrap();
                    until_status(&connection, Status::None).unwrap();
                },
            );
            assert_whole(read_to_end(&peer), &data);
        }
    }
}

fn a_shutdown_during_a_write_follows_it(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    let data = pattern(2 * MUCH);
    thread::scope(|scope| {
        let writer = asleep(scope, || connection.write_fully(&data));
        connection.shut_down_writing().unwrap();
        assert!(!writer.is_finished());
        let received = read_to_end(&peer);
        writer.join().unwrap().unwrap();
        assert_whole(received, &data);
    });
    assert!(matches!(
        write(&connection, b"x"),
        Err(WriteError::ShutDown)
    ));
    assert_eq!(connection.status(), Status::Connected);
}

fn a_shutdown_during_another_call_is_sent(family: AddressFamily) {
    for _ in 0..30 {
        for probe in PROBES {
            let (connection, peer) = raw_peer(family);
            connection.set_coalesces(true);
            connection.write_fully(b"last words").unwrap();
            probed(
                || probe(&connection),
                || connection.shut_down_writing().unwrap(),
            );
            assert_whole(read_to_end(&peer), b"last words");
        }
    }
}

/// The blocked call fails and returns how many bytes were accepted. Exactly these arrive.
fn a_disconnect_during_a_write_delivers_what_was_accepted(family: AddressFamily) {
    let (connection, peer) = raw_peer(family);
    let data = pattern(2 * MUCH);
    connection.set_coalesces(true);
    connection.write_fully(b"first").unwrap();
    thread::scope(|scope| {
        let writer = asleep(scope, || connection.write_fully(&data));
        connection.disconnect();
        let WriteFailure {
            error, accepted, ..
        } = writer.join().unwrap().unwrap_err();
        assert!(matches!(error, WriteError::Disconnected), "{error}");
        let expected = [b"first", &data[..accepted]].concat();
        assert_whole(read_to_end(&peer), &expected);
    });
}

/// The old connection has much unread data, so that its disconnect takes a while. Meanwhile the
/// next connection receives its first bytes.
#[test]
fn a_late_disconnect_takes_nothing_from_the_next_connection() {
    let server = Server::new(AddressFamily::Unix);
    let client = Connection::new();
    let unread = pattern(1 << 20);
    const ROUNDS: usize = 500;
    thread::scope(|scope| {
        let ((request, requests), (finish, finished)) = (mpsc::channel(), mpsc::channel());
        let client = &client;
        scope.spawn(move || {
            for () in requests {
                client.disconnect();
                let _ = finish.send(());
            }
        });
        let mut lost = 0;
        connect(client, &server.address);
        let mut accepted = server.accept();
        for _ in 0..ROUNDS {
            let enlarge = |options: &mut Options| options.send_buffer_size = Some(unread.len());
            accepted.set_options(enlarge).unwrap();
            assert!(accepted.try_write(&unread).unwrap() > 100_000);
            request.send(()).unwrap();
            // Without a sleep, so that the other thread is still inside its call.
            while client.status() != Status::None {
                std::hint::spin_loop();
            }
            connect(client, &server.address);
            accepted = server.accept();
            accepted.write_fully(b"greeting").unwrap();
            until("a greeting", || {
                let has_received = client.poll(Instant::now).unwrap();
                has_received.then_some(())
            });
            finished.recv().unwrap();
            let available = client.available();
            assert_eq!(client.status(), Status::Connected);
            lost += usize::from(available != Some(8));
        }
        assert_eq!(lost, 0, "of {ROUNDS} greetings");
    });
}

/// Threads wait to write. The connection ends, and the object has its next connection when they
/// wake.
#[test]
fn late_writers_take_nothing_from_the_next_connection() {
    let server = Server::new(AddressFamily::Unix);
    let much = pattern(1 << 20);
    for round in 0..40 {
        let client = Connection::new();
        client.set_coalesces(true);
        connect(&client, &server.address);
        let _old = server.accept();
        thread::scope(|scope| {
            let first = asleep(scope, || write(&client, &much));
            let late: Vec<_> = (0..6)
                .map(|_| asleep(scope, || write(&client, b"late")))
                .collect();
            client.disconnect();
            connect(&client, &server.address);
            let accepted = server.accept();
            accepted.set_read_timeout(Some(PATIENCE));
            client.write_fully(b"request").unwrap();
            for writer in late.into_iter().chain([first]) {
                let error = writer.join().unwrap().unwrap_err();
                assert!(matches!(error, WriteError::Disconnected), "{error}");
            }
            client.disconnect();
            let received = read(&accepted, 7);
            assert_eq!(received.unwrap(), b"request", "in round {round}");
            assert!(read(&accepted, 1).is_err(), "only the request arrives");
        });
    }
}

/// A probe may have read the state of the connection before the next one took its place. There are
/// more threads than processors, so that some are interrupted in the middle.
#[test]
fn late_probes_take_nothing_from_the_next_connection() {
    let server = Server::new(AddressFamily::Unix);
    let client = Connection::new();
    client.set_coalesces(true);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = Over(&is_over);
        let probe = || {
            while !is_over.load(Ordering::Relaxed) {
                client.pending_bytes();
                let _ = try_read(&client, 1);
            }
        };
        for _ in 0..4 {
            scope.spawn(probe);
        }
        let end = Instant::now() + Duration::from_millis(1500);
        for round in 0..3000 {
            if Instant::now() > end {
                break;
            }
            connect(&client, &server.address);
            let accepted = server.accept();
            client.write_fully(b"request").unwrap();
            // Lets the other threads run.
            for _ in 0..5 {
                thread::yield_now();
            }
            client.flush_queue().unwrap();
            accepted.set_read_timeout(Some(PATIENCE));
            assert!(
                read(&accepted, 7).is_ok(),
                "nothing arrived in round {round}"
            );
            client.disconnect();
        }
    });
}
