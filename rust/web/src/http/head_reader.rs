//! Reads heads from bytes.

use std::mem::MaybeUninit;

use super::authority::Authority;
use super::framing;
use super::head::{RequestHead, ResponseHead, absolute};
use super::head_error::HeadError;
use super::head_scan::{Bounds, HeadScan};
use super::headers::Headers;
use super::version::Version;

/// The limits of a head.
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
    /// in bytes, or `None` if it is incomplete. In that case, pass the same bytes and more to the
    /// next call; the reader looks only at the new ones. After a head, it is ready for the next.
    pub fn read_request(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<(RequestHead, usize)>, HeadError> {
        let line_too_long = |limit| HeadError::RequestLineTooLong { limit };
        let Some(bounds) = self.bounds(bytes, line_too_long)? else {
            return Ok(None);
        };
        let head = parse_request(&bytes[bounds.start..bounds.end], bounds.fields)?;
        Ok(Some((head, bounds.end)))
    }

    /// Reads the head of a response, in the same way as [`HeadReader::read_request`].
    pub fn read_response(
        &mut self,
        bytes: &[u8],
    ) -> Result<Option<(ResponseHead, usize)>, HeadError> {
        let line_too_long = |limit| HeadError::StatusLineTooLong { limit };
        let Some(bounds) = self.bounds(bytes, line_too_long)? else {
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

    fn bounds(
        &mut self,
        bytes: &[u8],
        line_too_long: fn(usize) -> HeadError,
    ) -> Result<Option<Bounds>, HeadError> {
        let limit = self.limits.bytes;
        // Bytes beyond the limit are not read.
        let bounds = self.scan.advance(&bytes[..bytes.len().min(limit)])?;
        let Some(bounds) = bounds else {
            return match bytes.len() >= limit {
                true if self.scan.has_first_line() => Err(HeadError::TooLong { limit }),
                true => Err(line_too_long(limit)),
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

/// Room for header fields, for httparse. Most heads need no heap memory.
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

/// Parses header lines without a first line, as in a trailer. `bytes` ends with the empty line.
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

/// Translates an error of httparse. `has_method` is whether it had parsed the method.
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

/// Why the version of a head is refused: it is malformed, or not supported.
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
