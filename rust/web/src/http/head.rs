//! The heads of requests and responses, from bytes.

use std::mem::MaybeUninit;

use super::authority::Authority;
use super::framing::{self, BodyFraming, Stated};
use super::head_error::HeadError;
use super::head_scan::{Bounds, HeadScan};
use super::headers::Headers;

/// A version of HTTP. Others have another format, or are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

impl Version {
    /// The version as a head has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
        }
    }
}

/// What a head may have at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// The maximum length in bytes, with the empty line at the end.
    pub bytes: usize,
    /// The maximum number of header fields.
    pub fields: usize,
}

impl Default for HeadLimits {
    /// 16 KiB and 100 fields.
    fn default() -> HeadLimits {
        HeadLimits {
            bytes: 16 * 1024,
            fields: 100,
        }
    }
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, which has a case: `GET` is not `get`.
    pub method: String,
    /// The target as it was received. It is ASCII without spaces and control characters.
    pub target: String,
    /// The version.
    pub version: Version,
    /// The header fields.
    pub headers: Headers,
    body: BodyFraming,
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
    stated: Stated,
}

/// Reads one head after another. A caller passes the bytes that it has received and not used.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::{HeadLimits, HeadReader};
///
/// let mut reader = HeadReader::new(HeadLimits::default());
/// assert_eq!(reader.read_request(b"GET /a?b=c HTTP/1.1\r\nHo")?, None);
/// let received = b"GET /a?b=c HTTP/1.1\r\nHost: localhost\r\n\r\nrest";
/// let (head, length) = reader.read_request(received)?.unwrap();
/// assert_eq!((head.path(), head.query()), ("/a", Some("b=c")));
/// assert_eq!(&received[length..], b"rest");
/// # Ok::<(), stream_socket_web::http::HeadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HeadReader {
    limits: HeadLimits,
    scan: HeadScan,
}

impl HeadReader {
    /// A reader of heads within `limits`.
    pub fn new(limits: HeadLimits) -> HeadReader {
        HeadReader {
            limits,
            scan: HeadScan::default(),
        }
    }

    /// Reads the head of a request from `bytes`, which begins with it. Returns it with its length
    /// in bytes, or `None` if it is incomplete. Then the next call has the same bytes and more; the
    /// reader looks only at the new ones. After a head the reader is ready for the next.
    pub fn read_request(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<(RequestHead, usize)>, HeadError> {
        let Some(bounds) = self.bounds(bytes)? else {
            return Ok(None);
        };
        let head = parse_request(&bytes[bounds.start..bounds.end], bounds.fields)?;
        Ok(Some((head, bounds.end)))
    }

    /// Reads the head of a response, as [`HeadReader::read_request`] does that of a request.
    pub fn read_response(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<(ResponseHead, usize)>, HeadError> {
        let Some(bounds) = self.bounds(bytes)? else {
            return Ok(None);
        };
        // Only a request may follow empty lines.
        if bounds.start > 0 {
            return Err(HeadError::FirstLine);
        }
        let head = parse_response(&bytes[..bounds.end], bounds.fields)?;
        Ok(Some((head, bounds.end)))
    }

    /// Whether a head has begun, so the next call should have the same bytes and more.
    pub fn has_begun(&self) -> bool {
        self.scan.has_begun()
    }

    fn bounds(&mut self, bytes: &[u8]) -> Result<Option<Bounds>, HeadError> {
        let limit = self.limits.bytes;
        // Bytes beyond the limit are not looked at.
        let bounds = self.scan.advance(&bytes[..bytes.len().min(limit)])?;
        let Some(bounds) = bounds else {
            return match bytes.len() >= limit {
                true if self.scan.has_first_line() => Err(HeadError::TooLong { limit }),
                true => Err(HeadError::LineTooLong { limit }),
                false => Ok(None),
            };
        };
        self.scan = HeadScan::default();
        match bounds.fields > self.limits.fields {
            true => Err(HeadError::TooManyFields {
                limit: self.limits.fields,
            }),
            false => Ok(Some(bounds)),
        }
    }
}

/// Header fields as httparse wants them. Most heads need no memory of the heap.
const ON_STACK: usize = 32;

fn parse_request(bytes: &[u8], fields: usize) -> Result<RequestHead, HeadError> {
    let mut few = [const { MaybeUninit::uninit() }; ON_STACK];
    let mut many = Vec::new();
    let space = space(&mut few, &mut many, fields);
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(bytes, space) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(HeadError::FirstLine),
        Err(error) => return Err(refusal(error, bytes, request.method.is_some())),
    }
    let (Some(method), Some(target)) = (request.method, request.path) else {
        return Err(HeadError::FirstLine);
    };
    let version = version(request.version)?;
    let headers = headers(request.headers, bytes.len());
    check_target(method, target)?;
    check_host(version, &headers)?;
    Ok(RequestHead {
        method: String::from(method),
        target: String::from(target),
        version,
        body: framing::stated(version, &headers)?.of_request(),
        headers,
    })
}

fn parse_response(bytes: &[u8], fields: usize) -> Result<ResponseHead, HeadError> {
    let mut few = [const { MaybeUninit::uninit() }; ON_STACK];
    let mut many = Vec::new();
    let space = space(&mut few, &mut many, fields);
    let mut response = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut response, bytes, space) {
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(HeadError::FirstLine),
        Err(error) => return Err(refusal(error, bytes, true)),
    }
    let version = version(response.version)?;
    let headers = headers(response.headers, bytes.len());
    let status = response.code.filter(|&code| code >= 100);
    Ok(ResponseHead {
        version,
        status: status.ok_or(HeadError::Status)?,
        reason: String::from(response.reason.unwrap_or_default()),
        stated: framing::stated(version, &headers)?,
        headers,
    })
}

/// Memory for `fields` header fields.
fn space<'a, 'b>(
    few: &'a mut [MaybeUninit<httparse::Header<'b>>; ON_STACK],
    many: &'a mut Vec<MaybeUninit<httparse::Header<'b>>>,
    fields: usize,
) -> &'a mut [MaybeUninit<httparse::Header<'b>>] {
    if fields <= ON_STACK {
        return few;
    }
    many.resize_with(fields, MaybeUninit::uninit);
    many
}

/// Header lines that no first line precedes, as in a trailer. `bytes` ends with the empty line.
pub(super) fn parse_fields(bytes: &[u8], fields: usize) -> Result<Headers, HeadError> {
    let mut space = vec![httparse::EMPTY_HEADER; fields];
    match httparse::parse_headers(bytes, &mut space) {
        Ok(httparse::Status::Complete((length, parsed))) if length == bytes.len() => {
            Ok(headers(parsed, bytes.len()))
        }
        Ok(_) => Err(HeadError::Name),
        Err(error) => Err(refusal(error, bytes, true)),
    }
}

fn headers(parsed: &[httparse::Header<'_>], bytes: usize) -> Headers {
    let mut headers = Headers::with_capacity(parsed.len(), bytes);
    for field in parsed {
        headers.push_bytes(field.name, field.value);
    }
    headers
}

fn version(minor: Option<u8>) -> Result<Version, HeadError> {
    match minor {
        Some(0) => Ok(Version::Http10),
        Some(1) => Ok(Version::Http11),
        _ => Err(HeadError::Version),
    }
}

/// Names what httparse found. `has_method` says whether it was past the method.
fn refusal(error: httparse::Error, bytes: &[u8], has_method: bool) -> HeadError {
    match error {
        httparse::Error::Token if has_method => HeadError::Target,
        httparse::Error::Token => HeadError::Method,
        httparse::Error::Version => refused_version(bytes),
        httparse::Error::Status => HeadError::Status,
        httparse::Error::NewLine => HeadError::FirstLine,
        httparse::Error::HeaderValue => HeadError::Value,
        // The space for headers follows from their number.
        httparse::Error::HeaderName | httparse::Error::TooManyHeaders => HeadError::Name,
    }
}

/// Whether the version of a head is one that could be.
fn refused_version(bytes: &[u8]) -> HeadError {
    let line = bytes.split(|&byte| byte == b'\r').next().unwrap_or(bytes);
    let words = line.split(|&byte| byte == b' ');
    let is_version = |word: &[u8]| {
        matches!(word, [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit())
    };
    // A request has it at the end of its line, and a response at the start.
    match words.clone().count() <= 3 && words.clone().any(is_version) {
        true => HeadError::UnsupportedVersion,
        false => HeadError::Version,
    }
}

/// RFC 9112, section 3.2.
fn check_target(method: &str, target: &str) -> Result<(), HeadError> {
    let is_valid = match method {
        "CONNECT" => Authority::parse(target).is_some_and(|authority| authority.port.is_some()),
        _ => {
            target.starts_with('/')
                || (target == "*" && method == "OPTIONS")
                || absolute(target)
                    .is_some_and(|(authority, _)| Authority::parse(authority).is_some())
        }
    };
    match is_valid && target.is_ascii() {
        true => Ok(()),
        false => Err(HeadError::Target),
    }
}

/// The authority of a target in absolute form, and what follows it.
fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    Some(rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())))
}

/// RFC 9112, section 3.2.
fn check_host(version: Version, headers: &Headers) -> Result<(), HeadError> {
    let mut hosts = headers.get_all("Host");
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(HeadError::SeveralHosts);
    }
    match host {
        None if version == Version::Http11 => Err(HeadError::NoHost),
        // A target without an authority has an empty one.
        None | Some("") => Ok(()),
        Some(host) if Authority::parse(host).is_some() => Ok(()),
        Some(_) => Err(HeadError::Host),
    }
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
        // A fragment is not sent, but some clients do.
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

    /// How the length of the body is known.
    pub fn body(&self) -> BodyFraming {
        self.body
    }

    /// Whether the client wants to go on with this connection after the response (RFC 9112, section
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
    /// How the length of the body is known, in a response to a request with `method`.
    pub fn body(&self, method: &str) -> BodyFraming {
        self.stated.of_response(self.status, method)
    }

    /// Whether the server goes on with this connection after the response to a request with
    /// `method`.
    pub fn keeps_alive(&self, method: &str) -> bool {
        self.body(method) != BodyFraming::UntilEnd && keeps_alive(self.version, &self.headers)
    }

    /// Whether the response is not the last one to its request. `101 Switching Protocols` is the
    /// last one of HTTP.
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
