//! What the simulated kernel counts: the system calls of the library, and the outcome of a world.

use std::ops::Sub;

/// How many calls of each kind the library has made. A superfluous call only costs time, so only a
/// count shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Receives.
    pub receives: u64,
    /// Receives that have failed with EWOULDBLOCK.
    pub empty_receives: u64,
    /// Sends.
    pub sends: u64,
    /// Sends that have failed with EWOULDBLOCK.
    pub refused_sends: u64,
    /// Queries for the number of unread bytes (FIONREAD).
    pub unread_queries: u64,
    /// Queries for the number of unacknowledged bytes (SIOCOUTQ).
    pub unacknowledged_queries: u64,
    /// Queries for the pending error of a socket (SO_ERROR).
    pub error_queries: u64,
    /// Shutdowns of the sending direction.
    pub shutdowns: u64,
    /// Calls of a poller that do not wait.
    pub polls: u64,
    /// Waits, for a socket or for a poller.
    pub waits: u64,
    /// Sockets that were added to a poller.
    pub registrations: u64,
    /// Sockets that were removed from a poller.
    pub deregistrations: u64,
    /// Wake-ups of a thread that waits for a socket or for a poller.
    pub wakes: u64,
    /// Notifications of a condition variable.
    pub notifications: u64,
    /// Descriptors that were created for pollers and interrupters.
    pub descriptors: u64,
}

impl Sub for Calls {
    type Output = Calls;

    /// The calls that were made after `earlier` was read.
    fn sub(self, earlier: Calls) -> Calls {
        Calls {
            receives: self.receives - earlier.receives,
            empty_receives: self.empty_receives - earlier.empty_receives,
            sends: self.sends - earlier.sends,
            refused_sends: self.refused_sends - earlier.refused_sends,
            unread_queries: self.unread_queries - earlier.unread_queries,
            unacknowledged_queries: self.unacknowledged_queries - earlier.unacknowledged_queries,
            error_queries: self.error_queries - earlier.error_queries,
            shutdowns: self.shutdowns - earlier.shutdowns,
            polls: self.polls - earlier.polls,
            waits: self.waits - earlier.waits,
            registrations: self.registrations - earlier.registrations,
            deregistrations: self.deregistrations - earlier.deregistrations,
            wakes: self.wakes - earlier.wakes,
            notifications: self.notifications - earlier.notifications,
            descriptors: self.descriptors - earlier.descriptors,
        }
    }
}

/// What has happened in a world from its beginning to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Connections that were established.
    pub connections: u64,
    /// Bytes that have arrived.
    pub bytes: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// Resets that have arrived.
    pub resets: u64,
    /// Ends of streams that have arrived.
    pub ends: u64,
    /// How long the world has lasted by its own clock, in nanoseconds.
    pub nanoseconds: u64,
    /// A number that follows from every random choice: two runs of one seed have the same one.
    pub fingerprint: u64,
}
