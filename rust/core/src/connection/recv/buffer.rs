//! Received bytes that have not been read. Makes no system calls.

use std::mem::MaybeUninit;

use memchr::memmem;

use crate::connection::byte_queue::ByteQueue;

/// The capacity that an empty buffer keeps for the next message.
const KEPT_CAPACITY: usize = 1024;

/// Received bytes in order.
#[derive(Debug, Default)]
pub(crate) struct RecvBuffer {
    bytes: ByteQueue<KEPT_CAPACITY>,
    /// The number of bytes read since the connection began.
    read: u64,
    /// `None` until the first search since the connection was idle.
    search: Option<Box<Search>>,
}

/// What searches have found so far.
#[derive(Debug, Default)]
struct Search {
    /// The number of bytes, from the first unread one on, that were searched for the last
    /// delimiter. They do not contain it.
    searched: usize,
    /// The hash of the last delimiter.
    searched_for: u64,
    /// The stream position, counted from 1, at which a search met the end; 0 if none did. See
    /// [`RecvBuffer::note_failed_search`].
    failed_at: u64,
    /// Whether there was a poll after that search.
    has_polled_since: bool,
}

impl RecvBuffer {
    #[inline]
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// Returns the number of bytes read since the connection began.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.read
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Checks the bounds that the methods rely on.
    pub(crate) fn check(&self) {
        self.bytes.check();
        if let Some(search) = &self.search {
            debug_assert!(search.searched <= self.len(), "searched bytes are unread");
            debug_assert!(search.failed_at <= self.read + 1);
        }
    }

    /// Appends received bytes.
    pub(crate) fn push(&mut self, received: &[u8]) {
        self.bytes.push(received);
    }

    /// Reads as many bytes as fit into `out`, and returns their number.
    #[inline]
    pub(crate) fn take(&mut self, out: &mut [MaybeUninit<u8>]) -> usize {
        let count = self.len().min(out.len());
        if count > 0 {
            out[..count].write_copy_of_slice(&self.unread()[..count]);
            self.skip(count);
        }
        count
    }

    /// Marks `count` unread bytes as read.
    #[inline]
    pub(crate) fn skip(&mut self, count: usize) {
        self.bytes.skip(count);
        self.read += count as u64;
        if let Some(search) = &mut self.search {
            search.searched = search.searched.saturating_sub(count);
        }
    }

    /// Frees the memory, because an idle connection needs none. The buffer must be empty.
    pub(crate) fn release(&mut self) {
        self.bytes.release();
        self.search = None;
    }

    /// Records that a search met the end of the stream. Returns whether an earlier search did at
    /// the same position, with a poll in between: the caller cannot use the unread bytes then.
    pub(crate) fn note_failed_search(&mut self) -> bool {
        let position = self.read + 1;
        let search = self.search.get_or_insert_default();
        if search.failed_at != position {
            (search.failed_at, search.has_polled_since) = (position, false);
        }
        search.has_polled_since
    }

    /// Records a poll for [`note_failed_search`](Self::note_failed_search).
    pub(crate) fn note_poll(&mut self) {
        if let Some(search) = &mut self.search {
            search.has_polled_since = true;
        }
    }

    /// Searches the first `limit` unread bytes for `delimiter`, and returns the number of bytes up
    /// to its end. Bytes that were searched before for the same delimiter are skipped.
    pub(crate) fn find(&mut self, delimiter: &[u8], limit: usize) -> Option<usize> {
        debug_assert!(!delimiter.is_empty());
        let hash = delimiter_hash(delimiter);
        let search = self.search.get_or_insert_default();
        if search.searched_for != hash {
            search.searched_for = hash;
            search.searched = 0;
        }
        let unread = self.bytes.as_slice();
        let window = &unread[..unread.len().min(limit)];
        // The searched bytes may end with a part of the delimiter.
        let begin = search
            .searched
            .saturating_sub(delimiter.len() - 1)
            .min(window.len());
        match memmem::find(&window[begin..], delimiter) {
            Some(at) => Some(begin + at + delimiter.len()),
            None => {
                search.searched = window.len();
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

    #[test]
    fn no_byte_is_searched_twice() {
        let mut buffer = RecvBuffer::default();
        for _ in 0..100 {
            buffer.push(&[b'x'; 1000]);
            assert_eq!(buffer.find(b"\r\n", usize::MAX), None);
            let search = buffer.search.as_ref().unwrap();
            assert_eq!(search.searched, buffer.len());
        }
        buffer.skip(10);
        let search = buffer.search.as_ref().unwrap();
        assert_eq!(search.searched, buffer.len());
    }
}
