//! A queue of bytes, for both directions of a connection. Makes no system calls.

/// Bytes in order, pushed at the end and taken from the front. An empty queue keeps at most `KEPT`
/// bytes of capacity.
#[derive(Debug, Default)]
pub(crate) struct ByteQueue<const KEPT: usize> {
    bytes: Vec<u8>,
    /// The index of the first byte in the queue.
    start: usize,
}

impl<const KEPT: usize> ByteQueue<KEPT> {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
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

    /// Appends bytes.
    pub(crate) fn push(&mut self, data: &[u8]) {
        // Bytes that were taken are removed once they are the larger part, so that each byte is
        // moved a few times at most.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..std::mem::take(&mut self.start));
        }
        self.bytes.extend_from_slice(data);
    }

    /// Removes the first `count` bytes.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start += count;
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    /// Removes the last `count` bytes.
    pub(crate) fn truncate_back(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.bytes.truncate(self.bytes.len() - count);
        if self.is_empty() {
            self.clear();
        }
    }

    /// Removes all bytes. Out of line, so that small reads inline no more than
    /// [`skip`](Self::skip).
    #[cold]
    pub(crate) fn clear(&mut self) {
        self.start = 0;
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
    }

    /// Frees the memory. The queue must be empty.
    pub(crate) fn release(&mut self) {
        debug_assert!(self.is_empty());
        self.bytes = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: usize = 1024;

    #[test]
    fn bytes_leave_in_order() {
        let mut queue = ByteQueue::<KEPT>::default();
        queue.push(b"abcdef");
        queue.skip(2);
        assert_eq!(queue.as_slice(), b"cdef");
        queue.skip(2);
        queue.push(b"gh");
        assert_eq!(queue.as_slice(), b"efgh");
        queue.truncate_back(3);
        assert_eq!(queue.as_slice(), b"e");
        queue.truncate_back(1);
        assert!(queue.is_empty());
        queue.push(b"i");
        assert_eq!(queue.as_slice(), b"i");
    }

    /// The memory follows the number of bytes in the queue, and few pushes move them.
    #[test]
    fn taken_bytes_are_removed() {
        let mut queue = ByteQueue::<KEPT>::default();
        queue.push(&[7; 500]);
        for _ in 0..10_000 {
            queue.push(&[7; 1000]);
            queue.skip(1000);
            assert_eq!(queue.len(), 500);
            assert!(queue.bytes.len() <= 4000, "{}", queue.bytes.len());
        }
        let mut queue = ByteQueue::<KEPT>::default();
        queue.push(&[7; 1000]);
        queue.skip(400);
        queue.push(&[7; 10]);
        assert_eq!(queue.start, 400);
    }

    #[test]
    fn an_empty_queue_keeps_some_memory_until_it_is_released() {
        let capacity_after = |length: usize| {
            let mut queue = ByteQueue::<KEPT> {
                bytes: Vec::with_capacity(length),
                start: 0,
            };
            queue.push(&[7; 10]);
            queue.skip(10);
            let capacity = queue.bytes.capacity();
            queue.release();
            assert_eq!(queue.bytes.capacity(), 0);
            capacity
        };
        assert_eq!(capacity_after(100), 100);
        assert_eq!(capacity_after(KEPT), KEPT);
        assert_eq!(capacity_after(KEPT + 1), 0);
    }
}
