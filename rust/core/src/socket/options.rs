//! Socket options: remembered, set on each socket that a connection opens, and changed on the one it has.

use std::io;
use std::time::Duration;

use crate::socket::stream_socket::StreamSocket;
use crate::sys::{self, AddressFamily, Socket};

/// When a silent TCP peer is asked whether it is still there, and when it is given up (tcp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// The silence before the first question.
    pub idle: Duration,
    /// The time between questions.
    pub interval: Duration,
    /// How many questions may stay unanswered.
    pub count: u32,
}

/// The options of a connection. `None` is the system's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Small writes go out at once instead of being coalesced (tcp(7), TCP_NODELAY).
    pub no_delay: bool,
    /// Whether and how a silent TCP peer is asked for (socket(7), SO_KEEPALIVE).
    pub keep_alive: Option<KeepAlive>,
    /// How long sent data may stay unacknowledged before the connection fails (tcp(7), TCP_USER_TIMEOUT).
    pub user_timeout: Option<Duration>,
    /// How long what is still unsent may take after the connection was closed; with a time of zero it is discarded, and the
    /// connection is reset. In place of the write timeout, and like that it makes nobody wait: the kernel's own linger
    /// (socket(7), SO_LINGER) would block in close(2).
    pub linger: Option<Duration>,
    /// The size of the kernel's send buffer in bytes (socket(7), SO_SNDBUF).
    pub send_buffer_size: Option<usize>,
    /// The size of the kernel's receive buffer in bytes (socket(7), SO_RCVBUF).
    pub receive_buffer_size: Option<usize>,
}

impl Options {
    /// Sets on a new socket what differs from the system's defaults.
    pub(crate) fn apply(&self, stream: &StreamSocket) -> io::Result<()> {
        self.change(&Options::default(), &stream.socket, stream.family)
    }

    /// Refuses what differs from `old` and is not to be had here: on a socket to come it would make a connect fail.
    pub(crate) fn check(&self, old: &Options) -> io::Result<()> {
        if self.user_timeout != old.user_timeout && !sys::HAS_USER_TIMEOUT {
            return Err(sys::unsupported("the TCP user timeout"));
        }
        Ok(())
    }

    /// Sets on `socket` what differs from `old`.
    pub(crate) fn change(
        &self,
        old: &Options,
        socket: &Socket,
        family: AddressFamily,
    ) -> io::Result<()> {
        if let Some(size) = self.send_buffer_size
            && self.send_buffer_size != old.send_buffer_size
        {
            socket.set_send_buffer_size(size)?;
        }
        if let Some(size) = self.receive_buffer_size
            && self.receive_buffer_size != old.receive_buffer_size
        {
            socket.set_receive_buffer_size(size)?;
        }
        if family == AddressFamily::Unix {
            return Ok(());
        }
        if self.no_delay != old.no_delay {
            socket.set_no_delay(self.no_delay)?;
        }
        if self.user_timeout != old.user_timeout {
            socket.set_user_timeout(self.user_timeout)?;
        }
        if self.keep_alive != old.keep_alive {
            let times =
                |keep_alive: KeepAlive| (keep_alive.idle, keep_alive.interval, keep_alive.count);
            socket.set_keep_alive(self.keep_alive.map(times))?;
        }
        Ok(())
    }
}
