//! Several readers, writers and polls of a group wait for each other.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, ReadError, Visit};

use crate::support::*;

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

/// Further readers and writers wait until the direction is free, and then proceed.
#[test]
fn waiting_readers_and_writers_own_a_direction_one_by_one() {
    let (connection, mut peer) = raw_peer(AddressFamily::Unix);
    thread::scope(|scope| {
        let readers = [(); 3].map(|()| asleep(scope, || read(&connection, 4)));
        peer.write_all(b"aaaabbbbcccc").unwrap();
        let mut parts = readers.map(|reader| reader.join().unwrap().unwrap());
        parts.sort();
        assert_eq!(parts, [b"aaaa", b"bbbb", b"cccc"]);
    });
    let filled = fill(&connection);
    thread::scope(|scope| {
        let writers = [(); 3].map(|()| asleep(scope, || connection.write_fully(&[7; 100_000])));
        let mut received = vec![0; filled + 300_000];
        std::io::Read::read_exact(&mut peer, &mut received).unwrap();
        for writer in writers {
            writer.join().unwrap().unwrap();
        }
    });
    // Calls belong to the connection on which they were made.
    thread::scope(|scope| {
        let readers = [(); 3].map(|()| asleep(scope, || read(&connection, 4)));
        connection.disconnect();
        for reader in readers {
            let outcome = reader.join().unwrap();
            assert!(
                matches!(outcome, Err(ReadError::Disconnected)),
                "{outcome:?}"
            );
        }
    });
}

/// One thread at a time polls a group. A second one waits until the first one returns, and then
/// polls.
#[test]
fn one_thread_at_a_time_polls_a_group() {
    let (one, other) = Connection::pair().unwrap();
    let group = Group::new();
    let key = group.add(&one);
    let visit = |limit| {
        let mut visited = Vec::new();
        group.poll(limit, |key| {
            visited.push(key);
            if poll(&one) {
                Visit::Ready
            } else {
                Visit::Idle
            }
        });
        visited
    };
    (0..3).for_each(|_| drop(visit(Some(Duration::ZERO))));
    thread::scope(|scope| {
        let first = asleep(scope, || visit(None));
        let second = asleep(scope, || visit(None));
        assert_eq!(
            visit(Some(Duration::ZERO)),
            [0; 0],
            "the poll returns without a visit while another thread polls"
        );
        other.write_fully(b"x").unwrap();
        // Where sockets are not watched, the member is also visited earlier.
        assert_eq!(first.join().unwrap().last(), Some(&key));
        assert_eq!(second.join().unwrap().last(), Some(&key));
    });
}
