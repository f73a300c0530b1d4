//! What became of each address that a connect has tried.

use std::io;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::error::{ConnectError, copy_of};

/// An attempt to connect to one address. A name may have several, which race (RFC 8305). The times are as exact as the calls
/// of [`poll`](crate::Connection::poll) that have noticed them.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConnectAttempt {
    /// Where to.
    pub address: Address,
    /// How long after the call of [`connect`](crate::Connection::connect) it began. For a name that includes its lookup.
    pub began_after: Duration,
    /// How long it has taken, so far or in all.
    pub took: Duration,
    /// What it has come to.
    pub outcome: AttemptOutcome,
}

/// What an attempt to connect has come to.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// Nothing yet.
    UnderWay,
    /// It is the connection.
    Connected,
    /// It has failed.
    Failed(ConnectError),
    /// It was given up: another address was faster, the time limit passed, or the connection was disconnected.
    GivenUp,
}

/// The attempts of one connect, in the order in which they began.
#[derive(Debug)]
pub(crate) struct AttemptLog {
    /// When the connect began.
    began: Instant,
    /// Most have one entry for their life, so without room for more.
    entries: Box<[Entry]>,
}

#[derive(Debug)]
struct Entry {
    address: Address,
    began_after: Duration,
    end: Option<(Duration, AttemptEnd)>,
}

#[derive(Debug)]
enum AttemptEnd {
    Connected,
    Failed(io::Error),
    GivenUp,
}

impl AttemptLog {
    /// That of a connect that begins at `now`.
    pub(crate) fn new(now: Instant) -> AttemptLog {
        AttemptLog {
            began: now,
            entries: Box::default(),
        }
    }

    /// An attempt to `address` begins.
    pub(crate) fn begin(&mut self, address: &Address, now: Instant) {
        let mut entries = std::mem::take(&mut self.entries).into_vec();
        entries.reserve_exact(1);
        entries.push(Entry {
            address: address.clone(),
            began_after: self.after(now),
            end: None,
        });
        self.entries = entries.into_boxed_slice();
    }

    /// The attempt to `address` has become the connection, and the others are given up.
    pub(crate) fn connected(&mut self, address: &Address, now: Instant) {
        self.end(address, now, AttemptEnd::Connected);
        self.give_up(now);
    }

    /// The attempt to `address` has failed.
    pub(crate) fn failed(&mut self, address: &Address, now: Instant, error: &io::Error) {
        self.end(address, now, AttemptEnd::Failed(copy_of(error)));
    }

    /// Nobody waits any more for those that are under way.
    pub(crate) fn give_up(&mut self, now: Instant) {
        let now = self.after(now);
        for entry in &mut self.entries {
            if entry.end.is_none() {
                entry.end = Some((entry.lasted(now), AttemptEnd::GivenUp));
            }
        }
    }

    /// All of them, as of `now`.
    pub(crate) fn attempts(&self, now: Instant) -> Vec<ConnectAttempt> {
        let now = self.after(now);
        let attempts = self.entries.iter().map(|entry| ConnectAttempt {
            address: entry.address.clone(),
            began_after: entry.began_after,
            took: match &entry.end {
                Some((took, _)) => *took,
                None => entry.lasted(now),
            },
            outcome: match &entry.end {
                None => AttemptOutcome::UnderWay,
                Some((_, AttemptEnd::Connected)) => AttemptOutcome::Connected,
                Some((_, AttemptEnd::GivenUp)) => AttemptOutcome::GivenUp,
                Some((_, AttemptEnd::Failed(error))) => AttemptOutcome::Failed(ConnectError::Os {
                    address: entry.address.clone(),
                    source: copy_of(error),
                }),
            },
        });
        attempts.collect()
    }

    /// Ends the attempt to `address`. Of two to the same one it does not matter which.
    fn end(&mut self, address: &Address, now: Instant, end: AttemptEnd) {
        let now = self.after(now);
        let mut entries = self.entries.iter_mut();
        if let Some(entry) = entries.find(|entry| entry.end.is_none() && entry.address == *address)
        {
            entry.end = Some((entry.lasted(now), end));
        }
    }

    fn after(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }
}

impl Entry {
    /// How long it has lasted at `now`, which counts from the begin of the connect.
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

    /// The attempts at a time in milliseconds: the last byte of the address, when it began, how long it took, and its outcome.
    fn shown(log: &AttemptLog, now: Instant) -> Vec<(String, u128, u128, String)> {
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
    fn a_race_is_told_as_it_went() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut log = AttemptLog::new(start);
        assert_eq!(shown(&log, at(5)), []);
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
            shown(&log, at(310)),
            [
                refused.clone(),
                row("127.0.0.2:1", 260, 50, "under way"),
                row("127.0.0.3:1", 300, 10, "under way"),
            ]
        );
        log.connected(&address(3), at(320));
        assert_eq!(
            shown(&log, at(9000)),
            [
                refused,
                row("127.0.0.2:1", 260, 60, "given up"),
                row("127.0.0.3:1", 300, 20, "connected"),
            ]
        );
    }

    #[test]
    fn an_address_that_a_resolver_gives_twice_is_told_twice() {
        let start = Instant::now();
        let mut log = AttemptLog::new(start);
        log.begin(&address(1), start);
        log.begin(&address(1), start);
        log.failed(&address(1), start, &io::ErrorKind::ConnectionRefused.into());
        log.give_up(start);
        let outcomes: Vec<_> = shown(&log, start).into_iter().map(|row| row.3).collect();
        assert_eq!(
            outcomes,
            ["connect 127.0.0.1:1: connection refused", "given up"]
        );
    }
}
