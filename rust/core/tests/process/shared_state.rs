//! The state that all connections of a process share: after a fork, after the library was unloaded
//! and loaded again, and with ten thousand sockets.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::forked;
use crate::support::*;
use stream_socket::Connection;

fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // The lingering closes of the test before may take a moment. What tells their thread of news stays.
    until("its sockets are closed", || {
        (watched_sockets() <= 1).then_some(())
    });
    guard
}

fn idle_pairs(count: usize) -> Vec<(Connection, Connection)> {
    let pair = |_| {
        let (one, other) = Connection::pair().unwrap();
        make_idle(&one);
        (one, other)
    };
    (0..count).map(pair).collect()
}

/// Asserts that so many sockets are watched.
fn assert_watched(count: usize) {
    if is_watching() {
        assert_eq!(watched_sockets(), count);
    }
}

/// Sends a byte to each, and takes it: each must be seen by the first poll after.
fn exchange(pairs: &[(Connection, Connection)]) {
    pairs
        .iter()
        .for_each(|(_, other)| other.write_fully(b"x").unwrap());
    for (one, _) in pairs {
        assert!(one.poll(Instant::now).unwrap(), "it was sent before");
        assert_eq!(try_read(one, 9).unwrap(), b"x");
    }
}

/// Runs `body` in a fork of this process, and asserts that it returns.
fn in_fork(body: impl FnOnce()) {
    assert_eq!(forked(body), 0, "the child has failed");
}

#[test]
fn a_fork_and_its_parent_do_not_take_each_other_s_news() {
    let _alone = alone();
    let pairs = idle_pairs(20);
    assert_watched(20);
    // The child has the sockets too: what it uses the parent leaves alone, and the other way round.
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
fn what_is_sent_to_a_parent_wakes_it_after_its_fork_has_looked() {
    let _alone = alone();
    let pairs = idle_pairs(20);
    in_fork(|| {
        for (one, _) in &pairs {
            assert!(!one.poll(Instant::now).unwrap());
        }
        for (_, other) in &pairs {
            other.write_fully(b"x").unwrap();
        }
        // A shared poll of the child, while the news is still to be told to the parent.
        let (one, _) = idle_pairs(1).pop().unwrap();
        make_idle(&one);
    });
    for (one, _) in &pairs {
        assert!(one.poll(Instant::now).unwrap(), "it was sent before");
    }
}

#[test]
fn connections_outlive_an_unloading() {
    let _alone = alone();
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

/// A child with a set of its own asks the kernel itself about what it has inherited: its set does not tell of that.
#[test]
fn a_fork_that_watches_sees_news_of_what_it_has_inherited() {
    let _alone = alone();
    let pairs = idle_pairs(5);
    in_fork(|| {
        let own = idle_pairs(2);
        for _ in 0..3 {
            own.iter().for_each(|(one, _)| make_idle(one));
            exchange(&pairs);
        }
    });
}

/// Started up again, a connection that is let go still sends what is queued.
#[test]
fn lingering_closes_outlive_an_unloading() {
    const MUCH: usize = 11 << 20;
    let _alone = alone();
    stream_socket::process::shut_down();
    stream_socket::process::start_up();
    let (one, other) = Connection::pair().unwrap();
    one.set_queue_limit(MUCH);
    one.write_fully(&pattern(MUCH)).unwrap();
    one.disconnect();
    assert!(read(&other, MUCH).unwrap() == pattern(MUCH));
}

/// What a lingering close has not sent by then is lost, and must not look like all there was.
#[test]
fn an_unloading_makes_an_unsent_rest_known() {
    const MUCH: usize = 11 << 20;
    let _alone = alone();
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
fn ten_thousand_sockets() {
    let _alone = alone();
    let limit = raise_descriptor_limit();
    let count = 5_000.min((limit - 100) / 2);
    let pairs = idle_pairs(count);
    for (_, other) in &pairs {
        make_idle(other);
    }
    assert_watched(2 * count);
    for (index, (one, other)) in pairs.iter().enumerate() {
        // From all over the set, before and in the middle of a round.
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
        until_status(one, stream_socket::Status::None).unwrap();
    }
}

/// Allows this process as many descriptors as the system lets it have. So many.
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
