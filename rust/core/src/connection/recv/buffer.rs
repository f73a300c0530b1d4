//! Received bytes that have not been read. Makes no system calls.

use std::mem::MaybeUninit;

use memchr::memmem;

/// The capacity that an empty buffer keeps for the next message.
const KEPT_CAPACITY: usize = 1024;

/// Received bytes in order.
#[derive(Debug, Default)]
pub(crate) struct RecvBuffer {
    bytes: Vec<u8>,
    /// The index of the first unread byte.
    start: usize,
    /// The number of bytes read since the connection began.
    read: u64,
    /// The number of unread bytes that do not contain the last delimiter.
    searched: usize,
    /// The hash of the last delimiter.
    searched_for: u64,
}

impl RecvBuffer {
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Returns the number of bytes read since the connection began.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
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
            "an empty buffer starts at 0"
        );
        debug_assert!(self.searched <= self.len(), "unread bytes were searched");
    }

    /// Appends received bytes.
    pub(crate) fn push(&mut self, received: &[u8]) {
        // Read bytes are removed once they are the larger part, so that each byte is moved a few
        // times at most.
        if self.start > self.bytes.len() / 2 {
            self.bytes.drain(..std::mem::take(&mut self.start));
        }
        self.bytes.extend_from_slice(received);
    }

    /// Reads as many bytes as fit into `out`, and returns their number.
    #[inline]
    pub(crate) fn take(&mut self, out: &mut [MaybeUninit<u8>]) -> usize {
        let count = self.len().min(out.len());
        if count > 0 {
            out[..count].write_copy_of_slice(&self.bytes[self.start..self.start + count]);
            self.skip(count);
        }
        count
    }

    /// Marks `count` unread bytes as read.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.len());
        self.start += count;
        self.read += count as u64;
        self.searched = self.searched.saturating_sub(count);
        if self.start == self.bytes.len() {
            self.clear();
        }
    }

    #[cold]
    fn clear(&mut self) {
        self.start = 0;
        if self.bytes.capacity() > KEPT_CAPACITY {
            self.bytes = Vec::new();
        } else {
            self.bytes.clear();
        }
    }

    /// Frees the memory, because an idle connection needs none. The buffer must be empty.
    pub(crate) fn release(&mut self) {
        debug_assert!(self.is_empty());
        self.bytes = Vec::new();
    }

    /// Searches the first `limit` unread bytes for `delimiter`, and returns the number of bytes up
    /// to its end. Bytes that were searched before for the same delimiter are skipped.
    pub(crate) fn find(&mut self, delimiter: &[u8], limit: usize) -> Option<usize> {
        debug_assert!(!delimiter.is_empty());
        let hash = delimiter_hash(delimiter);
        if self.searched_for != hash {
            self.searched_for = hash;
            self.searched = 0;
        }
        let window = &self.bytes[self.start..];
        let window = &window[..window.len().min(limit)];
        // The searched bytes may end with a part of the delimiter.
        let begin = self
            .searched
            .saturating_sub(delimiter.len() - 1)
            .min(window.len());
        match memmem::find(&window[begin..], delimiter) {
            Some(at) => Some(begin + at + delimiter.len()),
            None => {
                self.searched = window.len();
                None
            }
        }
    }
}

/// Returns the FNV-1a hash of a delimiter. If two delimiters collide, with a probability of one in
/// 2^64, the second one is not found among the bytes that were searched for the first one.
fn delimiter_hash(delimiter: &[u8]) -> u64 {
    delimiter.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(buffer: &mut RecvBuffer, count: usize) -> Vec<u8> {
        let mut out = vec![MaybeUninit::uninit(); count];
        let taken = buffer.unread()[..count.min(buffer.len())].to_vec();
        assert_eq!(buffer.take(&mut out), taken.len());
        taken
    }

    #[test]
    fn bytes_are_read_in_order() {
        let mut buffer = RecvBuffer::default();
        let mut expected = std::collections::VecDeque::new();
        let mut next = 0_u8;
        for round in 0..500_usize {
            for _ in 0..round * 7 % 23 {
                buffer.push(&[next]);
                expected.push_back(next);
                next = next.wrapping_add(1);
            }
            let count = round * 5 % 19;
            let taken = take(&mut buffer, count);
            let wanted: Vec<u8> = expected.drain(..count.min(expected.len())).collect();
            assert_eq!(taken, wanted);
            assert_eq!(buffer.len(), expected.len());
        }
    }

    #[test]
    fn a_delimiter_is_found_across_pieces() {
        let stream = b"one\r\ntwo\r\r\nthree\r\n";
        for size in 1..stream.len() {
            let mut buffer = RecvBuffer::default();
            let mut lines = Vec::new();
            for piece in stream.chunks(size) {
                buffer.push(piece);
                while let Some(count) = buffer.find(b"\r\n", usize::MAX) {
                    lines.push(take(&mut buffer, count));
                }
            }
            assert_eq!(
                lines,
                [&b"one\r\n"[..], b"two\r\r\n", b"three\r\n"],
                "{size}"
            );
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn another_delimiter_is_searched_from_the_start() {
        let mut buffer = RecvBuffer::default();
        buffer.push(b"a;b,c");
        assert_eq!(buffer.find(b"\n", usize::MAX), None);
        assert_eq!(buffer.find(b";", usize::MAX), Some(2));
        assert_eq!(buffer.find(b",", 3), None, "beyond the limit");
        assert_eq!(buffer.find(b",", 4), Some(4), "a larger limit");
    }

    /// All delimiters of one or two bytes, some 66,000.
    #[test]
    fn short_delimiters_have_distinct_hashes() {
        let bytes = 0..=u8::MAX;
        let mut hashes: Vec<u64> = bytes
            .clone()
            .flat_map(|first| {
                bytes
                    .clone()
                    .map(move |second| delimiter_hash(&[first, second]))
            })
            .chain(bytes.clone().map(|byte| delimiter_hash(&[byte])))
            .collect();
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    /// The memory follows the number of unread bytes, not the length of the stream.
    #[test]
    fn read_bytes_are_removed() {
        let mut buffer = RecvBuffer::default();
        buffer.push(&[7; 500]);
        for _ in 0..10_000 {
            buffer.push(&[7; 1000]);
            buffer.skip(1000);
            assert_eq!(buffer.len(), 500);
            assert!(buffer.bytes.len() <= 4000, "{}", buffer.bytes.len());
        }
        // A move on each push would take quadratic time.
        let mut buffer = RecvBuffer::default();
        buffer.push(&[7; 1000]);
        buffer.skip(400);
        buffer.push(&[7; 10]);
        assert_eq!(buffer.start, 400);
    }

    #[test]
    fn an_empty_buffer_keeps_a_kilobyte_until_it_is_released() {
        let capacity_after = |length: usize| {
            let mut buffer = RecvBuffer {
                bytes: Vec::with_capacity(length),
                ..RecvBuffer::default()
            };
            buffer.push(&[7; 10]);
            buffer.skip(10);
            let capacity = buffer.bytes.capacity();
            buffer.release();
            assert_eq!(buffer.bytes.capacity(), 0);
            capacity
        };
        assert_eq!(capacity_after(100), 100);
        assert_eq!(capacity_after(KEPT_CAPACITY), KEPT_CAPACITY);
        assert_eq!(capacity_after(KEPT_CAPACITY + 1), 0);
    }

    #[test]
    fn no_byte_is_searched_twice() {
        let mut buffer = RecvBuffer::default();
        for _ in 0..100 {
            buffer.push(&[b'x'; 1000]);
            assert_eq!(buffer.find(b"\r\n", usize::MAX), None);
            assert_eq!(buffer.searched, buffer.len());
        }
        buffer.skip(10);
        assert_eq!(buffer.searched, buffer.len());
    }
}
