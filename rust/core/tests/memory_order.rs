//! The lock-free parts, in every order of execution that the memory model allows. This compiles the
//! real source with loom's atomics. The kernel and the locks are modelled by atomics: loom's own
//! lock orders more than a real one does.

// The fibers of loom's scheduler cannot unwind on Windows.
#![cfg(not(windows))]
#![allow(dead_code, reason = "parts of the source are used by the library only")]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

mod sync {
    pub(crate) mod atomic {
        use std::ops::Deref;

        pub(crate) use loom::sync::atomic::Ordering;

        /// Loom lets a store land between the load and the store of another thread's
        /// compare-exchange, but never a swap. So a store is a swap here.
        #[derive(Debug, Default)]
        pub(crate) struct AtomicU64(loom::sync::atomic::AtomicU64);

        impl AtomicU64 {
            pub(crate) fn store(&self, value: u64, order: Ordering) {
                self.0.swap(value, order);
            }
        }

        impl Deref for AtomicU64 {
            type Target = loom::sync::atomic::AtomicU64;

            fn deref(&self) -> &loom::sync::atomic::AtomicU64 {
                &self.0
            }
        }
    }
}

/// Time plays no part here: all ticks are 0.
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

/// The kernel's receive queue of one socket. A system call sees what happened before it.
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
fn a_notification_during_a_probe_prevents_settling() {
    loom::model(|| {
        let readiness = Readiness::default();
        readiness.begin_probe(7);
        assert!(readiness.settle(7));
        readiness.notify();
        assert!(!readiness.is_quiet(7));
        assert!(!readiness.settle(7));
        readiness.begin_probe(7);
        assert!(readiness.settle(7));
        assert!(readiness.settle(7), "already quiet");
        assert!(readiness.is_quiet(7));
        assert!(!readiness.settle(8), "another generation");
        assert!(!readiness.is_quiet(8), "another generation");
    });
}

/// Bytes arrive while a connection probes its socket. Afterwards the connection has received them,
/// or it knows that it has to probe again.
#[test]
fn a_quiet_connection_has_nothing_unread() {
    loom::model(|| {
        let (readiness, queue) = (Arc::new(Readiness::default()), Arc::new(Queue::default()));
        let kernel = {
            let (readiness, queue) = (readiness.clone(), queue.clone());
            thread::spawn(move || {
                queue.arrive();
                // The edge, which a shared poll of any thread reports.
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

/// After a connection ends, the next one reuses its word (`readiness_slab`). Both may have the same
/// generation, because each object counts its own. A poller may still report the former socket. The
/// slab's lock orders the two connections, as one thread does here.
#[test]
fn a_late_notification_costs_the_next_connection_one_probe_and_no_data() {
    loom::model(|| {
        let (readiness, queue) = (Arc::new(Readiness::default()), Arc::new(Queue::default()));
        readiness.begin_probe(7);
        assert!(readiness.settle(7));
        let late = {
            let readiness = readiness.clone();
            thread::spawn(move || readiness.notify())
        };
        readiness.clear();
        let kernel = {
            let (readiness, queue) = (readiness.clone(), queue.clone());
            thread::spawn(move || {
                queue.arrive();
                readiness.notify();
            })
        };
        let was_quiet = readiness.is_quiet(7);
        readiness.begin_probe(7);
        if queue.receive() == 0 {
            readiness.settle(7);
        }
        late.join().unwrap();
        kernel.join().unwrap();
        assert!(!was_quiet, "the former connection was quiet");
        assert!(!readiness.is_quiet(7) || queue.len() == 0);
        readiness.begin_probe(7);
        assert!(readiness.settle(7), "nothing is reported any more");
    });
}

/// One thread sends, and then signals another thread through an atomic. A third thread makes a
/// shared poll meanwhile. The signalled thread must not use a shared poll that is older than the
/// send.
#[test]
fn a_signalled_thread_sees_what_was_sent_before_the_signal() {
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
        let poller = {
            let (readiness, queue) = (readiness.clone(), queue.clone());
            let (published, activity) = (published.clone(), activity.clone());
            thread::spawn(move || {
                let before = activity.load(Ordering::Relaxed);
                if queue.len() > 0 {
                    readiness.notify();
                }
                let polled_at = Moment {
                    ticks: 0,
                    activity: before,
                };
                published.publish(1, polled_at);
            })
        };
        if word.load(Ordering::Acquire) == 1 {
            let now = Moment {
                ticks: 0,
                activity: activity.load(Ordering::Relaxed),
            };
            let seems_idle = readiness.is_quiet(7)
                && published.is_usable(&Mark::default(), now, LIFETIME)
                && readiness.is_quiet(7);
            assert!(!seems_idle, "the signal came after the send");
        }
        sender.join().unwrap();
        poller.join().unwrap();
    });
}

/// A poll may see the number of one shared poll and the activity of the next one, which has
/// reported an edge.
#[test]
fn a_mixture_of_two_shared_polls_shows_what_the_newer_one_reported() {
    loom::model(|| {
        let readiness = Arc::new(Readiness::default());
        let published = Arc::new(Published::default());
        let word = Arc::new(AtomicU64::new(0));
        readiness.begin_probe(7);
        assert!(readiness.settle(7));
        let at = |activity| Moment { ticks: 0, activity };
        published.publish(1, at(0));

        let poller = {
            let (readiness, published) = (readiness.clone(), published.clone());
            let word = word.clone();
            thread::spawn(move || {
                // The signal follows a send. The shared poll that reports the edge comes after it.
                word.store(1, Ordering::Release);
                readiness.notify();
                published.publish(2, at(1));
            })
        };
        if word.load(Ordering::Acquire) == 1 {
            let seems_idle = readiness.is_quiet(7)
                && published.is_usable(&Mark::default(), at(1), LIFETIME)
                && readiness.is_quiet(7);
            assert!(!seems_idle, "the newer shared poll has reported an edge");
        }
        poller.join().unwrap();
    });
}

/// A connection uses a shared poll once. In a tight loop its next poll needs a newer one.
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
