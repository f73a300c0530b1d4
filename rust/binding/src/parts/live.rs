//! The peers and servers that exist, for the monitors and the debugger. There is no list of them
//! unless one of these needs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::peer::PeerPart;
use super::server::ServerPart;
use crate::origin::origin;

static IS_KEPT: AtomicBool = AtomicBool::new(false);
static LIST: Mutex<List> = Mutex::new(List {
    entries: Vec::new(),
    last_number: 0,
    most: 0,
});

/// A list of at most this length is not searched for objects that are gone.
const FEW: usize = 64;

/// The part of an object in the list.
#[derive(Clone)]
pub(crate) enum LivePart {
    Peer(Arc<PeerPart>),
    Server(Arc<ServerPart>),
}

/// An object in the list.
pub(crate) struct LiveObject {
    /// Counted from 1, and unique in the process.
    pub(crate) number: i64,
    /// The name of its class.
    pub(crate) class: &'static str,
    /// The line of the script that has made it, or empty if that is not known.
    pub(crate) origin: String,
    pub(crate) part: LivePart,
}

/// The objects that were made since the list is kept. Some may be gone.
struct List {
    entries: Vec<LiveEntry>,
    last_number: i64,
    /// At this length the list is searched for objects that are gone, which take at most as much
    /// room as the others.
    most: usize,
}

struct LiveEntry {
    number: i64,
    class: &'static str,
    origin: String,
    part: WeakPart,
}

/// As [`LivePart`], and does not keep the part.
pub(super) enum WeakPart {
    Peer(Weak<PeerPart>),
    Server(Weak<ServerPart>),
}

/// Starts to list the objects that are made from now on, or stops and clears the list.
pub(crate) fn keep(enabled: bool) {
    IS_KEPT.store(enabled, Ordering::Relaxed);
    if !enabled {
        list().entries = Vec::new();
    }
}

/// Adds an object of `class`, which this thread is making, if the list is kept.
pub(super) fn add(class: &'static str, part: impl FnOnce() -> WeakPart) {
    if !IS_KEPT.load(Ordering::Relaxed) {
        return;
    }
    let origin = origin();
    let mut list = list();
    if list.entries.len() >= list.most {
        list.entries.retain(|entry| entry.part.is_there());
        list.most = (2 * list.entries.len()).max(FEW);
    }
    list.last_number += 1;
    let number = list.last_number;
    list.entries.push(LiveEntry {
        number,
        class,
        origin,
        part: part(),
    });
}

/// The objects that exist, in the order in which they were made.
pub(crate) fn objects() -> Vec<LiveObject> {
    let list = list();
    let objects = list.entries.iter().filter_map(|entry| {
        Some(LiveObject {
            number: entry.number,
            class: entry.class,
            origin: entry.origin.clone(),
            part: entry.part.upgrade()?,
        })
    });
    objects.collect()
}

fn list() -> MutexGuard<'static, List> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

impl WeakPart {
    fn is_there(&self) -> bool {
        match self {
            WeakPart::Peer(peer) => peer.strong_count() > 0,
            WeakPart::Server(server) => server.strong_count() > 0,
        }
    }

    fn upgrade(&self) -> Option<LivePart> {
        match self {
            WeakPart::Peer(peer) => peer.upgrade().map(LivePart::Peer),
            WeakPart::Server(server) => server.upgrade().map(LivePart::Server),
        }
    }
}
