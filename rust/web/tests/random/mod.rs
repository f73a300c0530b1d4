//! Pseudo-random numbers, the same in each run.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// Numbers that follow from a seed.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 += 1;
        BuildHasherDefault::<DefaultHasher>::default().hash_one(self.0)
    }

    /// A number from 0 to `end`, exclusive.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    #[allow(dead_code, reason = "not every test program needs bytes")]
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}
