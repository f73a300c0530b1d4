//! `StreamPeerTCPRs`: the methods of TCP peers, which have the prefix `tcp_`.

use std::time::Duration;

use godot::builtin::GString;
use godot::global::Error;
use godot::prelude::{godot_api, godot_error};
use stream_socket::{Address, ConnectError, KeepAlive, Status, Target};

use crate::bridge::Bridged;
use crate::parts::Code;
use crate::peer::StreamPeerSocketRs;
use crate::shared_methods::Failing;
use crate::{numbers, settings, text};

const BAD_LOCAL_PORT: &str = "The local port number must be between 0 and 65535 (inclusive).";
const BAD_REMOTE_PORT: &str = "The remote port number must be between 1 and 65535 (inclusive).";

#[godot_api(secondary)]
impl StreamPeerSocketRs {
    #[func]
    fn tcp_bind(port: i64, #[opt(default = "*")] host: GString) -> Error {
        let Ok(port) = u16::try_from(port) else {
            return Self::this().refuse(&BAD_LOCAL_PORT);
        };
        let this = Self::this();
        match this.accept(text::bind_address("bind", &host, port)) {
            Ok(address) => this.bind(&address),
            Err(code) => code,
        }
    }

    #[func]
    fn tcp_connect_to_host(host: GString, port: i64) -> Error {
        let this = Self::this();
        let status = this.connection.status();
        let host = host.to_string();
        let port = u16::try_from(port).unwrap_or(0);
        if matches!(status, Status::Connecting | Status::Connected) {
            let target = Target::new(&host, port).unwrap_or(Target::Name { host, port });
            let error = ConnectError::AlreadyConnected { target };
            return this.last_error.refuse(error.returned(), &error);
        }
        let target = match Target::new(&host, port) {
            Ok(target) => target,
            Err(error) => {
                let message = format!("resolve {host}: {error}");
                return this
                    .last_error
                    .record_message(Error::ERR_CANT_RESOLVE, message);
            }
        };
        if port == 0 {
            return Self::this().refuse(&BAD_REMOTE_PORT);
        }
        Self::this().connect(target, settings::tcp_connect_timeout)
    }

    #[func]
    fn tcp_get_connected_host() -> GString {
        match Self::this().connection.peer_address() {
            Some(Address::Inet(address)) => GString::from(&text::host(address)),
            _ => GString::new(),
        }
    }

    #[func]
    fn tcp_get_connected_port() -> i32 {
        match Self::this().connection.peer_address() {
            Some(Address::Inet(address)) => address.port().into(),
            _ => 0,
        }
    }

    #[func]
    fn tcp_get_local_host() -> GString {
        let address = Self::this().connection.local_address();
        address.map_or_else(GString::new, |address| GString::from(&text::host(address)))
    }

    #[func]
    fn tcp_get_local_port() -> i32 {
        let address = Self::this().connection.local_address();
        address.map_or(0, |address| address.port().into())
    }

    #[func]
    fn tcp_set_no_delay(enabled: bool) {
        let code = Self::this().set(|options| options.no_delay = enabled);
        if code != Error::OK {
            godot_error!("{}", Self::this().last_error.get().message);
        }
    }

    #[func]
    fn tcp_is_no_delay_enabled() -> bool {
        Self::this().connection.options().no_delay
    }

    #[func]
    fn tcp_set_keep_alive(
        enabled: bool,
        #[opt(default = 60)] idle_seconds: i64,
        #[opt(default = 10)] interval_seconds: i64,
        #[opt(default = 5)] count: i64,
    ) -> Error {
        let this = Self::this();
        let settings = keep_alive(idle_seconds, interval_seconds, count);
        match this.accept(settings) {
            Ok(settings) => this.set(|options| {
                options.keep_alive = enabled.then_some(settings);
            }),
            Err(code) => code,
        }
    }

    #[func]
    fn tcp_set_user_timeout(seconds: f64) -> Error {
        match Self::this().accept(numbers::limit("set_user_timeout", seconds)) {
            Ok(limit) => Self::this().set(|options| {
                options.user_timeout = limit;
            }),
            Err(code) => code,
        }
    }

    #[func]
    fn tcp_set_linger(seconds: f64) -> Error {
        let linger = match seconds {
            // Negative: the system's default. Zero: reset.
            ..0.0 => None,
            0.0 => Some(Duration::ZERO),
            f64::INFINITY => Some(Duration::MAX),
            _ => match Self::this().accept(numbers::limit("set_linger", seconds)) {
                Ok(limit) => limit,
                Err(code) => return code,
            },
        };
        Self::this().set(|options| options.linger = linger)
    }
}

/// The settings of keep-alive probes, if they are valid.
fn keep_alive(idle_seconds: i64, interval_seconds: i64, count: i64) -> Result<KeepAlive, String> {
    let positive = |name: &str, value: i64| match u64::try_from(value) {
        Ok(value) if value > 0 => Ok(value),
        _ => Err(format!("set_keep_alive: {name} {value} is not positive")),
    };
    let idle = positive("idle_seconds", idle_seconds)?;
    let interval = positive("interval_seconds", interval_seconds)?;
    let limit = u32::MAX;
    let count = u32::try_from(positive("count", count)?)
        .map_err(|_| format!("set_keep_alive: count {count} exceeds the limit of {limit}"))?;
    Ok(KeepAlive {
        idle: Duration::from_secs(idle),
        interval: Duration::from_secs(interval),
        count,
    })
}
