//! The URLs of WebSockets (RFC 6455, section 3).

use thiserror::Error;

/// A URL `ws://host:port/path?query`, or one with `wss`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether the scheme is `wss`: the connection is encrypted.
    pub is_secure: bool,
    /// A name or an address. An IPv6 address has no brackets.
    pub host: String,
    /// The port, by default 80, or 443 with encryption.
    pub port: u16,
    /// The path and the query, as a request has them: visible ASCII, everything else is
    /// percent-encoded.
    pub target: String,
}

/// Why a text is not the URL of a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UrlError {
    /// The scheme is neither `ws` nor `wss`.
    #[error("scheme {0:?} is neither ws nor wss")]
    Scheme(String),
    /// The host is missing or invalid.
    #[error("invalid host {0:?}")]
    Host(String),
    /// The port is not a number between 1 and 65535.
    #[error("invalid port {0:?}")]
    Port(String),
}

impl Url {
    /// Parses a URL. The default scheme is `ws`. The fragment and the user are ignored, as in the
    /// engine.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket_web::websocket::Url;
    ///
    /// let url = Url::parse("wss://[::1]/chat?room=1")?;
    /// assert_eq!((url.host.as_str(), url.port), ("::1", 443));
    /// assert_eq!(url.target, "/chat?room=1");
    /// # Ok::<(), stream_socket_web::websocket::UrlError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Url, UrlError> {
        let (is_secure, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("ws") => (false, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("wss") => (true, rest),
            Some((scheme, _)) if !scheme.contains(['/', '?', '#']) => {
                return Err(UrlError::Scheme(scheme.to_owned()));
            }
            _ => (false, text),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let authority = authority.rsplit('@').next().unwrap_or_default();
        let invalid = || UrlError::Host(authority.to_owned());
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').ok_or_else(invalid)?;
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':').ok_or_else(invalid)?),
                };
                (host, port)
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let is_odd = |letter: char| letter.is_control() || " /?#[]@\\\"<>^`{|}".contains(letter);
        if host.is_empty() || host.contains(is_odd) {
            return Err(invalid());
        }
        let port = match port {
            None if is_secure => 443,
            None => 80,
            Some(port) => match port.parse() {
                Ok(number @ 1..) if port.bytes().all(|byte| byte.is_ascii_digit()) => number,
                _ => return Err(UrlError::Port(port.to_owned())),
            },
        };
        Ok(Url {
            is_secure,
            host: host.to_owned(),
            port,
            target: encode_target(target),
        })
    }

    /// The value of the header `Host`: without the port if it is the default of the scheme.
    pub fn host_header(&self) -> String {
        let default = if self.is_secure { 443 } else { 80 };
        let host = match self.host.contains(':') {
            // A zone has a meaning on this machine alone (RFC 6874, section 4).
            true => format!("[{}]", self.host.split('%').next().unwrap_or_default()),
            false => self.host.clone(),
        };
        match self.port {
            port if port == default => host,
            port => format!("{host}:{port}"),
        }
    }
}

fn encode_target(target: &str) -> String {
    use std::fmt::Write;

    let mut encoded = String::with_capacity(target.len() + 1);
    if !target.starts_with('/') {
        encoded.push('/');
    }
    for byte in target.bytes() {
        match byte.is_ascii_graphic() {
            true => encoded.push(char::from(byte)),
            false => {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (bool, String, u16, String) {
        let url = Url::parse(text).unwrap();
        (url.is_secure, url.host, url.port, url.target)
    }

    #[test]
    fn urls_are_split_into_parts() {
        let cases = [
            ("ws://localhost", (false, "localhost", 80, "/"), "localhost"),
            (
                "WSS://a.example/",
                (true, "a.example", 443, "/"),
                "a.example",
            ),
            (
                "a.example:90/b",
                (false, "a.example", 90, "/b"),
                "a.example:90",
            ),
            (
                "ws://u:p@[::1]:8080?q=1#f",
                (false, "::1", 8080, "/?q=1"),
                "[::1]:8080",
            ),
            ("wss://h:80/é x", (true, "h", 80, "/%C3%A9%20x"), "h:80"),
            (
                "ws://[fe80::1%eth0]/",
                (false, "fe80::1%eth0", 80, "/"),
                "[fe80::1]",
            ),
            ("h/x://y", (false, "h", 80, "/x://y"), "h"),
        ];
        for (text, (is_secure, host, port, target), header) in cases {
            let expected = (is_secure, host.to_owned(), port, target.to_owned());
            assert_eq!(parsed(text), expected, "{text}");
            assert_eq!(Url::parse(text).unwrap().host_header(), header, "{text}");
        }
    }

    #[test]
    fn errors_name_the_part() {
        let cases = [
            ("http://a", "scheme \"http\" is neither ws nor wss"),
            ("ws://", "invalid host \"\""),
            ("", "invalid host \"\""),
            ("ws://:80", "invalid host \":80\""),
            ("ws://[::1", "invalid host \"[::1\""),
            ("ws://[::1]x", "invalid host \"[::1]x\""),
            ("ws://a b", "invalid host \"a b\""),
            ("ws://a\r\nb", "invalid host \"a\\r\\nb\""),
            ("ws://a:0", "invalid port \"0\""),
            ("ws://a:65536", "invalid port \"65536\""),
            ("ws://a:", "invalid port \"\""),
            ("ws://a:+1", "invalid port \"+1\""),
        ];
        for (text, message) in cases {
            assert_eq!(Url::parse(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
