//! A fork while another thread is inside a call.

use std::thread;
use std::time::{Duration, Instant};

use stream_socket::{Connection, Group, Status, Visit};

use super::forked;
use crate::support::*;

/// The child lacks the thread that polls the group.
#[test]
fn a_group_that_was_being_polled_can_be_polled_in_the_child() {
    let _only = only_test();
    let (one, _other) = Connection::pair().unwrap();
    let group = Group::new();
    group.add(&one);
    thread::scope(|scope| {
        let poller = asleep(scope, || {
            group.poll(Some(PATIENCE), |_| Visit::Idle);
        });
        let status = forked(|| group.poll(Some(Duration::from_millis(100)), |_| Visit::Idle));
        group.wake();
        poller.join().unwrap();
        assert_eq!(status, 0, "the child hangs");
    });
}

/// The child lacks the thread that reads.
#[test]
fn a_connection_that_was_being_read_can_be_read_in_the_child() {
    let _only = only_test();
    let (one, other) = Connection::pair().unwrap();
    thread::scope(|scope| {
        let reader = asleep(scope, || read(&one, 5));
        let status = forked(|| {
            // Both processes see the end of the stream.
            other.shut_down_writing().unwrap();
            let end = Instant::now() + PATIENCE;
            while one.status() == Status::Connected {
                let _ = one.poll(Instant::now);
                assert!(Instant::now() < end, "the child does not see the end");
            }
        });
        one.disconnect();
        let _ = reader.join().unwrap();
        assert_eq!(status, 0, "the child does not see the end, or hangs");
    });
}

fn processor_time() -> Duration {
    // SAFETY: Any bytes are a valid value of the structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: The kernel writes the structure only.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let time =
        |value: libc::timeval| Duration::new(value.tv_sec as u64, value.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// An abort of the child's copy does not wake the parent's wait over and over.
#[test]
fn an_abort_in_the_child_does_not_wake_a_reader_of_the_parent() {
    let _only = only_test();
    let (one, other) = Connection::pair().unwrap();
    thread::scope(|scope| {
        let reader = asleep(scope, || read(&one, 5));
        let status = forked(|| one.abort());
        assert_eq!(status, 0);
        let before = processor_time();
        thread::sleep(Duration::from_secs(1));
        let used = processor_time() - before;
        other.write_fully(b"hello").unwrap();
        assert_eq!(reader.join().unwrap().unwrap(), b"hello");
        assert!(
            used < Duration::from_millis(200),
            "the reader spins: {used:?} of a second"
        );
    });
}

/// The child stops its copy of a listener. The parent's copy keeps listening.
#[test]
fn a_child_that_stops_a_listener_leaves_the_parents_file() {
    let _only = only_test();
    let server = Server::new(AddressFamily::Unix);
    assert_eq!(forked(|| server.listener.stop()), 0);
    let client = Connection::new();
    start_connect(&client, &server.address).expect("the file of the parent's listener is gone");
}

/// The child disconnects its copy of a connection. As with close(2), the parent's stays open.
#[test]
fn a_child_that_disconnects_leaves_the_parents_connection_open() {
    let _only = only_test();
    let (one, other) = Connection::pair().unwrap();
    assert_eq!(forked(|| one.disconnect()), 0);
    one.write_fully(b"hello")
        .expect("the child has ended the parent's stream");
    assert_eq!(read(&other, 5).unwrap(), b"hello");
}
