//! How a session ends.

use std::time::Duration;

use crate::websocket::{Close, FrameError, close_code};

/// The code of a close frame without a code, which no frame contains (RFC 6455, section 7.4.1).
const NO_STATUS: u16 = 1005;

/// How a session has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The close code: of the peer, or of this end if the peer has broken the protocol. `None` if
    /// the session was not closed by close frames. A close frame without a code is 1005.
    pub code: Option<u16>,
    /// The reason that goes with the code.
    pub reason: String,
    /// What went wrong, if something did.
    pub error: Option<String>,
    /// What ended it.
    pub cause: Cause,
}

/// What ends a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// This end has closed it.
    #[default]
    Local,
    /// The peer has closed it.
    Peer,
    /// The peer has broken the protocol.
    Violation,
    /// The stream has ended.
    Stream,
    /// The peer has not answered in time.
    Silent,
    /// The peer has refused the handshake, or has sent something else.
    Handshake,
    /// The handshake has taken too long.
    HandshakeTimeout,
}

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The peer has sent its close frame.
    Close(Option<Close>),
    /// The peer has broken the protocol.
    Violation(FrameError),
    /// The stream has ended.
    Stream(String),
    /// The peer has not answered for this time.
    Silent(Duration),
    /// The handshake failed.
    Handshake(String),
    /// The handshake has taken this long, which is too long.
    HandshakeTimeout(Duration),
    /// This end has ended it without a close frame.
    Abort,
}

impl SessionEnd {
    /// The code of the close frame that answers it: `None` for no close frame, `Some(None)` for one
    /// without a code.
    pub(super) fn answer(&self) -> Option<Option<u16>> {
        match self {
            // The answer has the same code (section 5.5.1).
            SessionEnd::Close(close) => Some(close.as_ref().map(|close| close.code)),
            SessionEnd::Violation(error) => Some(Some(error.close_code())),
            _ => None,
        }
    }

    /// The end for the caller. `has_sent_close` is whether this end was closing.
    pub(super) fn ended(self, has_sent_close: bool) -> Ended {
        let mut ended = Ended {
            cause: self.cause(has_sent_close),
            ..Ended::default()
        };
        match self {
            SessionEnd::Close(close) => {
                ended.code = Some(close.as_ref().map_or(NO_STATUS, |close| close.code));
                ended.reason = close.map(|close| close.reason).unwrap_or_default();
            }
            SessionEnd::Violation(error) => {
                let code = error.close_code();
                ended.code = Some(code);
                ended.reason = phrase(code).to_owned();
                ended.error = Some(match code {
                    close_code::PROTOCOL_ERROR => format!("receive: malformed frame: {error}"),
                    // The frames are well-formed, but not what they carry.
                    _ => format!("receive: {error}"),
                });
            }
            SessionEnd::Silent(time) => {
                let seconds = time.as_secs_f64();
                ended.error = Some(format!("receive: no answer for {seconds} s"));
            }
            // It names its operation.
            SessionEnd::Stream(why) => ended.error = Some(why),
            SessionEnd::Handshake(why) => ended.error = Some(format!("handshake: {why}")),
            SessionEnd::HandshakeTimeout(time) => {
                let seconds = time.as_secs_f64();
                ended.error = Some(format!("handshake: timed out after {seconds} s"));
            }
            SessionEnd::Abort => {}
        }
        ended
    }

    fn cause(&self, has_sent_close: bool) -> Cause {
        match self {
            // Both ends may wait for the other to close the stream.
            SessionEnd::Close(_) | SessionEnd::Stream(_) if has_sent_close => Cause::Local,
            SessionEnd::Abort => Cause::Local,
            SessionEnd::Close(_) => Cause::Peer,
            SessionEnd::Violation(_) => Cause::Violation,
            SessionEnd::Stream(_) => Cause::Stream,
            SessionEnd::Silent(_) => Cause::Silent,
            SessionEnd::Handshake(_) => Cause::Handshake,
            SessionEnd::HandshakeTimeout(_) => Cause::HandshakeTimeout,
        }
    }
}

/// The reason that the engine sends with this code.
fn phrase(code: u16) -> &'static str {
    match code {
        close_code::TOO_BIG => "Message too big",
        close_code::INVALID_PAYLOAD => "Invalid frame payload data",
        _ => "Protocol error",
    }
}
