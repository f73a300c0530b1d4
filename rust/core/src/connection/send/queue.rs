//! Accepted bytes that have not been sent. Makes no system calls.

/// The capacity that an empty queue keeps.
const KEPT_CAPACITY: usize = 16 * 1024;

/// Accepted bytes in order.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    bytes: Vec<u8>,
    /// The index of the first unsent byte.
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

    /// Appends accepted bytes.
    pub(crate) fn push(&mut self, data: &[u8]) {
        // Sent bytes are removed once they are the larger part, so that each byte is moved a few
        // times at most.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..std::mem::take(&mut self.start));
        }
        self.bytes.extend_from_slice(data);
    }

    /// Marks `count` unsent bytes as sent.
    pub(crate) fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start += count;
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    /// Removes the last `count` bytes, which are unsent.
    pub(crate) fn take_back(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.bytes.truncate(self.bytes.len() - count);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Removes all bytes.
    pub(crate) fn clear(&mut self) {
        self.start = 0;
        self.bytes.clear();
        // A large queue is rare, so its memory is freed.
        self.bytes.shrink_to(KEPT_CAPACITY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_sent_in_order() {
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

    /// The memory follows the number of unsent bytes, and few pushes move them.
    #[test]
    fn sent_bytes_are_removed() {
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
    fn a_large_queue_frees_its_memory() {
        let mut queue = SendQueue::default();
        queue.push(&[7; 1 << 20]);
        queue.skip(1 << 20);
        assert_eq!(queue.bytes.capacity(), KEPT_CAPACITY);
    }
}
