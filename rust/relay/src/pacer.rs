//! The bandwidth of a pipe.

use std::time::{Duration, Instant};

/// The number of fractions in a byte. At one byte per second, one fraction passes in a nanosecond.
const PARTS: u128 = 1_000_000_000;

/// When the pipe is free again. It counts fractions of bytes, so that the bandwidth is exact over
/// any time and any number of polls.
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    free_at: Option<Instant>,
    /// The fraction of the next byte that has passed at that time.
    parts: u128,
    /// `None` before the first poll.
    bandwidth: Option<u64>,
}

/// How many of the requested bytes have passed.
#[derive(Debug)]
pub(crate) struct Passing {
    begin: Instant,
    parts: u128,
    pub(crate) count: usize,
}

impl Pacer {
    /// Begins a poll with the `bandwidth` from `now` on, in bytes per second; 0: unlimited.
    pub(crate) fn begin(&mut self, now: Instant, bandwidth: u64) {
        let before = self.bandwidth.replace(bandwidth);
        if before.is_some_and(|before| before != bandwidth) {
            self.hold(now);
        }
    }

    /// How many of `count` bytes, which are due at `due`, have passed at `now`.
    pub(crate) fn passing(&self, count: usize, due: Instant, now: Instant) -> Passing {
        let (begin, parts) = match self.free_at {
            Some(free_at) if free_at >= due => (free_at, self.parts),
            _ => (due, 0),
        };
        let count = match self.bandwidth {
            None | Some(0) => count,
            Some(bandwidth) => {
                let time = now.saturating_duration_since(begin).as_nanos();
                let passed = (time * u128::from(bandwidth) + parts) / PARTS;
                count.min(usize::try_from(passed).unwrap_or(usize::MAX))
            }
        };
        Passing {
            begin,
            parts,
            count,
        }
    }

    /// Records that the first `count` bytes of `passing` have arrived.
    pub(crate) fn passed(&mut self, passing: &Passing, count: usize) {
        let bandwidth = u128::from(self.bandwidth.unwrap_or(0));
        if bandwidth == 0 {
            return;
        }
        let wanted = (count as u128 * PARTS).saturating_sub(passing.parts);
        let time = wanted.div_ceil(bandwidth);
        let nanoseconds = u64::try_from(time).unwrap_or(u64::MAX);
        self.free_at = passing.begin.checked_add(Duration::from_nanos(nanoseconds));
        self.parts = passing.parts + time * bandwidth - count as u128 * PARTS;
    }

    /// The receiver took nothing until `now`: that time is lost.
    pub(crate) fn hold(&mut self, now: Instant) {
        if self.free_at.is_none_or(|free_at| free_at <= now) {
            self.free_at = Some(now);
            self.parts = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `count` bytes pass in polls that are `step` apart.
    fn passed_after(bandwidth: u64, step: Duration, polls: u32, count: usize) -> usize {
        let mut pacer = Pacer::default();
        let start = Instant::now();
        pacer.begin(start, bandwidth);
        let mut total = 0;
        for poll in 1..=polls {
            let now = start + step * poll;
            let passing = pacer.passing(count - total, start, now);
            pacer.passed(&passing, passing.count);
            total += passing.count;
        }
        total
    }

    #[test]
    fn the_bandwidth_does_not_depend_on_the_number_of_polls() {
        for (bandwidth, step, polls) in [
            (1000, Duration::from_millis(1), 100_000),
            (1000, Duration::from_micros(16_667), 6_000),
            (3, Duration::from_millis(7), 100_000),
            (7_777_777, Duration::from_nanos(333), 100_000),
            (7_777_777, Duration::from_secs(10), 10),
        ] {
            let time = (step * polls).as_nanos();
            let expected = (time * u128::from(bandwidth) / PARTS) as usize;
            let passed = passed_after(bandwidth, step, polls, usize::MAX);
            assert_eq!(passed, expected, "{bandwidth} in {polls} polls");
        }
    }

    #[test]
    fn the_time_of_an_idle_line_is_not_saved_up() {
        let mut pacer = Pacer::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        pacer.begin(start, 1000);
        let passing = pacer.passing(5, at(1000), at(1100));
        assert_eq!(passing.count, 5);
        pacer.passed(&passing, 5);
        // The five had passed at 1005.
        assert_eq!(pacer.passing(100, at(1000), at(1100)).count, 95);
        assert_eq!(pacer.passing(100, at(1050), at(1100)).count, 50);
        pacer.hold(at(1100));
        assert_eq!(pacer.passing(100, at(1050), at(1107)).count, 7);
        // A clock that goes back.
        assert_eq!(pacer.passing(100, at(1050), at(0)).count, 0);
    }

    #[test]
    fn a_new_bandwidth_applies_from_the_next_poll() {
        let mut pacer = Pacer::default();
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut count_at = |now, bandwidth| {
            pacer.begin(now, bandwidth);
            pacer.passing(100_000, start, now).count
        };
        assert_eq!(count_at(at(0), 1), 0);
        assert_eq!(count_at(at(900), 1_000_000), 0);
        assert_eq!(count_at(at(910), 1_000_000), 10_000);
        assert_eq!(count_at(at(910), 0), 100_000);
    }
}
