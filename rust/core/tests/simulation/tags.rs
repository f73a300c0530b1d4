//! Bytes that tell of which session they are, and where in it.

use std::collections::BTreeMap;

/// So many sessions, and places in one, are told apart.
const BASE: usize = 16;

/// What one reader has received so far.
#[derive(Debug, Default)]
pub struct Tags {
    current: Option<usize>,
    next: usize,
    /// By the number that the client gives a session: the one that the server gives it.
    known: BTreeMap<usize, usize>,
}

impl Tags {
    /// The bytes of session `index` from the place `start` on.
    pub fn bytes(index: usize, start: usize, count: usize) -> Vec<u8> {
        (start..start + count)
            .map(|place| ((index % BASE) * BASE + place % BASE) as u8)
            .collect()
    }

    /// Takes what one call has read; in this `session`, if there was one for as long as the call took.
    pub fn take(&mut self, bytes: &[u8], session: Option<usize>) {
        for (at, byte) in bytes.iter().enumerate() {
            let (tag, place) = (usize::from(*byte) / BASE, usize::from(*byte) % BASE);
            if self.current != Some(tag) {
                assert_eq!(at, 0, "one read has bytes of two sessions: {bytes:?}");
                assert!(
                    self.current.is_none_or(|current| current < tag),
                    "bytes of an earlier session, {tag}: {self:?}"
                );
                self.current = Some(tag);
                self.next = 0;
            }
            assert_eq!(
                place,
                self.next % BASE,
                "a gap in session {tag} at byte {at} of {}: {self:?}",
                bytes.len()
            );
            self.next += 1;
        }
        if let (Some(session), Some(first)) = (session, bytes.first()) {
            let tag = usize::from(*first) / BASE;
            let known = *self.known.entry(session).or_insert(tag);
            assert_eq!(
                known, tag,
                "bytes of another session in session {session}: {self:?}"
            );
        }
    }
}
