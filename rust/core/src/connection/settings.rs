//! The settings for blocking calls, the write queue, and the end of a connection.

use crate::deadline::Timeout;
use crate::sync::atomic::{AtomicBool, AtomicUsize};

/// The settings of a connection. Any thread changes and reads them without the lock.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) read_timeout: Timeout,
    pub(super) write_timeout: Timeout,
    /// In bytes; 0 means that there is no queue.
    pub(super) queue_limit: AtomicUsize,
    pub(super) coalesces: AtomicBool,
    pub(super) allows_half_open: AtomicBool,
}
