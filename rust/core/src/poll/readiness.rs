//! Whether something may have come in since a connection was found empty: one word, shared by the connection, which looks
//! at its socket, and by those that are told of the socket by the kernel.

use crate::sync::atomic::{AtomicU64, Ordering};

/// The kernel said that nothing is there (EAGAIN), and nothing has been told since.
const QUIET: u64 = 1;
/// Something has been told since the last look began.
const NOTIFIED: u64 = 2;
const FLAG_BITS: u32 = 2;

/// The generation of a session, and what is known of its socket.
///
/// The connection changes the word under its lock; [`notify`](Self::notify) comes from any thread. Where both meet:
///
/// | connection | who is told by the kernel |
/// | --- | --- |
/// | `begin_probe`: clears `NOTIFIED` | |
/// | | the edge of new bytes: sets `NOTIFIED` |
/// | receives: EAGAIN, since the bytes came after it, or bytes | |
/// | `settle`: finds `NOTIFIED`, stays not quiet, and looks again | |
///
/// An edge before `begin_probe` is lost, but the receive comes after it and finds the bytes. An edge after it keeps the
/// connection from settling. So a quiet connection has no unread bytes that nobody will tell of. `tests/memory_order.rs`
/// tries all orders of both.
#[derive(Debug, Default)]
pub(crate) struct Readiness(AtomicU64);

impl Readiness {
    /// Whether the session `generation` is quiet: the kernel had nothing, and has told nothing since. False also means "unknown".
    #[inline]
    pub(crate) fn is_quiet(&self, generation: u64) -> bool {
        self.0.load(Ordering::Acquire) == generation << FLAG_BITS | QUIET
    }

    /// To be called before the kernel is asked for what the session `generation` has received: what is told from now on may be
    /// newer than its answer.
    pub(crate) fn begin_probe(&self, generation: u64) {
        let word = self.0.load(Ordering::Acquire);
        if word >> FLAG_BITS != generation {
            self.0.store(generation << FLAG_BITS, Ordering::Release);
        } else if word & (QUIET | NOTIFIED) != 0 {
            self.0.fetch_and(!(QUIET | NOTIFIED), Ordering::AcqRel);
        }
    }

    /// Makes the session `generation` quiet, whose socket is watched and had nothing at the last look (EAGAIN), unless something
    /// has been told since. Whether it is quiet.
    pub(crate) fn settle(&self, generation: u64) -> bool {
        let probed = generation << FLAG_BITS;
        let quiet = probed | QUIET;
        match self
            .0
            .compare_exchange(probed, quiet, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => true,
            Err(word) => word == quiet,
        }
    }

    /// Whether something was told since the last look began, so that its answer may be older.
    pub(crate) fn is_notified(&self) -> bool {
        self.0.load(Ordering::Acquire) & NOTIFIED != 0
    }

    /// Takes note that the kernel has told of the socket.
    pub(crate) fn notify(&self) {
        self.0.fetch_or(NOTIFIED, Ordering::AcqRel);
    }
}
