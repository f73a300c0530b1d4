//! Bytes that were accepted and not handed to the system yet. No socket in it.

/// The memory that an empty queue may keep.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Accepted bytes, in order.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    bytes: Vec<u8>,
    /// Where the unsent ones start.
    start: usize,
}

impl SendQueue {
    #[inline]
    pub(crate) fn unsent(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.start
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks the bounds that the methods rely on.
    pub(crate) fn check(&self) {
        debug_assert!(self.start <= self.bytes.len());
        debug_assert!(
            self.start == 0 || !self.is_empty(),
            "an empty queue starts at 0"
        );
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        // Sent bytes make room once they are the larger part, so that each byte is moved a few times at most.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..std::mem::take(&mut self.start));
        }
        self.bytes.extend_from_slice(data);
    }

    /// Takes `count` unsent bytes for sent.
    pub(crate) fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start += count;
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    /// Takes the last `count` bytes back. They are unsent.
    pub(crate) fn take_back(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.bytes.truncate(self.bytes.len() - count);
        if self.is_empty() {
            self.clear();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.bytes.clear();
        // A burst does not keep its memory.
        self.bytes.shrink_to(KEPT_CAPACITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let mut queue = SendQueue::default();
        queue.push(b"abcdef");
        queue.skip(2);
        assert_eq!(queue.unsent(), b"cdef");
        queue.skip(2);
        queue.push(b"gh");
        assert_eq!(queue.unsent(), b"efgh");
        queue.take_back(3);
        assert_eq!(queue.unsent(), b"e");
        queue.take_back(1);
        assert!(queue.is_empty());
        queue.push(b"i");
        assert_eq!(queue.unsent(), b"i");
    }

    /// A queue that is never empty goes through memory of the size of what is unsent, and does not move it each time.
    #[test]
    fn what_was_sent_makes_room() {
        let mut queue = SendQueue::default();
        queue.push(&[7; 500]);
        for _ in 0..10_000 {
            queue.push(&[7; 1000]);
            queue.skip(1000);
            assert_eq!(queue.len(), 500);
            assert!(queue.bytes.len() <= 4000, "{}", queue.bytes.len());
        }
        let mut queue = SendQueue::default();
        queue.push(&[7; 1000]);
        queue.skip(400);
        queue.push(&[7; 10]);
        assert_eq!(queue.start, 400);
    }

    #[test]
    fn a_burst_does_not_keep_its_memory() {
        let mut queue = SendQueue::default();
        queue.push(&[7; 1 << 20]);
        queue.skip(1 << 20);
        assert_eq!(queue.bytes.capacity(), KEPT_CAPACITY);
    }
}
