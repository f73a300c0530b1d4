//! Memory that a caller in Godot reads after the call.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// What was lent last to each thread. Godot takes a packet by its address, and copies it before it asks for the next one;
/// another thread may ask meanwhile.
#[derive(Debug, Default)]
pub(super) struct Lent {
    packets: Mutex<HashMap<ThreadId, Box<[u8]>>>,
}

impl Lent {
    /// Keeps `packet` until this thread lends the next one, and gives its address and its size.
    pub(super) fn lend(&self, packet: Box<[u8]>) -> (*const u8, usize) {
        let at = (packet.as_ptr(), packet.len());
        let mut packets = self.packets.lock().unwrap_or_else(PoisonError::into_inner);
        packets.insert(thread::current().id(), packet);
        at
    }
}
