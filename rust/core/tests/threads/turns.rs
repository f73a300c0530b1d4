//! Several readers, writers and polls of a group take turns.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::*;
use stream_socket::{
    Connection, Group, ReadError, Visit,
};

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

/// Writes until the system takes no more.
fn fill(connection: &Connection) -> usize {
    let block = pattern(1 << 20);
    let pieces = std::iter::from_fn(|| match connection.try_write(&block).unwrap() {
        0 => None,
        count => Some(count),
    });
    pieces.sum()
}

/// A second reader and a second writer wait for their turn, and have it.
#[test]
fn calls_that_wait_have_their_turn() {
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
    // They belong to the session in which they were called.
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

/// One thread at a time polls a group; a second one waits for its turn, and is called when it has come.
#[test]
fn a_thread_waits_for_its_turn_to_poll_a_group() {
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
        assert_eq!(visit(Some(Duration::ZERO)), [0; 0], "it is not its turn");
        other.write_fully(b"x").unwrap();
        // Where sockets are not watched it is visited before, too.
        assert_eq!(first.join().unwrap().last(), Some(&key));
        assert_eq!(second.join().unwrap().last(), Some(&key));
    });
}
