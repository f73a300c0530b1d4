//! The pieces that work without a lock, in every order that the memory model allows. The real source is compiled here, on
//! loom's atomics. What the kernel does, and every lock, is an atomic too: loom's own lock would order more than real ones.

// The fibers of loom's scheduler cannot unwind there.
#![cfg(not(windows))]
#![allow(
    dead_code,
    reason = "some of what is compiled here is used elsewhere only"
)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

mod sync {
    pub(crate) mod atomic {
        pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    }
}

/// Ticks play no part here: what is tested is the order of what is told.
const LIFETIME: u64 = 3;

#[path = "../src/poll/freshness.rs"]
mod freshness;
#[path = "../src/poll/published.rs"]
mod published;
#[path = "../src/poll/readiness.rs"]
mod readiness;

mod poll {
    pub(crate) use super::freshness;
}

use freshness::Moment;
use published::{Mark, Published};
use readiness::Readiness;

/// The kernel's receive queue of one socket: a system call sees what was done before it.
#[derive(Default)]
struct Queue(AtomicU64);

impl Queue {
    fn arrive(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    fn receive(&self) -> u64 {
        self.0.swap(0, Ordering::AcqRel)
    }

    fn len(&self) -> u64 {
        self.0.fetch_add(0, Ordering::AcqRel)
    }
}

#[test]
fn what_is_told_after_a_look_began_keeps_it_from_settling() {
    loom::model(|| {
        let readiness = Readiness::default();
        readiness.begin_probe(7);
        assert!(readiness.settle(7));
        readiness.notify();
        assert!(!readiness.is_quiet(7));
        assert!(!readiness.settle(7));
        readiness.begin_probe(7);
        assert!(readiness.settle(7));
        assert!(readiness.settle(7), "it is quiet already");
        assert!(readiness.is_quiet(7));
        assert!(!readiness.settle(8), "another session");
        assert!(!readiness.is_quiet(8), "another session");
    });
}

/// Bytes arrive while a connection looks. Once both are done it has them, or it knows that it has to look again.
#[test]
fn a_quiet_connection_has_nothing_unread() {
    loom::model(|| {
        let (readiness, queue) = (Arc::new(Readiness::default()), Arc::new(Queue::default()));
        let kernel = {
            let (readiness, queue) = (readiness.clone(), queue.clone());
            thread::spawn(move || {
                queue.arrive();
                // The edge, told by whoever shared polls.
                readiness.notify();
            })
        };
        for _ in 0..2 {
            readiness.begin_probe(7);
            if queue.receive() == 0 {
                readiness.settle(7);
            }
        }
        kernel.join().unwrap();
        assert!(!readiness.is_quiet(7) || queue.len() == 0);
    });
}

/// One thread sends, and tells another one by other means; a third one shared polls meanwhile. The one that was told does not use
/// an answer that is older than what was sent.
#[test]
fn what_was_sent_is_seen_by_who_was_told_of_it() {
    loom::model(|| {
        let readiness = Arc::new(Readiness::default());
        let queue = Arc::new(Queue::default());
        let published = Arc::new(Published::default());
        let activity = Arc::new(AtomicU64::new(0));
        let word = Arc::new(AtomicU64::new(0));
        readiness.begin_probe(7);
        assert!(readiness.settle(7));

        let sender = {
            let (queue, activity, word) = (queue.clone(), activity.clone(), word.clone());
            thread::spawn(move || {
                queue.arrive();
                activity.fetch_add(1, Ordering::Relaxed);
                word.store(1, Ordering::Release);
            })
        };
        let sweeper = {
            let (readiness, queue) = (readiness.clone(), queue.clone());
            let (published, activity) = (published.clone(), activity.clone());
            thread::spawn(move || {
                let before = activity.load(Ordering::Relaxed);
                if queue.len() > 0 {
                    readiness.notify();
                }
                let asked = Moment {
                    ticks: 0,
                    activity: before,
                };
                published.publish(1, asked);
            })
        };
        if word.load(Ordering::Acquire) == 1 {
            let now = Moment {
                ticks: 0,
                activity: activity.load(Ordering::Relaxed),
            };
            let says_nothing = readiness.is_quiet(7)
                && published.is_usable(&Mark::default(), now, LIFETIME)
                && readiness.is_quiet(7);
            assert!(!says_nothing, "it was told that there is something");
        }
        sender.join().unwrap();
        sweeper.join().unwrap();
    });
}

/// A poll may see the number of one shared poll and the activity of the next, which has told something.
#[test]
fn a_mixture_of_two_shared_polls_shows_what_the_newer_one_has_told() {
    loom::model(|| {
        let readiness = Arc::new(Readiness::default());
        let published = Arc::new(Published::default());
        let word = Arc::new(AtomicU64::new(0));
        readiness.begin_probe(7);
        assert!(readiness.settle(7));
        let at = |activity| Moment { ticks: 0, activity };
        published.publish(1, at(0));

        let sweeper = {
            let (readiness, published) = (readiness.clone(), published.clone());
            let word = word.clone();
            thread::spawn(move || {
                // Something was sent, and the poll is told of it; then comes the shared poll that tells.
                word.store(1, Ordering::Release);
                readiness.notify();
                published.publish(2, at(1));
            })
        };
        if word.load(Ordering::Acquire) == 1 {
            let says_nothing = readiness.is_quiet(7)
                && published.is_usable(&Mark::default(), at(1), LIFETIME)
                && readiness.is_quiet(7);
            assert!(
                !says_nothing,
                "the shared_poll has told that there is something"
            );
        }
        sweeper.join().unwrap();
    });
}

/// A connection uses a shared poll once: the next look of a tight loop needs a newer one.
#[test]
fn a_shared_poll_serves_a_connection_once() {
    loom::model(|| {
        let (published, mark) = (Published::default(), Mark::default());
        let now = Moment {
            ticks: 0,
            activity: 0,
        };
        assert!(!published.is_usable(&mark, now, LIFETIME));
        published.publish(1, now);
        assert!(published.is_usable(&mark, now, LIFETIME));
        mark.advance_to(1);
        assert!(!published.is_usable(&mark, now, LIFETIME));
        published.publish(2, now);
        assert!(published.is_usable(&mark, now, LIFETIME));
    });
}
