//! The state that all connections of a process share: after a fork, after the library was unloaded
//! and loaded again, and with ten thousand sockets.

use std::sync::MutexGuard;
use std::time::Instant;

use stream_socket::{Connection, Status};

use super::forked;
use crate::support::*;

/// While the guard lives, no other test of this program runs. When it is returned, no connection is
/// watched.
fn only_watching_test() -> MutexGuard<'static, ()> {
    let only = only_test();
    // The lingering closes of the previous test may take a moment. The closer's waker stays open.
    until("its sockets are closed", || {
        (watched_sockets() <= 1).then_some(())
    });
    only
}

fn idle_pairs(count: usize) -> Vec<(Connection, Connection)> {
    let pair = |_| {
        let (one, other) = Connection::pair().unwrap();
        make_idle(&one);
        (one, other)
    };
    (0..count).map(pair).collect()
}

/// Asserts that `count` sockets are watched.
fn assert_watched(count: usize) {
    if is_watching() {
        assert_eq!(watched_sockets(), count);
    }
}

/// Sends a byte to each connection and reads it. The first poll afterwards must report it.
fn exchange(pairs: &[(Connection, Connection)]) {
    pairs
        .iter()
        .for_each(|(_, other)| other.write_fully(b"x").unwrap());
    for (one, _) in pairs {
        assert!(one.poll(Instant::now).unwrap(), "the data was sent before");
        assert_eq!(try_read(one, 9).unwrap(), b"x");
    }
}

/// Runs `body` in a fork of this process, and asserts that it returns.
fn in_fork(body: impl FnOnce()) {
    assert_eq!(forked(body), 0, "the child has failed");
}

#[test]
fn a_fork_and_its_parent_take_no_events_from_each_other() {
    let _only = only_watching_test();
    let pairs = idle_pairs(20);
    assert_watched(20);
    // The child inherits the sockets. The child uses one half of them, and the parent the other.
    let (childs, parents) = pairs.split_at(10);
    in_fork(|| {
        for _ in 0..20 {
            exchange(childs);
            childs.iter().for_each(|(one, _)| make_idle(one));
        }
    });
    exchange(parents);
    assert_watched(20);
}

#[test]
fn data_sent_to_a_parent_is_reported_after_its_fork_has_polled() {
    let _only = only_watching_test();
    let pairs = idle_pairs(20);
    in_fork(|| {
        for (one, _) in &pairs {
            assert!(!one.poll(Instant::now).unwrap());
        }
        for (_, other) in &pairs {
            other.write_fully(b"x").unwrap();
        }
        // A shared poll of the child, while the parent's events are pending.
        let (one, _) = idle_pairs(1).pop().unwrap();
        make_idle(&one);
    });
    for (one, _) in &pairs {
        assert!(one.poll(Instant::now).unwrap(), "the data was sent before");
    }
}

#[test]
fn connections_outlive_an_unloading() {
    let _only = only_watching_test();
    let pairs = idle_pairs(20);
    for _ in 0..3 {
        stream_socket::process::shut_down();
        assert_eq!(watched_sockets(), 0);
        stream_socket::process::start_up();
        exchange(&pairs);
        pairs.iter().for_each(|(one, _)| make_idle(one));
        assert_watched(20);
    }
}

/// A child that has created its own poller probes inherited sockets one by one, because its poller
/// does not watch them.
#[test]
fn a_fork_that_watches_sockets_sees_data_of_inherited_ones() {
    let _only = only_watching_test();
    let pairs = idle_pairs(5);
    in_fork(|| {
        let own = idle_pairs(2);
        for _ in 0..3 {
            own.iter().for_each(|(one, _)| make_idle(one));
            exchange(&pairs);
        }
    });
}

/// After the library was started again, a disconnect still sends the queue.
#[test]
fn lingering_closes_work_after_an_unloading() {
    let _only = only_watching_test();
    stream_socket::process::shut_down();
    stream_socket::process::start_up();
    let (one, other) = Connection::pair().unwrap();
    one.set_queue_limit(MUCH);
    one.write_fully(&pattern(MUCH)).unwrap();
    one.disconnect();
    assert!(read(&other, MUCH).unwrap() == pattern(MUCH));
}

/// Data that a lingering close has not sent before the unloading is lost. The part that was sent
/// must not look complete.
#[test]
fn unloading_resets_a_lingering_close_with_unsent_data() {
    let _only = only_watching_test();
    let (connection, peer) = raw_peer(AddressFamily::Ipv4);
    connection.set_queue_limit(MUCH);
    connection.write_fully(&pattern(MUCH)).unwrap();
    connection.disconnect();
    stream_socket::process::shut_down();
    stream_socket::process::start_up();
    let (received, end) = read_to_end(&peer);
    assert!(received.len() < MUCH);
    end.unwrap_err();
}

#[test]
fn ten_thousand_sockets_are_watched() {
    let _only = only_watching_test();
    let limit = raise_descriptor_limit();
    let count = 5_000.min((limit - 100) / 2);
    let pairs = idle_pairs(count);
    for (_, other) in &pairs {
        make_idle(other);
    }
    assert_watched(2 * count);
    for (index, (one, other)) in pairs.iter().enumerate() {
        // Data for sockets in all parts of the poller's set, before and during a round of polls.
        if index % 100 == 0 {
            let (_, far) = &pairs[count - 1 - index];
            far.write_fully(b"x").unwrap();
        }
        assert!(!other.poll(Instant::now).unwrap());
        let is_notified = one.poll(Instant::now).unwrap();
        let far = count - 1 - index;
        assert_eq!(is_notified, far % 100 == 0 && far <= index, "{index}");
    }
    for (one, _) in &pairs {
        let _ = try_read(one, 9);
    }
    exchange(&pairs);
    let (ones, others): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    drop(others);
    for one in &ones {
        until_status(one, Status::None).unwrap();
    }
}

/// Raises the descriptor limit of this process as far as the system permits, up to 20000. Returns
/// the limit.
fn raise_descriptor_limit() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: The kernel reads and writes the structure only.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max.min(20_000);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
    limit.rlim_cur as usize
}
