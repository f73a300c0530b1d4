//! Counters over all connections of the process.
//!
//! Counting is relaxed: the counters order no other memory.

use std::cell::Cell;

use crate::sync::ProcessWide;
use crate::sync::atomic::{AtomicU64, Ordering};

static COUNTERS: ProcessWide<Counters> = ProcessWide::new(Counters::default);

/// Whether bytes and packets are counted. Off by default, because threads with much traffic would
/// contend for the counters.
static COUNTS_TRAFFIC: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

thread_local! {
    /// Whether this thread counts nothing; see [`uncounted`].
    static IS_UNCOUNTED: Cell<bool> = const { Cell::new(false) };
}

/// What all connections of the process have done since its start, except what was [uncounted]. A
/// forked child starts at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Connects that succeeded.
    pub connects: u64,
    /// Connections that were accepted, and both ends of each [pair](crate::Connection::pair).
    pub accepts: u64,
    /// Connections that ended.
    pub ends: u64,
    /// Connects that failed, and connections that ended with a failure.
    pub failures: u64,
    /// Bytes that were received, while [traffic is counted](count_traffic).
    pub received: u64,
    /// Bytes that the kernel accepted for sending, while traffic is counted. Includes those of a
    /// lingering close.
    pub sent: u64,
    /// Packets that were read, while traffic is counted.
    pub packets_received: u64,
    /// Packets that were sent or queued, while traffic is counted.
    pub packets_sent: u64,
}

/// The counters, on cache lines of their own, so that they do not slow access to their neighbours
/// in memory.
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
    /// How many connections are open.
    pub fn open(&self) -> u64 {
        (self.connects + self.accepts).saturating_sub(self.ends)
    }
}

/// The totals of the process. Does not block. May be called from any thread.
///
/// # Examples
///
/// ```
/// use stream_socket::{Connection, process};
///
/// let before = process::totals();
/// let pair = Connection::pair()?;
/// assert!(process::totals().accepts >= before.accepts + 2);
/// # drop(pair);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn totals() -> Totals {
    let counters = COUNTERS.get();
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Totals {
        // Read before the counts of connections that began, so that `ends` is never larger.
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

/// Sets whether the bytes and packets of all connections are counted. Off by default: counting
/// costs a few nanoseconds for each system call and packet.
///
/// # Examples
///
/// ```
/// use stream_socket::{Connection, process};
///
/// process::count_traffic(true);
/// let before = process::totals().sent;
/// let (one, _other) = Connection::pair()?;
/// one.write_fully(b"hello")?;
/// assert!(process::totals().sent >= before + 5);
/// process::count_traffic(false);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

/// Counts a packet that was read, while [traffic is counted](count_traffic). For protocols above a
/// connection; those of [`PacketChannel`](crate::dispatch::PacketChannel) are counted already.
#[inline]
pub fn received_packet() {
    if COUNTS_TRAFFIC.load(Ordering::Relaxed) {
        add(&COUNTERS.get().packets_received, 1);
    }
}

/// Counts a packet that was sent or queued, as [`received_packet`] does.
#[inline]
pub fn sent_packet() {
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

/// Calls `body`, and counts nothing that this thread does meanwhile. For connections that are not
/// part of what the program does, such as those of a network that it simulates.
///
/// # Examples
/// ```
/// use stream_socket::{Connection, process};
///
/// let before = process::totals();
/// process::uncounted(|| Connection::pair())?;
/// assert_eq!(process::totals().accepts, before.accepts);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn uncounted<R>(body: impl FnOnce() -> R) -> R {
    /// Counts again when `body` returns or panics, unless an outer call counts nothing.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_UNCOUNTED.set(self.0);
        }
    }
    let _restore = Restore(IS_UNCOUNTED.replace(true));
    body()
}

/// Adds to a counter. Relaxed: orders no other memory.
fn add(counter: &AtomicU64, count: u64) {
    if IS_UNCOUNTED.get() {
        return;
    }
    counter.fetch_add(count, Ordering::Relaxed);
}
