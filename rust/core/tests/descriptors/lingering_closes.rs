//! Connections that were closed with unsent data hold a bounded number of descriptors: the oldest
//! are given up first.

use stream_socket::{Connection, Options};

use super::{only_counting_test, sockets};
use crate::support::*;

/// How many connections are closed, and about how many of them may be kept.
const LEFT: usize = 1200;

const KEPT: usize = 1000;

fn allow_descriptors(count: u64) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: The kernel reads and writes the structure only.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max.min(count);
        assert!(limit.rlim_cur >= count, "too few descriptors for this test");
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
}

#[test]
fn lingering_closes_hold_a_bounded_number_of_descriptors() {
    let _only = only_counting_test();
    allow_descriptors(4000);
    let before = sockets();
    let data = pattern(100_000);
    let peers: Vec<Connection> = (0..LEFT)
        .map(|_| {
            let (connection, peer) = Connection::pair().unwrap();
            let small = |options: &mut Options| options.send_buffer_size = Some(4096);
            connection.set_options(small).unwrap();
            connection.set_queue_limit(data.len());
            connection.write_fully(&data).unwrap();
            assert!(connection.pending_bytes() > 0);
            drop(connection);
            peer
        })
        .collect();
    let held = || sockets().len() - before.len() - LEFT;
    until("the oldest are given up", || {
        (held() <= KEPT + 50).then_some(())
    });
    assert!(held() >= KEPT / 2, "only {} are kept", held());
    // The oldest peers get what the system had accepted; the newest get everything.
    let received = |peer: &Connection| {
        peer.set_read_timeout(Some(PATIENCE));
        read(peer, data.len())
    };
    assert!(received(&peers[0]).is_err());
    for peer in [&peers[LEFT - KEPT / 2], &peers[LEFT - 1]] {
        assert!(received(peer).unwrap() == data);
    }
    drop(peers);
    until("all lingering closes have ended", || {
        (sockets() == before).then_some(())
    });
}
