//! A connect under way: from a name or an address to the connected socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::address::{Address, Target};
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::connect_deadline::{ConnectDeadline, RemainingWork};
use crate::connect::happy_eyeballs::interleave;
pub(crate) use crate::connect::race::ConnectProgress;
use crate::connect::race::Race;
use crate::connect::resolver::Lookup;
use crate::error::ConnectError;
use crate::socket::options::Options;
use crate::socket::stream_socket::StreamSocket;
use crate::sys::Socket;

/// A connect under way. Dropping it cancels it.
#[derive(Debug)]
pub(crate) struct Connecting {
    phase: ConnectPhase,
    deadline: ConnectDeadline,
}

#[derive(Debug)]
enum ConnectPhase {
    Resolving {
        lookup: Lookup,
        bound: Option<StreamSocket>,
    },
    /// One address, which needs no schedule.
    Single(Attempt),
    Racing(Race),
    /// The outcome was returned.
    Over,
}

/// Whether `host` names this machine. It then stands for both loopback addresses, whatever a
/// resolver would answer (RFC 6761, section 6.3).
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost")
}

/// How a connect began.
#[derive(Debug)]
pub(crate) enum ConnectStart {
    /// It is under way.
    Connecting(Connecting),
    /// It succeeded at once.
    Established(Attempt),
    /// It failed at once.
    Failed(ConnectError),
}

impl Connecting {
    /// Begins to connect, for at most `limit`, and logs each attempt. The outcome of a lookup is
    /// left to [`advance`](Self::advance), however fast it is. So a connect to a name never fails
    /// at once, unless the name is `localhost`, which needs no lookup.
    pub(crate) fn begin(
        target: Target,
        bound: Option<StreamSocket>,
        limit: Option<Duration>,
        options: &Options,
        now: Instant,
        log: &mut AttemptLog,
    ) -> ConnectStart {
        let deadline = ConnectDeadline::new(limit, now);
        let (host, port) = match target {
            Target::Address(address) => {
                log.begin(&address, now);
                return match Attempt::start(address, bound, options) {
                    Ok((attempt, true)) => {
                        log.connected(&attempt.address, now);
                        ConnectStart::Established(attempt)
                    }
                    Ok((attempt, false)) => ConnectStart::Connecting(Connecting {
                        phase: ConnectPhase::Single(attempt),
                        deadline,
                    }),
                    Err((address, source)) => {
                        log.failed(&address, now, &source);
                        ConnectStart::Failed(ConnectError::Os { address, source })
                    }
                };
            }
            Target::Name { host, port } => (host, port),
        };
        if !is_localhost(&host) {
            let lookup = Lookup::start(host, port);
            let phase = ConnectPhase::Resolving { lookup, bound };
            return ConnectStart::Connecting(Connecting { phase, deadline });
        }
        let loopback = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        let addresses = loopback.map(|ip: IpAddr| Address::Inet((ip, port).into()));
        let mut race = Race::new(format!("{host}:{port}"), addresses.into(), bound);
        match race.advance(options, now, log) {
            ConnectProgress::Established(attempt) => ConnectStart::Established(attempt),
            ConnectProgress::Failed(error) => ConnectStart::Failed(error),
            ConnectProgress::Undecided => ConnectStart::Connecting(Connecting {
                phase: ConnectPhase::Racing(race),
                deadline,
            }),
        }
    }

    /// Whether [`advance`](Self::advance) was called.
    pub(crate) fn was_polled(&self) -> bool {
        self.deadline.was_polled()
    }

    /// Advances the connect, without waiting. It is not called again after an outcome.
    pub(crate) fn advance(
        &mut self,
        options: &Options,
        now: Instant,
        log: &mut AttemptLog,
    ) -> ConnectProgress {
        debug_assert!(
            !matches!(self.phase, ConnectPhase::Over),
            "the connect has ended"
        );
        let was_absent = self.deadline.record_poll(now);
        let was_resolving = matches!(self.phase, ConnectPhase::Resolving { .. });
        let progress = self.advance_phase(options, now, log);
        // The lookup ended only after the absence, so its addresses could not be tried before.
        let has_resolved = was_resolving && matches!(self.phase, ConnectPhase::Racing(_));
        let extends = was_absent || has_resolved && self.deadline.is_extended();
        if extends && matches!(progress, ConnectProgress::Undecided) {
            self.deadline.extend(now, self.remaining_work(now));
        }
        progress
    }

    fn advance_phase(
        &mut self,
        options: &Options,
        now: Instant,
        log: &mut AttemptLog,
    ) -> ConnectProgress {
        match &mut self.phase {
            ConnectPhase::Single(attempt) => {
                let outcome = attempt.advance();
                if let Ok(false) = outcome {
                    return ConnectProgress::Undecided;
                }
                let ConnectPhase::Single(attempt) =
                    std::mem::replace(&mut self.phase, ConnectPhase::Over)
                else {
                    return ConnectProgress::Undecided;
                };
                match outcome {
                    Ok(_) => {
                        log.connected(&attempt.address, now);
                        ConnectProgress::Established(attempt)
                    }
                    Err(source) => {
                        log.failed(&attempt.address, now, &source);
                        ConnectProgress::Failed(ConnectError::Os {
                            address: attempt.address,
                            source,
                        })
                    }
                }
            }
            ConnectPhase::Resolving { lookup, bound } => match lookup.take() {
                None => ConnectProgress::Undecided,
                Some(Err(source)) => ConnectProgress::Failed(ConnectError::Resolve {
                    host: lookup.host().to_owned(),
                    source,
                }),
                Some(Ok(addresses)) => {
                    let order = interleave(addresses).into_iter().map(Address::Inet);
                    let race = Race::new(lookup.name(), order.collect(), bound.take());
                    self.phase = ConnectPhase::Racing(race);
                    self.advance_phase(options, now, log)
                }
            },
            ConnectPhase::Racing(race) => race.advance(options, now, log),
            ConnectPhase::Over => ConnectProgress::Undecided,
        }
    }

    fn remaining_work(&self, now: Instant) -> RemainingWork {
        match &self.phase {
            ConnectPhase::Racing(race) => race.remaining_work(now),
            _ => RemainingWork {
                has_started: false,
                untried: 0,
            },
        }
    }

    /// When the connect times out; `None` is unlimited.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.end()
    }

    /// The address that is being tried, once there is one.
    pub(crate) fn address(&self) -> Option<&Address> {
        match &self.phase {
            ConnectPhase::Single(attempt) => Some(&attempt.address),
            ConnectPhase::Racing(race) => race.address(),
            ConnectPhase::Resolving { .. } | ConnectPhase::Over => None,
        }
    }

    /// The sockets of all attempts. One of them becomes the socket of the connection.
    pub(crate) fn streams(&self) -> Vec<&StreamSocket> {
        match &self.phase {
            ConnectPhase::Single(attempt) => vec![&attempt.stream],
            ConnectPhase::Racing(race) => race.streams().collect(),
            ConnectPhase::Resolving { bound, .. } => bound.iter().collect(),
            ConnectPhase::Over => Vec::new(),
        }
    }

    /// The oldest socket.
    pub(crate) fn socket(&self) -> Option<&Socket> {
        self.streams().first().map(|stream| &stream.socket)
    }

    /// The error of the timeout, if the deadline has passed at `now`.
    pub(crate) fn timed_out_at(&self, now: Instant) -> Option<ConnectError> {
        self.deadline.has_passed(now).then(|| self.timed_out())
    }

    fn timed_out(&self) -> ConnectError {
        let attempt = match &self.phase {
            ConnectPhase::Resolving { lookup, .. } => format!("resolve {}", lookup.host()),
            ConnectPhase::Racing(race) => format!("connect {}", race.name()),
            ConnectPhase::Single(attempt) => format!("connect {}", attempt.address),
            ConnectPhase::Over => "connect".into(),
        };
        ConnectError::TimedOut { attempt }
    }
}
