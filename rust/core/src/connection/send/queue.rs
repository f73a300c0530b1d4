//! Accepted bytes that have not been sent.

use crate::connection::byte_queue::ByteQueue;

/// The capacity that an empty queue keeps.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Accepted bytes in order.
pub(crate) type SendQueue = ByteQueue<KEPT_CAPACITY>;
