//! What a stream has received.

/// What was received.
pub(super) enum Received {
    /// This many bytes.
    Bytes(usize),
    /// There is nothing now.
    Nothing,
    /// The client has ended its stream.
    End,
    /// The stream has failed.
    Failed,
}
