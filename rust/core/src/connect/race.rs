//! Connects under way to the addresses of one name, of which the first to succeed wins.

use std::io;
use std::time::Instant;

use crate::address::Address;
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::happy_eyeballs::Schedule;
use crate::connect::patience::UnderWay;
use crate::error::ConnectError;
use crate::socket::options::Options;
use crate::socket::stream_socket::StreamSocket;

/// The race. Dropping it closes all its sockets.
#[derive(Debug)]
pub(super) struct Race {
    schedule: Schedule<Address>,
    attempts: Vec<Attempt>,
    /// For the first attempt, the only one it can serve.
    bound: Option<StreamSocket>,
    last_failure: Option<ConnectError>,
    /// When the newest attempt began.
    last_start: Option<Instant>,
}

/// What a look at a connect under way has shown.
#[derive(Debug)]
pub(crate) enum Progress {
    /// No winner yet.
    Undecided,
    /// The winner. The losers are closed.
    Established(Attempt),
    /// The last address has failed too.
    Failed(ConnectError),
}

impl Race {
    /// A race to `addresses`, in this order. A `bound` socket allows one address, of a family that it reaches.
    pub(super) fn new(mut addresses: Vec<Address>, bound: Option<StreamSocket>) -> Race {
        if let Some(bound) = &bound {
            // With a single address the system says best what is wrong with it.
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
            last_start: None,
        }
    }

    /// The address that an attempt has been under way to for the longest time.
    pub(super) fn address(&self) -> Option<&Address> {
        self.attempts.first().map(|attempt| &attempt.address)
    }

    /// The sockets of the attempts.
    pub(super) fn streams(&self) -> impl Iterator<Item = &StreamSocket> {
        self.attempts.iter().map(|attempt| &attempt.stream)
    }

    /// What is under way, and left, after a look at `now`.
    pub(super) fn under_way(&self, now: Instant) -> UnderWay {
        UnderWay {
            has_begun: self.last_start == Some(now),
            waiting: self.schedule.waiting(),
        }
    }

    /// Sees, without waiting, how the attempts do, and starts those that are due. `log` is told of both.
    pub(super) fn advance(
        &mut self,
        options: &Options,
        now: Instant,
        log: &mut AttemptLog,
    ) -> Progress {
        let mut index = 0;
        while index < self.attempts.len() {
            match self.attempts[index].advance() {
                Ok(false) => index += 1,
                Ok(true) => {
                    let winner = self.attempts.swap_remove(index);
                    return self.won(winner, now, log);
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
                Ok((attempt, true)) => return self.won(attempt, now, log),
                Err((address, error)) => {
                    log.failed(&address, now, &error);
                    self.fail(address, error);
                }
            }
        }
        if self.attempts.is_empty() && self.schedule.waiting() == 0 {
            let failure = self.last_failure.take();
            return Progress::Failed(failure.unwrap_or(ConnectError::NoAddress));
        }
        Progress::Undecided
    }

    fn won(&mut self, winner: Attempt, now: Instant, log: &mut AttemptLog) -> Progress {
        self.attempts.clear();
        log.connected(&winner.address, now);
        Progress::Established(winner)
    }

    fn fail(&mut self, address: Address, source: io::Error) {
        self.schedule.failed();
        self.last_failure = Some(ConnectError::Os { address, source });
    }
}
