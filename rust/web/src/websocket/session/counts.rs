//! The numbers of a session: its limits and its counters.

use std::time::Duration;

/// The limits of a session. They may change at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum length of a received message, decompressed.
    pub message_bytes: usize,
    /// While this many bytes of messages wait to be taken, no more is received.
    pub queued_bytes: usize,
    /// While this many messages wait to be taken, no more is received.
    pub queued_messages: usize,
}

/// The time limits of a session. They may change at any time. `None` is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeLimits {
    /// How long the handshake may take, from the first poll.
    pub handshake: Option<Duration>,
    /// The time between two pings. If a ping has no answer when the next one is due, the session
    /// ends.
    pub heartbeat: Option<Duration>,
}

/// Counters of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were received.
    pub messages_received: u64,
    /// Messages that were sent.
    pub messages_sent: u64,
    /// Bytes of received messages, decompressed.
    pub payload_received: u64,
    /// Bytes of sent messages, before compression.
    pub payload_sent: u64,
    /// Pings that were received.
    pub pings_received: u64,
    /// Answers to pings that were received.
    pub pongs_received: u64,
}
