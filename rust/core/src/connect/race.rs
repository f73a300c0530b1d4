//! Attempts to the addresses of one name: the first one that succeeds wins.

use std::io;
use std::time::Instant;

use crate::address::Address;
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::connect_deadline::RemainingWork;
use crate::connect::happy_eyeballs::Schedule;
use crate::error::ConnectError;
use crate::socket::options::Options;
use crate::socket::stream_socket::StreamSocket;

/// The race. Dropping it closes all its sockets.
#[derive(Debug)]
pub(super) struct Race {
    schedule: Schedule<Address>,
    attempts: Vec<Attempt>,
    /// A bound socket, for the first attempt. It can serve only one.
    bound: Option<StreamSocket>,
    last_failure: Option<ConnectError>,
    /// The host and port that the addresses belong to.
    name: String,
    /// When the newest attempt started.
    last_start: Option<Instant>,
}

/// The progress of a connect.
#[derive(Debug)]
#[cfg_attr(
    windows,
    expect(
        clippy::large_enum_variant,
        reason = "a connect returns it once, and a box would be an allocation"
    )
)]
pub(crate) enum ConnectProgress {
    /// It is still under way.
    Undecided,
    /// It succeeded. The other attempts are closed.
    Established(Attempt),
    /// It failed: no address is left.
    Failed(ConnectError),
}

impl Race {
    /// A race to the `addresses` of `name`, in this order. With a `bound` socket it has one
    /// address, of a family that the socket can reach.
    pub(super) fn new(
        name: String,
        mut addresses: Vec<Address>,
        bound: Option<StreamSocket>,
    ) -> Race {
        if let Some(bound) = &bound {
            // A single address is kept in any case: the kernel's error is the most precise one.
            if addresses.len() > 1 {
                addresses.retain(|address| bound.reaches(address));
            }
            addresses.truncate(1);
        }
        Race {
            schedule: Schedule::new(addresses),
            attempts: Vec::new(),
            bound,
            last_failure: None,
            name,
            last_start: None,
        }
    }

    /// The host and port that the addresses belong to.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The address of the oldest attempt.
    pub(super) fn address(&self) -> Option<&Address> {
        self.attempts.first().map(|attempt| &attempt.address)
    }

    /// The sockets of the attempts.
    pub(super) fn streams(&self) -> impl Iterator<Item = &StreamSocket> {
        self.attempts.iter().map(|attempt| &attempt.stream)
    }

    /// The work that is left after an advance at `now`.
    pub(super) fn remaining_work(&self, now: Instant) -> RemainingWork {
        RemainingWork {
            has_started: self.last_start == Some(now),
            untried: self.schedule.untried(),
        }
    }

    /// Advances the attempts, without waiting, starts those that are due, and logs both.
    pub(super) fn advance(
        &mut self,
        options: &Options,
        now: Instant,
        log: &mut AttemptLog,
    ) -> ConnectProgress {
        let mut index = 0;
        while index < self.attempts.len() {
            match self.attempts[index].advance() {
                Ok(false) => index += 1,
                Ok(true) => {
                    let winner = self.attempts.swap_remove(index);
                    return self.win(winner, now, log);
                }
                Err(error) => {
                    let loser = self.attempts.remove(index);
                    log.failed(&loser.address, now, &error);
                    self.fail(loser.address, error);
                }
            }
        }
        while let Some(address) = self.schedule.next(now, self.attempts.len()) {
            log.begin(&address, now);
            self.last_start = Some(now);
            match Attempt::start(address, self.bound.take(), options) {
                Ok((attempt, false)) => self.attempts.push(attempt),
                Ok((attempt, true)) => return self.win(attempt, now, log),
                Err((address, error)) => {
                    log.failed(&address, now, &error);
                    self.fail(address, error);
                }
            }
        }
        if self.attempts.is_empty() && self.schedule.untried() == 0 {
            let failure = self.last_failure.take();
            let no_address = || ConnectError::NoAddress {
                name: self.name.clone(),
            };
            return ConnectProgress::Failed(failure.unwrap_or_else(no_address));
        }
        ConnectProgress::Undecided
    }

    fn win(&mut self, winner: Attempt, now: Instant, log: &mut AttemptLog) -> ConnectProgress {
        self.attempts.clear();
        log.connected(&winner.address, now);
        ConnectProgress::Established(winner)
    }

    fn fail(&mut self, address: Address, source: io::Error) {
        self.schedule.failed();
        self.last_failure = Some(ConnectError::Os { address, source });
    }
}
