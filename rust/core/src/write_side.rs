//! The sending half of a connection: what has been written and not yet been handed to the system.

/// Bytes that wait to be sent.
#[derive(Debug, Default)]
pub(crate) struct WriteSide {
    /// The session the content belongs to.
    epoch: u64,
    queue: Vec<u8>,
    /// Where the unsent bytes in `queue` start.
    start: usize,
    /// Something had to wait because the system took no more.
    pub(crate) has_waited: bool,
}

impl WriteSide {
    /// Makes this the write side of the session `epoch`, forgetting what an earlier one has left.
    #[inline]
    pub(crate) fn enter(&mut self, epoch: u64) {
        if self.epoch != epoch {
            *self = WriteSide {
                epoch,
                ..WriteSide::default()
            };
        }
    }

    #[inline]
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.queue[self.start..]
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        // Sent bytes make room once they are the larger part, so that each byte is moved a few times at most.
        if self.start > self.queue.len() / 2 {
            self.queue.drain(..std::mem::take(&mut self.start));
        }
        self.queue.extend_from_slice(data);
    }

    /// Takes `count` unsent bytes for sent.
    pub(crate) fn skip(&mut self, count: usize) {
        self.start += count;
        if self.start == self.queue.len() {
            self.start = 0;
            self.queue.clear();
            // A burst does not keep its memory.
            self.queue.shrink_to(KEPT_CAPACITY);
        }
    }

    /// The unsent bytes of the session `epoch`, which are forgotten here.
    pub(crate) fn take_queue(&mut self, epoch: u64) -> Vec<u8> {
        self.enter(epoch);
        let mut queue = std::mem::take(&mut self.queue);
        queue.drain(..std::mem::take(&mut self.start));
        queue
    }
}

/// The memory that an empty queue may keep.
const KEPT_CAPACITY: usize = 16 * 1024;
