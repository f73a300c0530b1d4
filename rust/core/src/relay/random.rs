//! Chance that follows from a seed (SplitMix64).

use std::time::Duration;

/// A source of numbers.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Any number.
    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 1 to `most`, which is not 0.
    pub(super) fn up_to(&mut self, most: usize) -> usize {
        let below = (u128::from(self.number()) * most as u128) >> 64;
        1 + below as usize
    }

    /// A time from none to `most`.
    pub(super) fn time(&mut self, most: Duration) -> Duration {
        let part = self.number() as f64 / u64::MAX as f64;
        // Rounding may make it longer.
        let time = Duration::try_from_secs_f64(most.as_secs_f64() * part);
        time.map_or(most, |time| time.min(most))
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
        // The reference's first number of the seed 0.
        assert_eq!(numbers(0)[0], 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn every_size_and_time_within_its_bounds_comes() {
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
