//! Masking (RFC 6455, section 5.3).

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// The key of a frame.
pub(super) type Key = [u8; 4];

/// Masks or unmasks `bytes`, which begin at `offset` of a payload.
pub(super) fn apply(bytes: &mut [u8], key: Key, offset: usize) {
    // The key, rotated to begin with its byte for `offset`.
    let key: Key = std::array::from_fn(|index| key[(offset + index) % 4]);
    let wide = u64::from_ne_bytes(std::array::from_fn(|index| key[index % 4]));
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        if let Ok(plain) = <[u8; 8]>::try_from(&*word) {
            word.copy_from_slice(&(u64::from_ne_bytes(plain) ^ wide).to_ne_bytes());
        }
    }
    for (index, byte) in words.into_remainder().iter_mut().enumerate() {
        *byte ^= key[index % 4];
    }
}

/// Unpredictable keys (RFC 6455, section 10.3): a keyed hash of a counter, whose key comes from the
/// system.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    secret: RandomState,
    counter: u64,
}

impl Keys {
    pub(super) fn new() -> Keys {
        Keys {
            secret: RandomState::new(),
            counter: 0,
        }
    }

    pub(super) fn next(&mut self) -> Key {
        let [a, b, c, d, ..] = self.next_bytes();
        [a, b, c, d]
    }

    /// Eight unpredictable bytes.
    pub(super) fn next_bytes(&mut self) -> [u8; 8] {
        self.counter += 1;
        self.secret.hash_one(self.counter).to_ne_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masking_in_pieces_equals_masking_byte_by_byte() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let plain: Vec<u8> = (0..64).collect();
        let expected: Vec<u8> = plain
            .iter()
            .enumerate()
            .map(|(index, byte)| byte ^ key[index % 4])
            .collect();
        for cut in 0..=plain.len() {
            let mut bytes = plain.clone();
            let (head, tail) = bytes.split_at_mut(cut);
            apply(head, key, 0);
            apply(tail, key, cut);
            assert_eq!(bytes, expected, "cut at {cut}");
        }
    }

    #[test]
    fn masking_keys_differ() {
        let mut keys = Keys::new();
        let first = keys.next();
        assert!((0..8).any(|_| keys.next() != first));
        assert_ne!(Keys::new().next_bytes(), Keys::new().next_bytes());
    }
}
