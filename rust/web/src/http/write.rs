//! The heads of requests and responses, as bytes.

use thiserror::Error;

use super::version::Version;

/// Why a head cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteHeadError {
    /// The method is not a token.
    #[error("method {0:?} is not a token")]
    Method(String),
    /// The target is empty, or has spaces, control characters, or characters beyond ASCII.
    #[error("request target {0:?} is not visible ASCII")]
    Target(String),
    /// The status is not from 100 to 999.
    #[error("status {0} is not between 100 and 999")]
    Status(u16),
    /// The reason has control characters.
    #[error("reason {0:?} has control characters")]
    Reason(String),
    /// The name of a header is not a token.
    #[error("header name {0:?} is not a token")]
    Name(String),
    /// The value of a header has control characters, such as a line end.
    #[error("value of header {0:?} has control characters")]
    Value(String),
}

/// Appends the head of a request of HTTP/1.1 to `out`. If it returns an error, `out` is unchanged.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::write_request_head;
///
/// let mut out = Vec::new();
/// write_request_head(&mut out, "GET", "/", [("Host", "localhost")])?;
/// assert_eq!(out, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
/// assert!(write_request_head(&mut out, "GET", "/", [("A", "b\r\nC: d")]).is_err());
/// # Ok::<(), stream_socket_web::http::WriteHeadError>(())
/// ```
pub fn write_request_head<'a>(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), WriteHeadError> {
    if !is_token(method) {
        return Err(WriteHeadError::Method(String::from(method)));
    }
    if target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(WriteHeadError::Target(String::from(target)));
    }
    let start = out.len();
    for part in [method, " ", target, " ", Version::Http11.as_str(), "\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    write_fields(out, start, headers)
}

/// Appends the head of a response of HTTP/1.1 to `out`, as a server sends it to clients of either
/// version (RFC 9110, section 2.5). Without a `reason` it is that of the status, if it has one. If
/// it returns an error, `out` is unchanged.
pub fn write_response_head<'a>(
    out: &mut Vec<u8>,
    status: u16,
    reason: Option<&str>,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), WriteHeadError> {
    if !(100..=999).contains(&status) {
        return Err(WriteHeadError::Status(status));
    }
    let reason = reason.unwrap_or_else(|| reason_phrase(status));
    if !is_value(reason) {
        return Err(WriteHeadError::Reason(String::from(reason)));
    }
    let start = out.len();
    let digits = [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' + digit as u8);
    out.extend_from_slice(Version::Http11.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(&digits);
    out.push(b' ');
    out.extend_from_slice(reason.as_bytes());
    out.extend_from_slice(b"\r\n");
    write_fields(out, start, headers)
}

/// Checks a header field before it is written.
pub fn check_field(name: &str, value: &str) -> Result<(), WriteHeadError> {
    if !is_token(name) {
        return Err(WriteHeadError::Name(String::from(name)));
    }
    if !is_value(value) {
        return Err(WriteHeadError::Value(String::from(name)));
    }
    Ok(())
}

/// Appends header lines and the empty line. After an error, `out` is truncated to `start`.
pub(super) fn write_fields<'a>(
    out: &mut Vec<u8>,
    start: usize,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(), WriteHeadError> {
    for (name, value) in headers {
        if let Err(error) = check_field(name, value) {
            out.truncate(start);
            return Err(error);
        }
        for part in [name, ": ", value, "\r\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// Whether a text is a token (RFC 9110, section 5.6.2).
pub fn is_token(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_letter)
}

/// Whether a text can be the value of a header. A line end in it would split the response.
fn is_value(text: &str) -> bool {
    !text
        .chars()
        .any(|letter| letter != '\t' && letter.is_control())
}

/// A status with its reason phrase, as the text of a page.
pub fn status_text(status: u16) -> String {
    format!("{status} {}\n", reason_phrase(status))
}

/// The reason phrase of a status in RFC 9110 and RFC 6585. Others have an empty one.
pub(super) fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
