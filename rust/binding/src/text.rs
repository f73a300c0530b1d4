//! Addresses and received text in the engine's form.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use godot::builtin::GString;
use godot::classes::ProjectSettings;
use godot::obj::Singleton;
use stream_socket::BindAddress;

/// Replaces what a String of the engine cannot hold (U+FFFD).
const REPLACEMENT: &str = "\u{FFFD}";

/// `bytes` as UTF-8 text. Invalid sequences are replaced. So is the null character, which would end
/// the text in the engine.
pub(crate) fn decoded(bytes: &[u8]) -> GString {
    let text = String::from_utf8_lossy(bytes);
    if text.contains('\0') {
        return GString::from(&text.replace('\0', REPLACEMENT));
    }
    GString::from(text.as_ref())
}

/// `bytes` as text, or `None` if something would have to be replaced.
pub(crate) fn exactly_decoded(bytes: &[u8]) -> Option<GString> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.contains('\0')).then(|| GString::from(text))
}

/// The path of a socket in the file system. A path in the project's or the user's folder is
/// resolved. The error is the reason why the path cannot be used.
pub(crate) fn path(path: &GString) -> Result<PathBuf, &'static str> {
    let text = path.to_string();
    let is_in_project = text.starts_with("res://");
    if text.is_empty() {
        return Err("path is empty");
    }
    if !is_in_project && !text.starts_with("user://") {
        return Ok(text.into());
    }
    let settings = ProjectSettings::singleton();
    // The engine would make a path that is relative to the working directory.
    if is_in_project && settings.globalize_path("res://").is_empty() {
        return Err("exported game has no res:// folder on disk; use user://");
    }
    Ok(settings.globalize_path(path).to_string().into())
}

/// The address of a call of `listen`. The error is the message for the script.
pub(crate) fn listen_address(host: &GString, port: i64) -> Result<BindAddress, String> {
    match u16::try_from(port) {
        Ok(port) => bind_address("listen", host, port),
        Err(_) => Err(format!("listen: port {port} is not between 0 and 65535")),
    }
}

/// The local address that `host` names. The error is the message for the script.
pub(crate) fn bind_address(call: &str, host: &GString, port: u16) -> Result<BindAddress, String> {
    BindAddress::new(&host.to_string(), port).map_err(|error| format!("{call} {host:?}: {error}"))
}

/// An IP address as the engine writes it: IPv6 in lower case with all eight groups. A scope follows
/// by its number, so that the text connects to the same address again.
pub(crate) fn host(address: SocketAddr) -> String {
    match (address.ip().to_canonical(), address) {
        (IpAddr::V4(v4), _) => v4.to_string(),
        (IpAddr::V6(v6), address) => {
            let groups = v6.segments().map(|group| format!("{group:x}"));
            match address {
                SocketAddr::V6(address) if address.scope_id() != 0 => {
                    format!("{}%{}", groups.join(":"), address.scope_id())
                }
                _ => groups.join(":"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddrV6;

    #[test]
    fn addresses_read_as_the_engine_writes_them() {
        let text = |address: &str| host(address.parse().unwrap());
        assert_eq!(text("127.0.0.1:1"), "127.0.0.1");
        assert_eq!(text("[::1]:1"), "0:0:0:0:0:0:0:1");
        assert_eq!(text("[::ffff:10.0.0.1]:1"), "10.0.0.1");
        assert_eq!(text("[2001:DB8::A]:1"), "2001:db8:0:0:0:0:0:a");
        let scoped = SocketAddrV6::new("fe80::1".parse().unwrap(), 1, 0, 3);
        assert_eq!(host(scoped.into()), "fe80:0:0:0:0:0:0:1%3");
    }
}
