//! What every real system has in the same way: threads, the system's resolver, the kinds of socket.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::thread::{Builder, JoinHandle};

use socket2::Domain;

use crate::sys::{AddressFamily, descriptors};

/// `family` as the system takes it.
pub(super) fn domain(family: AddressFamily) -> Domain {
    match family {
        AddressFamily::Ipv4 => Domain::IPV4,
        AddressFamily::Ipv6 => Domain::IPV6,
        AddressFamily::Unix => Domain::UNIX,
    }
}

/// Starts a thread of the library's own.
pub(crate) fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name("stream-socket".into()).spawn(body)
}

/// Asks the system's resolver, and waits for its answer. Answers come from the system each time (hosts file, name servers,
/// mDNS, whatever it is set up for); how long they are remembered is the system's decision too.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    descriptors::provide_for_a_lookup();
    Ok((host, port).to_socket_addrs()?.collect())
}
