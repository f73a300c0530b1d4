//! Where a connection goes to and where a socket is bound.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, ToSocketAddrs};
use std::path::PathBuf;

use socket2::{Domain, SockAddr};

use crate::error::ResolveError;
use crate::sys;

/// The remote end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address, its scope id where it has one, and a TCP port.
    Inet(SocketAddr),
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

/// The local end a socket is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindAddress {
    /// All local addresses, IPv6 and IPv4 alike where the system has both; port 0 lets the system choose.
    Any {
        /// The TCP port.
        port: u16,
    },
    /// One local address; port 0 lets the system choose.
    Inet(SocketAddr),
    /// The path of a Unix domain socket, whose file the bind creates.
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn domain(&self) -> Domain {
        match self {
            Address::Inet(address) => Domain::for_address(*address),
            Address::Unix(_) => Domain::UNIX,
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        matches!(self, Address::Unix(_))
    }

    /// This address as a socket of `domain` must be given it: an IPv6 socket reaches an IPv4 address through
    /// its mapped form (RFC 4291, section 2.5.5.2).
    pub(crate) fn socket_address(&self, domain: Domain) -> io::Result<SockAddr> {
        match self {
            Address::Inet(SocketAddr::V4(v4)) if domain == Domain::IPV6 => {
                let mapped = v4.ip().to_ipv6_mapped();
                Ok(SocketAddrV6::new(mapped, v4.port(), 0, 0).into())
            }
            Address::Inet(address) => Ok((*address).into()),
            Address::Unix(path) => sys::unix_address(path),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(address) => address.fmt(f),
            Address::Unix(path) => path.display().fmt(f),
        }
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindAddress::Any { port } => write!(f, "*:{port}"),
            BindAddress::Inet(address) => address.fmt(f),
            BindAddress::Unix(path) => path.display().fmt(f),
        }
    }
}

/// The TCP address in `address`, an IPv4 address mapped into IPv6 as the IPv4 address it stands for.
pub(crate) fn inet_address(address: &SockAddr) -> Option<SocketAddr> {
    let address = address.as_socket()?;
    Some(match address.ip().to_canonical() {
        IpAddr::V4(v4) => (v4, address.port()).into(),
        IpAddr::V6(_) => address,
    })
}

/// Reads `text` as an IPv4 or IPv6 address without asking anybody, a scope (`fe80::1%eth0`, RFC 4007,
/// section 11) included. Names, and IPv6 addresses in brackets, are not addresses.
pub fn parse_ip(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some((ip, port).into());
    }
    let (ip, scope) = text.split_once('%')?;
    ip.parse::<Ipv6Addr>().ok()?;
    if scope.is_empty() {
        return None;
    }
    // With an address before the scope the system's resolver only translates the interface's name.
    (text, port).to_socket_addrs().ok()?.next()
}

/// The addresses of `host`, which is an address or a name, in the order in which the system recommends them
/// (RFC 6724). Asking for a name blocks until the system's resolver has answered.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    if let Some(address) = parse_ip(host, port) {
        return Ok(vec![address]);
    }
    let fail = |source| ResolveError {
        host: host.to_owned(),
        source,
    };
    // A digit or a bracket cannot begin the last label of a name (RFC 3696, section 2), so these are mistyped
    // addresses. Asking a name server about them would only take time.
    let last_label = host.rsplit('.').next().unwrap_or(host);
    let is_name = !host.is_empty()
        && !last_label.starts_with(|first: char| first.is_ascii_digit())
        && !host.contains(['*', '[', ']', ':', '%', '\0', ' ']);
    if !is_name {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "not a host name");
        return Err(fail(source));
    }
    let addresses: Vec<_> = (host, port).to_socket_addrs().map_err(fail)?.collect();
    if addresses.is_empty() {
        return Err(fail(io::ErrorKind::NotFound.into()));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_parsed_without_the_resolver() {
        let parse = |text| parse_ip(text, 7).map(|address| address.to_string());
        assert_eq!(parse("127.0.0.1").as_deref(), Some("127.0.0.1:7"));
        assert_eq!(parse("::1").as_deref(), Some("[::1]:7"));
        for text in [
            "",
            "*",
            "[::1]",
            "256.1.1.1",
            "localhost",
            "fe80::1%",
            "1.2.3.4%lo",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn scope_of_an_address_is_kept() {
        let Some(SocketAddr::V6(address)) = parse_ip("fe80::1%lo", 7) else {
            panic!("not an IPv6 address");
        };
        assert_eq!(address.scope_id(), 1);
        assert_eq!(parse_ip("fe80::1%nosuchinterface", 7), None);
    }

    #[test]
    fn what_is_no_name_is_refused_without_the_resolver() {
        for host in ["", "*", "[::1]", "256.1.1.1", "1.2.3", "a b", "a\0b"] {
            let error = resolve(host, 7).expect_err(host);
            assert_eq!(error.source.kind(), io::ErrorKind::InvalidInput, "{host}");
        }
    }

    #[test]
    fn mapped_addresses_read_as_the_ipv4_address_they_stand_for() {
        let address = Address::Inet(([127, 0, 0, 1], 7).into());
        let mapped = address.socket_address(Domain::IPV6).unwrap();
        assert!(mapped.is_ipv6());
        assert_eq!(Address::Inet(inet_address(&mapped).unwrap()), address);
    }
}
