//! When to try which address of a name: Happy Eyeballs Version 2 (RFC 8305), as a state machine
//! without sockets and without a clock of its own. Times go in, addresses to connect to come out.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// The Connection Attempt Delay (RFC 8305, section 5: 250 milliseconds are recommended).
pub(crate) const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The addresses that have not been tried, and when the next attempt may start.
#[derive(Debug)]
pub(crate) struct Schedule<A> {
    untried: VecDeque<A>,
    /// When the next attempt may start while others are running.
    next_start: Option<Instant>,
}

impl<A> Schedule<A> {
    /// A schedule that tries `addresses` in this order.
    pub(crate) fn new(addresses: impl IntoIterator<Item = A>) -> Schedule<A> {
        Schedule {
            untried: addresses.into_iter().collect(),
            next_start: None,
        }
    }

    /// The address of the attempt to start at `now`, if one is due. `running` is the number of
    /// attempts under way.
    ///
    /// An attempt is due when none is running, or when the delay since the last start has passed
    /// (RFC 8305, section 5).
    pub(crate) fn next(&mut self, now: Instant, running: usize) -> Option<A> {
        let is_due = running == 0 || self.next_start.is_none_or(|start| now >= start);
        if !is_due {
            return None;
        }
        let address = self.untried.pop_front()?;
        self.next_start = Some(now + ATTEMPT_DELAY);
        Some(address)
    }

    /// Records that an attempt has failed: the next one need not wait for the delay.
    pub(crate) fn failed(&mut self) {
        self.next_start = None;
    }

    /// How many addresses have not been tried.
    pub(crate) fn untried(&self) -> usize {
        self.untried.len()
    }
}

/// Interleaves the address families of `addresses`, each in its own order, starting with the family
/// of the first one (RFC 8305, section 4, with a First Address Family Count of 1). The system's
/// resolver has sorted them by destination address selection (RFC 6724).
pub(crate) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let count = first.len() + second.len();
    let mut order = Vec::with_capacity(count);
    loop {
        let pair = [first.next(), second.next()];
        if pair.iter().all(Option::is_none) {
            debug_assert_eq!(order.len(), count, "an address was lost");
            return order;
        }
        order.extend(pair.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens at a time in milliseconds, and which addresses are tried then.
    enum Step {
        Poll(&'static [char]),
        Fails(&'static [char]),
    }
    use Step::{Fails, Poll};

    #[test]
    fn attempts_start_on_time_or_on_failure() {
        let table: [(&str, &[(u64, Step)]); 5] = [
            (
                "the first one at once, the next ones every 250 ms",
                &[
                    (0, Poll(&['a'])),
                    (249, Poll(&[])),
                    (250, Poll(&['b'])),
                    (499, Poll(&[])),
                    (500, Poll(&['c'])),
                    (10_000, Poll(&[])),
                ],
            ),
            (
                "a failure starts the next one at once",
                &[
                    (0, Poll(&['a'])),
                    (10, Fails(&['b'])),
                    (20, Fails(&['c'])),
                    (30, Fails(&[])),
                ],
            ),
            (
                "the delay counts from the last start",
                &[
                    (0, Poll(&['a'])),
                    (100, Fails(&['b'])),
                    (300, Poll(&[])),
                    (350, Poll(&['c'])),
                ],
            ),
            (
                "a late poll starts one attempt, not all that were due",
                &[
                    (0, Poll(&['a'])),
                    (5_000, Poll(&['b'])),
                    (5_001, Poll(&[])),
                    (5_250, Poll(&['c'])),
                ],
            ),
            (
                "a failure of an old attempt starts the next one too",
                &[(0, Poll(&['a'])), (250, Poll(&['b'])), (260, Fails(&['c']))],
            ),
        ];
        for (name, steps) in table {
            let mut schedule = Schedule::new(['a', 'b', 'c']);
            let mut running = 0;
            let start = Instant::now();
            for (time, step) in steps {
                let now = start + Duration::from_millis(*time);
                let expected = match step {
                    Poll(expected) => expected,
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
