//! Where the packets of one source go: the event loops that it is in. One thread at a time delivers
//! them.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::dispatch::endpoint::Endpoint;
use crate::event::{Deliverer, Delivery};
use crate::poll::group::{Pollable, PollableRef};
use crate::poll::ready_list::QueuedEvent;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock};

/// The default of [`Outlet::set_max_packets_per_poll`].
const MAX_PER_POLL: usize = 256;

/// The limit of a poll whose limit of packets is 0, so that a peer that sends without a pause does
/// not keep it from returning.
pub(super) const UNLIMITED: usize = 1 << 16;

/// The event loops that a source of packets is in, and the limit of its own polls.
///
/// Every method may be called from any thread.
pub struct Outlet {
    /// Locked before the state of the source.
    memberships: Mutex<Vec<Membership>>,
    /// Which thread delivers.
    delivery: Mutex<DeliveryState>,
    /// How many packets polls have taken. Only the thread that delivers changes it.
    delivered: AtomicU64,
    max_per_poll: AtomicUsize,
}

/// Which thread delivers, and whether another thread tried to in the meantime.
#[derive(Default)]
struct DeliveryState {
    deliverer: Deliverer,
    was_refused: bool,
}

/// The parts of an event loop that its sources of packets use.
pub(super) trait PacketLoop: Send + Sync {
    /// Whether the loop has handlers for packets.
    fn wants_packets(&self) -> bool;

    /// Whether the loop can queue another packet of the member `key`.
    fn has_room(&self, key: usize) -> bool;

    /// Queues something that happened to the member `key` for the next poll.
    fn push(&self, key: usize, event: QueuedEvent);

    /// Makes the next poll visit the member `key`.
    fn report(&self, key: usize);

    /// Replaces the connection of the member `key`.
    fn replace(&self, key: usize, old: Option<PollableRef<'_>>, new: Option<PollableRef<'_>>);
}

/// An event loop that a source is in, and the key of the source there.
pub(super) type Membership = (Weak<dyn PacketLoop>, usize);

impl Default for Outlet {
    fn default() -> Outlet {
        Outlet {
            memberships: Mutex::default(),
            delivery: Mutex::default(),
            delivered: AtomicU64::new(0),
            max_per_poll: AtomicUsize::new(MAX_PER_POLL),
        }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").finish_non_exhaustive()
    }
}

impl Outlet {
    /// Sets the maximum number of packets that one poll of the source delivers: 256 by default. The
    /// next poll continues. With 0, it is 65,536. In an event loop, the limit of the loop applies.
    pub fn set_max_packets_per_poll(&self, count: usize) {
        self.max_per_poll.store(count, Ordering::Relaxed);
    }

    /// Returns the [maximum number of packets of a poll](Self::set_max_packets_per_poll).
    pub fn max_packets_per_poll(&self) -> usize {
        self.max_per_poll.load(Ordering::Relaxed)
    }

    /// Makes the event loops visit the source with their next polls.
    pub fn report(&self) {
        for (packet_loop, key) in self.loops() {
            packet_loop.report(key);
        }
    }

    /// Calls `swap`, which replaces the connection of the source, and replaces it also in the event
    /// loops. `swap` returns the old and the new endpoint. Returns the old one, which stays
    /// connected.
    #[must_use = "it may hold the last reference, and must be dropped without a lock"]
    pub fn replace_endpoint<E: Endpoint>(
        &self,
        swap: impl FnOnce() -> (Option<E>, Option<E>),
    ) -> Option<E> {
        let memberships = lock(&self.memberships);
        let (old, new) = swap();
        let loops = present(&memberships);
        for (packet_loop, key) in &loops {
            packet_loop.replace(*key, pollable(old.as_ref()), pollable(new.as_ref()));
        }
        drop(memberships);
        // Either may hold a last reference, so both are dropped without a lock.
        drop((loops, new));
        old
    }

    /// The maximum number of packets that one poll delivers.
    pub(super) fn packets_per_poll(&self) -> usize {
        match self.max_packets_per_poll() {
            0 => UNLIMITED,
            max => max,
        }
    }

    /// How many packets polls have taken, those of handlers included.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Counts a packet that a poll has taken.
    pub(super) fn count_delivered(&self) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes the source a member of `packet_loop`. `subscribe` adds the connection there and
    /// returns the key. The connection is not replaced meanwhile.
    pub(super) fn join(
        &self,
        packet_loop: Weak<dyn PacketLoop>,
        subscribe: impl FnOnce() -> usize,
    ) -> usize {
        let mut memberships = lock(&self.memberships);
        let key = subscribe();
        memberships.retain(|(packet_loop, _)| packet_loop.strong_count() > 0);
        debug_assert!(
            !memberships
                .iter()
                .any(|(other, other_key)| is_same(other, &packet_loop) && *other_key == key),
            "the source has this key already"
        );
        memberships.push((packet_loop, key));
        key
    }

    /// Ends the membership with `key` in `packet_loop`. `unsubscribe` removes the connection there.
    /// The connection is not replaced meanwhile.
    pub(super) fn leave(
        &self,
        packet_loop: &Weak<dyn PacketLoop>,
        key: usize,
        unsubscribe: impl FnOnce(),
    ) {
        let mut memberships = lock(&self.memberships);
        memberships
            .retain(|(other, other_key)| !(is_same(other, packet_loop) && *other_key == key));
        unsubscribe();
    }

    /// The event loops that the source is in, and its keys there.
    fn loops(&self) -> Vec<(Arc<dyn PacketLoop>, usize)> {
        present(&lock(&self.memberships))
    }

    /// The event loops that the source is in and that have handlers for packets, except for the
    /// membership `own`.
    pub(super) fn others_with_handlers(
        &self,
        own: Option<impl FnOnce() -> Membership>,
    ) -> Vec<(Arc<dyn PacketLoop>, usize)> {
        let memberships = lock(&self.memberships);
        if memberships.len() <= usize::from(own.is_some()) {
            return Vec::new();
        }
        let own = own.map(|own| own());
        let is_own = |packet_loop: &Weak<dyn PacketLoop>, key| {
            own.as_ref()
                .is_some_and(|(own, own_key)| is_same(packet_loop, own) && key == *own_key)
        };
        let others = memberships
            .iter()
            .filter(|(packet_loop, key)| !is_own(packet_loop, *key));
        let mut others: Vec<_> = others
            .filter_map(|(packet_loop, key)| Some((packet_loop.upgrade()?, *key)))
            .collect();
        // Asking a loop for its handlers must not happen with a lock.
        drop(memberships);
        others.retain(|(other, _)| other.wants_packets());
        others
    }

    /// Queues `event` in all event loops.
    pub(super) fn push(&self, event: &QueuedEvent) {
        for (packet_loop, key) in self.loops() {
            packet_loop.push(key, event.clone());
        }
    }

    /// Begins to deliver. `None` if another thread delivers: that thread reports the source to its
    /// event loops at its end.
    pub(super) fn begin_delivery(&self) -> Option<DeliveryGuard<'_>> {
        let delivery = {
            let mut state = lock(&self.delivery);
            let delivery = state.deliverer.begin();
            state.was_refused |= delivery == Delivery::Elsewhere;
            delivery
        };
        (delivery != Delivery::Elsewhere).then(|| DeliveryGuard {
            outlet: self,
            delivery,
        })
    }
}

/// A delivery by this thread. Dropping the guard ends it, also when a handler panicked.
pub(super) struct DeliveryGuard<'a> {
    outlet: &'a Outlet,
    delivery: Delivery,
}

impl Drop for DeliveryGuard<'_> {
    fn drop(&mut self) {
        let was_refused = {
            let mut state = lock(&self.outlet.delivery);
            state.deliverer.end(self.delivery);
            self.delivery == Delivery::Begun && std::mem::take(&mut state.was_refused)
        };
        if was_refused {
            self.outlet.report();
        }
    }
}

fn present(memberships: &[Membership]) -> Vec<(Arc<dyn PacketLoop>, usize)> {
    let loops = memberships.iter();
    loops
        .filter_map(|(packet_loop, key)| Some((packet_loop.upgrade()?, *key)))
        .collect()
}

fn pollable<E: Endpoint>(endpoint: Option<&E>) -> Option<PollableRef<'_>> {
    Some(endpoint?.connection().as_pollable())
}

fn is_same(one: &Weak<dyn PacketLoop>, other: &Weak<dyn PacketLoop>) -> bool {
    std::ptr::addr_eq(one.as_ptr(), other.as_ptr())
}
