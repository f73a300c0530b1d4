//! Why a response cannot be sent.

use thiserror::Error;

use super::body_encoder::WriteBodyError;
use super::write::WriteHeadError;

/// Why a response cannot be sent. Nothing was sent, and another response can be sent unless the
/// request has ended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RespondError {
    /// The request was answered, its time is up, or the client has gone.
    #[error("request has ended")]
    Over,
    /// The response has begun, so another one cannot.
    #[error("answer has already begun")]
    Begun,
    /// Only a response that was started can be continued.
    #[error("answer has not begun")]
    NotBegun,
    /// The request cannot be upgraded before its whole body has arrived.
    #[error("body of the request has not arrived")]
    BodyMissing,
    /// The status is not one of a final response.
    #[error("status {0} is not between 200 and 999")]
    Status(u16),
    /// The server sets this header itself.
    #[error("header {0:?} is set by the server")]
    Reserved(String),
    /// A response with this status has no body.
    #[error("response with status {0} has no body")]
    NoBody(u16),
    /// `Content-Length` is not a number.
    #[error("header \"Content-Length\" is {0:?}, not a number of bytes")]
    Length(String),
    /// The head is malformed.
    #[error(transparent)]
    Head(#[from] WriteHeadError),
    /// The body does not match the head.
    #[error(transparent)]
    Body(#[from] WriteBodyError),
}
