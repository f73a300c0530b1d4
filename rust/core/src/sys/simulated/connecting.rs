//! Connecting, from both sides: the client's `connect`, and the connection in the listener's queue.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::faults::{Fault, os_error};
use super::objects::{
    Id, Name, Side, SocketAddress, SocketPair, SocketState, State, is_silent, is_unreachable,
};
use super::pipe::Pipe;
use super::world::World;
use crate::sys::types::{AddressFamily, Connect};

const SECOND: u64 = 1_000_000_000;

/// How long a connect waits for an answer (tcp(7), tcp_syn_retries).
const CONNECT_TIMEOUT: u64 = 130 * SECOND;

/// How long a client waits before it asks a host again whose backlog was full.
const RETRY_INTERVAL: u64 = SECOND;

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether a connect to `address` reaches `socket`, if that listens.
fn serves(socket: &SocketState, address: SocketAddr) -> bool {
    let Some(Name::Inet(bound)) = &socket.name else {
        return false;
    };
    if bound.port() != address.port() {
        return false;
    }
    match (bound.ip(), address.ip()) {
        (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(_)) => true,
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(_)) => true,
        (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(_)) => !socket.is_only_v6,
        (bound, ip) => bound == ip,
    }
}

impl World {
    /// Connects two sockets with each other. The success is still to be reported to `one` unless
    /// they are `is_local`.
    pub(super) fn join(&mut self, one: Id, other: Id, is_local: bool) {
        let connection = self.next_id();
        let sizes = [one, other].map(|id| {
            let socket = &self.network.sockets[&id];
            (socket.send_buffer_size, socket.receive_buffer_size)
        });
        let pipes = [
            Pipe::new(sizes[0].0, sizes[1].1, is_local),
            Pipe::new(sizes[1].0, sizes[0].1, is_local),
        ];
        let side = |socket| Side {
            socket: Some(socket),
            ..Side::default()
        };
        let sides = [side(one), side(other)];
        let joined = SocketPair {
            is_local,
            pipes,
            sides,
        };
        self.network.connections.insert(connection, joined);
        for (side, id) in [one, other].into_iter().enumerate() {
            self.network.socket(id).state = State::Connected {
                connection,
                side,
                is_reported: is_local || side == 1,
            };
        }
        self.summary.connections += 1;
        self.signal_edge(Some(one));
        self.signal_edge(Some(other));
    }

    /// Connects `client` with a new socket, named `name`, in the queue of `listener`.
    fn enqueue(&mut self, listener: Id, client: Id, name: Option<Name>) {
        let is_local = self.network.sockets[&client].family == AddressFamily::Unix;
        let family = self.network.sockets[&listener].family;
        let server = self.open_socket(family);
        self.network.socket(server).is_embryo = true;
        self.network.socket(server).name = name;
        self.join(client, server, is_local);
        if let State::Listening { backlog, queue } = &mut self.network.socket(listener).state {
            queue.push_back(server);
            // As on Linux, one more than the backlog fits (sk_acceptq_is_full).
            debug_assert!(queue.len() <= *backlog + 1, "the queue was not full");
        }
        self.signal_edge(Some(listener));
    }

    fn is_full(&self, listener: Id) -> bool {
        match &self.network.sockets[&listener].state {
            State::Listening { backlog, queue } => queue.len() > *backlog,
            _ => true,
        }
    }

    pub(super) fn connect(&mut self, id: Id, address: &SocketAddress) -> io::Result<Connect> {
        match &mut self.network.socket(id).state {
            State::Unconnected => {}
            State::Connecting { .. } => return Ok(Connect::InProgress),
            State::Failed(code) => {
                let code = *code;
                self.network.socket(id).state = State::Unconnected;
                return Err(os_error(code));
            }
            // The success is reported once (connect(2), EISCONN).
            State::Connected {
                is_reported,
                connection,
                side,
            } => {
                if std::mem::replace(is_reported, true) {
                    return Err(os_error(libc::EISCONN));
                }
                let (connection, side) = (*connection, *side);
                let connection = self.network.connections.get_mut(&connection);
                let error = connection.and_then(|connection| connection.sides[side].error.take());
                return match error {
                    Some(code) => Err(os_error(code)),
                    None => Ok(Connect::Done),
                };
            }
            State::Listening { .. } => return Err(os_error(libc::EISCONN)),
        }
        match address {
            SocketAddress::Inet(address) => self.connect_inet(id, *address),
            SocketAddress::Unix(_) => self.connect_unix(id, address),
        }
    }

    fn connect_inet(&mut self, id: Id, address: SocketAddr) -> io::Result<Connect> {
        let socket = &self.network.sockets[&id];
        if socket.family == AddressFamily::Ipv4 && address.is_ipv6()
            || socket.family == AddressFamily::Unix
        {
            return Err(os_error(libc::EAFNOSUPPORT));
        }
        let to = canonical(address);
        if is_unreachable(to.ip())
            || socket.family == AddressFamily::Ipv6 && socket.is_only_v6 && to.is_ipv4()
        {
            return Err(os_error(libc::ENETUNREACH));
        }
        if socket.name.is_none() {
            let port = self.free_port();
            self.network.socket(id).name = Some(Name::Inet((to.ip(), port).into()));
        }
        let due = (!is_silent(to.ip())).then(|| self.draw_arrival());
        let end = self.time + CONNECT_TIMEOUT;
        self.network.socket(id).state = State::Connecting { to, due, end };
        // A host nearby may answer before the call returns.
        if due.is_some() && self.random.once_in(8) {
            self.connect_arrives(id);
            if let State::Connected { is_reported, .. } = &mut self.network.socket(id).state {
                *is_reported = true;
                return Ok(Connect::Done);
            }
        }
        Ok(Connect::InProgress)
    }

    /// The request of a connect arrives at the peer's host and is answered, or times out.
    pub(super) fn connect_arrives(&mut self, id: Id) {
        let time = self.time;
        let Some(State::Connecting { to, due, end }) =
            self.network.sockets.get(&id).map(|socket| &socket.state)
        else {
            return;
        };
        let (to, end) = (*to, *end);
        if due.is_none() || time >= end {
            self.network.socket(id).state = State::Failed(libc::ETIMEDOUT);
            self.signal_edge(Some(id));
            return;
        }
        match self.find_listener(|socket| serves(socket, to)) {
            None => {
                self.network.socket(id).state = State::Failed(libc::ECONNREFUSED);
                self.signal_edge(Some(id));
            }
            // The host does not answer, and the client asks again.
            Some(listener) if self.is_full(listener) => {
                let due = Some(time + RETRY_INTERVAL);
                self.network.socket(id).state = State::Connecting { to, due, end };
            }
            Some(listener) => self.enqueue(listener, id, Some(Name::Inet(to))),
        }
    }

    fn connect_unix(&mut self, id: Id, address: &SocketAddress) -> io::Result<Connect> {
        let name = self.name_of(address)?;
        let listener = self.find_listener(|socket| socket.name.as_ref() == Some(&name));
        let listener = listener.ok_or_else(|| os_error(libc::ECONNREFUSED))?;
        if self.is_full(listener) {
            return Ok(Connect::BacklogFull);
        }
        self.enqueue(listener, id, None);
        Ok(Connect::Done)
    }

    fn find_listener(&self, is_meant: impl Fn(&SocketState) -> bool) -> Option<Id> {
        let mut sockets = self.network.sockets.iter();
        let found = sockets.find(|(_, socket)| {
            matches!(socket.state, State::Listening { .. }) && is_meant(socket)
        });
        found.map(|(id, _)| *id)
    }

    /// Takes the oldest embryo out of the queue of a listener.
    pub(super) fn accept(&mut self, listener: Id) -> io::Result<Id> {
        let State::Listening { queue, .. } = &self.network.socket(listener).state else {
            return Err(os_error(libc::EINVAL));
        };
        let first = *queue.front().ok_or(io::ErrorKind::WouldBlock)?;
        self.check_can_open()?;
        let is_aborted = self.fails(Fault::ConnectionAborted);
        if let State::Listening { queue, .. } = &mut self.network.socket(listener).state {
            queue.pop_front();
        }
        let embryo = self.network.socket(first);
        debug_assert!(embryo.is_embryo, "a queued socket was not accepted yet");
        if is_aborted {
            embryo.resets_when_closed = true;
            self.close(first);
            return Err(os_error(libc::ECONNABORTED));
        }
        embryo.is_embryo = false;
        Ok(first)
    }

    /// The internet address of the peer of an accepted socket.
    pub(super) fn peer_name(&self, id: Id) -> Option<SocketAddr> {
        let State::Connected {
            connection, side, ..
        } = &self.network.sockets.get(&id)?.state
        else {
            return None;
        };
        let peer = self.network.connections.get(connection)?.sides[1 - side].socket?;
        match self.network.sockets.get(&peer)?.name {
            Some(Name::Inet(address)) => Some(address),
            _ => None,
        }
    }
}
