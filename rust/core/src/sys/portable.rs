//! What every real platform does in the same way: threads, the system's resolver, the domains of
//! sockets.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle};

use socket2::Domain;

use super::descriptors;
use super::imp::count_processors;
use super::types::{AddressFamily, unsupported};

/// `family` in the form of the system.
pub(super) fn domain(family: AddressFamily) -> Domain {
    match family {
        AddressFamily::Ipv4 => Domain::IPV4,
        AddressFamily::Ipv6 => Domain::IPV6,
        AddressFamily::Unix => Domain::UNIX,
    }
}

/// Spawns a thread of the library.
pub(crate) fn spawn(body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name("stream-socket".into()).spawn(body)
}

/// Whether the peer can run while a thread busy-waits for its answer. The peer is often another
/// process, so all processors of the machine count, even for a process that may use only one of
/// them (sched_setaffinity(2)). Determined once.
pub(crate) fn has_several_cores() -> bool {
    static SEVERAL: OnceLock<bool> = OnceLock::new();
    *SEVERAL.get_or_init(|| count_processors() > 1)
}

/// Looks up a host name with the system's resolver, and blocks until it answers. The system decides
/// where it looks (hosts file, name servers, mDNS) and how long it caches an answer.
pub(crate) fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    descriptors::provide_for_a_lookup();
    Ok((host, port).to_socket_addrs()?.collect())
}

/// Fails if the environment variable `STREAM_SOCKET_DIRECT` is set. No poller can be made then, as
/// on a platform without one, and each socket is probed instead.
pub(super) fn check_watching() -> io::Result<()> {
    match std::env::var_os("STREAM_SOCKET_DIRECT") {
        Some(_) => Err(unsupported("watching sockets")),
        None => Ok(()),
    }
}
