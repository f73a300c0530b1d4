//! Connections whose peer is a plain socket, and what such a peer reads.

use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};
use stream_socket::{Address, Connection};

use super::{AddressFamily, TemporaryDirectory, connected, pattern};

/// A connection, and a plain socket of std as its peer.
pub fn connection_to_raw_peer() -> (Connection, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let client = connected(&Address::Inet(listener.local_addr().unwrap()));
    (client, listener.accept().unwrap().0)
}

/// Closes with a reset instead of an end of stream.
pub fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .unwrap();
}

/// A connection, and a plain blocking socket as its peer, which does only what the test makes it
/// do. Its calls time out after [`PATIENCE`], so that a test fails and does not hang.
pub fn raw_peer(family: AddressFamily) -> (Connection, Socket) {
    let directory = TemporaryDirectory::new();
    let (domain, address): (_, SockAddr) = match family {
        AddressFamily::Ipv4 => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            (Domain::IPV4, address.into())
        }
        AddressFamily::Ipv6 => {
            let address = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
            (Domain::IPV6, address.into())
        }
        AddressFamily::Unix => {
            let address = SockAddr::unix(directory.file("s")).unwrap();
            (Domain::UNIX, address)
        }
    };
    let listener = Socket::new(domain, Type::STREAM, None).unwrap();
    listener.bind(&address).unwrap();
    listener.listen(1).unwrap();
    let address = match listener.local_addr().unwrap().as_socket() {
        Some(address) => Address::Inet(address),
        None => Address::Unix(directory.file("s")),
    };
    let connection = connected(&address);
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    peer.set_write_timeout(Some(PATIENCE)).unwrap();
    (connection, peer)
}

/// Like [`raw_peer`], with a queue for `limit` bytes.
pub fn queueing(family: AddressFamily, limit: usize) -> (Connection, Socket) {
    let (connection, peer) = raw_peer(family);
    connection.set_queue_limit(limit);
    (connection, peer)
}

/// Like [`raw_peer`], after a write of `data`, a part of which is queued.
pub fn queued(family: AddressFamily, data: &[u8]) -> (Connection, Socket) {
    let (connection, peer) = queueing(family, 2 * data.len());
    connection.write_fully(data).unwrap();
    assert!(connection.pending_bytes() > 0);
    (connection, peer)
}

/// More than any system accepts while the peer does not read.
pub const MUCH: usize = 11 << 20;

/// Writes until the system accepts no more. Returns how many bytes were written.
pub fn fill(connection: &Connection) -> usize {
    let block = pattern(1 << 20);
    let pieces = std::iter::from_fn(|| match connection.try_write(&block).unwrap() {
        0 => None,
        count => Some(count),
    });
    pieces.sum()
}

/// Writes until the kernel is full and something is queued. Returns how many bytes were written.
pub fn fill_queue(connection: &Connection, block: &[u8]) -> usize {
    let mut sent = 0;
    while connection.pending_bytes() == 0 {
        connection.write_fully(block).unwrap();
        sent += block.len();
    }
    sent
}

/// How long a test waits for what has to happen, in seconds of a machine that may be very busy. A
/// test that passes does not wait for it to end.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Reads to the end of the stream. Returns the data, and how the stream ended: an error is a reset
/// or a timeout.
pub fn read_to_end(mut peer: &Socket) -> (Vec<u8>, io::Result<()>) {
    let mut received = Vec::new();
    let outcome = peer.read_to_end(&mut received);
    (received, outcome.map(drop))
}

/// Asserts that exactly `expected` was read, and after it the end of the stream.
pub fn assert_whole(came: (Vec<u8>, io::Result<()>), expected: &[u8]) {
    let (received, outcome) = came;
    let good = same_bytes(&received, expected);
    assert!(
        outcome.is_ok() && good == expected.len() && received.len() == good,
        "expected {} bytes and got {}, of which {good} match; the end: {outcome:?}",
        expected.len(),
        received.len(),
    );
}

/// The length of the common prefix.
pub fn same_bytes(one: &[u8], other: &[u8]) -> usize {
    if one.len() == other.len() && one == other {
        return one.len();
    }
    let differs = one.iter().zip(other).position(|(one, other)| one != other);
    differs.unwrap_or_else(|| one.len().min(other.len()))
}

/// Whether the other end of `peer` has ended or reset the connection within `limit`.
#[cfg(target_os = "linux")]
pub fn is_hung_up(peer: &Socket, limit: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut descriptors = [PollFd::new(peer, PollFlags::RDHUP)];
    poll(&mut descriptors, Some(&Timespec::try_from(limit).unwrap())).unwrap() > 0
}
