//! The limits of blocking calls and of the write queue.

use crate::deadline::Timeout;
use crate::sync::atomic::AtomicUsize;

/// The settings of a connection. Any thread changes and reads them without the lock.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) read_timeout: Timeout,
    pub(super) write_timeout: Timeout,
    /// In bytes; 0 means that there is no queue.
    pub(super) queue_limit: AtomicUsize,
}
