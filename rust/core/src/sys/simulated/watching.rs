//! What pollers watch, and what they have not told yet.

use std::collections::BTreeMap;

use super::id::Id;
use crate::sys::Interests;

/// What a poller watches.
#[derive(Debug, Default)]
pub(super) struct PollerState {
    pub(super) registrations: BTreeMap<Id, Registration>,
    /// The token of the waker that was called.
    pub(super) woken: Option<usize>,
    /// The process that has made it.
    pub(super) process: u64,
}

/// One socket of a poller.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) token: usize,
    pub(super) interests: Interests,
    /// Something has happened that was not told yet.
    pub(super) has_edge: bool,
}

impl PollerState {
    /// Something has happened to `socket`. Whether it is watched.
    pub(super) fn edge(&mut self, socket: Id) -> bool {
        let registration = self.registrations.get_mut(&socket);
        registration
            .map(|registration| registration.has_edge = true)
            .is_some()
    }

    /// The socket is closed.
    pub(super) fn forget(&mut self, socket: Id) {
        self.registrations.remove(&socket);
    }
}
