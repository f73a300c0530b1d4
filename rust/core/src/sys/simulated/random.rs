//! Pseudo-random numbers from a seed (SplitMix64). A recorded seed has to run the same program in
//! every version, so the sequence of a seed never changes.
//!
//! The tests compile this file too (`tests/simulation/system.rs`), so it uses nothing from the
//! crate.

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A generator of pseudo-random numbers.
#[derive(Clone, Debug)]
pub struct Random(SplitMix64);

impl Random {
    /// The generator whose sequence follows from `seed`.
    pub fn new(seed: u64) -> Random {
        Random(SplitMix64::seed_from_u64(seed))
    }

    /// The next number, any 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `end`, which must not be 0.
    pub fn below(&mut self, end: u64) -> u64 {
        debug_assert_ne!(end, 0, "no number is below 0");
        ((u128::from(self.number()) * u128::from(end)) >> 64) as u64
    }

    /// An index into a slice of `count` elements, which must not be empty.
    pub fn index(&mut self, count: usize) -> usize {
        self.below(count as u64) as usize
    }

    /// True with a probability of 1 in `times`; never true if `times` is 0.
    pub fn once_in(&mut self, times: u64) -> bool {
        times > 0 && self.below(times) == 0
    }

    /// A number from 1 to `end`. Every order of magnitude is about equally likely.
    pub fn size(&mut self, end: usize) -> usize {
        let bits = u64::from(usize::BITS - end.max(1).leading_zeros());
        let bound = 1_u64 << (self.below(bits) + 1);
        (1 + self.below(bound) as usize).min(end.max(1))
    }

    /// One of `choices`, which must not be empty.
    pub fn choose<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers were recorded before this file used a crate for them.
    #[test]
    fn the_sequence_of_a_seed_does_not_change() {
        let sequence = |seed| {
            let mut random = Random::new(seed);
            [(); 3].map(|()| random.number())
        };
        assert_eq!(
            sequence(0),
            [
                0xE220_A839_7B1D_CDAF,
                0x6E78_9E6A_A1B9_65F4,
                0x06C4_5D18_8009_454F
            ]
        );
        assert_eq!(
            sequence(7),
            [
                0x63CB_E1E4_5932_0DD7,
                0x044C_3CD7_F43C_661C,
                0xE698_4080_BAB1_2A02
            ]
        );
        assert_eq!(
            sequence(u64::MAX),
            [
                0xE4D9_7177_1B65_2C20,
                0xE99F_F867_DBF6_82C9,
                0x382F_F84C_B272_81E9
            ]
        );
    }

    #[test]
    fn derived_choices_of_a_seed_do_not_change() {
        let mut random = Random::new(7);
        let below = [(); 6].map(|()| random.below(1000));
        assert_eq!(below, [389, 16, 900, 582, 452, 249]);
        let sizes = [(); 6].map(|()| random.size(100_000));
        assert_eq!(sizes, [84, 4, 4, 57_104, 17_967, 10_695]);
        let choices = [(); 6].map(|()| random.choose(&['a', 'b', 'c']));
        assert_eq!(choices, ['b', 'c', 'c', 'a', 'b', 'b']);
        let flips = [(); 6].map(|()| random.once_in(2));
        assert_eq!(flips, [false, false, true, true, false, true]);
    }
}
