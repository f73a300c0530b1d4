//! A fork while another thread is inside a call.

use std::thread;
use std::time::{Duration, Instant};

use super::forked;
use crate::support::*;
use stream_socket::{Connection, Group, Status, Visit};

/// The thread that polls the group is not there in the child.
#[test]
fn a_group_that_was_being_polled_can_be_polled_in_the_child() {
    let _only = only_test();
    let (one, _other) = Connection::pair().unwrap();
    let group = Group::new();
    group.add(&one);
    thread::scope(|scope| {
        let poller = asleep(scope, || {
            group.poll(Some(Duration::from_secs(7)), |_| Visit::Idle);
        });
        let status = forked(|| group.poll(Some(Duration::from_millis(100)), |_| Visit::Idle));
        group.wake();
        poller.join().unwrap();
        assert_eq!(status, 0, "the child hangs");
    });
}

/// The thread that reads is not there in the child.
#[test]
fn a_connection_that_was_being_read_can_be_read_in_the_child() {
    let _only = only_test();
    let (one, other) = Connection::pair().unwrap();
    thread::scope(|scope| {
        let reader = asleep(scope, || read(&one, 5));
        let status = forked(|| {
            // The end of the stream is there for both processes.
            other.shut_down_writing().unwrap();
            let end = Instant::now() + Duration::from_secs(2);
            while one.status() == Status::Connected {
                let _ = one.poll(Instant::now);
                assert!(Instant::now() < end, "the child is deaf");
            }
        });
        one.disconnect();
        let _ = reader.join().unwrap();
        assert_eq!(status, 0, "the child is deaf or hangs");
    });
}

fn processor_time() -> Duration {
    // SAFETY: Any bytes are a valid value of the structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: There is room for the answer.
    unsafe { libc::getrusage(libc::RUSAGE_SELF, &mut usage) };
    let time =
        |value: libc::timeval| Duration::new(value.tv_sec as u64, value.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// What the child does with its copy ends no wait of the parent's again and again.
#[test]
fn a_reader_of_the_parent_sleeps_on_after_an_abort_in_the_child() {
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

/// A copy of a listener is let go; the parent's goes on.
#[test]
fn a_child_that_lets_a_listener_go_leaves_the_parents_file() {
    let _only = only_test();
    let server = Server::new(AddressFamily::Unix);
    assert_eq!(forked(|| server.listener.stop()), 0);
    let client = Connection::new();
    start_connect(&client, &server.address).expect("the file of the parent's listener is gone");
}

/// A copy of a connection is let go; close(2) would leave the parent's alone.
#[test]
fn a_child_that_lets_a_connection_go_leaves_the_parents_open() {
    let _only = only_test();
    let (one, other) = Connection::pair().unwrap();
    assert_eq!(forked(|| one.disconnect()), 0);
    one.write_fully(b"hello")
        .expect("the child has ended the parent's stream");
    assert_eq!(read(&other, 5).unwrap(), b"hello");
}
