//! A host with an optional port.

/// A host with an optional port, as in `Host` and in the authority of a URI (RFC 3986, section
/// 3.2). User information is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority<'a> {
    /// The host, with the brackets of an IPv6 address.
    pub host: &'a str,
    /// The port, if there is one.
    pub port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses `host`, `host:port` or `[address]:port`. The host must not be empty.
    pub fn parse(text: &'a str) -> Option<Authority<'a>> {
        let end = match text.strip_prefix('[') {
            Some(rest) => rest.find(']')? + 2,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at(end);
        let valid = match host.strip_prefix('[') {
            Some(address) => {
                let address = address.strip_suffix(']')?;
                address.parse::<std::net::Ipv6Addr>().is_ok()
            }
            None => !host.is_empty() && host.bytes().all(is_host_byte),
        };
        let port = match rest.strip_prefix(':') {
            // An empty port is the default one (RFC 3986, section 3.2.3).
            Some("") => None,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None if rest.is_empty() => None,
            None => return None,
        };
        valid.then_some(Authority { host, port })
    }
}

/// Unreserved characters, percent-encoding and sub-delims (RFC 3986, section 3.2.2).
fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_a_host_and_a_port() {
        let parsed =
            |text| Authority::parse(text).map(|authority| (authority.host, authority.port));
        assert_eq!(parsed("localhost"), Some(("localhost", None)));
        assert_eq!(parsed("a.b:80"), Some(("a.b", Some(80))));
        assert_eq!(parsed("a.b:"), Some(("a.b", None)));
        assert_eq!(parsed("[::1]:8080"), Some(("[::1]", Some(8080))));
        for wrong in [
            "",
            ":80",
            "a:b",
            "a:65536",
            "a:+1",
            "[::1",
            "[::1]x",
            "[x]",
            "[]",
            "a b",
            "u@a",
            "a/",
            "a,b",
            "[::1%25lo]",
            "a:1:2",
            "::1",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong:?}");
        }
    }
}
