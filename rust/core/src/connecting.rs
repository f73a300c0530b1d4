//! A connect under way: one address after the other until one answers.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::address::Address;
use crate::error::ConnectError;
use crate::options::Options;
use crate::stream_socket::StreamSocket;
use crate::sys::{self, Interest};

/// A connect under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    stream: StreamSocket,
    /// The address `stream` is connecting to.
    address: Address,
    /// The addresses to try after it.
    remaining: VecDeque<Address>,
    /// Whether the kernel goes on by itself. A Unix domain connect that found the backlog full does not: it
    /// has to be asked again.
    in_progress: bool,
    pub(crate) deadline: Instant,
}

/// What a look at the connect under way has shown.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing yet.
    Undecided(Attempt),
    /// Connected.
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

impl Attempt {
    /// Starts to connect to the first of `addresses` that does not fail at once. A `bound` socket is used for
    /// the first address, the only one it can serve.
    pub(crate) fn start(
        addresses: Vec<Address>,
        bound: Option<StreamSocket>,
        options: &Options,
        deadline: Instant,
    ) -> Progress {
        let mut remaining = VecDeque::from(addresses);
        if bound.is_some() {
            remaining.truncate(1);
        }
        start_next(remaining, bound, options, deadline, None)
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.stream.socket
    }

    /// Looks, without waiting, whether the connect has come to an end.
    pub(crate) fn advance(mut self, options: &Options) -> Progress {
        let outcome = if self.in_progress {
            connect_outcome(&self.stream.socket)
        } else {
            start_connect(&self.stream, &self.address).map(|started| match started {
                Started::Established => Some(()),
                Started::InProgress => {
                    self.in_progress = true;
                    None
                }
                Started::BacklogFull => None,
            })
        };
        match outcome {
            Ok(None) => Progress::Undecided(self),
            Ok(Some(())) => Progress::Established(Established {
                stream: self.stream,
                address: self.address,
            }),
            Err(source) => {
                let failure = ConnectError::Os {
                    address: self.address,
                    source,
                };
                start_next(self.remaining, None, options, self.deadline, Some(failure))
            }
        }
    }
}

/// Connects to the first of `remaining` that does not fail at once; `failure` is that of the address before.
fn start_next(
    mut remaining: VecDeque<Address>,
    mut bound: Option<StreamSocket>,
    options: &Options,
    deadline: Instant,
    mut failure: Option<ConnectError>,
) -> Progress {
    while let Some(address) = remaining.pop_front() {
        match start_one(&address, bound.take(), options) {
            Ok((Started::Established, stream)) => {
                return Progress::Established(Established { stream, address });
            }
            Ok((started, stream)) => {
                return Progress::Undecided(Attempt {
                    stream,
                    address,
                    remaining,
                    in_progress: matches!(started, Started::InProgress),
                    deadline,
                });
            }
            Err(source) => failure = Some(ConnectError::Os { address, source }),
        }
    }
    Progress::Failed(failure.expect("a connect has at least one address"))
}

fn start_one(
    address: &Address,
    bound: Option<StreamSocket>,
    options: &Options,
) -> io::Result<(Started, StreamSocket)> {
    let stream = match bound {
        Some(bound) => bound,
        None => StreamSocket::open(address.domain())?,
    };
    options.apply(&stream)?;
    let started = start_connect(&stream, address)?;
    Ok((started, stream))
}

enum Started {
    Established,
    InProgress,
    BacklogFull,
}

fn start_connect(stream: &StreamSocket, address: &Address) -> io::Result<Started> {
    let socket_address = address.socket_address(stream.domain)?;
    match stream.socket.connect(&socket_address) {
        Ok(()) => Ok(Started::Established),
        Err(error) if sys::is_in_progress(&error) => Ok(Started::InProgress),
        Err(error) if address.is_unix() && sys::is_backlog_full(&error) => Ok(Started::BacklogFull),
        Err(error) => Err(error),
    }
}

/// Whether a connect going on in the background has succeeded: the socket turns writable when it has ended
/// (connect(2), EINPROGRESS), and SO_ERROR says how.
fn connect_outcome(socket: &Socket) -> io::Result<Option<()>> {
    if !sys::wait(socket, Interest::Writable, Some(Duration::ZERO))? {
        return Ok(None);
    }
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Ok(_) => Ok(Some(())),
        // The wait was interrupted, not satisfied.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(None),
        Err(error) => Err(error),
    }
}
