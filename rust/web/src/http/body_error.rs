//! Why a body is refused.

use thiserror::Error;

use super::head_error::HeadError;

/// Why a body is refused. The stream cannot be used after it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The size of a chunk is not a hexadecimal number, or is too large.
    #[error("malformed chunk size")]
    ChunkSize,
    /// The text after the size is not a valid extension.
    #[error("malformed chunk extension")]
    ChunkExtension,
    /// A line end within the framing is not CR LF.
    #[error("malformed line end in a chunk")]
    LineEnd,
    /// The line of a chunk is longer than the limit.
    #[error("line of a chunk exceeds the limit of {limit} bytes")]
    ChunkLineTooLong {
        /// The maximum length in bytes.
        limit: usize,
    },
    /// What follows the last chunk is longer than a head may be.
    #[error("trailer exceeds the limit of {limit} bytes")]
    TrailerTooLong {
        /// The maximum length in bytes.
        limit: usize,
    },
    /// More header fields follow the last chunk than a head may have.
    #[error("trailer exceeds the limit of {limit} header fields")]
    TrailerTooManyFields {
        /// The maximum number of fields.
        limit: usize,
    },
    /// What follows the last chunk is malformed.
    #[error("trailer: {0}")]
    Trailer(#[source] HeadError),
    /// The stream ended within the body.
    #[error("end of stream within a body")]
    Truncated,
}

impl BodyError {
    /// The status code that a server answers with.
    pub fn status(&self) -> u16 {
        match self {
            BodyError::TrailerTooLong { .. } | BodyError::TrailerTooManyFields { .. } => 431,
            BodyError::Trailer(error) => error.status(),
            _ => 400,
        }
    }
}
