//! An answer that idle connections share expires before any caller can know that it is out of date.

use std::io::{Read, Write};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use socket2::Socket;
use stream_socket::{Address, Connection, Status};

use crate::support::*;

/// Longer than the sharing time.
const YOUNG: Duration = Duration::from_micros(6);

/// Makes another idle connection probe the kernel, so that later polls could share the answer. Its
/// first poll may itself share an older one.
fn probe(other: &Connection) {
    for _ in 0..2 {
        assert!(!other.poll(Instant::now).unwrap());
    }
}

fn idle_pair() -> (Connection, Socket) {
    let (connection, peer) = raw_peer(AddressFamily::Unix);
    make_idle(&connection);
    (connection, peer)
}

fn spin(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        std::hint::spin_loop();
    }
}

/// In each round another idle connection probes, a foreign socket sends a byte to `connection`, and
/// `after_send` runs. Asserts that `sees` then finds the byte. The result of `after_send` is
/// dropped at the end of the round.
fn assert_seen<T>(
    rounds: usize,
    mut after_send: impl FnMut() -> T,
    sees: impl Fn(&Connection) -> bool,
) {
    let (other, _other_peer) = idle_pair();
    let (connection, mut peer) = idle_pair();
    let mut missed = 0;
    for _ in 0..rounds {
        probe(&other);
        peer.write_all(b"x").unwrap();
        let _kept = after_send();
        missed += usize::from(!sees(&connection));
        assert_eq!(read(&connection, 1).unwrap(), b"x");
        make_idle(&connection);
    }
    assert_eq!(missed, 0, "of {rounds}");
}

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

/// This library cannot observe the sends of foreign sockets in this process.
#[test]
fn data_of_a_foreign_socket_is_seen_within_microseconds() {
    let _only = only_test();
    assert_seen(2000, || spin(YOUNG), poll);
}

/// The same with the number of available bytes.
#[test]
fn data_of_a_foreign_socket_is_available_within_microseconds() {
    let _only = only_test();
    assert_seen(
        2000,
        || spin(YOUNG),
        |connection| connection.available() == Some(1),
    );
}

/// A program that has received a message through this library knows that data sent before it has
/// arrived, however short the time.
#[test]
fn data_sent_before_a_receive_is_seen() {
    let _only = only_test();
    let (messages, mut message_peer) = raw_peer(AddressFamily::Unix);
    let receive_message = || {
        message_peer.write_all(b"sent").unwrap();
        assert_eq!(read(&messages, 4).unwrap(), b"sent");
    };
    assert_seen(2000, receive_message, poll);
}

/// The same with an accepted connection instead of a message.
#[test]
fn data_sent_before_an_accept_is_seen() {
    let _only = only_test();
    let server = Server::new(AddressFamily::Unix);
    let Address::Unix(path) = &server.address else {
        unreachable!()
    };
    let accept = || {
        let client = UnixStream::connect(path).unwrap();
        let accepted = server.listener.accept().unwrap();
        (client, accepted.expect("a connection waits"))
    };
    assert_seen(1000, accept, poll);
}

/// Whether the kernel has data or an end.
fn is_readable(descriptor: RawFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    // SAFETY: The connection that owns the descriptor is alive.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let mut descriptors = [PollFd::new(&descriptor, PollFlags::IN)];
    poll(&mut descriptors, Some(&Timespec::default())).unwrap() > 0
}

/// A cancelled connect may already have established a connection. Cancelling it ends that
/// connection.
#[test]
fn the_end_of_a_cancelled_connect_is_seen() {
    let _only = only_test();
    let (other, _other_peer) = idle_pair();
    let server = Server::new(AddressFamily::Ipv4);
    let mut missed = 0;
    let mut tried = 0;
    const ROUNDS: usize = 300;
    for _ in 0..ROUNDS {
        let client = Connection::new();
        start_connect(&client, &server.address).unwrap();
        if client.status() != Status::Connecting {
            continue;
        }
        let accepted = server.accept();
        make_idle(&accepted);
        let descriptors = stream_of(&accepted).descriptors();
        let [descriptor] = descriptors[..] else {
            panic!("{descriptors:?}")
        };
        probe(&other);
        client.disconnect();
        if is_readable(descriptor) {
            tried += 1;
            accepted.poll(Instant::now).unwrap();
            missed += usize::from(accepted.status() != Status::None);
        }
    }
    assert!(tried > ROUNDS / 2, "{tried}");
    assert_eq!(missed, 0, "of {tried}");
}

/// The smallest number of rounds, however long they take.
const ENOUGH: u64 = 500;

/// For each byte from `requests`, the other side sends a byte to `connection` and then one to
/// `replies`, a pipe. Asserts that the first byte is seen after the second one, in many rounds.
fn assert_seen_after_replies(
    connection: &Connection,
    mut requests: impl Write,
    mut replies: impl Read,
) {
    let (other, _other_peer) = idle_pair();
    let end = Instant::now() + Duration::from_millis(1500);
    let (mut missed, mut tried) = (0, 0);
    // As many rounds as the time allows, and at least `ENOUGH` on a busy machine.
    while tried <= ENOUGH || Instant::now() < end && tried < 30_000 {
        requests.write_all(b"x").unwrap();
        // Waits until shortly before the reply.
        spin(Duration::from_micros(tried % 16));
        probe(&other);
        let probed = Instant::now();
        replies.read_exact(&mut [0]).unwrap();
        spin(YOUNG.saturating_sub(probed.elapsed()));
        tried += 1;
        missed += u64::from(!poll(connection));
        assert_eq!(read(connection, 1).unwrap(), b"x");
        make_idle(connection);
    }
    assert_eq!(missed, 0, "of {tried}");
}

/// The other process of the test below. For each byte from its standard input it sends one through
/// its socket, and then writes one to its standard error, a pipe.
#[test]
fn child_that_sends() {
    let Some(path) = argument() else { return };
    let mut socket = UnixStream::connect(path).unwrap();
    let mut byte = [0];
    while std::io::stdin().read_exact(&mut byte).is_ok() {
        socket.write_all(b"x").unwrap();
        std::io::stderr().write_all(b"x").unwrap();
    }
}

#[test]
fn data_that_a_process_sent_before_a_pipe_message_is_seen() {
    if !can_start_itself("data_that_a_process_sent_before_a_pipe_message_is_seen") {
        return;
    }
    let _only = only_test();
    let server = Server::new(AddressFamily::Unix);
    let Address::Unix(path) = &server.address else {
        unreachable!()
    };
    let mut child = spawn_test("freshness::child_that_sends", path.to_str().unwrap());
    let connection = server.accept();
    make_idle(&connection);
    let (requests, replies) = (child.stdin.take().unwrap(), child.stderr.take().unwrap());
    assert_seen_after_replies(&connection, requests, replies);
    assert!(child.wait().unwrap().success());
}

/// The same with a thread and a foreign socket.
#[test]
fn data_that_a_thread_sent_before_a_pipe_message_is_seen() {
    let _only = only_test();
    let (connection, mut peer) = idle_pair();
    let (mut requested, requests) = std::io::pipe().unwrap();
    let (replies, mut reply) = std::io::pipe().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || {
            while requested.read_exact(&mut [0]).is_ok() {
                peer.write_all(b"x").unwrap();
                reply.write_all(b"x").unwrap();
            }
            peer
        });
        assert_seen_after_replies(&connection, requests, replies);
    });
}
