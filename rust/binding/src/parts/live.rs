//! The peers and servers that exist, for the monitors and the debugger. They are listed only while
//! one of these needs the list.

use std::sync::Arc;

pub(crate) use super::live_list::keep;
use super::live_list::{LiveEntry, entries};
use super::peer::PeerPart;
use super::server::ServerPart;

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

/// The objects that exist, in the order in which they were made.
pub(crate) fn objects() -> Vec<LiveObject> {
    entries().into_iter().filter_map(object).collect()
}

fn object(entry: LiveEntry) -> Option<LiveObject> {
    let part = match entry.part.upgrade()?.downcast::<PeerPart>() {
        Ok(peer) => LivePart::Peer(peer),
        Err(part) => LivePart::Server(part.downcast().ok()?),
    };
    Some(LiveObject {
        number: entry.number,
        class: entry.class,
        origin: entry.origin,
        part,
    })
}
