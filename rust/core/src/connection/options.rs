//! What the user can set: the socket options, and the settings that blocking calls, queues and ends
//! follow.

use std::time::Duration;

use crate::address::Address;
use crate::connection::Connection;
use crate::connection::transport::Transport;
use crate::error::OptionError;
use crate::socket::options::{BufferSizes, Options};
use crate::sync::atomic::Ordering;
use crate::sys::AddressFamily;

impl Connection {
    /// Returns the socket options.
    pub fn options(&self) -> Options {
        self.lock().rare.options()
    }

    /// Changes the socket options, of the open sockets and of those that later connects open.
    /// Allowed in every status.
    ///
    /// `change` runs with the connection locked, so it must not use the connection. The options
    /// outlive a disconnect.
    ///
    /// # Errors
    /// The system refuses an option. Then [`options`](Self::options) returns the old values, but an
    /// open socket may have some of the new ones.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let connection = Connection::new();
    /// connection.set_options(|options| options.no_delay = true)?;
    /// assert!(connection.options().no_delay);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_options(&self, change: impl FnOnce(&mut Options)) -> Result<(), OptionError> {
        let mut inner = self.lock();
        let old = inner.rare.options();
        let mut options = old;
        change(&mut options);
        options.check(&old)?;
        match &inner.transport {
            Transport::Closed => {}
            Transport::Bound(stream) => options.change(&old, &stream.socket, stream.family)?,
            // Any of the attempts may become the connection.
            Transport::Connecting(connecting) => {
                for stream in connecting.streams() {
                    options.change(&old, &stream.socket, stream.family)?;
                }
            }
            Transport::Connected { socket, .. } => {
                let peer = inner.peer_address();
                let family = peer.map_or(AddressFamily::Unix, Address::family);
                options.change(&old, socket, family)?;
            }
        }
        inner.rare.set_options(options);
        Ok(())
    }

    /// Sets everything that can be set of a connection as it is set of `other`: the socket options,
    /// the timeouts, the queue limit, coalescing, and half-open connections. Allowed in every
    /// status of both.
    ///
    /// # Errors
    /// The system refuses a socket option, as in [`set_options`](Self::set_options). The rest is
    /// set.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let template = Connection::new();
    /// template.set_queue_limit(65536);
    /// let (one, _other) = Connection::pair()?;
    /// one.set_all_like(&template)?;
    /// assert_eq!(one.queue_limit(), 65536);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_all_like(&self, other: &Connection) -> Result<(), OptionError> {
        self.set_read_timeout(other.read_timeout());
        self.set_write_timeout(other.write_timeout());
        self.set_queue_limit(other.queue_limit());
        self.set_coalesces(other.coalesces());
        self.set_allow_half_open(other.allows_half_open());
        let options = other.options();
        if options == self.options() {
            return Ok(());
        }
        self.set_options(|own| *own = options)
    }

    /// Returns the sizes of the kernel's buffers. `None` without an open socket. Linux doubles a
    /// requested size, and has limits of its own (socket(7), `SO_SNDBUF`).
    ///
    /// # Examples
    /// ```
    /// use stream_socket::Connection;
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.set_options(|options| options.send_buffer_size = Some(20_000))?;
    /// assert!(one.buffer_sizes().is_some_and(|sizes| sizes.send >= 20_000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn buffer_sizes(&self) -> Option<BufferSizes> {
        let (send, receive) = self.lock().transport.socket()?.buffer_sizes().ok()?;
        Some(BufferSizes { send, receive })
    }

    /// Sets how long a blocking read may wait. `None`, the default, is unlimited.
    ///
    /// # Examples
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// use std::time::Duration;
    /// use stream_socket::{Connection, Status};
    ///
    /// let (mut one, _other) = Connection::pair()?;
    /// one.set_read_timeout(Some(Duration::from_millis(10)));
    /// let error = one.read(&mut [0; 4]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::TimedOut);
    /// assert_eq!(one.status(), Status::Connected);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) {
        self.settings.read_timeout.set(timeout);
    }

    /// Returns the [read timeout](Self::set_read_timeout).
    pub fn read_timeout(&self) -> Option<Duration> {
        self.settings.read_timeout.get()
    }

    /// Sets how long [`write_fully`](Self::write_fully) and [`flush_queue`](Self::flush_queue) may
    /// wait. `None`, the default, is unlimited. It is also the time limit for queued data after a
    /// [`disconnect`](Self::disconnect), which is 30 seconds by default.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use stream_socket::{Connection, WriteError};
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.set_write_timeout(Some(Duration::from_millis(10)));
    /// // Nobody reads, and the system does not take all of this.
    /// let data = vec![0; 16 << 20];
    /// let failure = one.write_fully(&data).unwrap_err();
    /// assert!(matches!(failure.error, WriteError::TimedOut { .. }));
    /// assert!(failure.accepted < data.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) {
        self.settings.write_timeout.set(timeout);
    }

    /// Returns the [write timeout](Self::set_write_timeout).
    pub fn write_timeout(&self) -> Option<Duration> {
        self.settings.write_timeout.get()
    }

    /// Sets how many bytes may be queued. With 0, the default, there is no queue, and writes wait.
    /// With a queue, writes never wait: they queue what the kernel does not accept, also while
    /// connecting, and [`poll`](Self::poll) sends the queue.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::{Connection, WriteError};
    ///
    /// let (one, _other) = Connection::pair()?;
    /// let data = vec![0; 16 << 20];
    /// one.set_queue_limit(data.len());
    /// // Returns at once, although nobody reads.
    /// one.write_fully(&data)?;
    /// assert!(one.pending_bytes() > 0);
    ///
    /// let failure = one.write_fully(&data).unwrap_err();
    /// assert!(matches!(failure.error, WriteError::Busy { .. }));
    /// assert_eq!(failure.accepted, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_queue_limit(&self, bytes: usize) {
        self.settings.queue_limit.store(bytes, Ordering::Relaxed);
    }

    /// Returns the [queue limit](Self::set_queue_limit) in bytes.
    pub fn queue_limit(&self) -> usize {
        self.settings.queue_limit.load(Ordering::Relaxed)
    }

    /// Sets whether small writes are coalesced. Coalesced data is sent by
    /// [`flush_queue`](Self::flush_queue), by [`poll`](Self::poll), by a read that finds too little
    /// data, and once there are 16 KiB.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    /// use stream_socket::Connection;
    ///
    /// let (one, _other) = Connection::pair()?;
    /// one.set_coalesces(true);
    /// one.write_fully(b"move 3 4\n")?;
    /// one.write_fully(b"jump\n")?;
    /// assert_eq!(one.pending_bytes(), 14);
    /// // Sends both lines with one system call.
    /// one.poll(Instant::now)?;
    /// assert_eq!(one.pending_bytes(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_coalesces(&self, enabled: bool) {
        self.coalesces.store(enabled, Ordering::Relaxed);
    }

    /// Returns whether [small writes are coalesced](Self::set_coalesces).
    pub fn coalesces(&self) -> bool {
        self.coalesces.load(Ordering::Relaxed)
    }

    /// Sets whether the connection stays open when the peer has ended its direction of the stream.
    ///
    /// If false, the default, the end of the peer ends the connection once everything has been
    /// read. Queued data is then sent in the background. If true, the connection ends when the peer
    /// has ended its direction and [`shut_down_writing`](Self::shut_down_writing) has ended the
    /// direction of this side.
    ///
    /// # Examples
    /// ```
    /// use stream_socket::{Connection, Status};
    ///
    /// let (client, server) = Connection::pair()?;
    /// server.set_allow_half_open(true);
    /// client.shut_down_writing()?;
    /// server.poll(std::time::Instant::now)?;
    /// assert_eq!(server.status(), Status::Connected);
    /// server.write_fully(b"an answer")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_allow_half_open(&self, allowed: bool) {
        self.allows_half_open.store(allowed, Ordering::Relaxed);
    }

    /// Returns whether [half-open connections are allowed](Self::set_allow_half_open).
    pub fn allows_half_open(&self) -> bool {
        self.allows_half_open.load(Ordering::Relaxed)
    }
}
