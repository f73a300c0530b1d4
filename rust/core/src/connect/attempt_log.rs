//! The log of a connect: each address that was tried, when, for how long, and with what outcome.

use std::io;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::error::{ConnectError, copy_of};

/// An attempt to connect to one address. A name may have several addresses, whose attempts race
/// (RFC 8305). Events are noticed by [`poll`](crate::Connection::poll), so the times are as exact
/// as its calls are frequent.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectAttempt {
    /// The address.
    pub address: Address,
    /// How long after the call of [`connect`](crate::Connection::connect) it began. For a name this
    /// includes the lookup.
    pub began_after: Duration,
    /// Its duration: until now, or until its end.
    pub took: Duration,
    /// Its outcome.
    pub outcome: AttemptOutcome,
}

/// The outcome of an attempt to connect.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// It has not ended.
    UnderWay,
    /// It succeeded, and is the connection.
    Connected,
    /// It failed.
    Failed(ConnectError),
    /// It was cancelled: another address was faster, the time limit passed, or the connection was
    /// disconnected.
    GivenUp,
}

/// The attempts of one connect, in the order in which they began.
#[derive(Debug)]
pub(crate) struct AttemptLog {
    /// When the connect began.
    began: Instant,
    /// Without spare capacity: most connects have one attempt.
    attempts: Box<[LoggedAttempt]>,
}

#[derive(Debug)]
struct LoggedAttempt {
    address: Address,
    began_after: Duration,
    /// Its duration and outcome.
    end: Option<(Duration, AttemptEnd)>,
}

#[derive(Debug)]
enum AttemptEnd {
    Connected,
    Failed(io::Error),
    GivenUp,
}

impl ConnectAttempt {
    /// The only attempt of a connect, which has succeeded.
    pub(crate) fn only(address: Address, took: Duration) -> ConnectAttempt {
        ConnectAttempt {
            address,
            began_after: Duration::ZERO,
            took,
            outcome: AttemptOutcome::Connected,
        }
    }
}

impl AttemptLog {
    /// The log of a connect that begins at `now`.
    pub(crate) fn new(now: Instant) -> AttemptLog {
        AttemptLog {
            began: now,
            attempts: Box::default(),
        }
    }

    /// Logs that an attempt to `address` begins.
    pub(crate) fn begin(&mut self, address: &Address, now: Instant) {
        let mut attempts = std::mem::take(&mut self.attempts).into_vec();
        attempts.reserve_exact(1);
        attempts.push(LoggedAttempt {
            address: address.clone(),
            began_after: self.after(now),
            end: None,
        });
        self.attempts = attempts.into_boxed_slice();
    }

    /// Logs that the attempt to `address` has become the connection. The others are cancelled.
    pub(crate) fn connected(&mut self, address: &Address, now: Instant) {
        self.end(address, now, AttemptEnd::Connected);
        self.give_up(now);
    }

    /// Logs that the attempt to `address` has failed.
    pub(crate) fn failed(&mut self, address: &Address, now: Instant, error: &io::Error) {
        self.end(address, now, AttemptEnd::Failed(copy_of(error)));
    }

    /// Logs that the attempts that have not ended are cancelled.
    pub(crate) fn give_up(&mut self, now: Instant) {
        let now = self.after(now);
        for attempt in &mut self.attempts {
            if attempt.end.is_none() {
                attempt.end = Some((attempt.lasted(now), AttemptEnd::GivenUp));
            }
        }
    }

    /// How long the only attempt took, if there was one, it began at once, and it has succeeded.
    pub(crate) fn only_success(&self) -> Option<Duration> {
        match &*self.attempts {
            [
                LoggedAttempt {
                    began_after: Duration::ZERO,
                    end: Some((took, AttemptEnd::Connected)),
                    ..
                },
            ] => Some(*took),
            _ => None,
        }
    }

    /// All attempts, as of `now`.
    pub(crate) fn attempts(&self, now: Instant) -> Vec<ConnectAttempt> {
        let now = self.after(now);
        let attempts = self.attempts.iter().map(|attempt| ConnectAttempt {
            address: attempt.address.clone(),
            began_after: attempt.began_after,
            took: match &attempt.end {
                Some((took, _)) => *took,
                None => attempt.lasted(now),
            },
            outcome: match &attempt.end {
                None => AttemptOutcome::UnderWay,
                Some((_, AttemptEnd::Connected)) => AttemptOutcome::Connected,
                Some((_, AttemptEnd::GivenUp)) => AttemptOutcome::GivenUp,
                Some((_, AttemptEnd::Failed(error))) => AttemptOutcome::Failed(ConnectError::Os {
                    address: attempt.address.clone(),
                    source: copy_of(error),
                }),
            },
        });
        attempts.collect()
    }

    /// Ends the attempt to `address`. Of two attempts to the same address, either may be meant.
    fn end(&mut self, address: &Address, now: Instant, end: AttemptEnd) {
        let now = self.after(now);
        let mut attempts = self.attempts.iter_mut();
        if let Some(attempt) =
            attempts.find(|attempt| attempt.end.is_none() && attempt.address == *address)
        {
            attempt.end = Some((attempt.lasted(now), end));
        }
    }

    fn after(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

impl LoggedAttempt {
    /// Its duration at `now`, which counts from the start of the connect.
    fn lasted(&self, now: Duration) -> Duration {
        now.saturating_sub(self.began_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Address {
        Address::Inet(([127, 0, 0, last], 1).into())
    }

    /// The attempts as rows: the address, when it began and how long it took in milliseconds, and
    /// its outcome.
    fn rows(log: &AttemptLog, now: Instant) -> Vec<(String, u128, u128, String)> {
        let attempts = log.attempts(now).into_iter();
        let rows = attempts.map(|attempt| {
            let outcome = match attempt.outcome {
                AttemptOutcome::UnderWay => "under way".to_owned(),
                AttemptOutcome::Connected => "connected".to_owned(),
                AttemptOutcome::GivenUp => "given up".to_owned(),
                AttemptOutcome::Failed(error) => error.to_string(),
            };
            let (began, took) = (attempt.began_after.as_millis(), attempt.took.as_millis());
            (attempt.address.to_string(), began, took, outcome)
        });
        rows.collect()
    }

    fn row(address: &str, began: u128, took: u128, outcome: &str) -> (String, u128, u128, String) {
        (address.to_owned(), began, took, outcome.to_owned())
    }

    #[test]
    fn a_race_is_logged_as_it_happened() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut log = AttemptLog::new(start);
        assert_eq!(rows(&log, at(5)), []);
        log.begin(&address(1), at(10));
        log.begin(&address(2), at(260));
        log.failed(
            &address(1),
            at(300),
            &io::ErrorKind::ConnectionRefused.into(),
        );
        log.begin(&address(3), at(300));
        let refused = row(
            "127.0.0.1:1",
            10,
            290,
            "connect 127.0.0.1:1: connection refused",
        );
        assert_eq!(
            rows(&log, at(310)),
            [
                refused.clone(),
                row("127.0.0.2:1", 260, 50, "under way"),
                row("127.0.0.3:1", 300, 10, "under way"),
            ]
        );
        log.connected(&address(3), at(320));
        assert_eq!(
            rows(&log, at(9000)),
            [
                refused,
                row("127.0.0.2:1", 260, 60, "given up"),
                row("127.0.0.3:1", 300, 20, "connected"),
            ]
        );
    }

    #[test]
    fn an_address_that_the_resolver_returns_twice_is_logged_twice() {
        let start = Instant::now();
        let mut log = AttemptLog::new(start);
        log.begin(&address(1), start);
        log.begin(&address(1), start);
        log.failed(&address(1), start, &io::ErrorKind::ConnectionRefused.into());
        log.give_up(start);
        let outcomes: Vec<_> = rows(&log, start).into_iter().map(|row| row.3).collect();
        assert_eq!(
            outcomes,
            ["connect 127.0.0.1:1: connection refused", "given up"]
        );
    }
}
