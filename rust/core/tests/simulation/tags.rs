//! Bytes that show to which generation of a connection they belong, and their offset in it.

use std::collections::BTreeMap;

/// How many generations, and how many offsets in one, are distinguished.
const BASE: usize = 16;

/// What one reader has received so far.
#[derive(Debug, Default)]
pub struct Tags {
    current: Option<usize>,
    next: usize,
    /// Maps the client's number of a generation to the server's number of the same generation.
    known: BTreeMap<usize, usize>,
}

impl Tags {
    /// The bytes of generation `index` from the offset `start` on.
    pub fn bytes(index: usize, start: usize, count: usize) -> Vec<u8> {
        (start..start + count)
            .map(|place| ((index % BASE) * BASE + place % BASE) as u8)
            .collect()
    }

    /// Checks what one call has read. `generation` is the client's number, if that did not change
    /// during the call.
    pub fn take(&mut self, bytes: &[u8], generation: Option<usize>) {
        for (at, byte) in bytes.iter().enumerate() {
            let (tag, place) = (usize::from(*byte) / BASE, usize::from(*byte) % BASE);
            if self.current != Some(tag) {
                assert_eq!(
                    at, 0,
                    "one read returned bytes of two generations: {bytes:?}"
                );
                assert!(
                    self.current.is_none_or(|current| current < tag),
                    "bytes of an earlier generation, {tag}: {self:?}"
                );
                self.current = Some(tag);
                self.next = 0;
            }
            assert_eq!(
                place,
                self.next % BASE,
                "a gap in generation {tag} at byte {at} of {}: {self:?}",
                bytes.len()
            );
            self.next += 1;
        }
        if let (Some(generation), Some(first)) = (generation, bytes.first()) {
            let tag = usize::from(*first) / BASE;
            let known = *self.known.entry(generation).or_insert(tag);
            assert_eq!(
                known, tag,
                "bytes of another generation in generation {generation}: {self:?}"
            );
        }
    }
}
