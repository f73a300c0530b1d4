//! Answers that are shared for as long as a test takes: what may go wrong in 3 microseconds goes wrong at leisure. One test in
//! a program of its own, since the lifetime is the whole process's.

mod support;

use std::io::Write;
use std::time::{Duration, Instant};

use stream_socket::{Group, Visit};
use support::*;

/// The kernel tells a group of a member, whose poll could still use an answer from before.
#[test]
fn a_member_that_was_told_of_does_not_use_an_older_answer() {
    stream_socket::process::set_sharing(Duration::from_secs(3600));
    let (member, mut peer) = connection_to_raw_peer();
    let (bystander, _other) = connection_to_raw_peer();
    let group = Group::new();
    group.add(&member);
    let visit = || {
        let mut has_data = false;
        group.poll(Some(Duration::ZERO), |_| {
            has_data |= member.poll(Instant::now).unwrap();
            Visit::Idle
        });
        has_data
    };
    make_idle(&bystander);
    for round in 0..100 {
        while visit() {}
        make_idle(&member);
        // The second makes a shared poll that the member has not used, and that holds: this library does nothing any more.
        for _ in 0..2 {
            assert!(!bystander.poll(Instant::now).unwrap());
        }
        peer.write_all(b"x").unwrap();
        until(&format!("the group is told, round {round}"), || {
            visit().then_some(())
        });
        assert_eq!(read(&member, 1).unwrap(), b"x");
    }
}
