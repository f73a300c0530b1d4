//! What a server accepts: its limits, and the hosts and origins of requests.

use std::net::IpAddr;
use std::time::Duration;

use super::authority::Authority;
use super::head::RequestHead;
use super::head_reader::HeadLimits;

/// What a server accepts. It may change while connections are open. Time in which a connection is
/// not advanced hardly counts for its time limits: see
/// [`ServerConnection`](crate::http::ServerConnection).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRules {
    /// The maximum size of a head. It applies from the next head on.
    pub head: HeadLimits,
    /// The maximum number of bytes of a body.
    pub max_body: u64,
    /// How long a head may take from its first byte. `None`: unlimited.
    pub head_timeout: Option<Duration>,
    /// How long a connection may be silent between two requests and within a body, and how long a
    /// client may accept nothing of a response. `None`: unlimited.
    pub idle_timeout: Option<Duration>,
    /// How long a request may wait for its handler, and how long a handler may take to answer.
    /// While it takes a body as that arrives, the time begins anew with each part. `None`:
    /// unlimited.
    pub response_timeout: Option<Duration>,
    /// Host names that requests may be for, or `*` for all. IP addresses and `localhost` are always
    /// allowed: no other website can have them as its own name (DNS rebinding).
    pub allowed_hosts: Vec<String>,
    /// Origins whose pages may send requests, such as `https://example.com`, or `*` for all. Pages
    /// of this server are always allowed.
    pub allowed_origins: Vec<String>,
}

impl Default for ServerRules {
    fn default() -> ServerRules {
        ServerRules {
            head: HeadLimits::default(),
            max_body: 1 << 20,
            head_timeout: Some(Duration::from_secs(10)),
            idle_timeout: Some(Duration::from_secs(60)),
            response_timeout: Some(Duration::from_secs(30)),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
        }
    }
}

impl ServerRules {
    /// Whether a request may be for the host that it names.
    pub fn allows_host(&self, head: &RequestHead) -> bool {
        // Browsers always send a host.
        let Some(Authority { host, .. }) = head.host() else {
            return true;
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
            return true;
        }
        // RFC 6761, section 6.3.
        let last = host.rsplit('.').next().unwrap_or(host);
        last.eq_ignore_ascii_case("localhost") || is_listed(&self.allowed_hosts, host)
    }

    /// Whether the origin of a request is allowed. A request without an origin is.
    pub fn allows_origin(&self, head: &RequestHead) -> bool {
        let mut origins = head.headers.get_all("Origin");
        let Some(origin) = origins.next() else {
            return true;
        };
        if origins.next().is_some() {
            return false;
        }
        is_listed(&self.allowed_origins, origin) || is_own(origin, head)
    }
}

fn is_listed(list: &[String], text: &str) -> bool {
    let mut entries = list.iter();
    entries.any(|entry| entry == "*" || entry.eq_ignore_ascii_case(text))
}

/// Whether an origin (RFC 6454, section 6.2) is the server that the request is for. The scheme is
/// not compared, because a proxy may have terminated TLS.
fn is_own(origin: &str, head: &RequestHead) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    let (Some(origin), Some(own)) = (Authority::parse(authority), head.host()) else {
        return false;
    };
    let port = |port: Option<u16>| port.unwrap_or(default_port);
    origin.host.eq_ignore_ascii_case(own.host) && port(origin.port) == port(own.port)
}
