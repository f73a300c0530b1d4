//! The numbers of a session: what it takes at most, and what it has counted.

/// What a session takes at most. It may change at any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum length of a received message, decompressed.
    pub message_bytes: usize,
    /// No more is received while messages of so many bytes wait to be taken.
    pub queued_bytes: usize,
    /// No more is received while so many messages wait to be taken.
    pub queued_messages: usize,
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
