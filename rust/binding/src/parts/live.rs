//! The peers and servers that there are, for what watches a game while it is made. Nobody keeps a list of them otherwise.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::peer::PeerPart;
use super::server::ServerPart;

static IS_KEPT: AtomicBool = AtomicBool::new(false);
static LIST: Mutex<List> = Mutex::new(List {
    entries: Vec::new(),
    last_number: 0,
    most: 0,
});

/// Among so few nobody is looked for.
const FEW: usize = 64;

/// The part of an object.
#[derive(Clone)]
pub(crate) enum LivePart {
    Peer(Arc<PeerPart>),
    Server(Arc<ServerPart>),
}

/// An object that is there.
pub(crate) struct LiveObject {
    /// From 1 on; no two of a process have the same.
    pub(crate) number: i64,
    /// The name of its class.
    pub(crate) class: &'static str,
    /// Where a script has made it. Empty if that is not known.
    pub(crate) origin: String,
    pub(crate) part: LivePart,
}

/// Those that were made since somebody watches. Some may be gone.
struct List {
    entries: Vec<LiveEntry>,
    last_number: i64,
    /// With so many, those that are gone are looked for: they take no more room than those that are there.
    most: usize,
}

struct LiveEntry {
    number: i64,
    class: &'static str,
    origin: String,
    part: WeakPart,
}

enum WeakPart {
    Peer(Weak<PeerPart>),
    Server(Weak<ServerPart>),
}

/// Has those listed that are made from now on, or none any more.
pub(crate) fn keep(enabled: bool) {
    IS_KEPT.store(enabled, Ordering::Relaxed);
    if !enabled {
        list().entries = Vec::new();
    }
}

/// An object of `class` was made, where `origin` says if it is asked.
pub(crate) fn add(class: &'static str, part: &LivePart, origin: fn() -> String) {
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
    let part = match part {
        LivePart::Peer(peer) => WeakPart::Peer(Arc::downgrade(peer)),
        LivePart::Server(server) => WeakPart::Server(Arc::downgrade(server)),
    };
    list.entries.push(LiveEntry {
        number,
        class,
        origin,
        part,
    });
}

/// Those that are there, in the order in which they were made.
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
