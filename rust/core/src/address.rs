//! Addresses: what to connect to, and what to bind a socket to.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::sys::{self, AddressFamily, SocketAddress};

/// The prefix of a Unix domain socket's path, in text.
const UNIX_PREFIX: &str = "unix:";

/// The address of the remote end of a connection. Exhaustive: these are the address families that
/// stream sockets of this crate have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address, with its scope id if it has one, and a TCP port.
    Inet(SocketAddr),
    /// The path of a Unix domain socket. On Linux, a leading `@` stands for an abstract name
    /// (unix(7)).
    Unix(PathBuf),
}

/// What to connect to. Exhaustive: a program that reports or resolves targets has to handle each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One address.
    Address(Address),
    /// A host name. The connect looks up its addresses on another thread, and races attempts to
    /// them (RFC 8305).
    Name {
        /// The name of the host.
        host: String,
        /// The TCP port.
        port: u16,
    },
}

/// What a local socket is bound to. Exhaustive, as [`Address`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindAddress {
    /// All local addresses, of both IPv6 and IPv4 where the system has both. With port 0 the system
    /// chooses the port.
    Any {
        /// The TCP port.
        port: u16,
    },
    /// One local address. With port 0 the system chooses the port.
    Inet(SocketAddr),
    /// The path of a Unix domain socket, whose file is created.
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn family(&self) -> AddressFamily {
        match self {
            Address::Inet(address) => family(*address),
            Address::Unix(_) => AddressFamily::Unix,
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        matches!(self, Address::Unix(_))
    }

    /// This address for a socket of `family`: an IPv6 socket connects to an IPv4 address in its
    /// mapped form (RFC 4291, section 2.5.5.2).
    pub(crate) fn socket_address(&self, family: AddressFamily) -> io::Result<SocketAddress> {
        match self {
            Address::Inet(SocketAddr::V4(v4)) if family == AddressFamily::Ipv6 => {
                let mapped = v4.ip().to_ipv6_mapped();
                Ok(SocketAddr::V6(SocketAddrV6::new(mapped, v4.port(), 0, 0)).into())
            }
            Address::Inet(address) => Ok((*address).into()),
            Address::Unix(path) => SocketAddress::unix(path),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Address {
        Address::Inet(canonical(address))
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Target {
        Target::Address(address.into())
    }
}

impl From<Address> for Target {
    fn from(address: Address) -> Target {
        Target::Address(address)
    }
}

impl From<SocketAddr> for BindAddress {
    fn from(address: SocketAddr) -> BindAddress {
        BindAddress::Inet(address)
    }
}

/// An error of parsing text as an address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("parse address {text:?}: expected an IP address with a port, or `unix:` and a path")]
pub struct ParseAddressError {
    text: String,
}

impl ParseAddressError {
    fn new(text: &str) -> ParseAddressError {
        ParseAddressError {
            text: text.to_owned(),
        }
    }
}

/// Why a text is not the host of a [`Target`] or of a [`BindAddress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidHost {
    /// The text is neither an IP address nor a name that can be looked up.
    #[error("invalid host name")]
    Name,
    /// The text is not an IP address, and names are not looked up here.
    #[error("not an IP address")]
    Address,
    /// The text is an IPv6 address, and this machine has no network interface with the name or the
    /// number of its scope (RFC 4007, section 11).
    #[error("no such network interface")]
    Interface,
}

/// Parses `127.0.0.1:80`, `[::1]:80` or `unix:/path/of/the/socket`.
///
/// # Examples
///
/// ```
/// use stream_socket::Address;
///
/// let address: Address = "127.0.0.1:80".parse()?;
/// assert_eq!(address.to_string(), "127.0.0.1:80");
/// let address: Address = "unix:/tmp/socket".parse()?;
/// assert_eq!(address, Address::Unix("/tmp/socket".into()));
/// # Ok::<(), stream_socket::ParseAddressError>(())
/// ```
impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Address, ParseAddressError> {
        match text.strip_prefix(UNIX_PREFIX) {
            Some(path) => Ok(Address::Unix(path.into())),
            None => text
                .parse::<SocketAddr>()
                .map(Address::from)
                .map_err(|_| ParseAddressError::new(text)),
        }
    }
}

/// Parses what [`Address`] parses, and a host name with a port: `example.com:80`.
impl FromStr for Target {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Target, ParseAddressError> {
        if let Ok(address) = text.parse::<Address>() {
            return Ok(address.into());
        }
        let target = || {
            let (host, port) = text.rsplit_once(':')?;
            Target::new(host, port.parse().ok()?).ok()
        };
        target().ok_or_else(|| ParseAddressError::new(text))
    }
}

/// Parses what [`Address`] parses, and `*:80` for all local addresses.
impl FromStr for BindAddress {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<BindAddress, ParseAddressError> {
        if let Some(port) = text.strip_prefix("*:") {
            return match port.parse() {
                Ok(port) => Ok(BindAddress::Any { port }),
                Err(_) => Err(ParseAddressError::new(text)),
            };
        }
        Ok(match text.parse::<Address>()? {
            Address::Inet(address) => BindAddress::Inet(address),
            Address::Unix(path) => BindAddress::Unix(path),
        })
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

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Address(address) => address.fmt(f),
            Target::Name { host, port } => write!(f, "{host}:{port}"),
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

/// The address family of `address`.
pub(crate) fn family(address: SocketAddr) -> AddressFamily {
    match address {
        SocketAddr::V4(_) => AddressFamily::Ipv4,
        SocketAddr::V6(_) => AddressFamily::Ipv6,
    }
}

/// `address`, with an IPv4-mapped IPv6 address as the IPv4 address that it stands for.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => (v4, address.port()).into(),
        IpAddr::V6(_) => address,
    }
}

impl Target {
    /// The target that `host` names: an IP address, which may have a scope (`fe80::1%eth0`, RFC
    /// 4007, section 11), or a name for the system's resolver.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::{InvalidHost, Target};
    ///
    /// assert!(matches!(Target::new("::1", 80), Ok(Target::Address(_))));
    /// assert!(matches!(Target::new("example.com", 80), Ok(Target::Name { .. })));
    /// assert_eq!(Target::new("a b", 80), Err(InvalidHost::Name));
    /// ```
    pub fn new(host: &str, port: u16) -> Result<Target, InvalidHost> {
        match parse_ip(host, port) {
            Ok(address) => return Ok(Target::Address(Address::Inet(address))),
            Err(InvalidHost::Interface) => return Err(InvalidHost::Interface),
            Err(_) => {}
        }
        if let Some(ip) = parse_short_ipv4(host) {
            return Ok(Target::Address(Address::Inet((ip, port).into())));
        }
        if !is_host_name(host) {
            return Err(InvalidHost::Name);
        }
        let host = host.to_owned();
        Ok(Target::Name { host, port })
    }
}

impl BindAddress {
    /// The local address that `host` names: `*` for all addresses, or an IP address, which may have
    /// a scope (`fe80::1%eth0`, RFC 4007, section 11). Names are not looked up.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::{BindAddress, InvalidHost};
    ///
    /// assert_eq!(BindAddress::new("*", 80), Ok(BindAddress::Any { port: 80 }));
    /// assert_eq!(BindAddress::new("::1", 80).unwrap(), "[::1]:80".parse().unwrap());
    /// assert_eq!(BindAddress::new("localhost", 80), Err(InvalidHost::Address));
    /// ```
    pub fn new(host: &str, port: u16) -> Result<BindAddress, InvalidHost> {
        match host {
            "*" => Ok(BindAddress::Any { port }),
            host => parse_ip(host, port).map(BindAddress::Inet),
        }
    }
}

/// Parses `text` as an IPv4 or IPv6 address, without the resolver. An IPv6 address may have a scope
/// (`fe80::1%eth0`, RFC 4007, section 11). An IPv4-mapped IPv6 address becomes the IPv4 address.
/// Names and addresses in brackets are errors. The four numbers of an IPv4 address are decimal,
/// even with leading zeros, as the engine parses them.
fn parse_ip(text: &str, port: u16) -> Result<SocketAddr, InvalidHost> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok((ip.to_canonical(), port).into());
    }
    if is_dotted_quad(text) {
        let mut bytes = [0; 4];
        for (byte, number) in bytes.iter_mut().zip(text.split('.')) {
            *byte = number.parse().map_err(|_| InvalidHost::Address)?;
        }
        return Ok((bytes, port).into());
    }
    let (ip, scope) = text.split_once('%').ok_or(InvalidHost::Address)?;
    let ip: Ipv6Addr = ip.parse().map_err(|_| InvalidHost::Address)?;
    let interface = sys::interface_index(scope).ok_or(InvalidHost::Interface)?;
    Ok(SocketAddrV6::new(ip, port, 0, interface).into())
}

/// Whether `text` has the form of an IPv4 address. Its numbers may be out of range.
fn is_dotted_quad(text: &str) -> bool {
    let is_number = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit());
    text.split('.').count() == 4 && text.split('.').all(is_number)
}

/// Parses an IPv4 address of one to four numbers, of which the last one fills the remaining bytes.
/// Each is decimal, hexadecimal with `0x`, or octal with a leading zero (inet_aton(3)). The
/// system's resolver accepts this form, and so does the engine.
fn parse_short_ipv4(text: &str) -> Option<Ipv4Addr> {
    let mut numbers = Vec::new();
    for label in text.split('.') {
        let (digits, radix) = match label.strip_prefix("0x").or(label.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None if label.len() > 1 && label.starts_with('0') => (&label[1..], 8),
            None => (label, 10),
        };
        // `from_str_radix` would accept a sign.
        if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
            return None;
        }
        numbers.push(u32::from_str_radix(digits, radix).ok()?);
    }
    let last = numbers.pop().filter(|_| numbers.len() < 4)?;
    let mut bits: u32 = 0;
    for (index, number) in (0..).zip(&numbers) {
        bits |= u32::from(u8::try_from(*number).ok()?) << (24 - 8 * index);
    }
    let room = u32::MAX.checked_shr(8 * numbers.len() as u32)?;
    (last <= room).then(|| Ipv4Addr::from_bits(bits | last))
}

/// The maximum length of a name and of one label, in bytes (RFC 1035, section 2.3.4). Two of the
/// 255 bytes that the section allows for a name are needed for its encoding.
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Characters that no host name has. Text with one of them is an address in brackets, or a URL, or
/// a host with a port.
const NOT_IN_NAMES: &str = "*[]:%/@";

/// Whether `text` can be a host name for the system's resolver: from the DNS, the hosts file, mDNS
/// or a container network. Names may begin with digits (RFC 1123, section 2.1), and a search domain
/// may be appended to them. So only four numbers (`256.1.1.1`) count as a mistyped address.
fn is_host_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| (1..=MAX_LABEL).contains(&label.len());
    let is_foreign = |c: char| c.is_whitespace() || c.is_control() || NOT_IN_NAMES.contains(c);
    name.len() <= MAX_NAME
        && name.split('.').all(is_label)
        && !name.contains(is_foreign)
        && !is_dotted_quad(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_parsed_as_an_address() {
        let inet = |text: &str| Address::Inet(text.parse().unwrap());
        assert_eq!("127.0.0.1:8".parse(), Ok(inet("127.0.0.1:8")));
        assert_eq!("[::ffff:1.2.3.4]:8".parse(), Ok(inet("1.2.3.4:8")));
        assert_eq!("unix:a b".parse(), Ok(Address::Unix("a b".into())));
        for text in ["", "127.0.0.1", "host:1", "127.0.0.1:65536", "/path"] {
            let error = text.parse::<Address>().unwrap_err();
            assert_eq!(error, ParseAddressError::new(text));
        }
        assert_eq!("[::1]:9".parse(), Ok(Target::from(inet("[::1]:9"))));
        assert_eq!(
            "host.test:9".parse(),
            Ok(Target::new("host.test", 9).unwrap())
        );
        for text in ["", ":9", "host.test", "host.test:", "a b:9", "256.1.1.1:9"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
        assert_eq!("*:7".parse(), Ok(BindAddress::Any { port: 7 }));
        assert_eq!("unix:@n".parse(), Ok(BindAddress::Unix("@n".into())));
        assert!("*:x".parse::<BindAddress>().is_err());
    }

    #[test]
    fn literals_are_parsed_without_the_resolver() {
        let parse = |text| parse_ip(text, 7).ok().map(|address| address.to_string());
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
        let Ok(SocketAddr::V6(address)) = parse_ip("fe80::1%lo", 7) else {
            panic!("not an IPv6 address");
        };
        assert_eq!(address.scope_id(), 1);
        assert_eq!(parse_ip("fe80::1%1", 7), Ok(address.into()));
        let unknown = Err(InvalidHost::Interface);
        assert_eq!(parse_ip("fe80::1%nosuchinterface", 7), unknown);
        assert_eq!(
            Target::new("fe80::1%nosuchinterface", 7).err(),
            unknown.err()
        );
    }

    /// The engine parses the four numbers as decimal, where inet_aton(3) takes a leading zero for
    /// octal.
    #[test]
    fn leading_zeros_do_not_mean_octal() {
        let parse = |text| {
            parse_ip(text, 7)
                .ok()
                .map(|address| address.ip().to_string())
        };
        assert_eq!(parse("127.0.0.010").as_deref(), Some("127.0.0.10"));
        assert_eq!(parse("0127.000.0.1").as_deref(), Some("127.0.0.1"));
        for text in ["127.0.0.0256", "+127.0.0.1", "127.0.0.", "127.1", "0"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn host_names_are_distinguished_from_other_text() {
        let longest = format!("{}.{}", vec!["x".repeat(63); 3].join("."), "x".repeat(61));
        let with_dot = format!("{longest}.");
        for host in [
            "localhost",
            "a.example",
            "a.example.",
            "1and1.com",
            "1and1",
            "7.example",
            "3dprinter",
            "4b2c557fd0ad",
            "123456789012",
            "web.1",
            "web.1.",
            "2-cool",
            "my_host",
            "_service._tcp.example",
            "-a-",
            "b\u{fc}cher.local",
            "1.2.3.4.5",
            &longest,
            &with_dot,
        ] {
            assert!(is_host_name(host), "{host}");
        }
        for host in [
            "",
            ".",
            "..",
            ".a",
            "a..b",
            "localhost..",
            "*",
            "[::1]",
            "256.1.1.1",
            "256.1.1.1.",
            "1.2.3.99999999999",
            "a b",
            " a",
            "a\0b",
            "a\n",
            "::1",
            "fe80::1%x",
            "host:80",
            "http://host",
            "user@host",
            &"x".repeat(64),
            &format!("{}.example", "x".repeat(64)),
            &format!("{longest}x"),
            &format!("{longest}.x"),
        ] {
            assert!(!is_host_name(host), "{host}");
        }
    }

    #[test]
    fn short_forms_of_ipv4_addresses() {
        let parse = |text| parse_short_ipv4(text).map(|ip| ip.to_string());
        for (text, ip) in [
            ("127.1", "127.0.0.1"),
            ("127.0.1", "127.0.0.1"),
            ("2130706433", "127.0.0.1"),
            ("0x7f.1", "127.0.0.1"),
            ("0X7F000001", "127.0.0.1"),
            ("0177.1", "127.0.0.1"),
            ("0x7f.0.0.1", "127.0.0.1"),
            ("10.65535", "10.0.255.255"),
            ("0", "0.0.0.0"),
        ] {
            assert_eq!(parse(text).as_deref(), Some(ip), "{text}");
        }
        for text in [
            "",
            ".",
            "127.",
            ".1",
            "127..1",
            "256.1",
            "1.16777216",
            "4294967296",
            "08",
            "0x",
            "+1",
            "1.-1",
            "1.2.3.4.5",
            "web.1",
            "1and1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_target_is_an_address_or_a_name() {
        let loopback = Address::Inet(([127, 0, 0, 1], 7).into());
        assert_eq!(Target::new("127.0.0.1", 7), Ok(Target::Address(loopback)));
        let name = |host: &str| Target::Name {
            host: host.into(),
            port: 7,
        };
        assert_eq!(Target::new("web.1", 7), Ok(name("web.1")));
        assert_eq!(Target::new("127.256.1", 7), Ok(name("127.256.1")));
        let long = "123456789012";
        assert_eq!(Target::new(long, 7), Ok(name(long)));
        assert_eq!(Target::new("256.1.1.1", 7), Err(InvalidHost::Name));
    }

    #[test]
    fn a_mapped_address_becomes_the_ipv4_address() {
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:7".parse().unwrap();
        assert_eq!(canonical(mapped), ([127, 0, 0, 1], 7).into());
    }
}
