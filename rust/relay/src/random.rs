//! Pseudo-random numbers from a seed.

use std::time::Duration;

use rand_xoshiro::SplitMix64;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A generator of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(SplitMix64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(SplitMix64::seed_from_u64(seed))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 1 to `max`, which is not 0.
    pub(crate) fn up_to(&mut self, max: usize) -> usize {
        let below = (u128::from(self.number()) * max as u128) >> 64;
        1 + below as usize
    }

    /// A time from zero to `max`.
    pub(crate) fn time(&mut self, max: Duration) -> Duration {
        let part = self.number() as f64 / u64::MAX as f64;
        // Rounding may make it longer.
        let time = Duration::try_from_secs_f64(max.as_secs_f64() * part);
        time.map_or(max, |time| time.min(max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again() {
        let numbers = |seed| {
            let mut random = Random::new(seed);
            [random.number(), random.number(), random.number()]
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
        // The first numbers of the reference implementation.
        assert_eq!(numbers(0)[0], 0xE220_A839_7B1D_CDAF);
        assert_eq!(numbers(1)[0], 0x910A_2DEC_8902_5CC1);
    }

    #[test]
    fn every_size_and_time_within_its_bounds_occurs() {
        let mut random = Random::new(1);
        let mut sizes = [0; 4];
        let (mut least, mut most) = (Duration::MAX, Duration::ZERO);
        let second = Duration::from_secs(1);
        for _ in 0..1000 {
            sizes[random.up_to(4) - 1] += 1;
            let time = random.time(second);
            (least, most) = (least.min(time), most.max(time));
        }
        assert!(sizes.iter().all(|&count| count > 150), "{sizes:?}");
        assert!(least < second / 50 && most > second * 49 / 50 && most <= second);
        assert_eq!(random.up_to(1), 1);
        assert!(random.up_to(usize::MAX) > 0);
        assert_eq!(random.time(Duration::ZERO), Duration::ZERO);
        assert!(random.time(Duration::MAX) <= Duration::MAX);
    }
}
