//! How often the library has called the system, by kind. What costs nothing but time shows in nothing else.

use std::ops::Sub;

/// So many calls of each kind were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Receives.
    pub receives: u64,
    /// Those of them that have found nothing.
    pub vain_receives: u64,
    /// Sends.
    pub sends: u64,
    /// Those of them that have found no room.
    pub vain_sends: u64,
    /// Questions how many bytes are there (FIONREAD).
    pub counts: u64,
    /// Questions for the failure of a socket (SO_ERROR).
    pub questions: u64,
    /// Ends of a stream.
    pub shutdowns: u64,
    /// Looks at a poller that did not wait.
    pub looks: u64,
    /// Waits, for a socket or for a poller.
    pub waits: u64,
    /// Sockets that were added to a poller.
    pub watches: u64,
    /// Sockets that were taken out of one.
    pub removals: u64,
    /// Calls that end a wait: of a socket, or of a poller.
    pub wakes: u64,
    /// Calls that end waits for a condition.
    pub notifications: u64,
    /// Pollers, and wake-up calls for sockets, that were made.
    pub descriptors: u64,
}

impl Sub for Calls {
    type Output = Calls;

    /// Those that came after `earlier`.
    fn sub(self, earlier: Calls) -> Calls {
        Calls {
            receives: self.receives - earlier.receives,
            vain_receives: self.vain_receives - earlier.vain_receives,
            sends: self.sends - earlier.sends,
            vain_sends: self.vain_sends - earlier.vain_sends,
            counts: self.counts - earlier.counts,
            questions: self.questions - earlier.questions,
            shutdowns: self.shutdowns - earlier.shutdowns,
            looks: self.looks - earlier.looks,
            waits: self.waits - earlier.waits,
            watches: self.watches - earlier.watches,
            removals: self.removals - earlier.removals,
            wakes: self.wakes - earlier.wakes,
            notifications: self.notifications - earlier.notifications,
            descriptors: self.descriptors - earlier.descriptors,
        }
    }
}
