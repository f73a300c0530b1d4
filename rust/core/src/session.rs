//! What a connection is at the moment: its status, its socket, and what has happened to it.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use socket2::Socket;

use crate::address::{Address, Target};
use crate::error::ConnectError;
use crate::options::Options;
use crate::race::{Established, Progress, Race};
use crate::resolver::Lookup;
use crate::socket_file::SocketFile;
use crate::status::Status;
use crate::stream_socket::StreamSocket;

/// A status, and the number of times a connection has begun or ended before. A transfer that finds another epoch than
/// the one it began in has lost its connection meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session(pub(crate) u64);

impl Session {
    #[inline]
    pub(crate) fn status(self) -> Status {
        Status::ALL[(self.0 & 3) as usize]
    }

    #[inline]
    pub(crate) fn epoch(self) -> u64 {
        self.0 >> 2
    }

    /// The session that follows with `status`. A connect that succeeds stays the connection it was.
    pub(crate) fn with(self, status: Status) -> Session {
        let goes_on = (self.status(), status) == (Status::Connecting, Status::Connected);
        let epoch = if goes_on {
            self.epoch()
        } else {
            self.epoch() + 1
        };
        Session((epoch << 2) | status as u64)
    }
}

/// What has happened to a connection, for those who want to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The status changed to this one.
    Status(Status),
    /// A connect that was accepted has come to its end.
    ConnectFinished(ConnectEnd),
    /// An established connection has ended.
    Disconnected(DisconnectCause),
    /// The last queued byte was handed to the system.
    Drained,
}

/// How a connect ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectEnd {
    /// Connected.
    Connected,
    /// The name did not resolve.
    Unresolved,
    /// No address accepted.
    Refused,
    /// The time limit passed.
    TimedOut,
    /// It was disconnected before.
    Cancelled,
}

/// Why an established connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectCause {
    /// This side disconnected.
    Local,
    /// The peer ended the stream.
    EndOfStream,
    /// The socket failed.
    Failure,
}

/// So many notices are kept for somebody who polls rarely; of more the oldest go.
const MAX_NOTICES: usize = 256;

/// What is changed by connecting and disconnecting.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) link: Link,
    /// `None` for the defaults, which most have.
    pub(crate) options: Option<Box<Options>>,
    /// The other end, kept after an established connection has ended until the next one or a disconnect.
    pub(crate) peer: Option<Address>,
    /// Why a write has failed although there was still something to read.
    pub(crate) write_failure: Option<io::Error>,
    pub(crate) notices: VecDeque<Notice>,
}

#[derive(Debug, Default)]
pub(crate) enum Link {
    #[default]
    Closed,
    Bound(StreamSocket),
    /// Boxed, since it is large and few are there for long.
    Connecting(Box<Connecting>),
    Connected {
        /// Shared with the transfers that are under way, so that its descriptor is not reused under them.
        socket: Arc<Socket>,
        /// The file of a bound path; it goes with the connection.
        _file: Option<SocketFile>,
    },
}

/// A connect under way.
#[derive(Debug)]
pub(crate) struct Connecting {
    phase: Phase,
    target: Target,
    /// `None` for a connect that may take for ever.
    pub(crate) deadline: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Resolving {
        lookup: Lookup,
        bound: Option<StreamSocket>,
    },
    Racing(Race),
}

/// Whether `host` is this machine by its name, which means both loopback addresses, whatever a resolver would say
/// (RFC 6761, section 6.3).
fn is_localhost(host: &str) -> bool {
    host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

impl Connecting {
    /// Begins to connect; a lookup for a name, nothing else so far.
    pub(crate) fn new(
        target: Target,
        bound: Option<StreamSocket>,
        deadline: Option<Instant>,
    ) -> Connecting {
        let phase = match &target {
            Target::Address(address) => Phase::Racing(Race::new(vec![address.clone()], bound)),
            Target::Name { host, port } if is_localhost(host) => {
                let loopback = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
                let addresses = loopback.map(|ip: IpAddr| Address::Inet((ip, *port).into()));
                Phase::Racing(Race::new(addresses.into(), bound))
            }
            Target::Name { host, port } => Phase::Resolving {
                lookup: Lookup::start(host.clone(), *port),
                bound,
            },
        };
        Connecting {
            phase,
            target,
            deadline,
        }
    }

    /// Starts the attempts that need no lookup. The end of a lookup is left to [`advance`](Self::advance), however
    /// fast it is: a connect to a name never fails at once.
    pub(crate) fn begin(&mut self, options: &Options, now: Instant) -> Progress {
        match &mut self.phase {
            Phase::Racing(race) => race.advance(options, now),
            Phase::Resolving { .. } => Progress::Undecided,
        }
    }

    /// Sees, without waiting, how far it has come.
    pub(crate) fn advance(&mut self, options: &Options, now: Instant) -> Progress {
        if let Phase::Resolving { lookup, bound } = &mut self.phase {
            match lookup.take() {
                None => return Progress::Undecided,
                Some(Err(source)) => {
                    let host = match &self.target {
                        Target::Name { host, .. } => host.clone(),
                        Target::Address(address) => address.to_string(),
                    };
                    return Progress::Failed(ConnectError::Resolve { host, source });
                }
                Some(Ok(addresses)) => {
                    let order = crate::happy_eyeballs::interleave(addresses);
                    let order = order.into_iter().map(Address::Inet).collect();
                    self.phase = Phase::Racing(Race::new(order, bound.take()));
                }
            }
        }
        self.begin(options, now)
    }

    /// The address being tried, once there is one.
    pub(crate) fn address(&self) -> Option<&Address> {
        match &self.phase {
            Phase::Racing(race) => race.address(),
            Phase::Resolving { .. } => None,
        }
    }

    fn socket(&self) -> Option<&Socket> {
        match &self.phase {
            Phase::Racing(race) => race.socket(),
            Phase::Resolving { bound, .. } => bound.as_ref().map(|bound| &bound.socket),
        }
    }

    /// The error of a connect whose time is over.
    pub(crate) fn timed_out(&self) -> ConnectError {
        let attempt = match (&self.phase, &self.target) {
            (Phase::Resolving { .. }, Target::Name { host, .. }) => format!("resolve {host}"),
            (_, Target::Name { host, port }) => format!("connect {host}:{port}"),
            (_, Target::Address(address)) => format!("connect {address}"),
        };
        ConnectError::TimedOut { attempt }
    }
}

impl Link {
    pub(crate) fn connected_socket(&self) -> Option<&Arc<Socket>> {
        match self {
            Link::Connected { socket, .. } => Some(socket),
            _ => None,
        }
    }
}

impl State {
    /// Makes `established` the connection.
    pub(crate) fn establish(&mut self, established: Established) {
        self.peer = Some(established.address);
        self.link = Link::Connected {
            socket: Arc::new(established.stream.socket),
            _file: established.stream.file,
        };
    }

    /// Takes what there is; dropping it closes it.
    pub(crate) fn close(&mut self) -> Link {
        self.write_failure = None;
        std::mem::take(&mut self.link)
    }

    pub(crate) fn options(&self) -> Options {
        self.options.as_deref().copied().unwrap_or_default()
    }

    /// The open socket, in whatever state.
    pub(crate) fn socket(&self) -> Option<&Socket> {
        match &self.link {
            Link::Closed => None,
            Link::Bound(stream) => Some(&stream.socket),
            Link::Connecting(connecting) => connecting.socket(),
            Link::Connected { socket, .. } => Some(socket),
        }
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        if self.notices.len() == MAX_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }
}
