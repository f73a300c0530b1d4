//! How many bytes of responses a server keeps because its clients have not accepted them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The unsent bytes of all clients of a server.
pub(super) struct UnsentResponses {
    bytes: AtomicUsize,
    /// How many bytes of a stream may wait before a script has to wait.
    pub(super) max_of_stream: AtomicUsize,
    /// How many bytes may wait for all clients before no request is handed out.
    pub(super) max_in_all: AtomicUsize,
}

impl Default for UnsentResponses {
    fn default() -> UnsentResponses {
        UnsentResponses {
            bytes: AtomicUsize::new(0),
            max_of_stream: AtomicUsize::new(1 << 20),
            max_in_all: AtomicUsize::new(64 << 20),
        }
    }
}

impl UnsentResponses {
    /// Whether the unsent bytes of all clients exceed the limit.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.max_in_all.load(Ordering::Relaxed)
    }

    /// Why a stream with `bytes` unsent bytes must not be continued now.
    pub(super) fn refusal_of_stream(&self, bytes: usize) -> Option<String> {
        let full = |limit: usize, property| format!("queue of {limit} bytes ({property}) is full");
        let limit = self.max_of_stream.load(Ordering::Relaxed);
        if bytes >= limit {
            return Some(full(limit, "max_unsent_bytes"));
        }
        let limit = self.max_in_all.load(Ordering::Relaxed);
        self.is_full()
            .then(|| full(limit, "max_total_unsent_bytes"))
    }
}

/// The unsent bytes of one client.
pub(super) struct UnsentOfClient {
    all: Arc<UnsentResponses>,
    bytes: usize,
}

impl UnsentOfClient {
    pub(super) fn new(all: Arc<UnsentResponses>) -> UnsentOfClient {
        UnsentOfClient { all, bytes: 0 }
    }

    pub(super) fn all(&self) -> &UnsentResponses {
        &self.all
    }

    /// Sets the number of unsent bytes.
    pub(super) fn set(&mut self, bytes: usize) {
        // If it has decreased, the difference wraps around, and so does the sum.
        let change = bytes.wrapping_sub(self.bytes);
        self.all.bytes.fetch_add(change, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for UnsentOfClient {
    fn drop(&mut self) {
        self.set(0);
    }
}
