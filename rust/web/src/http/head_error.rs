//! Why a head is refused.

use thiserror::Error;

/// Why a head is refused. The stream cannot be used after it, because the start of the next message
/// is unknown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeadError {
    /// The first line of a request is longer than a head may be.
    #[error("request line exceeds the limit of {limit} bytes")]
    RequestLineTooLong {
        /// The maximum length of a head in bytes.
        limit: usize,
    },
    /// The first line of a response is longer than a head may be.
    #[error("status line exceeds the limit of {limit} bytes")]
    StatusLineTooLong {
        /// The maximum length of a head in bytes.
        limit: usize,
    },
    /// The head is longer than the limit.
    #[error("head exceeds the limit of {limit} bytes")]
    TooLong {
        /// The maximum length in bytes.
        limit: usize,
    },
    /// There are more header fields than the limit.
    #[error("head exceeds the limit of {limit} header fields")]
    TooManyFields {
        /// The maximum number of fields.
        limit: usize,
    },
    /// A byte that may not occur in a head.
    #[error("control character {byte:#04x} in the head")]
    ControlCharacter {
        /// The byte.
        byte: u8,
    },
    /// A CR that no LF follows.
    #[error("carriage return without a line feed in the head")]
    BareCarriageReturn,
    /// An LF that follows no CR.
    #[error("line feed without a carriage return in the head")]
    BareLineFeed,
    /// The first line is not a request line or status line.
    #[error("malformed first line")]
    FirstLine,
    /// The method is not a token.
    #[error("malformed method")]
    Method,
    /// The target of a request has none of the four forms of RFC 9112, section 3.2.
    #[error("malformed request target")]
    Target,
    /// The version is not `HTTP/` with two digits.
    #[error("malformed version")]
    Version,
    /// The version is neither 1.0 nor 1.1.
    #[error("unsupported version")]
    UnsupportedVersion,
    /// The status code does not have three digits, or is less than 100.
    #[error("malformed status code")]
    Status,
    /// A header line begins with whitespace, which once continued the line before.
    #[error("folded header line")]
    Folded,
    /// A header line has no colon, whitespace before the colon, or a name that is not a token.
    #[error("malformed header name")]
    Name,
    /// A header value has characters that are not allowed.
    #[error("malformed header value")]
    Value,
    /// A request of HTTP/1.1 has no `Host`.
    #[error("no Host header")]
    NoHost,
    /// There is more than one `Host`.
    #[error("more than one Host header")]
    SeveralHosts,
    /// `Host` is not a host with an optional port.
    #[error("malformed Host header")]
    Host,
    /// `Content-Length` is not a number, or is too large.
    #[error("malformed Content-Length")]
    Length,
    /// There is more than one `Content-Length`.
    #[error("more than one Content-Length")]
    SeveralLengths,
    /// There are both `Content-Length` and `Transfer-Encoding`.
    #[error("both Content-Length and Transfer-Encoding")]
    LengthAndEncoding,
    /// `Transfer-Encoding` in a message of HTTP/1.0, or one that is not `chunked` alone.
    #[error("malformed Transfer-Encoding")]
    Encoding,
    /// A transfer coding other than `chunked`.
    #[error("unsupported Transfer-Encoding")]
    UnsupportedEncoding,
}

impl HeadError {
    /// The status code that a server answers with.
    pub fn status(&self) -> u16 {
        match self {
            HeadError::RequestLineTooLong { .. } => 414,
            HeadError::TooLong { .. } | HeadError::TooManyFields { .. } => 431,
            HeadError::UnsupportedEncoding => 501,
            HeadError::UnsupportedVersion => 505,
            _ => 400,
        }
    }
}
