//! The sockets that exist, for the monitors and the debugger. They are listed only while one of
//! these needs the list.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use stream_socket::{Connection, Listener};

use crate::origin::origin;

/// Something that can be listed.
pub(crate) trait Live: Send + Sync + 'static {
    /// What the debugger shows of it.
    fn report(&self, now: Instant) -> Report;

    /// How many bytes wait here to be sent, except those of another listed object.
    fn queued_bytes(&self) -> usize {
        0
    }

    /// Calls `then` with the connection whose events and bytes can be recorded, if there is one. A
    /// lock may be held meanwhile.
    fn with_connection(&self, _then: &mut dyn FnMut(&Connection)) {}
}

/// What the debugger shows of an object. Values that it lacks are empty or 0.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// In words.
    pub(crate) status: &'static str,
    pub(crate) local: String,
    pub(crate) remote: String,
    /// Bytes.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Packets, messages, or requests and their answers.
    pub(crate) packets_received: u64,
    pub(crate) packets_sent: u64,
    /// Bytes that wait to be sent.
    pub(crate) queued: u64,
    /// How long it has been connected.
    pub(crate) age: Option<Duration>,
    /// The message of the last error.
    pub(crate) error: String,
}

impl Report {
    /// Whether and where `listener` listens.
    pub(crate) fn of_listener(listener: &Listener) -> Report {
        let local = listener.local_address();
        Report {
            status: match local {
                Some(_) => "listening",
                None => "not listening",
            },
            local: local.map_or_else(String::new, |address| address.to_string()),
            ..Report::default()
        }
    }

    /// The addresses and the counts of `connection`.
    pub(crate) fn of(connection: &Connection, now: Instant) -> Report {
        let counted = connection.statistics(now);
        let local = connection.local_address();
        let remote = connection.peer_address();
        Report {
            local: local.map_or_else(String::new, |address| address.to_string()),
            remote: remote.map_or_else(String::new, |address| address.to_string()),
            received: counted.received,
            sent: counted.sent,
            packets_received: counted.packets_received,
            packets_sent: counted.packets_sent,
            queued: counted.queued as u64,
            age: counted.age,
            ..Report::default()
        }
    }
}

/// An object in the list.
pub(crate) struct LiveObject {
    /// Counted from 1, and unique in the process.
    pub(crate) number: i64,
    /// The name of its class.
    pub(crate) class: &'static str,
    /// The line of the script that has made it, or empty if that is not known.
    pub(crate) origin: String,
    pub(crate) part: Arc<dyn Live>,
}

static IS_KEPT: AtomicBool = AtomicBool::new(false);
static LIST: Mutex<List> = Mutex::new(List {
    entries: Vec::new(),
    last_number: 0,
    prune_length: 0,
});

/// In a list of at most this length, freed objects are not searched for.
const FEW: usize = 64;

/// The objects that were made after [`keep`] was called. Some may have been freed.
struct List {
    entries: Vec<Entry>,
    last_number: i64,
    /// When the list reaches this length, the entries of freed objects are removed. Twice the
    /// number of remaining entries, so freed objects never take more room than live ones.
    prune_length: usize,
}

/// An object that was made after [`keep`] was called.
#[derive(Clone)]
struct Entry {
    number: i64,
    class: &'static str,
    origin: String,
    part: Weak<dyn Live>,
}

/// Starts to list the objects that are made from now on, or stops and clears the list.
pub(crate) fn keep(enabled: bool) {
    IS_KEPT.store(enabled, Ordering::Relaxed);
    if !enabled {
        list().entries = Vec::new();
    }
}

/// Adds an object of `class`, which this thread is making, if the list is kept.
pub(crate) fn add<P: Live>(class: &'static str, part: &Arc<P>) {
    if !IS_KEPT.load(Ordering::Relaxed) {
        return;
    }
    let origin = origin();
    let part: Arc<dyn Live> = part.clone();
    let mut list = list();
    if list.entries.len() >= list.prune_length {
        list.entries.retain(|entry| entry.part.strong_count() > 0);
        list.prune_length = (2 * list.entries.len()).max(FEW);
    }
    list.last_number += 1;
    let number = list.last_number;
    list.entries.push(Entry {
        number,
        class,
        origin,
        part: Arc::downgrade(&part),
    });
}

/// The objects that exist, in the order in which they were made.
pub(crate) fn objects() -> Vec<LiveObject> {
    let entries = list().entries.clone();
    let object = |entry: Entry| {
        Some(LiveObject {
            number: entry.number,
            class: entry.class,
            origin: entry.origin,
            part: entry.part.upgrade()?,
        })
    };
    entries.into_iter().filter_map(object).collect()
}

fn list() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}
