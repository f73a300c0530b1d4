//! Whether data may have arrived since a connection was found empty: one word, shared by the
//! connection, which probes its socket, and by the pollers to which the kernel reports the socket.

use crate::sync::atomic::{AtomicU64, Ordering};

/// The last probe met EAGAIN, and the kernel has reported nothing since.
const QUIET: u64 = 1;
/// The kernel has reported the socket since the last probe began.
const NOTIFIED: u64 = 2;
const FLAG_BITS: u32 = 2;

/// The generation of the connection, and the flags of its socket.
///
/// The connection changes the word under its lock; [`notify`](Self::notify) is called by any
/// thread. Where both meet:
///
/// | connection | thread that the kernel reports to |
/// | --- | --- |
/// | `begin_probe`: clears `NOTIFIED` | |
/// | | reports an edge: sets `NOTIFIED` |
/// | receives: EAGAIN, if it was earlier than the data, or the data | |
/// | `settle`: sees `NOTIFIED`, does not become quiet, and probes again | |
///
/// An edge before `begin_probe` is lost, but the receive comes after it and finds the data. An edge
/// after `begin_probe` keeps the connection from becoming quiet. So a quiet connection has no
/// unread data without a pending edge. `tests/memory_order.rs` tries all orders of both columns.
#[derive(Debug, Default)]
pub(crate) struct Readiness(AtomicU64);

impl Readiness {
    /// Whether the connection is quiet in `generation`: the last probe met EAGAIN, and the kernel
    /// has reported nothing since. False also means "unknown".
    #[inline]
    pub(crate) fn is_quiet(&self, generation: u64) -> bool {
        self.0.load(Ordering::Acquire) == generation << FLAG_BITS | QUIET
    }

    /// Forgets everything: another connection has the word from now on.
    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Begins a probe in `generation`. Called before the receive: whatever the kernel reports from
    /// now on may be newer than the answer of the receive.
    pub(crate) fn begin_probe(&self, generation: u64) {
        debug_assert!(generation <= u64::MAX >> FLAG_BITS);
        let word = self.0.load(Ordering::Acquire);
        if word >> FLAG_BITS != generation {
            self.0.store(generation << FLAG_BITS, Ordering::Release);
        } else if word & (QUIET | NOTIFIED) != 0 {
            self.0.fetch_and(!(QUIET | NOTIFIED), Ordering::AcqRel);
        }
    }

    /// Makes the connection quiet in `generation`, unless the kernel has reported its socket since
    /// the probe began. Returns whether it is quiet. The socket is registered with a poller, and
    /// the probe met EAGAIN.
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

    /// Whether the kernel has reported the socket since the last probe began, so that the answer of
    /// the probe may be out of date.
    pub(crate) fn is_notified(&self) -> bool {
        self.0.load(Ordering::Acquire) & NOTIFIED != 0
    }

    /// Records that the kernel has reported the socket.
    pub(crate) fn notify(&self) {
        self.0.fetch_or(NOTIFIED, Ordering::AcqRel);
    }
}
