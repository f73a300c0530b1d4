//! What all connections of the process have done together.

use std::cell::Cell;

use crate::sync::ProcessWide;
use crate::sync::atomic::{AtomicU64, Ordering};

static COUNTERS: ProcessWide<Counters> = ProcessWide::new(Counters::default);

/// Whether bytes and packets are counted. Threads that move many would wait for each other's counts, so they are not unless somebody wants
/// to know.
static COUNTS_TRAFFIC: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

thread_local! {
    static IS_UNCOUNTED: Cell<bool> = const { Cell::new(false) };
}

/// What all connections of the process have done since its start, except what was [uncounted]. A forked child
/// begins anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Connects that have succeeded.
    pub connects: u64,
    /// Connections that were accepted, and both ends of [pairs](crate::Connection::pair).
    pub accepts: u64,
    /// Connections that have ended.
    pub ends: u64,
    /// Connects that have failed, and connections that have ended with a failure.
    pub failures: u64,
    /// The bytes that were taken from the system while [they are counted](count_traffic).
    pub received: u64,
    /// The bytes that were handed to the system while they are counted, those after a disconnect included.
    pub sent: u64,
    /// The packets that were read while they are counted.
    pub packets_received: u64,
    /// The packets that were accepted for sending while they are counted.
    pub packets_sent: u64,
}

/// On a cache line of their own: who only reads what lies beside them does not wait.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counters {
    connects: AtomicU64,
    accepts: AtomicU64,
    ends: AtomicU64,
    failures: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    packets_received: AtomicU64,
    packets_sent: AtomicU64,
}

impl Totals {
    /// How many connections there are at the moment.
    pub fn open(&self) -> u64 {
        (self.connects + self.accepts).saturating_sub(self.ends)
    }
}

/// What all connections of the process have done. Never waits.
pub fn totals() -> Totals {
    let counters = COUNTERS.get();
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Totals {
        // Before those that have begun, so that none has ended that has not.
        ends: read(&counters.ends),
        connects: read(&counters.connects),
        accepts: read(&counters.accepts),
        failures: read(&counters.failures),
        received: read(&counters.received),
        sent: read(&counters.sent),
        packets_received: read(&counters.packets_received),
        packets_sent: read(&counters.packets_sent),
    }
}

/// Has the bytes and packets of all connections counted, or not, which is the default. It costs a few nanoseconds for each
/// system call, and for each packet.
pub fn count_traffic(enabled: bool) {
    COUNTS_TRAFFIC.store(enabled, Ordering::Relaxed);
}

#[inline]
pub(crate) fn received(bytes: usize) {
    if COUNTS_TRAFFIC.load(Ordering::Relaxed) {
        add(&COUNTERS.get().received, bytes as u64);
    }
}

#[inline]
pub(crate) fn sent(bytes: usize) {
    if COUNTS_TRAFFIC.load(Ordering::Relaxed) {
        add(&COUNTERS.get().sent, bytes as u64);
    }
}

#[inline]
pub(crate) fn received_packet() {
    if COUNTS_TRAFFIC.load(Ordering::Relaxed) {
        add(&COUNTERS.get().packets_received, 1);
    }
}

#[inline]
pub(crate) fn sent_packet() {
    if COUNTS_TRAFFIC.load(Ordering::Relaxed) {
        add(&COUNTERS.get().packets_sent, 1);
    }
}

pub(crate) fn connected() {
    add(&COUNTERS.get().connects, 1);
}

pub(crate) fn accepted() {
    add(&COUNTERS.get().accepts, 1);
}

pub(crate) fn ended() {
    add(&COUNTERS.get().ends, 1);
}

pub(crate) fn failed() {
    add(&COUNTERS.get().failures, 1);
}

/// Calls `body`, and counts nothing that this thread does meanwhile. For connections that are not part
/// of what the program does, such as those of a network that it simulates.
pub fn uncounted<R>(body: impl FnOnce() -> R) -> R {
    let was_uncounted = IS_UNCOUNTED.replace(true);
    let result = body();
    IS_UNCOUNTED.set(was_uncounted);
    result
}

/// Counts, whoever else does: no other memory hangs on it.
fn add(counter: &AtomicU64, count: u64) {
    if IS_UNCOUNTED.get() {
        return;
    }
    counter.fetch_add(count, Ordering::Relaxed);
}
