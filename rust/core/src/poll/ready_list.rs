//! The ready list of a group: the members that are due, their queued events, and waiting until one
//! is due.
//!
//! A member is in a *slot*. Three lists hold the slots to visit: `due` for the next round,
//! `pending` for members that the kernel does not report, and `deferred` for members that are
//! visited after a delay. A round moves them into `round`, in the order in which the members were
//! added.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::EndCause;
use crate::poll::readiness_slab::ReadinessRef;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait_timeout};
use crate::sys::{self, Interests, Registry, Socket, Waker};

/// The maximum number of events kept for one member of a group that is not polled. Above it, the
/// oldest event is discarded, unless it is a packet. [`MAX_PACKET_BYTES`] limits the packets.
const MAX_QUEUED_EVENTS: usize = 64 * 1024;

/// A member whose queued packets have this number of bytes has no room for another packet.
const MAX_PACKET_BYTES: usize = 64 * 1024;

/// The number of bytes that each queued packet counts in addition to its own, so that the number of
/// empty packets is limited.
const PACKET_COST: usize = 64;

/// How long the visit to a member whose socket is probably empty is deferred. By then most peers of
/// a busy server have sent their next message, which saves the receive that would find nothing.
pub(super) const DEFER_DELAY: Duration = Duration::from_millis(20);

/// The low bits of a key are the index of the slot, the high bits say how often the slot was used.
const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;

/// Above this number of slots, checks do not walk all of them.
const MAX_CHECKED: usize = 32;

/// The members of a group, and which of them are due.
#[derive(Debug)]
pub(crate) struct ReadyList {
    /// The process that made the group. The copy in a forked child gets no reports from the kernel.
    process: u64,
    /// `None` where sockets cannot be watched.
    kernel: Option<(Registry, Waker)>,
    state: Mutex<ReadyState>,
    /// A member became due, or the thread that polled has returned.
    changed: Condvar,
    /// Whether a member becomes due when the kernel refuses its queue.
    watches_refusals: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct ReadyState {
    slots: Vec<Slot>,
    free: Vec<usize>,
    next_order: u64,
    /// The visits left in this round, as order and slot, the next one last.
    round: Vec<(u64, usize)>,
    /// The slots that the next round visits.
    due: Vec<usize>,
    /// The slots that are visited periodically, because the kernel does not report them.
    pending: Vec<usize>,
    /// The slots that are visited when the delay of the oldest one has passed.
    deferred: Vec<usize>,
    /// When the oldest slot was deferred. `None` exactly if `deferred` is empty.
    deferred_since: Option<Instant>,
    /// The thread that polls the group. Its visits may poll it as well.
    poller: Option<ThreadId>,
    /// The number of outermost polls so far.
    polls: u64,
    /// How many threads wait to poll. Without any, the notification is saved.
    waiting_threads: u32,
    /// The thread that polls is waiting for an event.
    is_waiting: bool,
    /// A wake-up was requested, and the next wait ends at once.
    is_wake_pending: bool,
    /// How many polls, nested ones included, had a reason to end a wait. It ends the waits of their
    /// outer polls as well.
    wait_ends: u64,
}

/// Room for a member. Each flag is set exactly while the slot is in the list that it names.
#[derive(Debug, Default)]
struct Slot {
    /// How many members it has had before, modulo the range of a key.
    uses: usize,
    is_in_round: bool,
    is_due: bool,
    is_pending: bool,
    is_in_deferred: bool,
    /// It was not visited since it was deferred. Implies `is_in_deferred`.
    is_deferred: bool,
    member: Option<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Members that were added later have larger numbers.
    order: u64,
    /// `None` for a listener.
    readiness: Option<ReadinessRef>,
    /// Its socket could not be registered with the poller.
    is_unwatched: bool,
    events: VecDeque<QueuedEvent>,
    /// The total size of the packets among the events, with [`PACKET_COST`] for each.
    packet_bytes: usize,
}

/// Something that a group reports of a member exactly once.
#[derive(Clone, Debug)]
pub(crate) enum QueuedEvent {
    /// A connect succeeded.
    Connected,
    /// A connect failed, or a connection ended.
    Ended(EndCause),
    /// A session over a connection has begun.
    Opened,
    /// A session over a connection has ended, or has not begun.
    Closed(EndCause),
    /// This packet was taken by a poll outside the group.
    Packet {
        bytes: Arc<[u8]>,
        /// Whether it was sent as text.
        is_text: bool,
    },
}

impl QueuedEvent {
    fn is_packet(&self) -> bool {
        matches!(self, QueuedEvent::Packet { .. })
    }

    /// How much it counts towards [`MAX_PACKET_BYTES`].
    fn packet_cost(&self) -> usize {
        match self {
            QueuedEvent::Packet { bytes, .. } => bytes.len() + PACKET_COST,
            _ => 0,
        }
    }
}

/// How soon the next round has to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// At once: a member is due, or a wake-up was requested.
    Now,
    /// After [`DEFER_DELAY`]: there are deferred members.
    Later,
    /// After a short slice: there are pending members.
    Soon,
    /// On the next event.
    Idle,
}

/// A thread's exclusive right to poll.
pub(super) struct PollGuard<'a> {
    list: &'a ReadyList,
    /// This thread was polling already.
    pub(super) is_nested: bool,
    /// The number of the outermost poll.
    pub(super) number: u64,
    /// The count of wait ends when it began.
    wait_ends: u64,
}

/// The index of the slot in `key`.
pub(super) fn index(key: usize) -> usize {
    key & INDEX_MASK
}

impl ReadyState {
    /// The index of the slot of the member with `key`. `None` if it was removed.
    fn index(&self, key: usize) -> Option<usize> {
        let index = key & INDEX_MASK;
        let slot = self.slots.get(index)?;
        (slot.uses == key >> INDEX_BITS && slot.member.is_some()).then_some(index)
    }

    fn member(&mut self, key: usize) -> Option<&mut Entry> {
        let index = self.index(key)?;
        self.slots[index].member.as_mut()
    }

    /// Adds the slot to the next round, unless this round will still visit it.
    fn make_due(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        if !slot.is_in_round && !slot.is_due {
            slot.is_due = true;
            self.due.push(index);
        }
    }

    fn is_deferred_due(&self) -> bool {
        self.deferred_since
            .is_some_and(|since| sys::now().saturating_duration_since(since) >= DEFER_DELAY)
    }

    /// Adds every slot that is due, pending, or `reported` by the kernel to the round.
    fn begin_round(&mut self, reported: Vec<usize>) {
        for index in self.due.drain(..) {
            self.slots[index].is_due = false;
            add_to_round(&mut self.slots, &mut self.round, index);
        }
        for index in self.pending.drain(..) {
            self.slots[index].is_pending = false;
            add_to_round(&mut self.slots, &mut self.round, index);
        }
        if self.is_deferred_due() {
            self.deferred_since = None;
            for index in self.deferred.drain(..) {
                self.slots[index].is_in_deferred = false;
                if std::mem::take(&mut self.slots[index].is_deferred) {
                    add_to_round(&mut self.slots, &mut self.round, index);
                }
            }
        }
        for index in reported {
            add_to_round(&mut self.slots, &mut self.round, index);
        }
        self.round.sort_unstable_by(|one, other| other.cmp(one));
        self.check();
    }

    /// Checks, in debug builds, that flags and lists agree. Called after each change. A large group
    /// is not checked, since that would make each change walk all slots.
    fn check(&self) {
        if !cfg!(debug_assertions) || self.slots.len() > MAX_CHECKED {
            return;
        }
        self.check_list(&self.due, |slot| slot.is_due);
        self.check_list(&self.pending, |slot| slot.is_pending);
        self.check_list(&self.deferred, |slot| slot.is_in_deferred);
        self.check_list(&self.free, |slot| slot.member.is_none());
        debug_assert_eq!(
            self.deferred_since.is_some(),
            !self.deferred.is_empty(),
            "the time of the oldest deferred slot"
        );
        debug_assert!(
            self.round.is_sorted_by(|one, next| one > next),
            "the round is out of order"
        );
        for (index, slot) in self.slots.iter().enumerate() {
            debug_assert!(slot.uses <= INDEX_MASK, "a count beyond a key");
            debug_assert!(
                !slot.is_deferred || slot.is_in_deferred,
                "a deferred slot is not in its list"
            );
            let order = slot.member.as_ref().map(|member| member.order);
            let is_in_round = order.is_some_and(|order| self.round.contains(&(order, index)));
            debug_assert_eq!(slot.is_in_round, is_in_round, "the flag of the round");
            debug_assert!(
                order.is_none_or(|order| order < self.next_order),
                "an order that was never assigned"
            );
            if let Some(member) = &slot.member {
                let packets = member.events.iter().map(QueuedEvent::packet_cost);
                debug_assert_eq!(
                    packets.sum::<usize>(),
                    member.packet_bytes,
                    "the bytes of queued packets"
                );
            }
        }
    }

    /// Checks that `list` has exactly the slots with the flag, each once.
    fn check_list(&self, list: &[usize], has_flag: impl Fn(&Slot) -> bool) {
        debug_assert!(
            list.iter().all(|index| has_flag(&self.slots[*index])),
            "a listed slot lacks its flag"
        );
        let mut flagged = (0..self.slots.len()).filter(|index| has_flag(&self.slots[*index]));
        debug_assert_eq!(
            flagged.clone().count(),
            list.len(),
            "a slot is listed twice"
        );
        debug_assert!(
            flagged.all(|index| list.contains(&index)),
            "a slot with the flag is not listed"
        );
    }
}

fn add_to_round(slots: &mut [Slot], round: &mut Vec<(u64, usize)>, index: usize) {
    if let Some(slot) = slots.get_mut(index)
        && let Some(member) = &slot.member
        && !slot.is_in_round
    {
        slot.is_in_round = true;
        round.push((member.order, index));
    }
}

impl ReadyList {
    pub(super) fn new(kernel: Option<(Registry, Waker)>) -> ReadyList {
        ReadyList {
            process: sys::process(),
            kernel,
            state: Mutex::default(),
            changed: Condvar::new(),
            watches_refusals: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, ReadyState> {
        lock(&self.state)
    }

    /// The poller's registry and waker, if there is a poller and it belongs to this process.
    fn kernel(&self) -> Option<&(Registry, Waker)> {
        self.kernel.as_ref().filter(|_| self.is_of_this_process())
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == sys::process()
    }

    /// Ends the wait of the thread that polls.
    fn notify(&self, state: &ReadyState) {
        if !state.is_waiting {
            return;
        }
        self.changed.notify_all();
        if let Some((_, waker)) = self.kernel() {
            // Fails only when saturated; a wake-up is already pending then.
            let _ = waker.wake();
        }
    }

    /// Ends the wait of the thread that polls, or else the next wait.
    pub(super) fn wake(&self) {
        let mut state = self.state();
        state.is_wake_pending = true;
        self.notify(&state);
    }

    /// Acquires the right to poll, which one thread has at a time. `None` if the deadline passes
    /// before.
    pub(super) fn begin_poll(
        &self,
        limit: Option<Duration>,
        deadline: Option<Instant>,
    ) -> Option<PollGuard<'_>> {
        let this_thread = thread::current().id();
        let mut state = self.state();
        // In a forked child the thread that polled in the parent does not exist.
        while self.is_of_this_process() && state.poller.is_some_and(|poller| poller != this_thread)
        {
            let left = match deadline {
                None if limit == Some(Duration::ZERO) => return None,
                None => Duration::MAX,
                Some(deadline) => deadline.checked_duration_since(sys::now())?,
            };
            state.waiting_threads += 1;
            state = wait_timeout(&self.changed, state, left);
            state.waiting_threads -= 1;
        }
        let is_nested = state.poller.replace(this_thread) == Some(this_thread);
        state.polls += u64::from(!is_nested);
        Some(PollGuard {
            list: self,
            is_nested,
            number: state.polls,
            wait_ends: state.wait_ends,
        })
    }

    /// Adds a member and returns its key. Later members get other keys, until the slot's count of
    /// uses wraps around.
    pub(super) fn insert(&self, readiness: Option<ReadinessRef>) -> usize {
        let mut state = self.state();
        let index = state.free.pop().unwrap_or_else(|| {
            state.slots.push(Slot::default());
            state.slots.len() - 1
        });
        debug_assert!(index <= INDEX_MASK, "an index beyond a key");
        debug_assert!(
            state.slots[index].member.is_none(),
            "a free slot has a member"
        );
        let order = state.next_order;
        state.next_order += 1;
        let is_unwatched = self.kernel().is_none();
        let slot = &mut state.slots[index];
        slot.member = Some(Entry {
            order,
            readiness,
            is_unwatched,
            events: VecDeque::new(),
            packet_bytes: 0,
        });
        let key = slot.uses << INDEX_BITS | index;
        state.make_due(index);
        state.check();
        self.notify(&state);
        key
    }

    /// Removes a member, with its queued events.
    pub(super) fn remove(&self, key: usize) {
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        let slot = &mut state.slots[index];
        let member = slot.member.take();
        slot.uses = slot.uses.wrapping_add(1) & INDEX_MASK;
        // The round skips the slot's entry, because the next member has another order.
        slot.is_in_round = false;
        state.free.push(index);
        state.check();
        drop(state);
        drop(member);
    }

    /// Changes the connection of the member with `key`. It keeps its queued events.
    pub(super) fn replace(&self, key: usize, readiness: Option<ReadinessRef>) {
        let is_unwatched = self.kernel().is_none();
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        if let Some(member) = &mut state.slots[index].member {
            member.readiness = readiness;
            member.is_unwatched = is_unwatched;
        }
        state.make_due(index);
        self.notify(&state);
    }

    /// Begins a wait, and returns how soon it has to end.
    pub(super) fn begin_wait(&self, may_wait: bool) -> Urgency {
        let mut state = self.state();
        let urgency = if !state.due.is_empty() || !state.round.is_empty() || state.is_wake_pending {
            Urgency::Now
        } else if !state.pending.is_empty() || !self.is_of_this_process() {
            Urgency::Soon
        } else if state.deferred_since.is_some() {
            Urgency::Later
        } else {
            Urgency::Idle
        };
        state.is_waiting = may_wait && urgency != Urgency::Now;
        urgency
    }

    /// Waits until a member is due, where there is no poller.
    pub(super) fn wait(&self, limit: Duration) {
        let state = self.state();
        if !limit.is_zero() && state.due.is_empty() && !state.is_wake_pending {
            drop(wait_timeout(&self.changed, state, limit));
        }
    }

    /// Ends a wait, in which the kernel has `reported` slots, and begins a round of visits.
    pub(super) fn end_wait(&self, mut reported: Vec<usize>) {
        let mut state = self.state();
        if !self.is_of_this_process() {
            reported.extend(0..state.slots.len());
        }
        state.is_waiting = false;
        state.begin_round(reported);
        state.wait_ends += u64::from(std::mem::take(&mut state.is_wake_pending));
    }

    /// Takes the next member out of the round: its key, and whether it has queued events. It stays
    /// in the round until then, because a visit may poll the group and wait for another member of
    /// the round.
    pub(super) fn next_visit(&self) -> Option<(usize, bool)> {
        let mut state = self.state();
        loop {
            let (order, index) = state.round.pop()?;
            let slot = &mut state.slots[index];
            let Some(member) = &slot.member else { continue };
            if member.order != order {
                continue;
            }
            if let Some(readiness) = &member.readiness {
                readiness.notify();
            }
            let has_queued_events = !member.events.is_empty();
            slot.is_in_round = false;
            slot.is_deferred = false;
            let key = slot.uses << INDEX_BITS | index;
            state.check();
            return Some((key, has_queued_events));
        }
    }

    /// Schedules the next visit to the member: in the next round, periodically, or on an event.
    pub(super) fn visit_again(&self, key: usize, urgency: Urgency) {
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        let slot = &mut state.slots[index];
        let is_unwatched = slot
            .member
            .as_ref()
            .is_some_and(|member| member.is_unwatched);
        match urgency {
            Urgency::Now => state.make_due(index),
            Urgency::Idle if !is_unwatched => {}
            Urgency::Later | Urgency::Soon | Urgency::Idle => {
                if !std::mem::replace(&mut slot.is_pending, true) {
                    state.pending.push(index);
                }
            }
        }
        state.check();
    }

    /// Schedules a visit to the member after [`DEFER_DELAY`], unless it is visited before.
    pub(super) fn visit_later(&self, key: usize) {
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        let slot = &mut state.slots[index];
        slot.is_deferred = true;
        if !std::mem::replace(&mut slot.is_in_deferred, true) {
            state.deferred.push(index);
        }
        if state.deferred_since.is_none() {
            state.deferred_since = Some(sys::now());
        }
        state.check();
    }

    /// Registers the socket of a member with the poller.
    pub(super) fn watch(&self, key: usize, socket: &Socket) {
        let Some((registry, _)) = self.kernel() else {
            return;
        };
        // Readable: there is data to receive. Writable: the queue can be sent.
        let is_unwatched = registry
            .add(socket, key & INDEX_MASK, Interests::BOTH)
            .is_err();
        if let Some(member) = self.state().member(key) {
            member.is_unwatched = is_unwatched;
        }
    }

    /// Deregisters a socket.
    pub(super) fn unwatch(&self, socket: &Socket) {
        if let Some((registry, _)) = self.kernel() {
            // Fails if the socket was not registered.
            let _ = registry.remove(socket);
        }
    }

    /// Makes the member due, because of something that the kernel does not report.
    pub(super) fn report(&self, key: usize) {
        let mut state = self.state();
        if let Some(index) = state.index(key) {
            state.make_due(index);
            self.notify(&state);
        }
    }

    /// Like [`report`](Self::report), because the kernel has refused the queue of the member. Does
    /// nothing unless [`watch_refusals`](Self::watch_refusals) has enabled it.
    pub(super) fn report_refusal(&self, key: usize) {
        if self.watches_refusals.load(Ordering::Relaxed) {
            self.report(key);
        }
    }

    pub(super) fn watch_refusals(&self, enabled: bool) {
        self.watches_refusals.store(enabled, Ordering::Relaxed);
    }

    /// Queues `event`, and makes the member due.
    pub(super) fn push_event(&self, key: usize, event: QueuedEvent) {
        let mut state = self.state();
        let Some(member) = state.member(key) else {
            return;
        };
        member.packet_bytes += event.packet_cost();
        let mut discarded = None;
        if member.events.len() >= MAX_QUEUED_EVENTS && !event.is_packet() {
            // The group is not polled. The newest events still describe the member's status.
            if member
                .events
                .front()
                .is_some_and(|event| !event.is_packet())
            {
                discarded = member.events.pop_front();
            }
        }
        member.events.push_back(event);
        if let Some(index) = state.index(key) {
            state.make_due(index);
            state.check();
            self.notify(&state);
        }
        drop(state);
        drop(discarded);
    }

    /// Takes the oldest queued event of the member.
    pub(super) fn next_event(&self, key: usize) -> Option<QueuedEvent> {
        let mut state = self.state();
        let member = state.member(key)?;
        let event = member.events.pop_front()?;
        member.packet_bytes -= event.packet_cost();
        if member.events.is_empty() {
            member.events = VecDeque::new();
        }
        state.check();
        Some(event)
    }

    /// Queues, before all other events, the end of the connection that the member had when it was
    /// added. Does nothing if that end is queued already.
    pub(super) fn push_first_end(&self, key: usize, cause: EndCause) {
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        let Some(member) = &mut state.slots[index].member else {
            return;
        };
        let mut events = member.events.iter();
        let first = events.find(|event| !event.is_packet());
        // A failed connect belongs to a later connection.
        if !matches!(first, Some(QueuedEvent::Ended(EndCause::Disconnect(_)))) {
            member.events.push_front(QueuedEvent::Ended(cause));
            state.make_due(index);
            self.notify(&state);
        }
    }

    /// Whether another packet of the member can be queued.
    pub(super) fn has_room(&self, key: usize) -> bool {
        let mut state = self.state();
        state
            .member(key)
            .is_none_or(|member| member.packet_bytes < MAX_PACKET_BYTES)
    }
}

impl PollGuard<'_> {
    /// Whether the poll must not wait again: a member `is_ready`, a wake-up was requested, or one
    /// of these happened in a nested poll.
    pub(super) fn is_over(&self, is_ready: bool) -> bool {
        let mut state = self.list.state();
        state.wait_ends += u64::from(is_ready);
        state.wait_ends != self.wait_ends
    }
}

impl Drop for PollGuard<'_> {
    fn drop(&mut self) {
        if !self.is_nested {
            let mut state = self.list.state();
            debug_assert!(
                !self.list.is_of_this_process() || state.poller == Some(thread::current().id()),
                "another thread has the right to poll"
            );
            state.poller = None;
            if state.waiting_threads > 0 {
                self.list.changed.notify_all();
            }
        }
    }
}
