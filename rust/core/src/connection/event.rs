//! What has happened to a connection, for those who want to be told.

use std::collections::VecDeque;

use crate::connection::status::Status;

/// Something that has happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The status changed to this one.
    StatusChanged(Status),
    /// A connect that was accepted has come to its end.
    ConnectFinished(ConnectEnd),
    /// An established connection has ended.
    Disconnected(DisconnectCause),
    /// The last queued byte was handed to the system.
    Drained,
}

/// How a connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectEnd {
    /// Connected.
    Connected,
    /// The name did not resolve.
    Unresolved,
    /// No address accepted.
    Refused,
    /// The time limit passed.
    TimedOut,
    /// It was disconnected before.
    Cancelled,
}

/// Why an established connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectCause {
    /// This side disconnected.
    Local,
    /// The peer ended the stream.
    EndOfStream,
    /// The socket failed.
    Failure,
}

/// So many events are kept for somebody who polls rarely; of more the oldest go.
const MAX_EVENTS: usize = 256;

/// The events that were not told yet.
#[derive(Debug, Default)]
pub(super) struct Events(VecDeque<Event>);

impl Events {
    pub(super) fn push(&mut self, event: Event) {
        if self.0.len() == MAX_EVENTS {
            self.0.pop_front();
        }
        self.0.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        let event = self.0.pop_front();
        if self.0.is_empty() {
            // Most connections have had their events, and have none for long.
            self.0 = VecDeque::new();
        }
        event
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
