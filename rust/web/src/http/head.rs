//! The heads of requests and responses.

use super::authority::Authority;
use super::framing::{BodyFraming, Stated};
use super::headers::Headers;
use super::version::Version;

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method. It is case-sensitive: `GET` is not `get`.
    pub method: String,
    /// The target as it was received. It is ASCII without spaces and control characters.
    pub target: String,
    /// The version.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
    pub(super) body: BodyFraming,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The version.
    pub version: Version,
    /// The status code, from 100 to 999.
    pub status: u16,
    /// The reason phrase, often empty. It has no meaning.
    pub reason: String,
    /// The header fields.
    pub headers: Headers,
    pub(super) stated: Stated,
}

impl RequestHead {
    /// The path of the target, not decoded. It is `*` for `OPTIONS *`, and the authority for
    /// `CONNECT`.
    pub fn path(&self) -> &str {
        let (path, _) = self.path_and_query();
        if path.is_empty() { "/" } else { path }
    }

    /// What follows the first `?` of the target, not decoded.
    pub fn query(&self) -> Option<&str> {
        self.path_and_query().1
    }

    fn path_and_query(&self) -> (&str, Option<&str>) {
        let rest = match self.target.starts_with('/') {
            true => &self.target,
            false => absolute(&self.target).map_or(&*self.target, |(_, rest)| rest),
        };
        // Clients should not send a fragment, but some do.
        let rest = rest.split('#').next().unwrap_or(rest);
        match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        }
    }

    /// The host that the request is for: that of the target if it has one, otherwise that of
    /// `Host` (RFC 9112, section 3.3).
    pub fn host(&self) -> Option<Authority<'_>> {
        let of_target = match &*self.method {
            "CONNECT" => Some(&*self.target),
            _ => absolute(&self.target).map(|(authority, _)| authority),
        };
        Authority::parse(of_target.or_else(|| self.headers.get("Host"))?)
    }

    /// How the length of the body is determined.
    pub fn body(&self) -> BodyFraming {
        self.body
    }

    /// Whether the client wants to keep this connection open after the response (RFC 9112, section
    /// 9.3).
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(self.version, &self.headers)
    }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110, section
    /// 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.version == Version::Http11
            && self.body != BodyFraming::Empty
            && self.headers.has_token("Expect", "100-continue")
    }
}

impl ResponseHead {
    /// How the length of the body is determined, in a response to a request with `method`.
    pub fn body(&self, method: &str) -> BodyFraming {
        self.stated.of_response(self.status, method)
    }

    /// Whether the server keeps this connection open after the response to a request with
    /// `method`.
    pub fn keeps_alive(&self, method: &str) -> bool {
        self.body(method) != BodyFraming::UntilEnd && keeps_alive(self.version, &self.headers)
    }

    /// Whether another response to the same request follows. False for `101 Switching Protocols`.
    pub fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }
}

fn keeps_alive(version: Version, headers: &Headers) -> bool {
    match version {
        _ if headers.has_token("Connection", "close") => false,
        Version::Http10 => headers.has_token("Connection", "keep-alive"),
        Version::Http11 => true,
    }
}

/// The authority of a target in absolute form, and what follows it.
pub(super) fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    Some(rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())))
}
