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
}

/// Why a session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The peer has sent its close frame.
    Close(Option<Close>),
    /// The peer has broken the protocol.
    Violation(FrameError),
    /// The stream has ended.
    Stream(String),
    /// The peer has not answered for this time.
    Silent(Duration),
    /// There is no WebSocket.
    Handshake(String),
    /// This end has given up.
    Abort(Option<String>),
}

impl End {
    /// The code of the close frame that answers it: `None` for no close frame, `Some(None)` for one
    /// without a code.
    pub(super) fn answer(&self) -> Option<Option<u16>> {
        match self {
            // The answer has the same code (section 5.5.1).
            End::Close(close) => Some(close.as_ref().map(|close| close.code)),
            End::Violation(error) => Some(Some(error.close_code())),
            End::Stream(_) | End::Silent(_) | End::Handshake(_) | End::Abort(_) => None,
        }
    }

    /// What a caller gets to know.
    pub(super) fn ended(self) -> Ended {
        let mut ended = Ended::default();
        match self {
            End::Close(close) => {
                ended.code = Some(close.as_ref().map_or(NO_STATUS, |close| close.code));
                ended.reason = close.map(|close| close.reason).unwrap_or_default();
            }
            End::Violation(error) => {
                let code = error.close_code();
                ended.code = Some(code);
                ended.reason = phrase(code).to_owned();
                ended.error = Some(error.to_string());
            }
            End::Silent(time) => {
                let seconds = time.as_secs_f64();
                ended.error = Some(format!("peer did not answer for {seconds} s"));
            }
            End::Stream(why) | End::Handshake(why) => ended.error = Some(why),
            End::Abort(error) => ended.error = error,
        }
        ended
    }
}

/// The engine's words for a code that it sends.
fn phrase(code: u16) -> &'static str {
    match code {
        close_code::TOO_BIG => "Message too big",
        close_code::INVALID_PAYLOAD => "Invalid frame payload data",
        _ => "Protocol error",
    }
}
