//! Compressors and decompressors without context takeover. Connections share them, so idle
//! connections need none.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The maximum number of idle compressors or decompressors. If more are in use at once, more are
/// created.
const MAX_IDLE: usize = 4;

/// The idle items, with their window sizes.
pub(super) struct Pool<T>(Mutex<Vec<(u8, T)>>);

impl<T> Pool<T> {
    pub(super) const fn new() -> Pool<T> {
        Pool(Mutex::new(Vec::new()))
    }

    /// Takes an item with this window size, or creates it.
    pub(super) fn take(&self, window_bits: u8, make: impl FnOnce() -> T) -> T {
        let mut unused = self.unused();
        let found = unused.iter().position(|(bits, _)| *bits == window_bits);
        let taken = found.map(|index| unused.swap_remove(index).1);
        drop(unused);
        taken.unwrap_or_else(make)
    }

    /// Returns an item, after it was reset.
    pub(super) fn put(&self, window_bits: u8, item: T) {
        let mut unused = self.unused();
        if unused.len() >= MAX_IDLE {
            // The oldest makes room, so a window size that is no longer used does not stay.
            let oldest = unused.remove(0);
            unused.push((window_bits, item));
            drop(unused);
            drop(oldest);
        } else {
            unused.push((window_bits, item));
        }
    }

    fn unused(&self) -> MutexGuard<'_, Vec<(u8, T)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
