//! How often the library calls the system. A connection that is looked at without need, or a question that is asked twice,
//! costs time and changes nothing else, so it is counted: each number here is the least that the case needs.

use std::mem::MaybeUninit;
use std::sync::Arc;
use std::time::Duration;

use stream_socket::simulated::control::{self as world, Calls};
use stream_socket::{Connection, Group, Visit};

/// Each case is played in so many worlds.
const WORLDS: u64 = 20;

/// Longer than an answer is shared.
const LONG: Duration = Duration::from_micros(4);

const NONE: Calls = Calls {
    receives: 0,
    empty_receives: 0,
    sends: 0,
    refused_sends: 0,
    unread_queries: 0,
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

/// A receive that finds nothing.
const VAIN_RECEIVE: Calls = Calls {
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

/// The calls that `body` makes.
fn cost(body: impl FnOnce()) -> Calls {
    let before = world::calls();
    body();
    world::calls() - before
}

fn pair() -> (Connection, Connection) {
    Connection::pair().expect("no fault is set")
}

/// A connection that is watched, and its peer.
fn idle_pair() -> (Connection, Connection) {
    let (one, other) = pair();
    (0..2).for_each(|_| assert!(!poll(&one)));
    (one, other)
}

fn poll(connection: &Connection) -> bool {
    connection.poll(world::now).expect("it is sound")
}

fn write(connection: &Connection, length: usize) {
    connection
        .write_fully(&vec![7; length])
        .expect("there is room");
}

/// Reads at most `limit` bytes without waiting; how many there were.
fn read(connection: &Connection, limit: usize) -> usize {
    let mut out = vec![MaybeUninit::uninit(); limit];
    connection.try_read(&mut out).expect("it is sound")
}

fn read_exact(connection: &Connection, length: usize) {
    let mut out = vec![MaybeUninit::uninit(); length];
    connection.read_fully(&mut out).expect("it comes");
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

/// Two looks of its own, of which the second has it watched; from then on a shared poll.
#[test]
fn a_connection_is_watched_once_it_was_found_empty_twice() {
    in_worlds(|| {
        let (one, _other) = pair();
        assert_eq!(cost(|| assert!(!poll(&one))), VAIN_RECEIVE);
        let begun = Calls {
            registrations: 1,
            descriptors: 1,
            ..VAIN_RECEIVE
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
        // A tight loop has each round see what is new.
        assert_eq!(cost(|| (0..3).for_each(|_| round())), polls(3));
    });
}

/// A poll and a question share an answer, but none of them uses one twice.
#[test]
fn a_poll_and_a_question_share_a_shared_poll() {
    in_worlds(|| {
        let (one, _other) = idle_pair();
        let both = || {
            assert!(!poll(&one));
            assert_eq!(one.available(), Some(0));
        };
        assert_eq!(cost(both), polls(1));
        assert_eq!(cost(both), polls(1));
        let questions = || (0..3).for_each(|_| assert_eq!(one.available(), Some(0)));
        world::sleep(LONG);
        assert_eq!(cost(questions), polls(3));
    });
}

#[test]
fn an_answer_is_not_shared_once_something_was_sent_or_time_has_passed() {
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

/// What a shared poll has told of is received once, and no question is needed to know how much it is.
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
            // It is looked at once more, and is quiet again: it stays in the set.
            assert_eq!(cost(|| assert!(!poll(&one))), VAIN_RECEIVE);
            assert_eq!(cost(|| assert!(!poll(&one))), polls(1));
        }
    });
}

/// A poll that has found nothing answers one question, too.
#[test]
fn a_question_after_a_poll_asks_nobody() {
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

/// A poll brings in 4 KiB; how much is behind is asked for once, as long as nothing happens.
#[test]
fn what_is_behind_the_buffer_is_counted_once() {
    in_worlds(|| {
        let (one, other) = pair();
        write(&other, 5000);
        assert_eq!(cost(|| assert!(poll(&one))), receives(1));
        let question = || assert_eq!(one.available(), Some(5000));
        let counted = Calls {
            unread_queries: 1,
            ..NONE
        };
        assert_eq!(cost(question), counted);
        assert_eq!(cost(question), NONE);
        world::sleep(LONG);
        assert_eq!(cost(question), counted);
        // Less than 4 KiB is all that there is.
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
fn reads_that_do_not_wait_receive_once() {
    in_worlds(|| {
        let (one, other) = pair();
        assert_eq!(cost(|| assert_eq!(read(&one, 10), 0)), VAIN_RECEIVE);
        write(&other, 1000);
        // Small reads are served from what the first has brought in, and the last of them is short without a look.
        assert_eq!(cost(|| assert_eq!(read(&one, 600), 600)), receives(1));
        assert_eq!(cost(|| assert_eq!(read(&one, 600), 400)), NONE);
        // The buffer was full: more may be there.
        write(&other, 16_384 + 10);
        assert_eq!(cost(|| assert_eq!(read(&one, 16_000), 16_000)), receives(1));
        assert_eq!(cost(|| assert_eq!(read(&one, 1000), 394)), receives(1));
        // Large reads go past the buffer.
        write(&other, 60_000);
        assert_eq!(cost(|| assert_eq!(read(&one, 50_000), 50_000)), receives(1));
        assert_eq!(cost(|| assert_eq!(read(&one, 50_000), 10_000)), receives(1));
    });
}

#[test]
fn receiving_everything_asks_once_how_much_it_is() {
    in_worlds(|| {
        let (one, other) = pair();
        let all = |limit| one.try_read_with(limit, <[u8]>::len).expect("it is sound");
        assert_eq!(cost(|| assert_eq!(all(usize::MAX), 0)), VAIN_RECEIVE);
        write(&other, 100);
        assert_eq!(cost(|| assert_eq!(all(60), 60)), receives(1));
        assert_eq!(cost(|| assert_eq!(all(60), 40)), NONE);
        write(&other, 40_000);
        let pieces = Calls {
            unread_queries: 1,
            ..receives(3)
        };
        assert_eq!(cost(|| assert_eq!(all(usize::MAX), 40_000)), pieces);
        // No more than the limit is brought in.
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
fn looking_for_a_line_receives_once() {
    in_worlds(|| {
        let (one, other) = pair();
        let line = || {
            one.read_until(b"\n", usize::MAX, <[u8]>::len)
                .expect("it is sound")
        };
        assert_eq!(cost(|| assert_eq!(line(), None)), VAIN_RECEIVE);
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

/// Without a wait where enough is there; otherwise one wait. What waits are ended by is made once.
#[test]
fn a_read_that_waits_waits_once() {
    in_worlds(|| {
        let (one, other) = pair();
        write(&other, 100);
        assert_eq!(cost(|| read_exact(&one, 60)), receives(1));
        assert_eq!(cost(|| read_exact(&one, 40)), NONE);
        write(&other, 50_000);
        assert_eq!(cost(|| read_exact(&one, 50_000)), receives(1));
        let timed_out = Calls {
            waits: 1,
            ..VAIN_RECEIVE
        };
        one.set_read_timeout(Some(Duration::from_micros(50)));
        let wait = || {
            let mut out = [MaybeUninit::uninit(); 8];
            one.read_fully(&mut out).expect_err("nothing comes");
        };
        let first = cost(wait);
        assert_eq!(first.descriptors, 1);
        // After the wait it looks once more whether its time is over.
        assert_eq!(first.waits, timed_out.waits);
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
        let available = |length| one.try_write(&vec![7; length]).expect("it is sound");
        assert_eq!(cost(|| assert_eq!(available(100), 100)), sent);
        one.set_queue_limit(1 << 20);
        assert_eq!(cost(|| write(&one, 100)), sent);
        assert_eq!(cost(|| assert_eq!(available(100), 100)), sent);
        // With nothing queued neither a flush nor a poll sends.
        assert_eq!(cost(|| one.flush_queue().expect("it is sound")), NONE);
        assert_eq!(cost(|| assert!(!poll(&one))), VAIN_RECEIVE);
        // What is queued behind what had no room is not tried again by those that queue more.
        let filled = cost(|| write(&one, 1 << 19));
        assert_eq!((filled.sends, filled.refused_sends), (2, 1));
        assert_eq!(cost(|| write(&one, 100)), NONE);
        assert_eq!(cost(|| assert_eq!(available(100), 100)), NONE);
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

/// Small writes go out together: by a flush, by a poll, or when there are 16 KiB.
#[test]
fn coalesced_writes_are_one_send() {
    in_worlds(|| {
        let (one, _other) = pair();
        one.set_coalesces(true);
        let sent = Calls { sends: 1, ..NONE };
        let gather = || {
            write(&one, 100);
            assert_eq!(one.try_write(&[7; 100]).expect("it is sound"), 100);
        };
        assert_eq!(cost(gather), NONE);
        assert_eq!(cost(|| one.flush_queue().expect("there is room")), sent);
        gather();
        let polled = Calls {
            sends: 1,
            ..VAIN_RECEIVE
        };
        assert_eq!(cost(|| assert!(!poll(&one))), polled);
        assert_eq!(cost(|| write(&one, 16_383)), NONE);
        assert_eq!(cost(|| write(&one, 1)), sent);
    });
}

/// A read that does not wait and finds nothing sends what is coalesced, once; one that finds something does not.
#[test]
fn vain_reads_send_what_is_coalesced() {
    in_worlds(|| {
        let reads: [fn(&Connection); 4] = [
            |one| assert_eq!(one.available(), Some(0)),
            |one| assert_eq!(read(one, 10), 0),
            |one| {
                assert_eq!(
                    one.read_until(b"\n", 10, |_| ()).expect("it is sound"),
                    None
                )
            },
            |one| {
                one.try_read_with(10, |all| assert!(all.is_empty()))
                    .expect("it is sound")
            },
        ];
        for vain_read in reads {
            let (one, other) = pair();
            one.set_coalesces(true);
            write(&one, 10);
            assert_eq!(cost(|| vain_read(&one)).sends, 1);
            assert_eq!(one.pending_bytes(), 0);
            assert_eq!(cost(|| vain_read(&one)).sends, 0);
            assert_eq!(read(&other, 100), 10);
            // The answer is there, and what is coalesced meanwhile waits for more.
            write(&other, 20);
            write(&one, 10);
            assert_eq!(cost(|| assert_eq!(read(&one, 100), 20)).sends, 0);
            assert_eq!(one.pending_bytes(), 10);
        }
    });
}

/// The peer has ended first: the lingering close ends, and the socket is closed at once, without a thread.
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
        assert_eq!(world::open().threads, 0);
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

/// A group asks the kernel once, whoever is in it, and nobody who has nothing to say.
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
        // New members are visited, and those of whose room the kernel tells.
        (0..3).for_each(|_| drop(all()));
        for _ in 0..5 {
            assert_eq!(cost(|| assert_eq!(all(), [0; 0])), polls(1));
        }
        // One has news: it alone is visited, and receives.
        write(&pairs[3].1, 5);
        let seen = Calls {
            receives: 1,
            ..polls(1)
        };
        assert_eq!(cost(|| assert_eq!(all(), [3])), seen);
        assert_eq!(read(&pairs[3].0, 10), 5);
    });
}

/// Leaving word for a group that nobody waits in wakes nobody, and calls nothing.
#[test]
fn word_for_a_group_in_which_nobody_waits_costs_nothing() {
    in_worlds(|| {
        let group = Group::new();
        let (one, _other) = idle_pair();
        group.add(&one);
        (0..3).for_each(|_| assert!(visits(&group, &one) < 2));
        one.set_coalesces(true);
        assert_eq!(cost(|| write(&one, 10)), NONE);
        // Whoever is due is visited without a wait.
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

/// A write for which the queue has no room has the system take what it can first.
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

/// Of the wake-up calls that so many blocked calls have needed at once 16 are kept.
#[test]
fn sixteen_wake_up_calls_are_kept() {
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
        assert_eq!(world::open().interrupters, 16);
    });
}

/// A quiet connection is polled, and asked, without its lock, which another thread may have.
#[test]
fn a_quiet_connection_needs_no_lock() {
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

/// Each poll tries to send what is queued. That nothing has come in it knows from a shared poll.
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

/// The kernel tells of it again, and nobody has to ask.
#[test]
fn a_member_that_has_left_and_comes_again_is_watched() {
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

/// One that is pending is visited from time to time, however long the wait may be.
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

/// A visit to one member gives another something to do: that one is visited too, and nothing is waited for.
#[test]
fn what_a_visit_has_caused_needs_no_wait() {
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
