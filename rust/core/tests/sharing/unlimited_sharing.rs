//! Answers that are shared for an hour: what could go wrong within 3 microseconds goes wrong
//! reliably.

use std::io::Write;
use std::time::{Duration, Instant};

use stream_socket::{Group, Visit};

use super::Sharing;
use crate::support::*;

/// The kernel reports a member to its group. The member's poll could still use an older answer.
#[test]
fn a_reported_member_uses_no_older_answer() {
    let _only = only_test();
    let _sharing = Sharing::of(Duration::from_secs(3600));
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
        // The second poll makes a shared poll that stays valid, since this library then makes no
        // further call, and that the member has not used.
        for _ in 0..2 {
            assert!(!bystander.poll(Instant::now).unwrap());
        }
        peer.write_all(b"x").unwrap();
        until(
            &format!("the group reports the data in round {round}"),
            || visit().then_some(()),
        );
        assert_eq!(read(&member, 1).unwrap(), b"x");
    }
}
