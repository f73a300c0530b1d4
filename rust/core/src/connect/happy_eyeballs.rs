//! Which address of a name to try when: Happy Eyeballs Version 2 (RFC 8305), as a pure state machine. Times go in,
//! addresses to start with come out; sockets are somebody else's business.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The Connection Attempt Delay (RFC 8305, section 5: 250 milliseconds are recommended).
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses that have not been tried yet.
#[derive(Debug)]
pub(crate) struct Schedule<A> {
    waiting: VecDeque<A>,
    /// When the next attempt may start beside those that are running.
    next_start: Option<Instant>,
}

impl<A> Schedule<A> {
    /// Tries `addresses` in this order.
    pub(crate) fn new(addresses: impl IntoIterator<Item = A>) -> Schedule<A> {
        Schedule {
            waiting: addresses.into_iter().collect(),
            next_start: None,
        }
    }

    /// The address to start with at `now`, if it is time for one. `running` is the number of attempts under way.
    ///
    /// An attempt starts when none is running, because the one before has failed or there was none, or when the
    /// delay since the last start is over (RFC 8305, section 5).
    pub(crate) fn next(&mut self, now: Instant, running: usize) -> Option<A> {
        let is_time = running == 0 || self.next_start.is_none_or(|start| now >= start);
        if !is_time {
            return None;
        }
        let address = self.waiting.pop_front()?;
        self.next_start = Some(now + ATTEMPT_DELAY);
        Some(address)
    }

    /// Tells that an attempt has failed: the next one need not wait for the delay to pass.
    pub(crate) fn failed(&mut self) {
        self.next_start = None;
    }

    /// How many addresses were not started with yet.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// Interleaves the families of `addresses`, each in its own order, starting with the family of the first one
/// (RFC 8305, section 4, with a First Address AddressFamily Count of 1). The system's resolver has sorted them by
/// destination address selection before (RFC 6724).
pub(crate) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair.iter().all(Option::is_none) {
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens at a time in milliseconds, and which address is started then.
    enum Step {
        Look(&'static [char]),
        Fails(&'static [char]),
    }
    use Step::{Fails, Look};

    #[test]
    fn attempts_start_on_time_or_on_failure() {
        let table: [(&str, &[(u64, Step)]); 5] = [
            (
                "the first one at once, the next ones every 250 ms",
                &[
                    (0, Look(&['a'])),
                    (249, Look(&[])),
                    (250, Look(&['b'])),
                    (499, Look(&[])),
                    (500, Look(&['c'])),
                    (10_000, Look(&[])),
                ],
            ),
            (
                "a failure starts the next one at once",
                &[
                    (0, Look(&['a'])),
                    (10, Fails(&['b'])),
                    (20, Fails(&['c'])),
                    (30, Fails(&[])),
                ],
            ),
            (
                "the delay counts from the last start",
                &[
                    (0, Look(&['a'])),
                    (100, Fails(&['b'])),
                    (300, Look(&[])),
                    (350, Look(&['c'])),
                ],
            ),
            (
                "a late look starts one attempt, not all that were due",
                &[
                    (0, Look(&['a'])),
                    (5_000, Look(&['b'])),
                    (5_001, Look(&[])),
                    (5_250, Look(&['c'])),
                ],
            ),
            (
                "a failure of an old attempt helps too",
                &[(0, Look(&['a'])), (250, Look(&['b'])), (260, Fails(&['c']))],
            ),
        ];
        for (name, steps) in table {
            let mut schedule = Schedule::new(['a', 'b', 'c']);
            let mut running = 0;
            let start = Instant::now();
            for (time, step) in steps {
                let now = start + Duration::from_millis(*time);
                let expected = match step {
                    Look(expected) => expected,
                    Fails(expected) => {
                        running -= 1;
                        schedule.failed();
                        expected
                    }
                };
                let mut started = Vec::new();
                while let Some(address) = schedule.next(now, running) {
                    running += 1;
                    started.push(address);
                }
                assert_eq!(&started, expected, "{name}, at {time} ms");
            }
        }
    }

    #[test]
    fn families_alternate_from_the_first_one_on() {
        let order = |addresses: &[&str]| -> Vec<String> {
            let parsed = addresses
                .iter()
                .map(|ip| SocketAddr::new(ip.parse().unwrap(), 1));
            let order = interleave(parsed.collect());
            order
                .iter()
                .map(|address| address.ip().to_string())
                .collect()
        };
        assert_eq!(order(&[]), [""; 0]);
        assert_eq!(order(&["::1", "127.0.0.1"]), ["::1", "127.0.0.1"]);
        assert_eq!(
            order(&["1::1", "1::2", "1::3", "1.1.1.1", "1.1.1.2"]),
            ["1::1", "1.1.1.1", "1::2", "1.1.1.2", "1::3"]
        );
        assert_eq!(
            order(&["1.1.1.1", "1.1.1.2", "1::1"]),
            ["1.1.1.1", "1::1", "1.1.1.2"]
        );
    }
}
