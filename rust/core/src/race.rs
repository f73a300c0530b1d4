//! Connects under way to the addresses of one peer, of which the first to succeed wins.

use std::io;
use std::time::{Duration, Instant};

use crate::address::Address;
use crate::error::ConnectError;
use crate::happy_eyeballs::Schedule;
use crate::options::Options;
use crate::stream_socket::StreamSocket;
use crate::sys::{self, Interest};

/// The race. Dropping it closes all its sockets.
#[derive(Debug)]
pub(crate) struct Race {
    schedule: Schedule<Address>,
    attempts: Vec<Attempt>,
    /// For the first attempt, the only one it can serve.
    bound: Option<StreamSocket>,
    last_failure: Option<ConnectError>,
}

#[derive(Debug)]
struct Attempt {
    stream: StreamSocket,
    address: Address,
    /// Whether the kernel goes on by itself. A Unix domain connect that found the backlog full does not: it has to be
    /// asked again.
    in_progress: bool,
}

/// What a look at the race has shown.
#[derive(Debug)]
pub(crate) enum Progress {
    /// No winner yet.
    Undecided,
    /// The winner. The losers are closed.
    Established(Established),
    /// The last address has failed too.
    Failed(ConnectError),
}

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) stream: StreamSocket,
    pub(crate) address: Address,
}

impl Race {
    /// A race to `addresses`, in this order. A `bound` socket allows one address, of a family that it reaches.
    pub(crate) fn new(mut addresses: Vec<Address>, bound: Option<StreamSocket>) -> Race {
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
        }
    }

    /// The address that an attempt has been under way to for the longest time.
    pub(crate) fn address(&self) -> Option<&Address> {
        self.attempts.first().map(|attempt| &attempt.address)
    }

    pub(crate) fn socket(&self) -> Option<&socket2::Socket> {
        self.attempts.first().map(|attempt| &attempt.stream.socket)
    }

    /// Sees, without waiting, how the attempts do, and starts those that are due.
    pub(crate) fn advance(&mut self, options: &Options, now: Instant) -> Progress {
        let mut index = 0;
        while index < self.attempts.len() {
            match self.attempts[index].advance() {
                Ok(false) => index += 1,
                Ok(true) => {
                    let winner = self.attempts.swap_remove(index);
                    self.attempts.clear();
                    return Progress::Established(winner.into());
                }
                Err(error) => {
                    let loser = self.attempts.remove(index);
                    self.fail(loser.address, error);
                }
            }
        }
        while let Some(address) = self.schedule.next(now, self.attempts.len()) {
            let started = Attempt::start(address.clone(), self.bound.take(), options);
            match started {
                Ok((attempt, false)) => self.attempts.push(attempt),
                Ok((attempt, true)) => {
                    self.attempts.clear();
                    return Progress::Established(attempt.into());
                }
                Err(error) => self.fail(address, error),
            }
        }
        if self.attempts.is_empty() && self.schedule.is_exhausted() {
            let failure = self.last_failure.take();
            return Progress::Failed(failure.unwrap_or(ConnectError::NoAddress));
        }
        Progress::Undecided
    }

    fn fail(&mut self, address: Address, source: io::Error) {
        self.schedule.failed();
        self.last_failure = Some(ConnectError::Os { address, source });
    }
}

impl Attempt {
    /// Starts an attempt; true if it has succeeded at once.
    fn start(
        address: Address,
        bound: Option<StreamSocket>,
        options: &Options,
    ) -> io::Result<(Attempt, bool)> {
        let stream = match bound {
            Some(bound) => bound,
            None => StreamSocket::open(address.domain())?,
        };
        options.apply(&stream)?;
        let mut attempt = Attempt {
            stream,
            address,
            in_progress: false,
        };
        let is_established = attempt.connect()?;
        Ok((attempt, is_established))
    }

    /// Whether the attempt has succeeded by now.
    fn advance(&mut self) -> io::Result<bool> {
        if !self.in_progress {
            return self.connect();
        }
        // The socket turns writable when the connect has ended, and SO_ERROR says how (connect(2), EINPROGRESS).
        let socket = &self.stream.socket;
        if !sys::wait(socket, Interest::Writable, Some(Duration::ZERO))? {
            return Ok(false);
        }
        match socket.take_error()? {
            Some(error) => Err(error),
            None => Ok(true),
        }
    }

    fn connect(&mut self) -> io::Result<bool> {
        let socket_address = self.address.socket_address(self.stream.domain)?;
        match self.stream.socket.connect(&socket_address) {
            Ok(()) => Ok(true),
            Err(error) if sys::is_in_progress(&error) => {
                self.in_progress = true;
                Ok(false)
            }
            Err(error) if self.address.is_unix() && sys::is_backlog_full(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl From<Attempt> for Established {
    fn from(attempt: Attempt) -> Established {
        Established {
            stream: attempt.stream,
            address: attempt.address,
        }
    }
}
