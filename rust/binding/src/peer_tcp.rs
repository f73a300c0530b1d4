//! `StreamPeerTCPRs`.

use godot::builtin::GString;
use godot::global::Error;
use godot::prelude::{godot_api, godot_error};
use stream_socket::{Address, ConnectError, Status, parse_ip, resolve};

use crate::error::{bind_code, connect_code};
use crate::peer::{StreamPeerSocketRs, misuse};
use crate::text;

const BAD_LOCAL_PORT: &str = "The local port number must be between 0 and 65535 (inclusive).";
const BAD_REMOTE_PORT: &str = "The remote port number must be between 1 and 65535 (inclusive).";

#[godot_api(secondary)]
impl StreamPeerSocketRs {
    #[func]
    fn tcp_bind(&self, port: i64, #[opt(default = "*")] host: GString) -> Error {
        let Ok(port) = u16::try_from(port) else {
            return misuse(Error::ERR_INVALID_PARAMETER, &BAD_LOCAL_PORT);
        };
        let Some(address) = text::bind_address(&host, port) else {
            let what = format!("bind: {host:?} is not an IP address");
            return misuse(Error::ERR_INVALID_PARAMETER, &what);
        };
        self.bind(&address)
    }

    #[func]
    fn tcp_connect_to_host(&self, host: GString, port: i64) -> Error {
        if matches!(
            self.connection.status(),
            Status::Connecting | Status::Connected
        ) {
            let error = ConnectError::AlreadyConnected;
            return misuse(connect_code(&error), &error);
        }
        let host = host.to_string();
        let port = u16::try_from(port).unwrap_or(0);
        if port == 0 && parse_ip(&host, port).is_some() {
            return misuse(Error::ERR_INVALID_PARAMETER, &BAD_REMOTE_PORT);
        }
        match resolve(&host, port) {
            Err(_) => Error::ERR_CANT_RESOLVE,
            Ok(_) if port == 0 => misuse(Error::ERR_INVALID_PARAMETER, &BAD_REMOTE_PORT),
            Ok(addresses) => self.connect(addresses.into_iter().map(Address::Inet).collect()),
        }
    }

    #[func]
    fn tcp_get_connected_host(&self) -> GString {
        match self.connection.peer_address() {
            Some(Address::Inet(address)) => GString::from(&text::host(address)),
            _ => GString::new(),
        }
    }

    #[func]
    fn tcp_get_connected_port(&self) -> i32 {
        match self.connection.peer_address() {
            Some(Address::Inet(address)) => address.port().into(),
            _ => 0,
        }
    }

    #[func]
    fn tcp_get_local_port(&self) -> i32 {
        self.connection.local_port().into()
    }

    #[func]
    fn tcp_set_no_delay(&self, enabled: bool) {
        if let Err(error) = self.connection.set_no_delay(enabled) {
            godot_error!("{error}");
        }
    }
}

impl StreamPeerSocketRs {
    /// Binds, with the codes of the engine.
    pub(crate) fn bind(&self, address: &stream_socket::BindAddress) -> Error {
        use stream_socket::BindError;
        match self.connection.bind(address) {
            Ok(()) => Error::OK,
            Err(error @ (BindError::AlreadyOpen | BindError::InvalidPath { .. })) => {
                misuse(bind_code(&error), &error)
            }
            Err(error) => bind_code(&error),
        }
    }
}
