//! A connect under way, from the name or the address to the connected socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::address::{Address, Target};
use crate::connect::attempt::Attempt;
use crate::connect::attempt_log::AttemptLog;
use crate::connect::happy_eyeballs::interleave;
use crate::connect::patience::{Patience, UnderWay};
pub(crate) use crate::connect::race::Progress;
use crate::connect::race::Race;
use crate::connect::resolver::Lookup;
use crate::error::ConnectError;
use crate::socket::options::Options;
use crate::socket::stream_socket::StreamSocket;
use crate::sys::Socket;

/// A connect under way. Dropping it cancels it.
#[derive(Debug)]
pub(crate) struct Connecting {
    phase: Phase,
    patience: Patience,
}

#[derive(Debug)]
enum Phase {
    Resolving {
        lookup: Lookup,
        bound: Option<StreamSocket>,
    },
    /// A single address needs no schedule.
    Single(Attempt),
    Racing {
        race: Race,
        name: String,
    },
    /// It has come to an end.
    Over,
}

/// Whether `host` is this machine by its name, which means both loopback addresses, whatever a resolver would say
/// (RFC 6761, section 6.3).
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost")
}

/// What a connect has begun with.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It goes on.
    Connecting(Connecting),
    /// It has succeeded at once.
    Established(Attempt),
    /// It has failed at once.
    Failed(ConnectError),
}

impl Connecting {
    /// Begins to connect, for at most `limit`. The end of a lookup is left to
    /// [`advance`](Self::advance), however fast it is: a connect to a name never fails at once.
    /// `log` is told of each attempt.
    pub(crate) fn begin(
        target: Target,
        bound: Option<StreamSocket>,
        limit: Option<Duration>,
        options: &Options,
        now: Instant,
        log: &mut AttemptLog,
    ) -> Begun {
        let patience = Patience::new(limit, now);
        let (host, port) = match target {
            Target::Address(address) => {
                log.begin(&address, now);
                return match Attempt::start(address, bound, options) {
                    Ok((attempt, true)) => {
                        log.connected(&attempt.address, now);
                        Begun::Established(attempt)
                    }
                    Ok((attempt, false)) => Begun::Connecting(Connecting {
                        phase: Phase::Single(attempt),
                        patience,
                    }),
                    Err((address, source)) => {
                        log.failed(&address, now, &source);
                        Begun::Failed(ConnectError::Os { address, source })
                    }
                };
            }
            Target::Name { host, port } => (host, port),
        };
        if !is_localhost(&host) {
            let lookup = Lookup::start(host, port);
            let phase = Phase::Resolving { lookup, bound };
            return Begun::Connecting(Connecting { phase, patience });
        }
        let loopback = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
        let addresses = loopback.map(|ip: IpAddr| Address::Inet((ip, port).into()));
        let mut race = Race::new(addresses.into(), bound);
        match race.advance(options, now, log) {
            Progress::Established(attempt) => Begun::Established(attempt),
            Progress::Failed(error) => Begun::Failed(error),
            Progress::Undecided => Begun::Connecting(Connecting {
                phase: Phase::Racing {
                    race,
                    name: format!("{host}:{port}"),
                },
                patience,
            }),
        }
    }

    /// Sees, without waiting, how far it has come. Once it has come to an end there is nothing more to ask.
    pub(crate) fn advance(
        &mut self,
        options: &Options,
        now: Instant,
        log: &mut AttemptLog,
    ) -> Progress {
        let was_absent = self.patience.polled(now);
        let was_resolving = matches!(self.phase, Phase::Resolving { .. });
        let progress = self.look(options, now, log);
        // The lookup ended after the absence, and its addresses were not tried because of it.
        let is_answered = was_resolving && matches!(self.phase, Phase::Racing { .. });
        let is_kept = was_absent || is_answered && self.patience.is_prolonged();
        if is_kept && matches!(progress, Progress::Undecided) {
            self.patience.prolong(now, self.under_way(now));
        }
        progress
    }

    fn look(&mut self, options: &Options, now: Instant, log: &mut AttemptLog) -> Progress {
        match &mut self.phase {
            Phase::Single(attempt) => {
                let outcome = attempt.advance();
                if let Ok(false) = outcome {
                    return Progress::Undecided;
                }
                let Phase::Single(attempt) = std::mem::replace(&mut self.phase, Phase::Over) else {
                    return Progress::Undecided;
                };
                match outcome {
                    Ok(_) => {
                        log.connected(&attempt.address, now);
                        Progress::Established(attempt)
                    }
                    Err(source) => {
                        log.failed(&attempt.address, now, &source);
                        Progress::Failed(ConnectError::Os {
                            address: attempt.address,
                            source,
                        })
                    }
                }
            }
            Phase::Resolving { lookup, bound } => match lookup.take() {
                None => Progress::Undecided,
                Some(Err(source)) => Progress::Failed(ConnectError::Resolve {
                    host: lookup.host().to_owned(),
                    source,
                }),
                Some(Ok(addresses)) => {
                    let order = interleave(addresses).into_iter().map(Address::Inet);
                    let race = Race::new(order.collect(), bound.take());
                    let name = lookup.name();
                    self.phase = Phase::Racing { race, name };
                    self.look(options, now, log)
                }
            },
            Phase::Racing { race, .. } => race.advance(options, now, log),
            Phase::Over => Progress::Undecided,
        }
    }

    fn under_way(&self, now: Instant) -> UnderWay {
        match &self.phase {
            Phase::Racing { race, .. } => race.under_way(now),
            _ => UnderWay {
                has_begun: false,
                waiting: 0,
            },
        }
    }

    /// Until when it may take; `None` without a limit.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.patience.deadline()
    }

    /// The address being tried, once there is one.
    pub(crate) fn address(&self) -> Option<&Address> {
        match &self.phase {
            Phase::Single(attempt) => Some(&attempt.address),
            Phase::Racing { race, .. } => race.address(),
            Phase::Resolving { .. } | Phase::Over => None,
        }
    }

    /// The sockets that may become the connection's.
    pub(crate) fn streams(&self) -> Vec<&StreamSocket> {
        match &self.phase {
            Phase::Single(attempt) => vec![&attempt.stream],
            Phase::Racing { race, .. } => race.streams().collect(),
            Phase::Resolving { bound, .. } => bound.iter().collect(),
            Phase::Over => Vec::new(),
        }
    }

    /// The socket that has been there for the longest time.
    pub(crate) fn socket(&self) -> Option<&Socket> {
        self.streams().first().map(|stream| &stream.socket)
    }

    /// The error of a connect whose time is over, if it is at `now`.
    pub(crate) fn timed_out_at(&self, now: Instant) -> Option<ConnectError> {
        self.patience.is_over(now).then(|| self.timed_out())
    }

    fn timed_out(&self) -> ConnectError {
        let attempt = match &self.phase {
            Phase::Resolving { lookup, .. } => format!("resolve {}", lookup.host()),
            Phase::Racing { name, .. } => format!("connect {name}"),
            Phase::Single(attempt) => format!("connect {}", attempt.address),
            Phase::Over => "connect".into(),
        };
        ConnectError::TimedOut { attempt }
    }
}
