//! Packets that Godot reads after the call that returned them.
//!
//! `PacketPeer.get_packet` gets an address and reads the packet there after the call. So the packet
//! stays in memory until its caller has returned.

use std::cell::RefCell;

thread_local! {
    /// The packets whose callers on this thread may still read them. The destructor frees the rest
    /// when the thread ends. Until then, the system keeps an unloaded library in memory. In a debug
    /// build for Linux, gdext registers no destructors, so the rest leaks.
    static LENT: RefCell<Vec<Lent>> = const { RefCell::new(Vec::new()) };
}

/// A packet, and the stack frame of its caller.
struct Lent {
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the caller reads it by its address")
    )]
    packet: Box<[u8]>,
    frame: StackFrame,
}

/// Approximately the address of the stack frame of a call that takes a packet. It is smaller for a
/// frame further down the stack.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct StackFrame(usize);

/// Frees the packets of calls that have returned. Called at the beginning of each call on this
/// thread. Returns the frame of the call, for [`lend`].
///
/// `PacketPeer.get_var` takes a packet by its address and decodes it. Scripts run meanwhile, and
/// may take the next packet. Their calls have frames below that of the call that decodes. If this
/// call's frame is not below the frame of an earlier caller, that caller did not make this call. So
/// it has returned, and its packet can be freed.
#[inline(never)]
pub(super) fn free_returned() -> StackFrame {
    let here = 0_u8;
    let frame = StackFrame(std::hint::black_box(&raw const here).addr());
    LENT.with_borrow_mut(|lent| {
        lent.retain(|lent| lent.frame > frame);
        if lent.is_empty() {
            *lent = Vec::new();
        }
    });
    frame
}

/// Keeps `packet` until the caller has returned. Returns its address and its size.
///
/// `frame` is what [`free_returned`] has returned to this call. The address is taken there only:
/// taken here, it would depend on inlining. A later call at the same depth could then seem deeper,
/// and the packet would be kept.
pub(super) fn lend(packet: Box<[u8]>, frame: StackFrame) -> (*const u8, usize) {
    let at = (packet.as_ptr(), packet.len());
    LENT.with_borrow_mut(|lent| lent.push(Lent { packet, frame }));
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count() -> usize {
        LENT.with_borrow(Vec::len)
    }

    /// Takes packets like a script that runs while its caller reads a packet.
    #[inline(never)]
    fn nested(depth: usize) {
        let _frame = std::hint::black_box([0_u8; 256]);
        lend([depth as u8; 100].into(), free_returned());
        if depth > 0 {
            nested(depth - 1);
        }
        assert!(count() > 0);
    }

    #[test]
    fn a_packet_lives_as_long_as_the_call_that_reads_it() {
        let (packet, size) = lend([7; 100].into(), free_returned());
        nested(5);
        assert_eq!(count(), 7, "all of them are read at the moment");
        let kept = LENT.with_borrow(|lent| lent[0].packet.clone());
        assert_eq!((kept.len(), kept[0]), (size, 7));
        assert!(!packet.is_null());
        for _ in 0..100 {
            lend([7; 100].into(), free_returned());
        }
        assert_eq!(count(), 1, "one after the other");
    }

    /// Calls `free_returned` from further down the stack than its caller calls `lend`.
    #[inline(never)]
    fn free_returned_further_down() -> StackFrame {
        let _frame = std::hint::black_box([0_u8; 4096]);
        std::hint::black_box(free_returned())
    }

    #[test]
    fn packets_do_not_pile_up_if_the_two_functions_are_called_at_different_depths() {
        for _ in 0..100 {
            let frame = free_returned_further_down();
            lend([7; 100].into(), frame);
            assert_eq!(count(), 1);
        }
    }
}
