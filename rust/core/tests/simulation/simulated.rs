//! The simulated system, behind the trait that real ones share.

use std::io;
use std::time::{Duration, Instant};

use stream_socket::Address;
use stream_socket::simulated::control::{self as world, RawSocket, SocketAddress};

use super::system::{Peer, Random, System};

#[derive(Clone, Copy, Debug)]
pub struct Simulated;

impl Peer for RawSocket {
    fn send(&self, data: &[u8]) -> io::Result<usize> {
        RawSocket::send(self, data)
    }

    fn receive(&self, limit: usize) -> io::Result<Vec<u8>> {
        RawSocket::receive(self, limit)
    }

    fn shut_down_writing(&self) -> io::Result<()> {
        RawSocket::shut_down_writing(self)
    }

    fn reset(self) {
        RawSocket::reset(self);
    }

    fn mark(&self) {
        RawSocket::mark(self);
    }

    fn wait_readable(&self, limit: Duration) {
        RawSocket::wait_readable(self, limit);
    }
}

impl System for Simulated {
    type Peer = RawSocket;
    const IS_SIMULATED: bool = true;

    fn now() -> Instant {
        world::now()
    }

    fn sleep(time: Duration) {
        world::sleep(time);
    }

    fn connect(address: &Address) -> io::Result<RawSocket> {
        connect_raw(address)
    }

    fn buffer_size() -> usize {
        world::buffer_size()
    }

    fn patience(random: &mut Random) -> Duration {
        Duration::from_nanos(random.size(50_000_000) as u64)
    }

    fn fresh_path() -> std::path::PathBuf {
        "/run/socket".into()
    }
}

/// Connects to `address` without the library.
pub fn connect_raw(address: &Address) -> io::Result<RawSocket> {
    RawSocket::connect(&socket_address(address))
}

/// Listens at `address` without the library.
pub fn listen_raw(address: &Address, backlog: i32) -> io::Result<RawSocket> {
    RawSocket::listen(&socket_address(address), backlog)
}

fn socket_address(address: &Address) -> SocketAddress {
    match address {
        Address::Inet(address) => SocketAddress::Inet(*address),
        Address::Unix(path) => SocketAddress::Unix(path.clone()),
    }
}
