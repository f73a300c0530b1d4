//! An open stream socket, with its address family and the name that it is bound to.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::address::{self, Address, BindAddress};
use crate::error::BindError;
use crate::socket::socket_file::BoundName;
use crate::sys::{AddressFamily, Socket, is_refused};

/// An open stream socket. Dropping it closes the socket and removes its file.
#[derive(Debug)]
pub(crate) struct StreamSocket {
    /// Boxed because few sockets have one. Dropped before the socket.
    pub(crate) name: Option<Box<BoundName>>,
    pub(crate) socket: Socket,
    pub(crate) family: AddressFamily,
    /// An IPv6 socket that reaches IPv4 addresses too.
    is_dual_stack: bool,
}

impl StreamSocket {
    /// Opens an unbound socket.
    pub(crate) fn open(family: AddressFamily) -> io::Result<StreamSocket> {
        Ok(StreamSocket::from_socket(Socket::new(family)?, family))
    }

    /// Wraps `socket`: a new one, one that was accepted, or one of a pair.
    pub(crate) fn from_socket(socket: Socket, family: AddressFamily) -> StreamSocket {
        StreamSocket {
            socket,
            family,
            name: None,
            is_dual_stack: false,
        }
    }

    /// Whether it can connect to `address`.
    pub(crate) fn reaches(&self, address: &Address) -> bool {
        address.family() == self.family || self.is_dual_stack && !address.is_unix()
    }

    /// Opens a socket that is bound to `address`. `prepare` sets options before the bind.
    pub(crate) fn bind(
        address: &BindAddress,
        prepare: impl Fn(&Socket) -> io::Result<()>,
    ) -> Result<StreamSocket, BindError> {
        let failed = |source| BindError::Os {
            address: address.clone(),
            source,
        };
        let cannot_open = |source| BindError::Open {
            address: address.clone(),
            source,
        };
        let (mut opened, candidate) = match address {
            BindAddress::Unix(path) => {
                let mut opened = StreamSocket::open(AddressFamily::Unix).map_err(cannot_open)?;
                prepare(&opened.socket).map_err(failed)?;
                opened.name = Some(Box::new(BoundName::bind(&opened.socket, path)?));
                return Ok(opened);
            }
            BindAddress::Inet(candidate) => {
                let opened = StreamSocket::open(address::family(*candidate));
                (opened.map_err(cannot_open)?, *candidate)
            }
            // All addresses: one dual-stack socket, or an IPv4 socket on a system without IPv6.
            BindAddress::Any { port } => match StreamSocket::open(AddressFamily::Ipv6) {
                Ok(opened) => (opened, (Ipv6Addr::UNSPECIFIED, *port).into()),
                Err(_) => {
                    let opened = StreamSocket::open(AddressFamily::Ipv4).map_err(cannot_open)?;
                    (opened, (Ipv4Addr::UNSPECIFIED, *port).into())
                }
            },
        };
        if opened.family == AddressFamily::Ipv6 {
            // Dual-stack only for all addresses; a single address means just that one (RFC 3493,
            // section 5.3).
            let is_dual_stack = matches!(address, BindAddress::Any { .. });
            opened.is_dual_stack = match opened.socket.set_only_v6(!is_dual_stack) {
                Ok(()) => is_dual_stack,
                // Some systems do not let the option be changed. That matters only for a socket
                // bound to all IPv6 addresses, which would accept IPv4 connections as well.
                Err(error) if is_refused(&error) => {
                    let only_v6 = opened.socket.is_only_v6();
                    if !is_dual_stack
                        && candidate.ip().is_unspecified()
                        && !matches!(only_v6, Ok(true))
                    {
                        return Err(failed(error));
                    }
                    is_dual_stack && matches!(only_v6, Ok(false))
                }
                Err(error) => return Err(failed(error)),
            };
        }
        prepare(&opened.socket).map_err(failed)?;
        opened.socket.bind(&candidate.into()).map_err(failed)?;
        Ok(opened)
    }
}
