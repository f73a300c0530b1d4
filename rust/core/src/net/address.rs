//! Where a connection goes to and where a socket is bound.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;

use crate::sys::{self, Family, SocketAddress};

/// The remote end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address, its scope id where it has one, and a TCP port.
    Inet(SocketAddr),
    /// The path of a Unix domain socket.
    Unix(PathBuf),
}

/// Whom to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One address.
    Address(Address),
    /// All addresses of a host, looked up when the connect begins.
    Name {
        /// The host's name.
        host: String,
        /// The TCP port.
        port: u16,
    },
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
    pub(crate) fn family(&self) -> Family {
        match self {
            Address::Inet(address) => family(*address),
            Address::Unix(_) => Family::Unix,
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        matches!(self, Address::Unix(_))
    }

    /// This address as a socket of `family` must be given it: an IPv6 socket reaches an IPv4 address through
    /// its mapped form (RFC 4291, section 2.5.5.2).
    pub(crate) fn socket_address(&self, family: Family) -> io::Result<SocketAddress> {
        match self {
            Address::Inet(SocketAddr::V4(v4)) if family == Family::Ipv6 => {
                let mapped = v4.ip().to_ipv6_mapped();
                Ok(SocketAddr::V6(SocketAddrV6::new(mapped, v4.port(), 0, 0)).into())
            }
            Address::Inet(address) => Ok((*address).into()),
            Address::Unix(path) => SocketAddress::unix(path),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Inet(address) => address.fmt(f),
            Address::Unix(path) if path.as_os_str().is_empty() => f.write_str("an unnamed peer"),
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

/// The kind of socket that has `address`.
pub(crate) fn family(address: SocketAddr) -> Family {
    match address {
        SocketAddr::V4(_) => Family::Ipv4,
        SocketAddr::V6(_) => Family::Ipv6,
    }
}

/// `address`, an IPv4 address mapped into IPv6 as the IPv4 address it stands for.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => (v4, address.port()).into(),
        IpAddr::V6(_) => address,
    }
}

/// Reads `text` as an IPv4 or IPv6 address without asking anybody, a scope (`fe80::1%eth0`, RFC 4007, section 11)
/// included. An IPv4 address mapped into IPv6 is the IPv4 address. Names, and addresses in brackets, are none.
pub fn parse_ip(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some((ip.to_canonical(), port).into());
    }
    let (ip, scope) = text.split_once('%')?;
    let ip = ip.parse::<Ipv6Addr>().ok()?;
    Some(SocketAddrV6::new(ip, port, 0, sys::interface_index(scope)?).into())
}

/// Whether `text` can be a host's name, so that asking the resolver for it makes sense. A digit cannot begin the last
/// label of a name (RFC 3696, section 2), so `256.1.1.1` is a mistyped address.
pub fn is_host_name(text: &str) -> bool {
    let last_label = text
        .trim_end_matches('.')
        .rsplit('.')
        .next()
        .unwrap_or(text);
    !text.is_empty()
        && !last_label.starts_with(|first: char| first.is_ascii_digit())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "*[]:%/@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_parsed_without_the_resolver() {
        let parse = |text| parse_ip(text, 7).map(|address| address.to_string());
        assert_eq!(parse("127.0.0.1").as_deref(), Some("127.0.0.1:7"));
        assert_eq!(parse("::1").as_deref(), Some("[::1]:7"));
        assert_eq!(parse("::ffff:10.0.0.1").as_deref(), Some("10.0.0.1:7"));
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
        assert_eq!(parse_ip("fe80::1%1", 7), Some(address.into()));
        assert_eq!(parse_ip("fe80::1%nosuchinterface", 7), None);
    }

    #[test]
    fn names_and_what_is_none() {
        for host in [
            "localhost",
            "a.example",
            "a.example.",
            "1and1.com",
            "7.example",
        ] {
            assert!(is_host_name(host), "{host}");
        }
        for host in [
            "",
            "*",
            "[::1]",
            "256.1.1.1",
            "1.2.3",
            "a b",
            "a\0b",
            "::1",
            "fe80::1%x",
        ] {
            assert!(!is_host_name(host), "{host}");
        }
    }

    #[test]
    fn mapped_addresses_read_as_the_ipv4_address_they_stand_for() {
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:7".parse().unwrap();
        assert_eq!(canonical(mapped), ([127, 0, 0, 1], 7).into());
    }
}
