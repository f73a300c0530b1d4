//! Creating sockets, binding them to names, and listening.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::faults::os_error;
use super::objects::{
    FIRST_FREE_PORT, Id, Name, SocketAddress, SocketState, State, is_abstract, is_silent,
    is_unreachable,
};
use super::world::World;
use crate::sys::types::AddressFamily;

/// The longest queue of a listener (listen(2), somaxconn).
const MAX_BACKLOG: usize = 4096;

impl World {
    /// Creates a socket with buffers of random sizes.
    pub(super) fn open_socket(&mut self, family: AddressFamily) -> Id {
        let id = self.next_id();
        // The programs send many times the largest buffer of their world. A buffer that is far
        // smaller than that would make them long.
        let max = self.parameters.buffer_size;
        let mut size = || (max / 4).max(1) + self.random.index(max - max / 4);
        let (send_buffer_size, receive_buffer_size) = (size(), size());
        let socket = SocketState {
            family,
            name: None,
            state: State::Unconnected,
            resets_when_closed: false,
            is_only_v6: false,
            send_buffer_size,
            receive_buffer_size,
            is_embryo: false,
        };
        self.network.sockets.insert(id, socket);
        id
    }

    pub(super) fn free_port(&mut self) -> u16 {
        loop {
            let next_port = self.network.next_port.checked_add(1);
            self.network.next_port = next_port.unwrap_or(FIRST_FREE_PORT);
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
        if self.network.socket(id).name.is_some() {
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
                if self
                    .network
                    .sockets
                    .values()
                    .any(|socket| conflicts(socket, address))
                {
                    return Err(os_error(libc::EADDRINUSE));
                }
                Name::Inet(address)
            }
            SocketAddress::Unix(path) if is_abstract(path) => {
                let name = Name::Abstract(path.clone());
                if self.is_bound(&name) {
                    return Err(os_error(libc::EADDRINUSE));
                }
                name
            }
            SocketAddress::Unix(path) => Name::File(self.files.create(path, true)?),
        };
        self.network.socket(id).name = Some(name);
        Ok(())
    }

    /// Whether a socket is bound to `name`.
    pub(super) fn is_bound(&self, name: &Name) -> bool {
        let mut sockets = self.network.sockets.values();
        sockets.any(|socket| socket.name.as_ref() == Some(name))
    }

    pub(super) fn listen(&mut self, id: Id, backlog: i32) -> io::Result<()> {
        let port = self.free_port();
        let socket = self.network.socket(id);
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
            backlog: usize::try_from(backlog).unwrap_or(0).min(MAX_BACKLOG),
            queue: VecDeque::new(),
        };
        self.signal_edge(Some(id));
        Ok(())
    }

    /// The name of a socket that is bound to `address`.
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
}

/// Whether `socket` keeps others from binding `address`. An accepted connection does not
/// (socket(7), SO_REUSEADDR).
fn conflicts(socket: &SocketState, address: SocketAddr) -> bool {
    let is_connected = matches!(socket.state, State::Connected { .. });
    let is_any = |ip: IpAddr| ip.is_unspecified();
    matches!(&socket.name, Some(Name::Inet(name)) if name.port() == address.port()
        && !is_connected
        && (is_any(name.ip()) || is_any(address.ip()) || name.ip() == address.ip()))
}
