//! How sockets are made and get their names, and begin to listen.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::address::{SocketAddress, is_abstract, is_silent, is_unreachable};
use super::faults::os_error;
use super::id::Id;
use super::network::{Name, SocketState, State};
use super::world::World;
use crate::sys::AddressFamily;

impl World {
    /// A socket of random buffers.
    pub(super) fn open_socket(&mut self, family: AddressFamily) -> Id {
        let id = self.next_id();
        // Not too small for the world, so that what its programs send is many times what a buffer holds, but no more.
        let most = self.regime.buffer;
        let mut room = || (most / 4).max(1) + self.random.index(most - most / 4);
        let (send_room, receive_room) = (room(), room());
        let socket = SocketState {
            family,
            name: None,
            state: State::Unconnected,
            resets_when_closed: false,
            is_only_v6: false,
            send_room,
            receive_room,
            is_embryo: false,
        };
        self.network.sockets.insert(id, socket);
        id
    }

    pub(super) fn free_port(&mut self) -> u16 {
        loop {
            self.network.next_port = self.network.next_port.checked_add(1).unwrap_or(32_768);
            let port = self.network.next_port;
            let is_taken = self.network.sockets.values().any(
                |socket| matches!(&socket.name, Some(Name::Inet(name)) if name.port() == port),
            );
            if !is_taken {
                return port;
            }
        }
    }

    pub(super) fn bind(&mut self, id: Id, address: &SocketAddress) -> io::Result<()> {
        if self.network.sockets[&id].name.is_some() {
            return Err(os_error(libc::EINVAL));
        }
        let name = match address {
            SocketAddress::Inet(address) => {
                if is_silent(address.ip()) || is_unreachable(address.ip()) {
                    return Err(os_error(libc::EADDRNOTAVAIL));
                }
                let mut address = *address;
                if address.port() == 0 {
                    address.set_port(self.free_port());
                }
                let conflicts = |socket: &SocketState| {
                    let is_accepted = matches!(socket.state, State::Connected { .. });
                    let any = |ip: IpAddr| ip.is_unspecified();
                    matches!(&socket.name, Some(Name::Inet(name)) if name.port() == address.port()
                        && !is_accepted
                        && (any(name.ip()) || any(address.ip()) || name.ip() == address.ip()))
                };
                if self.network.sockets.values().any(conflicts) {
                    return Err(os_error(libc::EADDRINUSE));
                }
                Name::Inet(address)
            }
            SocketAddress::Unix(path) if is_abstract(path) => {
                let name = Name::Abstract(path.clone());
                if self
                    .network
                    .sockets
                    .values()
                    .any(|socket| socket.name.as_ref() == Some(&name))
                {
                    return Err(os_error(libc::EADDRINUSE));
                }
                name
            }
            SocketAddress::Unix(path) => Name::File(self.files.create_socket(path)?),
        };
        self.socket(id).name = Some(name);
        Ok(())
    }

    pub(super) fn listen(&mut self, id: Id, backlog: i32) -> io::Result<()> {
        let port = self.free_port();
        let socket = self.socket(id);
        if !matches!(socket.state, State::Unconnected | State::Listening { .. }) {
            return Err(os_error(libc::EINVAL));
        }
        if socket.name.is_none() {
            socket.name = match socket.family {
                AddressFamily::Ipv4 => Some(Name::Inet((Ipv4Addr::UNSPECIFIED, port).into())),
                AddressFamily::Ipv6 => Some(Name::Inet((Ipv6Addr::UNSPECIFIED, port).into())),
                AddressFamily::Unix => return Err(os_error(libc::EINVAL)),
            };
        }
        socket.state = State::Listening {
            backlog: usize::try_from(backlog).unwrap_or(0).min(4096),
            queue: VecDeque::new(),
        };
        self.edge(Some(id));
        Ok(())
    }

    /// What a socket that is bound to a path is called.
    pub(super) fn name_of(&self, address: &SocketAddress) -> io::Result<Name> {
        match address {
            SocketAddress::Inet(address) => Ok(Name::Inet(*address)),
            SocketAddress::Unix(path) if is_abstract(path) => Ok(Name::Abstract(path.clone())),
            SocketAddress::Unix(path) => match self.files.identity(path) {
                Ok(file) if file.is_socket => Ok(Name::File(file.number)),
                Ok(_) => Err(os_error(libc::ECONNREFUSED)),
                Err(error) => Err(error),
            },
        }
    }

    pub(super) fn socket(&mut self, id: Id) -> &mut SocketState {
        self.network
            .sockets
            .get_mut(&id)
            .expect("the socket is open")
    }

    /// The internet address of the peer of a socket that was accepted.
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
