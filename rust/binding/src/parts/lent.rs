//! Memory that a caller in Godot reads after the call.

use std::cell::RefCell;

thread_local! {
    /// What was lent to callers on this thread that may still read it. No destructor has to run while the library is being
    /// unloaded: a thread that has one keeps the library loaded as long as it lives.
    static LENT: RefCell<Vec<Lent>> = const { RefCell::new(Vec::new()) };
}

/// A packet, and where its caller is.
struct Lent {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the caller reads it by its address")
    )]
    packet: Box<[u8]>,
    /// The address of the stack frame it was lent to.
    frame: usize,
}

/// Frees what was lent to calls that have returned, for a call on this thread.
///
/// `PacketPeer.get_var` takes a packet by its address, and decodes it: scripts run meanwhile, which may take the next packet.
/// Their calls have frames further down the stack than the one that decodes. So a call that is not further down than an
/// earlier one was not made by it, and the earlier one has returned.
pub(super) fn take_back() {
    let frame = stack_frame();
    LENT.with_borrow_mut(|lent| {
        lent.retain(|lent| lent.frame > frame);
        if lent.is_empty() {
            *lent = Vec::new();
        }
    });
}

/// Keeps `packet` until the caller has returned, and gives its address and its size.
pub(super) fn lend(packet: Box<[u8]>) -> (*const u8, usize) {
    let at = (packet.as_ptr(), packet.len());
    let frame = stack_frame();
    LENT.with_borrow_mut(|lent| lent.push(Lent { packet, frame }));
    at
}

/// About where the caller's frame is: further down the stack, the number is smaller.
#[inline(never)]
fn stack_frame() -> usize {
    let here = 0_u8;
    std::hint::black_box(&raw const here).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count() -> usize {
        LENT.with_borrow(Vec::len)
    }

    /// Takes packets as a script does that a caller runs while it reads its own.
    #[inline(never)]
    fn nested(depth: usize) {
        let _frame = std::hint::black_box([0_u8; 256]);
        take_back();
        lend([depth as u8; 100].into());
        if depth > 0 {
            nested(depth - 1);
        }
        assert!(count() > 0);
    }

    #[test]
    fn a_packet_lives_as_long_as_the_call_that_reads_it() {
        take_back();
        let (packet, size) = lend([7; 100].into());
        nested(5);
        assert_eq!(count(), 7, "all of them are read at the moment");
        let kept = LENT.with_borrow(|lent| lent[0].packet.clone());
        assert_eq!((kept.len(), kept[0]), (size, 7));
        assert!(!packet.is_null());
        for _ in 0..100 {
            take_back();
            lend([7; 100].into());
        }
        assert_eq!(count(), 1, "one after the other");
    }
}
