//! The settings of a WebSocket.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use stream_socket_web::websocket::compression::{Side, Wanted};
use stream_socket_web::websocket::session::{Limits, Settings, TimeLimits};

/// The properties of a WebSocket. A change of those for the handshake applies to the next one;
/// others apply at once.
#[derive(Clone, Debug)]
pub(crate) struct WebSocketSettings {
    /// Lines `Name: value`.
    pub(crate) headers: Vec<String>,
    pub(crate) protocols: Vec<String>,
    pub(crate) inbound_bytes: usize,
    /// 0 is unlimited.
    pub(crate) outbound_bytes: usize,
    pub(crate) queued_packets: usize,
    /// 0 is `inbound_bytes`.
    pub(crate) message_bytes: usize,
    /// 0 is unlimited.
    pub(crate) frame_bytes: usize,
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) compresses: bool,
    pub(crate) compression_threshold: usize,
    pub(crate) window_bits: u8,
    pub(crate) keeps_context: bool,
    pub(crate) is_kept_alive: bool,
}

impl Default for WebSocketSettings {
    fn default() -> WebSocketSettings {
        WebSocketSettings {
            headers: Vec::new(),
            protocols: Vec::new(),
            inbound_bytes: 65535,
            outbound_bytes: 65535,
            queued_packets: 4096,
            message_bytes: 0,
            frame_bytes: 0,
            heartbeat: None,
            handshake_timeout: Some(Duration::from_secs(10)),
            compresses: false,
            compression_threshold: 256,
            window_bits: 15,
            keeps_context: true,
            is_kept_alive: false,
        }
    }
}

impl WebSocketSettings {
    /// The default, of which there is one.
    pub(crate) fn shared_default() -> Arc<WebSocketSettings> {
        static DEFAULT: OnceLock<Arc<WebSocketSettings>> = OnceLock::new();
        DEFAULT.get_or_init(Arc::default).clone()
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            message_bytes: self.max_message_bytes(),
            queued_bytes: self.inbound_bytes,
            queued_messages: self.queued_packets,
        }
    }

    pub(crate) fn time_limits(&self) -> TimeLimits {
        TimeLimits {
            handshake: self.handshake_timeout,
            heartbeat: self.heartbeat,
        }
    }

    pub(crate) fn max_message_bytes(&self) -> usize {
        match self.message_bytes {
            0 => self.inbound_bytes,
            bytes => bytes,
        }
    }

    /// The settings of a handshake. The error is the first line that is not a header.
    pub(crate) fn handshake(&self) -> Result<Settings, String> {
        let header = |line: &String| -> Result<(String, String), String> {
            let (name, value) = line.split_once(':').ok_or_else(|| line.clone())?;
            let value = value.trim_matches([' ', '\t']);
            Ok((name.to_owned(), value.to_owned()))
        };
        let side = Side {
            no_context_takeover: !self.keeps_context,
            max_window_bits: self.window_bits,
        };
        Ok(Settings {
            protocols: self.protocols.clone(),
            headers: self.headers.iter().map(header).collect::<Result<_, _>>()?,
            compression: self.compresses.then_some(Wanted {
                client: side,
                server: side,
            }),
        })
    }
}
