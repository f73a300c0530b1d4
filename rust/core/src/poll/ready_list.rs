//! The ready list of a group: which members are due, what is to be reported of them, and waiting until one is due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::event::EndCause;
use crate::poll::readiness::Readiness;
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Condvar, Mutex, MutexGuard, lock, wait_timeout};
use crate::sys::{self, Interests, Registry, Socket, Waker};

/// So many connects and ends of one member are kept for a group that nobody polls. Of more, the oldest go.
const MAX_NOTICES: usize = 64 * 1024;

/// Above this number of bytes in packets that a group has not been polled for, a member has no room for another one.
const MAX_PACKET_BYTES: usize = 64 * 1024;

/// What a packet counts for besides its bytes, so that empty ones are not kept without limit.
const PACKET_COST: usize = 64;

/// How long a member waits that the kernel has probably nothing left for. Most peers of a busy server have sent their next
/// message by then, which saves the call that would find nothing.
pub(super) const LATER: Duration = Duration::from_millis(20);

/// A key is an index into the slots and, above that, the number of members that the slot has had before.
const INDEX_BITS: u32 = usize::BITS / 2;
const INDEX_MASK: usize = (1 << INDEX_BITS) - 1;

/// Where members report, and where the group looks for what is due.
#[derive(Debug)]
pub(crate) struct ReadyList {
    /// The process whose kernel reports on the sockets. A forked child inherits a copy that reports to its parent.
    process: u64,
    /// `None` where sockets cannot be watched.
    kernel: Option<(Registry, Waker)>,
    state: Mutex<State>,
    /// A member is due, or nobody polls any more.
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    slots: Vec<Slot>,
    free: Vec<usize>,
    next_order: u64,
    /// The visits that are left of the round under way, the next one last.
    round: Vec<(u64, usize)>,
    /// The slots that the next round visits.
    due: Vec<usize>,
    /// The slots that are visited from time to time, since the kernel does not report on them.
    pending: Vec<usize>,
    /// The slots that are visited once the time is over, and since when the oldest one waits.
    later: Vec<usize>,
    later_since: Option<Instant>,
    /// The thread that is polling the group. Its visits may poll it too.
    poller: Option<ThreadId>,
    /// How many polls there were, without those within a visit.
    polls: u64,
    /// How many threads wait to poll. Waking nobody would cost a system call.
    queued: u32,
    is_waiting: bool,
    is_woken: bool,
    /// How many polls, those within a visit included, had something that ends a wait. It ends those around them too.
    endings: u64,
}

/// Room for a member. The flags say in which lists the slot is, so that it is in each once.
#[derive(Debug, Default)]
struct Slot {
    /// How many members it has had before.
    generation: usize,
    is_in_round: bool,
    is_due: bool,
    is_pending: bool,
    is_in_later: bool,
    /// It was not visited since it came into that list.
    is_later: bool,
    member: Option<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// Later members have larger numbers.
    order: u64,
    /// A connection's; a listener has none.
    readiness: Option<Arc<Readiness>>,
    /// Its socket could not be watched.
    is_unwatched: bool,
    notices: VecDeque<Notice>,
    packet_bytes: usize,
}

/// Something that a group has to report of a member once.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// A connect has succeeded.
    Connected,
    /// A connect has failed, or a connection has ended.
    Ended(EndCause),
    /// A poll that was not the group's has taken this packet.
    Packet(Arc<[u8]>),
}

/// How soon a poll has to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// A member is due, or the group was woken.
    Now,
    /// There are members to be asked after a while.
    Later,
    /// There are members that have to be asked from time to time.
    Soon,
    /// Nothing is due.
    Idle,
}

/// A thread's exclusive right to poll.
pub(super) struct PollGuard<'a> {
    list: &'a ReadyList,
    /// This thread was polling before.
    pub(super) is_nested: bool,
    /// The number of the poll, or of the one around it.
    pub(super) number: u64,
    /// How many endings there were before it.
    endings: u64,
}

/// The index of the slot in `key`.
pub(super) fn index(key: usize) -> usize {
    key & INDEX_MASK
}

impl State {
    /// The index of the slot whose member has `key`.
    fn index(&self, key: usize) -> Option<usize> {
        let index = key & INDEX_MASK;
        let slot = self.slots.get(index)?;
        (slot.generation == key >> INDEX_BITS && slot.member.is_some()).then_some(index)
    }

    fn member(&mut self, key: usize) -> Option<&mut Entry> {
        let index = self.index(key)?;
        self.slots[index].member.as_mut()
    }

    fn make_due(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        // The round visits it anyway.
        if !slot.is_in_round && !slot.is_due {
            slot.is_due = true;
            self.due.push(index);
        }
    }

    fn is_later_due(&self) -> bool {
        self.later_since
            .is_some_and(|since| sys::now().saturating_duration_since(since) >= LATER)
    }

    /// Adds every slot that is due or pending, or of which the kernel has `reported`, to the round.
    fn begin_round(&mut self, reported: Vec<usize>) {
        for index in self.due.drain(..) {
            self.slots[index].is_due = false;
            add_to_round(&mut self.slots, &mut self.round, index);
        }
        for index in self.pending.drain(..) {
            self.slots[index].is_pending = false;
            add_to_round(&mut self.slots, &mut self.round, index);
        }
        if self.is_later_due() {
            self.later_since = None;
            for index in self.later.drain(..) {
                self.slots[index].is_in_later = false;
                if std::mem::take(&mut self.slots[index].is_later) {
                    add_to_round(&mut self.slots, &mut self.round, index);
                }
            }
        }
        for index in reported {
            add_to_round(&mut self.slots, &mut self.round, index);
        }
        self.round.sort_unstable_by(|one, other| other.cmp(one));
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
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// What reports on sockets, if there is such a thing and it is this process's.
    fn kernel(&self) -> Option<&(Registry, Waker)> {
        self.kernel.as_ref().filter(|_| self.is_of_this_process())
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == sys::process()
    }

    /// Ends the wait that is under way.
    fn notify(&self, state: &State) {
        if !state.is_waiting {
            return;
        }
        self.changed.notify_all();
        if let Some((_, waker)) = self.kernel() {
            // It fails only when it is saturated; then a wake-up is pending already.
            let _ = waker.wake();
        }
    }

    /// Ends the wait of the thread that is polling, or the next one.
    pub(super) fn wake(&self) {
        let mut state = self.state();
        state.is_woken = true;
        self.notify(&state);
    }

    /// The right to poll, which one thread has at a time. `None` if the time is over before.
    pub(super) fn begin_poll(
        &self,
        limit: Option<Duration>,
        deadline: Option<Instant>,
    ) -> Option<PollGuard<'_>> {
        let this_thread = thread::current().id();
        let mut state = self.state();
        // A thread that was polling when the process was forked does not exist in the child.
        while self.is_of_this_process() && state.poller.is_some_and(|poller| poller != this_thread)
        {
            let left = match deadline {
                None if limit == Some(Duration::ZERO) => return None,
                None => Duration::MAX,
                Some(deadline) => deadline.checked_duration_since(sys::now())?,
            };
            state.queued += 1;
            state = wait_timeout(&self.changed, state, left);
            state.queued -= 1;
        }
        let is_nested = state.poller.replace(this_thread) == Some(this_thread);
        state.polls += u64::from(!is_nested);
        Some(PollGuard {
            list: self,
            is_nested,
            number: state.polls,
            endings: state.endings,
        })
    }

    /// Adds a member; its key, which no later member gets before the slot has had more members than a key can count.
    pub(super) fn enter(&self, readiness: Option<Arc<Readiness>>) -> usize {
        let mut state = self.state();
        let index = state.free.pop().unwrap_or_else(|| {
            state.slots.push(Slot::default());
            state.slots.len() - 1
        });
        debug_assert!(index <= INDEX_MASK);
        let order = state.next_order;
        state.next_order += 1;
        let is_unwatched = self.kernel().is_none();
        let slot = &mut state.slots[index];
        slot.member = Some(Entry {
            order,
            readiness,
            is_unwatched,
            notices: VecDeque::new(),
            packet_bytes: 0,
        });
        let key = slot.generation << INDEX_BITS | index;
        state.make_due(index);
        self.notify(&state);
        key
    }

    pub(super) fn leave(&self, key: usize) {
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        let slot = &mut state.slots[index];
        let member = slot.member.take();
        slot.generation = slot.generation.wrapping_add(1) & INDEX_MASK;
        // The round skips its entry, since the next member has another order.
        slot.is_in_round = false;
        state.free.push(index);
        drop(state);
        drop(member);
    }

    /// Has the member known by `key` be another connection from now on.
    pub(super) fn replace(&self, key: usize, readiness: Option<Arc<Readiness>>) {
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

    /// Begins a wait, and says how long it may be.
    pub(super) fn begin_wait(&self, may_wait: bool) -> Urgency {
        let mut state = self.state();
        let urgency = if !state.due.is_empty() || !state.round.is_empty() || state.is_woken {
            Urgency::Now
        } else if !state.pending.is_empty() || !self.is_of_this_process() {
            Urgency::Soon
        } else if state.later_since.is_some() {
            Urgency::Later
        } else {
            Urgency::Idle
        };
        state.is_waiting = may_wait && urgency != Urgency::Now;
        urgency
    }

    /// Waits until a member is due, where the kernel cannot be waited for.
    pub(super) fn wait(&self, limit: Duration) {
        let state = self.state();
        if !limit.is_zero() && state.due.is_empty() && !state.is_woken {
            drop(wait_timeout(&self.changed, state, limit));
        }
    }

    /// Ends the wait, in which the kernel has `reported` on members, and begins a round of visits.
    pub(super) fn end_wait(&self, mut reported: Vec<usize>) {
        let mut state = self.state();
        if !self.is_of_this_process() {
            reported.extend(0..state.slots.len());
        }
        state.is_waiting = false;
        state.begin_round(reported);
        state.endings += u64::from(std::mem::take(&mut state.is_woken));
    }

    /// The next member to be visited in the round. It is due until then: a visit may poll the group, and wait for another
    /// member of the round. The second value is whether it has notices.
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
            let has_notices = !member.notices.is_empty();
            slot.is_in_round = false;
            slot.is_later = false;
            return Some((slot.generation << INDEX_BITS | index, has_notices));
        }
    }

    /// Has the member visited once more: by the next round, or from time to time.
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
    }

    /// Has the member visited once more, unless it is visited before, after a while.
    pub(super) fn visit_later(&self, key: usize) {
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        let slot = &mut state.slots[index];
        slot.is_later = true;
        if !std::mem::replace(&mut slot.is_in_later, true) {
            state.later.push(index);
        }
        if state.later_since.is_none() {
            state.later_since = Some(sys::now());
        }
    }

    /// Has the kernel report on the socket of a member.
    pub(super) fn watch(&self, key: usize, socket: &Socket) {
        let Some((registry, _)) = self.kernel() else {
            return;
        };
        // A connection is of interest when it can be read, and when its queue can be sent.
        let is_unwatched = registry
            .add(socket, key & INDEX_MASK, Interests::BOTH)
            .is_err();
        if let Some(member) = self.state().member(key) {
            member.is_unwatched = is_unwatched;
        }
    }

    pub(super) fn unwatch(&self, socket: &Socket) {
        if let Some((registry, _)) = self.kernel() {
            // It fails if it was not watched.
            let _ = registry.remove(socket);
        }
    }

    /// Makes the member due: something has happened to it that the kernel does not report.
    pub(super) fn report(&self, key: usize) {
        let mut state = self.state();
        if let Some(index) = state.index(key) {
            state.make_due(index);
            self.notify(&state);
        }
    }

    /// As [`report`](Self::report), with what has happened.
    pub(super) fn push_notice(&self, key: usize, notice: Notice) {
        let mut state = self.state();
        let Some(member) = state.member(key) else {
            return;
        };
        if let Notice::Packet(packet) = &notice {
            member.packet_bytes += packet.len() + PACKET_COST;
        }
        let mut lost = None;
        if member.notices.len() >= MAX_NOTICES && !matches!(notice, Notice::Packet(_)) {
            // A group that nobody polls: the latest notices say how the member is.
            let is_packet = |notice: &Notice| matches!(notice, Notice::Packet(_));
            if member
                .notices
                .front()
                .is_some_and(|notice| !is_packet(notice))
            {
                lost = member.notices.pop_front();
            }
        }
        member.notices.push_back(notice);
        if let Some(index) = state.index(key) {
            state.make_due(index);
            self.notify(&state);
        }
        drop(state);
        drop(lost);
    }

    /// The oldest notice of the member.
    pub(super) fn next_notice(&self, key: usize) -> Option<Notice> {
        let mut state = self.state();
        let member = state.member(key)?;
        let notice = member.notices.pop_front()?;
        if let Notice::Packet(packet) = &notice {
            member.packet_bytes -= packet.len() + PACKET_COST;
        }
        if member.notices.is_empty() {
            member.notices = VecDeque::new();
        }
        Some(notice)
    }

    /// Has the end of the connection with which the member was added reported first, unless it is.
    pub(super) fn push_first_end(&self, key: usize, cause: EndCause) {
        let mut state = self.state();
        let Some(index) = state.index(key) else {
            return;
        };
        let Some(member) = &mut state.slots[index].member else {
            return;
        };
        let mut others = member.notices.iter();
        let first = others.find(|notice| !matches!(notice, Notice::Packet(_)));
        // A connect that has failed came after it.
        if !matches!(first, Some(Notice::Ended(EndCause::Disconnect(_)))) {
            member.notices.push_front(Notice::Ended(cause));
            state.make_due(index);
            self.notify(&state);
        }
    }

    /// Whether another packet may be posted to the member.
    pub(super) fn has_room(&self, key: usize) -> bool {
        let mut state = self.state();
        state
            .member(key)
            .is_none_or(|member| member.packet_bytes < MAX_PACKET_BYTES)
    }
}

impl PollGuard<'_> {
    /// Whether the wait is over: since a member `is_ready`, or by a wake-up, or by either in a poll within a visit.
    pub(super) fn is_over(&self, is_ready: bool) -> bool {
        let mut state = self.list.state();
        state.endings += u64::from(is_ready);
        state.endings != self.endings
    }
}

impl Drop for PollGuard<'_> {
    fn drop(&mut self) {
        if !self.is_nested {
            let mut state = self.list.state();
            state.poller = None;
            if state.queued > 0 {
                self.list.changed.notify_all();
            }
        }
    }
}
