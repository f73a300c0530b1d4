//! The body of a message, as bytes.

use thiserror::Error;

use super::framing::BodyFraming;
use super::write::{WriteHeadError, write_fields};

/// Why a part of a body cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteBodyError {
    /// The body would be longer than its head says.
    #[error("body exceeds Content-Length by {excess} bytes")]
    TooLong {
        /// The number of bytes that are too many.
        excess: u64,
    },
    /// The body is shorter than its head says.
    #[error("body is {missing} bytes shorter than Content-Length")]
    TooShort {
        /// The number of bytes that are missing.
        missing: u64,
    },
    /// A trailer is malformed, or the body has no chunks.
    #[error("trailer: {0}")]
    Trailer(#[source] WriteHeadError),
    /// Only a body in chunks can have a trailer.
    #[error("trailer requires a chunked body")]
    NoTrailer,
    /// The body is complete.
    #[error("body is already complete")]
    Complete,
}

/// Encodes one body.
#[derive(Clone, Debug)]
pub struct BodyEncoder {
    /// The rest of the body, or `None` after its end.
    left: Option<BodyFraming>,
}

impl BodyEncoder {
    /// An encoder of a body.
    pub fn new(framing: BodyFraming) -> BodyEncoder {
        BodyEncoder {
            left: Some(framing),
        }
    }

    /// Appends `data` to `out`, as one chunk if the body has chunks.
    pub fn write(&mut self, out: &mut Vec<u8>, data: &[u8]) -> Result<(), WriteBodyError> {
        match self.left.ok_or(WriteBodyError::Complete)? {
            // An empty chunk would end the body.
            _ if data.is_empty() => {}
            BodyFraming::Chunked => {
                out.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            BodyFraming::UntilEnd => out.extend_from_slice(data),
            BodyFraming::Empty => self.take(0, data.len())?,
            BodyFraming::Length(left) => {
                self.take(left, data.len())?;
                out.extend_from_slice(data);
            }
        }
        Ok(())
    }

    fn take(&mut self, left: u64, count: usize) -> Result<(), WriteBodyError> {
        match left.checked_sub(count as u64) {
            Some(left) => self.left = Some(BodyFraming::Length(left)),
            None => {
                let excess = count as u64 - left;
                return Err(WriteBodyError::TooLong { excess });
            }
        }
        Ok(())
    }

    /// Ends the body. Appends the last chunk and `trailers` to `out`, if the body has chunks.
    pub fn finish<'a>(
        &mut self,
        out: &mut Vec<u8>,
        trailers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), WriteBodyError> {
        match self.left.ok_or(WriteBodyError::Complete)? {
            BodyFraming::Chunked => {
                let start = out.len();
                out.extend_from_slice(b"0\r\n");
                write_fields(out, start, trailers).map_err(WriteBodyError::Trailer)?;
            }
            _ if trailers.into_iter().next().is_some() => return Err(WriteBodyError::NoTrailer),
            BodyFraming::Length(missing) if missing > 0 => {
                return Err(WriteBodyError::TooShort { missing });
            }
            _ => {}
        }
        self.left = None;
        Ok(())
    }

    /// Whether the head does not state the length of the body.
    pub(super) fn is_endless(&self) -> bool {
        matches!(
            self.left,
            Some(BodyFraming::Chunked | BodyFraming::UntilEnd)
        )
    }

    /// Whether the body has ended.
    pub fn is_done(&self) -> bool {
        self.left.is_none()
    }
}
