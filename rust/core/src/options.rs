//! Socket options that are remembered and set on each socket a connection opens.

use std::io;

use socket2::Domain;

use crate::stream_socket::StreamSocket;

/// The options a user has chosen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// TCP_NODELAY: small writes go out at once (tcp(7)).
    pub(crate) no_delay: bool,
}

impl Options {
    /// Sets on a new `socket` what differs from the system's defaults.
    pub(crate) fn apply(&self, stream: &StreamSocket) -> io::Result<()> {
        if self.no_delay && stream.domain != Domain::UNIX {
            stream.socket.set_tcp_nodelay(true)?;
        }
        Ok(())
    }
}
