//! How connections come about.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::address::{SocketAddress, is_silent, is_unreachable};
use super::faults::os_error;
use super::id::Id;
use super::network::{Connection, Name, Side, SocketState, State};
use super::pipe::Pipe;
use super::world::World;
use crate::sys::{AddressFamily, Connect};

const SECOND: u64 = 1_000_000_000;

/// How long a connect waits for an answer (tcp(7), tcp_syn_retries).
const PATIENCE: u64 = 130 * SECOND;

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether a socket that is bound to `bound` serves `address`.
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
    /// Makes two sockets each other's peers.
    pub(super) fn join(&mut self, one: Id, other: Id, is_local: bool) {
        let connection = self.next_id();
        let rooms = [one, other].map(|id| {
            let socket = &self.network.sockets[&id];
            (socket.send_room, socket.receive_room)
        });
        let pipes = [
            Pipe::new(rooms[0].0, rooms[1].1, is_local),
            Pipe::new(rooms[1].0, rooms[0].1, is_local),
        ];
        let side = |socket| Side {
            socket: Some(socket),
            ..Side::default()
        };
        let sides = [side(one), side(other)];
        let joined = Connection {
            is_local,
            pipes,
            sides,
        };
        self.network.connections.insert(connection, joined);
        for (side, id) in [one, other].into_iter().enumerate() {
            self.socket(id).state = State::Connected {
                connection,
                side,
                is_notified: is_local || side == 1,
            };
        }
        self.figures.connections += 1;
        self.edge(Some(one));
        self.edge(Some(other));
    }

    /// Puts a connection of `client` into the queue of `listener`.
    fn enqueue(&mut self, listener: Id, client: Id, name: Option<Name>) {
        let is_local = self.network.sockets[&client].family == AddressFamily::Unix;
        let family = self.network.sockets[&listener].family;
        let server = self.open_socket(family);
        self.socket(server).is_embryo = true;
        self.socket(server).name = name;
        self.join(client, server, is_local);
        if let State::Listening { queue, .. } = &mut self.socket(listener).state {
            queue.push_back(server);
        }
        self.edge(Some(listener));
    }

    fn is_full(&self, listener: Id) -> bool {
        match &self.network.sockets[&listener].state {
            State::Listening { backlog, queue } => queue.len() > *backlog,
            _ => true,
        }
    }

    pub(super) fn connect(&mut self, id: Id, address: &SocketAddress) -> io::Result<Connect> {
        match &mut self.socket(id).state {
            State::Unconnected => {}
            State::Connecting { .. } => return Ok(Connect::InProgress),
            State::Failed(code) => {
                let code = *code;
                self.socket(id).state = State::Unconnected;
                return Err(os_error(code));
            }
            // Who has connected is told so once (connect(2)).
            State::Connected {
                is_notified,
                connection,
                side,
            } => {
                if std::mem::replace(is_notified, true) {
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
            self.socket(id).name = Some(Name::Inet((to.ip(), port).into()));
        }
        let due = (!is_silent(to.ip())).then(|| self.arrival());
        let end = self.time + PATIENCE;
        self.socket(id).state = State::Connecting { to, due, end };
        // A near system may have answered before the call returns.
        if due.is_some() && self.random.once_in(8) {
            self.connect_arrives(id);
            if let State::Connected { is_notified, .. } = &mut self.socket(id).state {
                *is_notified = true;
                return Ok(Connect::Done);
            }
        }
        Ok(Connect::InProgress)
    }

    /// The peer's system is asked, and answers.
    pub(super) fn connect_arrives(&mut self, id: Id) {
        let time = self.time;
        let Some(State::Connecting { to, due, end }) =
            self.network.sockets.get(&id).map(|socket| &socket.state)
        else {
            return;
        };
        let (to, end) = (*to, *end);
        if due.is_none() || time >= end {
            self.socket(id).state = State::Failed(libc::ETIMEDOUT);
            self.edge(Some(id));
            return;
        }
        let listener = self.network.sockets.iter().find_map(|(listener, socket)| {
            let listens = matches!(socket.state, State::Listening { .. });
            (listens && serves(socket, to)).then_some(*listener)
        });
        match listener {
            None => {
                self.socket(id).state = State::Failed(libc::ECONNREFUSED);
                self.edge(Some(id));
            }
            // It does not answer, and is asked again later.
            Some(listener) if self.is_full(listener) => {
                let due = Some(time + SECOND);
                self.socket(id).state = State::Connecting { to, due, end };
            }
            Some(listener) => self.enqueue(listener, id, Some(Name::Inet(to))),
        }
    }

    fn connect_unix(&mut self, id: Id, address: &SocketAddress) -> io::Result<Connect> {
        let name = self.name_of(address)?;
        let listener = self.network.sockets.iter().find_map(|(listener, socket)| {
            let listens = matches!(socket.state, State::Listening { .. });
            (listens && socket.name.as_ref() == Some(&name)).then_some(*listener)
        });
        let listener = listener.ok_or_else(|| os_error(libc::ECONNREFUSED))?;
        if self.is_full(listener) {
            return Ok(Connect::BacklogFull);
        }
        self.enqueue(listener, id, None);
        Ok(Connect::Done)
    }
}
