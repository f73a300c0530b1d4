//! Socket options. A connection keeps them, applies them to each socket that it opens, and changes
//! them on the socket that it has.

use std::io;
use std::time::Duration;

use crate::error::OptionError;
use crate::socket::stream_socket::StreamSocket;
use crate::sys::{self, AddressFamily, Socket};

/// The parameters of TCP keep-alive: when an idle connection is probed, and when it fails (tcp(7)).
/// Exhaustive: these are the three parameters that the protocol has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// How long the connection is idle before the first probe (TCP_KEEPIDLE).
    pub idle: Duration,
    /// The time between probes (TCP_KEEPINTVL).
    pub interval: Duration,
    /// How many unanswered probes make the connection fail (TCP_KEEPCNT).
    pub count: u32,
}

/// The socket options of a connection. `None` is the system's default. `no_delay`, `keep_alive` and
/// `user_timeout` have no effect on Unix domain sockets.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_socket::{Connection, Options};
///
/// let connection = Connection::new();
/// connection.set_options(|options| {
///     options.linger = Some(Duration::from_secs(2));
/// })?;
/// assert_eq!(connection.options().linger, Some(Duration::from_secs(2)));
/// assert_eq!(Options::default().linger, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Sends small writes at once instead of coalescing them (tcp(7), TCP_NODELAY).
    pub no_delay: bool,
    /// Probes an idle TCP connection (socket(7), SO_KEEPALIVE). `None` disables probes.
    pub keep_alive: Option<KeepAlive>,
    /// How long sent data may stay unacknowledged before the connection fails (tcp(7),
    /// TCP_USER_TIMEOUT). Systems that lack this option refuse a change.
    pub user_timeout: Option<Duration>,
    /// How long a lingering close may take to send the data that is queued when the connection is
    /// disconnected. `None` is the write timeout. Zero discards the queue and resets the
    /// connection. Never blocks, unlike the kernel's own linger (socket(7), SO_LINGER), which
    /// blocks in close(2).
    pub linger: Option<Duration>,
    /// The size of the kernel's send buffer in bytes (socket(7), SO_SNDBUF). A change to `None`
    /// does not affect an open socket.
    pub send_buffer_size: Option<usize>,
    /// The size of the kernel's receive buffer in bytes (socket(7), SO_RCVBUF). A change to `None`
    /// does not affect an open socket.
    pub receive_buffer_size: Option<usize>,
}

/// The sizes of the kernel's buffers for a socket, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BufferSizes {
    /// The size of the send buffer.
    pub send: usize,
    /// The size of the receive buffer.
    pub receive: usize,
}

impl Options {
    /// Sets the options of a new socket that differ from the system's defaults.
    pub(crate) fn apply(&self, stream: &StreamSocket) -> io::Result<()> {
        self.change(&Options::default(), &stream.socket, stream.family)
            .map_err(|error| error.source)
    }

    /// Refuses options that differ from `old` and that this platform does not have: on a later
    /// socket they would make a connect fail.
    pub(crate) fn check(&self, old: &Options) -> Result<(), OptionError> {
        if self.user_timeout != old.user_timeout && !sys::HAS_USER_TIMEOUT {
            return Err(failed("set user timeout")(sys::unsupported(
                "TCP user timeout",
            )));
        }
        Ok(())
    }

    /// Sets the options of `socket` that differ from `old`.
    pub(crate) fn change(
        &self,
        old: &Options,
        socket: &Socket,
        family: AddressFamily,
    ) -> Result<(), OptionError> {
        if let Some(size) = self.send_buffer_size
            && self.send_buffer_size != old.send_buffer_size
        {
            let set = socket.set_send_buffer_size(size);
            set.map_err(failed("set send buffer size"))?;
        }
        if let Some(size) = self.receive_buffer_size
            && self.receive_buffer_size != old.receive_buffer_size
        {
            let set = socket.set_receive_buffer_size(size);
            set.map_err(failed("set receive buffer size"))?;
        }
        if family == AddressFamily::Unix {
            return Ok(());
        }
        if self.no_delay != old.no_delay {
            let set = socket.set_no_delay(self.no_delay);
            set.map_err(failed("set no-delay"))?;
        }
        if self.user_timeout != old.user_timeout {
            let set = socket.set_user_timeout(self.user_timeout);
            set.map_err(failed("set user timeout"))?;
        }
        if self.keep_alive != old.keep_alive {
            let times =
                |keep_alive: KeepAlive| (keep_alive.idle, keep_alive.interval, keep_alive.count);
            let set = socket.set_keep_alive(self.keep_alive.map(times));
            set.map_err(failed("set keep-alive"))?;
        }
        Ok(())
    }
}

/// The error of an `operation`, from the system's error.
fn failed(operation: &'static str) -> impl FnOnce(io::Error) -> OptionError {
    move |source| OptionError { operation, source }
}
