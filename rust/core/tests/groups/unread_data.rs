//! What a reader leaves unread is reported; members have a debug format.

use std::mem::MaybeUninit;
use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, Pollable, Visit};

use crate::support::*;

fn poll(connection: &Connection) -> bool {
    connection.poll(Instant::now).unwrap()
}

/// While a reader waits, polls do not report the contents of the buffer. When it times out, the
/// group has to report what it leaves.
#[test]
fn data_that_a_reader_leaves_is_reported_to_the_group() {
    let (one, other) = Connection::pair().unwrap();
    let group = Group::new();
    let key = group.add(&one);
    let visit = |limit| {
        let mut visited = Vec::new();
        group.poll(Some(limit), |key| {
            let is_ready = poll(&one);
            visited.push((key, is_ready));
            if is_ready { Visit::Ready } else { Visit::Idle }
        });
        visited
    };
    other.write_fully(b"part").unwrap();
    assert_eq!(visit(Duration::ZERO), [(key, true)]);
    one.set_read_timeout(Some(Duration::from_secs(2)));
    thread::scope(|scope| {
        let reader = asleep(scope, || {
            let mut out = [MaybeUninit::uninit(); 8];
            one.read_fully_or_nothing(&mut out).is_ok()
        });
        (0..3).for_each(|_| drop(visit(Duration::ZERO)));
        assert!(!reader.join().unwrap());
    });
    assert_eq!(visit(PATIENCE).last(), Some(&(key, true)));
}

#[test]
fn members_have_a_debug_format() {
    let connection = Connection::new();
    let text = format!("{:?}", connection.as_pollable());
    assert!(text.contains("PollableRef"), "{text}");
}
