//! Memory that a caller in Godot reads after the call.

use std::cell::RefCell;

thread_local! {
    /// What was lent last to this thread. Godot takes a packet by its address, and copies it before the thread asks any
    /// packet peer for the next one. So what is kept is one packet for each thread, and none for those that have ended. As
    /// long as such a thread lives the library stays loaded, for the destructor.
    static LENT: RefCell<Box<[u8]>> = RefCell::default();
}

/// Keeps `packet` until this thread is lent the next one, and gives its address and its size.
pub(super) fn lend(packet: Box<[u8]>) -> (*const u8, usize) {
    let at = (packet.as_ptr(), packet.len());
    LENT.replace(packet);
    at
}
