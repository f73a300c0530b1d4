//! A packet as an argument of a signal.

use godot::builtin::PackedByteArray;

/// A packet, and whether it was sent as text.
pub(crate) struct ReceivedPacket {
    pub(crate) bytes: PackedByteArray,
    pub(crate) is_text: bool,
}

impl ReceivedPacket {
    pub(crate) fn new(bytes: &[u8], is_text: bool) -> ReceivedPacket {
        ReceivedPacket {
            bytes: PackedByteArray::from(bytes),
            is_text,
        }
    }
}
