//! How often the library calls the system. A superfluous call only costs time, so the calls are
//! counted. Each number here is the least that the case needs.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use stream_socket::dispatch::{
    Endpoint, EndpointEvent, EventLoop, LoopEvent, LoopHandler, OwnEvent, Source, Subject,
};
use stream_socket::packets::{Framing, PacketReader};
use stream_socket::simulated::control::{self as world, Calls};
use stream_socket::{Connection, Group, Visit};

/// How many worlds each case runs in.
const WORLDS: u64 = 20;

/// Longer than the lifetime of a shared poll.
const LONG: Duration = Duration::from_micros(4);

const NONE: Calls = Calls {
    receives: 0,
    empty_receives: 0,
    sends: 0,
    refused_sends: 0,
    unread_queries: 0,
    unacknowledged_queries: 0,
    error_queries: 0,
    shutdowns: 0,
    polls: 0,
    waits: 0,
    registrations: 0,
    deregistrations: 0,
    wakes: 0,
    notifications: 0,
    descriptors: 0,
};

/// A receive that fails with EWOULDBLOCK.
const EMPTY_RECEIVE: Calls = Calls {
    receives: 1,
    empty_receives: 1,
    ..NONE
};

fn in_worlds(program: impl Fn() + Send + Sync + 'static) {
    let program = Arc::new(program);
    for seed in 0..WORLDS {
        let program = program.clone();
        world::run(seed, move || {
            world::prepare_for_counting();
            program();
            stream_socket::process::shut_down();
        });
    }
}

/// Counts the calls that `body` makes.
fn cost(body: impl FnOnce()) -> Calls {
    let before = world::calls();
    body();
    world::calls() - before
}

fn pair() -> (Connection, Connection) {
    Connection::pair().expect("no fault is set")
}

/// A connection that a poller watches, and its peer.
fn idle_pair() -> (Connection, Connection) {
    let (one, other) = pair();
    (0..2).for_each(|_| assert!(!poll(&one)));
    (one, other)
}

fn poll(connection: &Connection) -> bool {
    connection.poll(world::now).expect("the connection is open")
}

fn write(connection: &Connection, length: usize) {
    connection
        .write_fully(&vec![7; length])
        .expect("there is room");
}

/// Reads at most `limit` bytes without blocking. Returns how many it has read.
fn read(connection: &Connection, limit: usize) -> usize {
    let mut out = vec![MaybeUninit::uninit(); limit];
    connection
        .try_read(&mut out)
        .expect("the connection is open")
}

fn read_exact(connection: &Connection, length: usize) {
    let mut out = vec![MaybeUninit::uninit(); length];
    connection.read_fully(&mut out).expect("the data arrives");
}

fn receives(count: u64) -> Calls {
    Calls {
        receives: count,
        ..NONE
    }
}

fn polls(count: u64) -> Calls {
    Calls {
        polls: count,
        ..NONE
    }
}

/// The first two polls receive. After the second the connection is watched, and later polls are
/// shared polls.
#[test]
fn a_connection_is_watched_once_it_was_found_empty_twice() {
    in_worlds(|| {
        let (one, _other) = pair();
        assert_eq!(cost(|| assert!(!poll(&one))), EMPTY_RECEIVE);
        let begun = Calls {
            registrations: 1,
            descriptors: 1,
            ..EMPTY_RECEIVE
        };
        assert_eq!(cost(|| assert!(!poll(&one))), begun);
        for _ in 0..5 {
            assert_eq!(cost(|| assert!(!poll(&one))), polls(1));
        }
    });
}

#[test]
fn a_round_of_polls_of_idle_connections_is_one_shared_poll() {
    in_worlds(|| {
        let pairs: Vec<_> = (0..10).map(|_| idle_pair()).collect();
        let round = || pairs.iter().for_each(|(one, _)| assert!(!poll(one)));
        for _ in 0..5 {
            world::sleep(LONG);
            assert_eq!(cost(round), polls(1));
        }
        // In a tight loop each round has to see what is new.
        assert_eq!(cost(|| (0..3).for_each(|_| round())), polls(3));
    });
}

/// A poll and a call of `available` can use the same shared poll, but neither uses one twice.
#[test]
fn a_poll_and_available_use_the_same_shared_poll() {
    in_worlds(|| {
        let (one, _other) = idle_pair();
        let both = || {
            assert!(!poll(&one));
            assert_eq!(one.available(), Some(0));
        };
        assert_eq!(cost(both), polls(1));
        assert_eq!(cost(both), polls(1));
        let queries = || (0..3).for_each(|_| assert_eq!(one.available(), Some(0)));
        world::sleep(LONG);
        assert_eq!(cost(queries), polls(3));
    });
}

#[test]
fn a_shared_poll_is_not_reused_after_a_send_or_after_its_lifetime() {
    in_worlds(|| {
        let ((one, _one_peer), (two, _two_peer)) = (idle_pair(), idle_pair());
        let (sender, _receiver) = pair();
        world::sleep(LONG);
        assert_eq!(
            cost(|| {
                assert!(!poll(&one));
                world::sleep(LONG);
                assert!(!poll(&two));
            }),
            polls(2)
        );
        world::sleep(LONG);
        assert_eq!(
            cost(|| {
                assert!(!poll(&one));
                write(&sender, 1);
                assert!(!poll(&two));
            }),
            Calls {
                sends: 1,
                ..polls(2)
            }
        );
    });
}

/// What a shared poll reports is received once, and its size is known without a query.
#[test]
fn a_message_to_an_idle_connection_costs_a_shared_poll_and_a_receive() {
    in_worlds(|| {
        let (one, other) = idle_pair();
        assert!(!poll(&one));
        for _ in 0..3 {
            assert_eq!(cost(|| write(&other, 9)), Calls { sends: 1, ..NONE });
            let seen = Calls {
                receives: 1,
                ..polls(1)
            };
            assert_eq!(cost(|| assert!(poll(&one))), seen);
            let known = || {
                assert!(poll(&one));
                assert_eq!(one.available(), Some(9));
                assert!(one.has_unread());
                assert_eq!(read(&one, 4), 4);
                assert_eq!(one.available(), Some(5));
                read_exact(&one, 5);
            };
            assert_eq!(cost(known), NONE);
            // One more probe finds nothing, and the connection is idle again. It stays in the
            // poller.
            assert_eq!(cost(|| assert!(!poll(&one))), EMPTY_RECEIVE);
            assert_eq!(cost(|| assert!(!poll(&one))), polls(1));
        }
    });
}

/// A poll that has found nothing serves one call of `available` as well.
#[test]
fn available_after_an_empty_poll_makes_no_call() {
    in_worlds(|| {
        let (one, _other) = pair();
        assert!(!poll(&one));
        assert_eq!(cost(|| assert_eq!(one.available(), Some(0))), NONE);
        let (two, _other) = pair();
        assert!(!poll(&two));
        world::sleep(LONG);
        assert_eq!(cost(|| assert_eq!(two.available(), Some(0))).receives, 1);
    });
}

/// A poll receives at most 4 KiB. How much is left is queried once, until something happens.
#[test]
fn unread_bytes_beyond_the_buffer_are_queried_once() {
    in_worlds(|| {
        let (one, other) = pair();
        write(&other, 5000);
        assert_eq!(cost(|| assert!(poll(&one))), receives(1));
        let query = || assert_eq!(one.available(), Some(5000));
        let counted = Calls {
            unread_queries: 1,
            ..NONE
        };
        assert_eq!(cost(query), counted);
        assert_eq!(cost(query), NONE);
        world::sleep(LONG);
        assert_eq!(cost(query), counted);
        // A receive of less than 4 KiB has returned all that there is.
        let (one, other) = pair();
        write(&other, 4095);
        assert_eq!(
            cost(|| assert_eq!(one.available(), Some(4095))),
            receives(1)
        );
        world::sleep(LONG);
        assert_eq!(cost(|| assert_eq!(one.available(), Some(4095))), counted);
    });
}

#[test]
fn non_blocking_reads_receive_once() {
    in_worlds(|| {
        let (one, other) = pair();
        assert_eq!(cost(|| assert_eq!(read(&one, 10), 0)), EMPTY_RECEIVE);
        write(&other, 1000);
        // Small reads are served from what the first one has received, and the last is short
        // without a probe.
        assert_eq!(cost(|| assert_eq!(read(&one, 600), 600)), receives(1));
        assert_eq!(cost(|| assert_eq!(read(&one, 600), 400)), NONE);
        // The buffer was full: more may be there.
        write(&other, 16_384 + 10);
        assert_eq!(cost(|| assert_eq!(read(&one, 16_000), 16_000)), receives(1));
        assert_eq!(cost(|| assert_eq!(read(&one, 1000), 394)), receives(1));
        // Large reads bypass the buffer.
        write(&other, 60_000);
        assert_eq!(cost(|| assert_eq!(read(&one, 50_000), 50_000)), receives(1));
        assert_eq!(cost(|| assert_eq!(read(&one, 50_000), 10_000)), receives(1));
    });
}

#[test]
fn reading_everything_queries_the_size_once() {
    in_worlds(|| {
        let (one, other) = pair();
        let all = |limit| {
            one.try_read_with(limit, <[u8]>::len)
                .expect("the connection is open")
        };
        assert_eq!(cost(|| assert_eq!(all(usize::MAX), 0)), EMPTY_RECEIVE);
        write(&other, 100);
        assert_eq!(cost(|| assert_eq!(all(60), 60)), receives(1));
        assert_eq!(cost(|| assert_eq!(all(60), 40)), NONE);
        write(&other, 40_000);
        let pieces = Calls {
            unread_queries: 1,
            ..receives(3)
        };
        assert_eq!(cost(|| assert_eq!(all(usize::MAX), 40_000)), pieces);
        // No more than the limit is received.
        write(&other, 40_000);
        let piece = Calls {
            unread_queries: 1,
            ..receives(1)
        };
        assert_eq!(cost(|| assert_eq!(all(10_000), 10_000)), piece);
        assert_eq!(cost(|| assert_eq!(all(6_384), 6_384)), NONE);
        assert_eq!(cost(|| assert_eq!(all(0), 0)), NONE);
        assert_eq!(all(usize::MAX), 40_000 - 16_384);
    });
}

#[test]
fn searching_for_a_line_receives_once() {
    in_worlds(|| {
        let (one, other) = pair();
        let line = || {
            one.read_until(b"\n", usize::MAX, <[u8]>::len)
                .expect("the connection is open")
        };
        assert_eq!(cost(|| assert_eq!(line(), None)), EMPTY_RECEIVE);
        write(&other, 100);
        assert_eq!(cost(|| assert_eq!(line(), None)), receives(1));
        other.write_fully(b"\nsecond\n").expect("there is room");
        assert_eq!(cost(|| assert_eq!(line(), Some(101))), receives(1));
        assert_eq!(cost(|| assert_eq!(line(), Some(7))), NONE);
        write(&other, 40_000);
        let pieces = Calls {
            unread_queries: 1,
            ..receives(3)
        };
        assert_eq!(cost(|| assert_eq!(line(), None)), pieces);
    });
}

/// A read waits only if too little is there, and then once. Its interrupter is created once.
#[test]
fn a_blocking_read_waits_once() {
    in_worlds(|| {
        let (one, other) = pair();
        write(&other, 100);
        assert_eq!(cost(|| read_exact(&one, 60)), receives(1));
        assert_eq!(cost(|| read_exact(&one, 40)), NONE);
        write(&other, 50_000);
        assert_eq!(cost(|| read_exact(&one, 50_000)), receives(1));
        one.set_read_timeout(Some(Duration::from_micros(50)));
        let wait = || {
            let mut out = [MaybeUninit::uninit(); 8];
            one.read_fully(&mut out).expect_err("nothing comes");
        };
        let first = cost(wait);
        assert_eq!(first.descriptors, 1);
        assert_eq!(first.waits, 1);
        for _ in 0..3 {
            assert_eq!(
                cost(wait),
                Calls {
                    descriptors: 0,
                    ..first
                }
            );
        }
    });
}

#[test]
fn a_write_sends_once() {
    in_worlds(|| {
        let (one, other) = pair();
        let sent = Calls { sends: 1, ..NONE };
        assert_eq!(cost(|| write(&one, 100)), sent);
        let try_write = |length| {
            one.try_write(&vec![7; length])
                .expect("the connection is open")
        };
        assert_eq!(cost(|| assert_eq!(try_write(100), 100)), sent);
        one.set_queue_limit(1 << 20);
        assert_eq!(cost(|| write(&one, 100)), sent);
        assert_eq!(cost(|| assert_eq!(try_write(100), 100)), sent);
        // With nothing queued neither a flush nor a poll sends.
        assert_eq!(
            cost(|| one.flush_queue().expect("the connection is open")),
            NONE
        );
        assert_eq!(cost(|| assert!(!poll(&one))), EMPTY_RECEIVE);
        // While the queue is blocked, writes that add to it do not send.
        let filled = cost(|| write(&one, 1 << 19));
        assert_eq!((filled.sends, filled.refused_sends), (2, 1));
        assert_eq!(cost(|| write(&one, 100)), NONE);
        assert_eq!(cost(|| assert_eq!(try_write(100), 100)), NONE);
        let refused = Calls {
            sends: 1,
            refused_sends: 1,
            ..NONE
        };
        assert_eq!(
            cost(|| drop(one.flush_queue().expect_err("it is full"))),
            refused
        );
        drop(other);
    });
}

/// Small writes are sent together: by a flush, by a poll, or once they add up to 16 KiB.
#[test]
fn coalesced_writes_are_one_send() {
    in_worlds(|| {
        let (one, _other) = pair();
        one.set_coalesces(true);
        let sent = Calls { sends: 1, ..NONE };
        let coalesce = || {
            write(&one, 100);
            assert_eq!(
                one.try_write(&[7; 100]).expect("the connection is open"),
                100
            );
        };
        assert_eq!(cost(coalesce), NONE);
        assert_eq!(cost(|| one.flush_queue().expect("there is room")), sent);
        coalesce();
        let polled = Calls {
            sends: 1,
            ..EMPTY_RECEIVE
        };
        assert_eq!(cost(|| assert!(!poll(&one))), polled);
        assert_eq!(cost(|| write(&one, 16_383)), NONE);
        assert_eq!(cost(|| write(&one, 1)), sent);
    });
}

/// A non-blocking read that finds nothing sends what is coalesced, once. One that finds data does
/// not.
#[test]
fn empty_reads_send_coalesced_bytes() {
    in_worlds(|| {
        let reads: [fn(&Connection); 4] = [
            |one| assert_eq!(one.available(), Some(0)),
            |one| assert_eq!(read(one, 10), 0),
            |one| {
                assert_eq!(
                    one.read_until(b"\n", 10, |_| ())
                        .expect("the connection is open"),
                    None
                )
            },
            |one| {
                one.try_read_with(10, |all| assert!(all.is_empty()))
                    .expect("the connection is open")
            },
        ];
        for empty_read in reads {
            let (one, other) = pair();
            one.set_coalesces(true);
            write(&one, 10);
            assert_eq!(cost(|| empty_read(&one)).sends, 1);
            assert_eq!(one.pending_bytes(), 0);
            assert_eq!(cost(|| empty_read(&one)).sends, 0);
            assert_eq!(read(&other, 100), 10);
            // This read finds data, so what is coalesced keeps waiting for more.
            write(&other, 20);
            write(&one, 10);
            assert_eq!(cost(|| assert_eq!(read(&one, 100), 20)).sends, 0);
            assert_eq!(one.pending_bytes(), 10);
        }
    });
}

/// The peer has ended its direction first, so the socket is closed at once, without a thread.
#[test]
fn a_lingering_close_of_an_ended_stream_is_one_shutdown() {
    in_worlds(|| {
        let (one, other) = pair();
        other.shut_down_writing().expect("it is open");
        one.set_allow_half_open(true);
        assert!(!poll(&one));
        assert!(one.is_read_closed());
        let ended = Calls {
            shutdowns: 1,
            ..NONE
        };
        assert_eq!(cost(|| one.disconnect()), ended);
        assert_eq!(world::count_open().threads, 0);
        other.disconnect();
    });
}

fn visits(group: &Group, connection: &Connection) -> usize {
    let mut visits = 0;
    group.poll(Some(Duration::ZERO), |_| {
        visits += 1;
        match connection.poll(world::now) {
            Ok(true) => Visit::Ready,
            _ => Visit::Idle,
        }
    });
    visits
}

/// A group makes one call for all of its members, and none for idle ones.
#[test]
fn a_group_of_idle_members_makes_one_call() {
    in_worlds(|| {
        let group = Group::new();
        let pairs: Vec<_> = (0..5).map(|_| idle_pair()).collect();
        for (one, _) in &pairs {
            assert_eq!(cost(|| assert!(group.add(one) < 5)).registrations, 1);
        }
        let all = || {
            let mut keys = Vec::new();
            group.poll(Some(Duration::ZERO), |key| {
                keys.push(key);
                match pairs[key].0.poll(world::now) {
                    Ok(true) => Visit::Ready,
                    _ => Visit::Idle,
                }
            });
            keys
        };
        // The first polls visit new members, and members that are reported as writable.
        (0..3).for_each(|_| drop(all()));
        for _ in 0..5 {
            assert_eq!(cost(|| assert_eq!(all(), [0; 0])), polls(1));
        }
        // Only the member with data is visited, and receives.
        write(&pairs[3].1, 5);
        let seen = Calls {
            receives: 1,
            ..polls(1)
        };
        assert_eq!(cost(|| assert_eq!(all(), [3])), seen);
        assert_eq!(read(&pairs[3].0, 10), 5);
    });
}

/// Marking a member as due, or waking a group, makes no call while no thread waits in the group.
#[test]
fn a_wake_up_of_a_group_without_waiting_threads_makes_no_call() {
    in_worlds(|| {
        let group = Group::new();
        let (one, _other) = idle_pair();
        group.add(&one);
        (0..3).for_each(|_| assert!(visits(&group, &one) < 2));
        one.set_coalesces(true);
        assert_eq!(cost(|| write(&one, 10)), NONE);
        // A member that is due is visited without a wait.
        let mut visited = 0;
        let visit = |_| {
            visited += 1;
            assert!(!poll(&one));
            Visit::Ready
        };
        assert_eq!(cost(|| group.poll(None, visit)).waits, 0);
        assert_eq!(visited, 1);
        (0..3).for_each(|_| assert!(visits(&group, &one) < 2));
        assert_eq!(visits(&group, &one), 0);
        assert_eq!(cost(|| group.wake()), NONE);
        assert_eq!(cost(|| group.poll(None, |_| Visit::Idle)), polls(1));
    });
}

/// A write for which the queue has no room sends from the queue first.
#[test]
fn a_queued_write_without_room_sends_what_is_queued() {
    in_worlds(|| {
        let (one, other) = pair();
        one.set_queue_limit(1 << 20);
        write(&one, 1 << 19);
        let left = one.pending_bytes();
        assert!(left > 0);
        one.set_queue_limit(left + 10);
        one.write_fully(&[7; 20]).expect_err("there is no room");
        let taken = (1 << 19) - left;
        read_exact(&other, taken);
        let sent = cost(|| write(&one, 20));
        assert!(sent.sends > 0, "{sent:?}");
        assert!(one.pending_bytes() < left);
    });
}

/// At most 16 of the interrupters that blocked calls have needed at once are kept.
#[test]
fn sixteen_interrupters_are_kept() {
    in_worlds(|| {
        let readers: Vec<_> = (0..20)
            .map(|_| {
                world::spawn(|| {
                    let (one, _other) = pair();
                    one.set_read_timeout(Some(Duration::from_secs(1)));
                    let mut out = [MaybeUninit::uninit(); 8];
                    one.read_fully(&mut out).expect_err("nothing comes");
                })
            })
            .collect();
        for reader in readers {
            reader.join().expect("no thread panics");
        }
        assert_eq!(world::count_open().interrupters, 16);
    });
}

/// `poll` and `available` of an idle connection do not take its lock, which another thread may
/// hold.
#[test]
fn polling_an_idle_connection_takes_no_lock() {
    in_worlds(|| {
        let (one, other) = idle_pair();
        for _ in 0..3 {
            let before = world::locks();
            for _ in 0..5 {
                assert!(!poll(&one));
                assert_eq!(one.available(), Some(0));
            }
            assert_eq!(world::locks(), before);
            write(&other, 1);
            read_exact(&one, 1);
            assert!(!poll(&one));
        }
    });
}

/// Each poll tries to send what is queued. A shared poll shows that nothing has arrived.
#[test]
fn a_poll_of_a_stalled_queue_receives_nothing() {
    in_worlds(|| {
        let (one, _other) = idle_pair();
        one.set_queue_limit(1 << 20);
        write(&one, 1 << 19);
        let polled = Calls {
            sends: 1,
            refused_sends: 1,
            ..polls(1)
        };
        for _ in 0..3 {
            assert_eq!(cost(|| assert!(!poll(&one))), polled);
        }
    });
}

/// The kernel reports the member again, so it is not probed.
#[test]
fn a_member_that_is_added_again_is_watched_again() {
    in_worlds(|| {
        let (one, other) = idle_pair();
        let group = Group::new();
        for _ in 0..3 {
            let key = group.add(&one);
            (0..3).for_each(|_| assert!(visits(&group, &one) < 2));
            assert_eq!(cost(|| assert_eq!(visits(&group, &one), 0)), polls(1));
            write(&other, 3);
            assert_eq!(visits(&group, &one), 1);
            assert_eq!(read(&one, 3), 3);
            assert_eq!(cost(|| group.remove(key, &one)).deregistrations, 1);
            write(&other, 3);
            assert_eq!(visits(&group, &one), 0);
            assert_eq!(read(&one, 3), 3);
        }
    });
}

/// A pending member is visited from time to time, even during an unlimited wait.
#[test]
fn a_pending_member_is_visited_again() {
    in_worlds(|| {
        let group = Group::new();
        let (one, _other) = idle_pair();
        group.add(&one);
        let mut visited = 0;
        let pending = |_| {
            visited += 1;
            assert!(!poll(&one));
            if visited < 10 {
                Visit::Pending
            } else {
                Visit::Ready
            }
        };
        group.poll(None, pending);
        assert_eq!(visited, 10);
    });
}

/// A visit to one member makes another one due: that one is visited too, without a wait.
#[test]
fn a_member_that_a_visit_makes_due_is_visited_without_a_wait() {
    in_worlds(|| {
        let group = Group::new();
        let ((one, sender), (two, _other)) = (idle_pair(), idle_pair());
        let keys = [group.add(&one), group.add(&two)];
        two.set_coalesces(true);
        for _ in 0..3 {
            group.poll(Some(Duration::ZERO), |key| {
                assert!(!poll(if key == keys[0] { &one } else { &two }));
                Visit::Idle
            });
        }
        write(&sender, 1);
        let mut visited = Vec::new();
        let visit = |key| {
            visited.push(key);
            if key == keys[0] {
                if read(&one, 1) == 1 {
                    write(&two, 10);
                }
                Visit::Idle
            } else {
                Visit::Ready
            }
        };
        assert_eq!(cost(|| group.poll(None, visit)).waits, 0);
        assert_eq!(visited.last(), Some(&keys[1]));
    });
}

/// A limit for stalled members costs nothing for members without a queue. A member with a queue is
/// checked at most four times per second.
#[test]
fn a_limit_for_stalled_members_queries_only_those_with_a_queue() {
    for limit in [None, Some(Duration::from_secs(60))] {
        in_worlds(move || {
            let event_loop = EventLoop::<Member>::new(|| false);
            event_loop.set_max_stalled(limit);
            let (idle, _idle_other) = idle_pair();
            event_loop.add(Member(Arc::new(idle))).expect("it is new");
            let poll = || drop(event_loop.poll(Some(Duration::ZERO), &mut Nobody));
            (0..5).for_each(|_| poll());
            assert_eq!(cost(poll), polls(1), "an idle loop with {limit:?}");
            let (one, _other) = pair();
            one.set_queue_limit(1 << 20);
            write(&one, 1 << 19);
            assert!(one.pending_bytes() > 0);
            event_loop.add(Member(Arc::new(one))).expect("it is new");
            let frame = Duration::from_millis(20);
            let queries: u64 = (0..100)
                .map(|_| {
                    world::sleep(frame);
                    cost(poll).unacknowledged_queries
                })
                .sum();
            match limit {
                None => assert_eq!(queries, 0),
                // Two seconds.
                Some(_) => assert!((1..=9).contains(&queries), "{queries}"),
            }
            assert_eq!(cost(poll).receives, 0, "the members are not visited");
        });
    }
}

/// Whether idle members are silent is known without a call. A member with unread data takes a query
/// for each check, at most four times per second.
#[test]
fn a_limit_for_silent_members_queries_only_those_with_unread_data() {
    in_worlds(|| {
        let event_loop = EventLoop::<Member>::new(|| false);
        event_loop.set_max_silent(Some(Duration::from_secs(60)));
        let (idle, _idle_other) = idle_pair();
        event_loop.add(Member(Arc::new(idle))).expect("it is new");
        let poll = || drop(event_loop.poll(Some(Duration::ZERO), &mut Nobody));
        (0..5).for_each(|_| poll());
        let frame = Duration::from_millis(20);
        for _ in 0..100 {
            world::sleep(frame);
            assert_eq!(cost(poll), polls(1), "an idle loop");
        }
        let (one, other) = pair();
        write(&other, 100);
        event_loop.add(Member(Arc::new(one))).expect("it is new");
        poll();
        let queries: u64 = (0..100)
            .map(|_| {
                world::sleep(frame);
                cost(poll).unread_queries
            })
            .sum();
        assert!((1..=9).contains(&queries), "{queries}");
    });
}

/// The progress of a packet is known without a call.
#[test]
fn the_progress_of_a_packet_makes_no_call() {
    in_worlds(|| {
        let (one, other) = pair();
        let mut lines = PacketReader::new(Framing::Delimiter(b"\n".to_vec()), 100);
        write(&other, 10);
        assert!(
            lines
                .read(&one, |_| ())
                .expect("the connection is open")
                .is_none()
        );
        assert_eq!(cost(|| assert_eq!(lines.incoming(&one).received, 10)), NONE);
    });
}

/// A member without handlers.
#[derive(Clone)]
struct Member(Arc<Connection>);

impl Endpoint for Member {
    fn connection(&self) -> &Connection {
        &self.0
    }
    fn wants_data(&self) -> bool {
        false
    }
    fn notify(&self, _event: EndpointEvent) {}
}

impl Subject for Member {
    type Endpoint = Member;
    type Packet = ();
    type Message<'a> = ();

    fn id(&self) -> u64 {
        Arc::as_ptr(&self.0).addr() as u64
    }
    fn source(&self) -> Source<'_, Self> {
        Source::Endpoint(self)
    }
    fn packet(_bytes: &[u8], _: bool) {}
    fn wants_packets(&self) -> bool {
        false
    }
    fn notify(&self, _event: OwnEvent<'_, ()>) {}
}

struct Nobody;

impl LoopHandler<Member> for Nobody {
    fn wants_packets(&mut self) -> bool {
        false
    }
    fn notify(&mut self, _member: &Member, _event: LoopEvent<'_, ()>) {}
}
