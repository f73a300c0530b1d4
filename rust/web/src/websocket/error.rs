//! Violations of the protocol.

use thiserror::Error;

use super::close_code;

/// A violation of RFC 6455 or of a limit. The connection is over for the receiver: it sends a close
/// frame with [`close_code`](FrameError::close_code), and reads no more frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A reserved bit is set that no extension has defined (section 5.2).
    #[error("reserved bit is set")]
    ReservedBit,
    /// An opcode between 3 and 7, or above 10 (section 5.2).
    #[error("reserved opcode {0}")]
    ReservedOpcode(u8),
    /// A client must mask its frames (section 5.1).
    #[error("client frame is not masked")]
    NotMasked,
    /// A server must not mask its frames (section 5.1).
    #[error("server frame is masked")]
    Masked,
    /// A length is not in its shortest form (section 5.2).
    #[error("length is not in its shortest form")]
    LongLength,
    /// A length has its highest bit set (section 5.2).
    #[error("length has its highest bit set")]
    NegativeLength,
    /// A control frame has more than 125 bytes (section 5.5).
    #[error("control frame exceeds 125 bytes")]
    LongControl,
    /// A control frame is fragmented (section 5.5).
    #[error("control frame is fragmented")]
    FragmentedControl,
    /// A continuation frame without a message to continue (section 5.4).
    #[error("continuation frame without a message")]
    UnexpectedContinuation,
    /// A new message begins within a fragmented one (section 5.4).
    #[error("message begins within another message")]
    UnfinishedMessage,
    /// A close frame with one byte, which is half a code (section 5.5.1).
    #[error("close frame of 1 byte is too short for a code")]
    HalfCloseCode,
    /// A code that must not be sent (section 7.4).
    #[error("invalid close code {0}")]
    CloseCode(u16),
    /// A close reason is not UTF-8 (section 5.5.1).
    #[error("close reason is not UTF-8")]
    CloseReason,
    /// A text message is not UTF-8 (section 8.1).
    #[error("text message is not UTF-8")]
    Text,
    /// A message, decompressed, exceeds the limit of the receiver.
    #[error("message exceeds the limit of {0} bytes")]
    TooBig(usize),
    /// A compressed message is not valid DEFLATE data, or refers to data before its window (RFC
    /// 7692, section 7.2.2).
    #[error("invalid compressed message")]
    Compression,
}

impl FrameError {
    /// The code of the close frame that answers this error (section 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            FrameError::Text | FrameError::CloseReason | FrameError::Compression => {
                close_code::INVALID_PAYLOAD
            }
            FrameError::TooBig(_) => close_code::TOO_BIG,
            _ => close_code::PROTOCOL_ERROR,
        }
    }
}
