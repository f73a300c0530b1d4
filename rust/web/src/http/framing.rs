//! How the length of a body is determined (RFC 9112, section 6).

use super::head_error::HeadError;
use super::headers::Headers;
use super::version::Version;

/// How the length of a body is determined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is none.
    Empty,
    /// It has this many bytes, at least 1.
    Length(u64),
    /// It comes in chunks (RFC 9112, section 7.1).
    Chunked,
    /// It ends with the stream, which only a response can do.
    UntilEnd,
}

/// What the headers of a message state about its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stated {
    Nothing,
    Length(u64),
    Chunked,
}

/// Reads `Content-Length` and `Transfer-Encoding`.
pub(super) fn stated(version: Version, headers: &Headers) -> Result<Stated, HeadError> {
    let mut lengths = headers.get_all("Content-Length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(HeadError::SeveralLengths);
    }
    let encoded = headers.contains("Transfer-Encoding");
    match length {
        Some(_) if encoded => Err(HeadError::LengthAndEncoding),
        Some(digits) => Ok(Stated::Length(parse_length(digits)?)),
        None if !encoded => Ok(Stated::Nothing),
        // RFC 9112, section 6.1.
        None if version == Version::Http10 => Err(HeadError::Encoding),
        None => {
            let mut codings = headers.list("Transfer-Encoding");
            let first = codings.next().ok_or(HeadError::Encoding)?;
            if !first.eq_ignore_ascii_case("chunked") {
                return Err(HeadError::UnsupportedEncoding);
            }
            match codings.next() {
                Some(_) => Err(HeadError::Encoding),
                None => Ok(Stated::Chunked),
            }
        }
    }
}

/// Parses a length. Signs, spaces and lists are refused.
fn parse_length(digits: &str) -> Result<u64, HeadError> {
    if digits.contains(',') {
        return Err(HeadError::SeveralLengths);
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HeadError::Length);
    }
    digits.parse().map_err(|_| HeadError::Length)
}

impl Stated {
    /// The body of a request. Without a length it is empty.
    pub(super) fn of_request(self) -> BodyFraming {
        match self {
            Stated::Nothing | Stated::Length(0) => BodyFraming::Empty,
            Stated::Length(length) => BodyFraming::Length(length),
            Stated::Chunked => BodyFraming::Chunked,
        }
    }

    /// The body of a response with `status` to a request with `method` (RFC 9112, section 6.3).
    pub(super) fn of_response(self, status: u16, method: &str) -> BodyFraming {
        let connected = method == "CONNECT" && (200..300).contains(&status);
        if method == "HEAD" || connected || !allows_body(status) {
            return BodyFraming::Empty;
        }
        match self {
            Stated::Nothing => BodyFraming::UntilEnd,
            Stated::Length(0) => BodyFraming::Empty,
            Stated::Length(length) => BodyFraming::Length(length),
            Stated::Chunked => BodyFraming::Chunked,
        }
    }
}

/// Whether a response with this status can have a body.
pub fn allows_body(status: u16) -> bool {
    status >= 200 && status != 204 && status != 304
}
