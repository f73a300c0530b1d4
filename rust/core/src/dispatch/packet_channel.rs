//! A channel of packets over the stream of an endpoint, which can be replaced.

use std::fmt;
use std::sync::Arc;

use crate::connection::Connection;
use crate::dispatch::endpoint::Endpoint;
use crate::dispatch::outlet::Outlet;
use crate::error::{ReadError, copy_of};
use crate::packets::framing::Framing;
use crate::packets::packet_reader::{IncomingPacket, IncompletePacket, PacketReader};
use crate::sync::{Mutex, MutexGuard, lock};

/// Packets over the stream of an endpoint.
///
/// A packet stays with the connection until a call of [`take`](Self::take) or a poll takes it. A
/// poll takes a packet for the handlers that exist at that moment. Each of them receives each
/// packet once and in order, whichever poll takes it. A poll of an event loop delivers a packet to
/// the handlers of the channel at once; the other loops with handlers deliver it when they are
/// polled.
///
/// Every method may be called from any thread.
pub struct PacketChannel<E> {
    outlet: Outlet,
    state: Mutex<ChannelState<E>>,
}

/// The format of packets in a stream. Exhaustive: callers write it as a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    /// How packets are delimited.
    pub framing: Framing,
    /// The maximum length of a packet in bytes, without its framing.
    pub limit: usize,
}

struct ChannelState<E> {
    endpoint: Option<E>,
    /// Shared by channels with the same format.
    format: Arc<Format>,
    reader: PacketReader,
    /// The version of the connection whose stream became unusable. Cleared once the failure is
    /// reported.
    failed_version: Option<u64>,
}

impl<E> fmt::Debug for PacketChannel<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketChannel").finish_non_exhaustive()
    }
}

impl<E: Endpoint> PacketChannel<E> {
    /// Creates a channel without an endpoint.
    pub fn new(format: Arc<Format>) -> PacketChannel<E> {
        PacketChannel {
            outlet: Outlet::default(),
            state: Mutex::new(ChannelState {
                endpoint: None,
                reader: PacketReader::new(format.framing.clone(), format.limit),
                format,
                failed_version: None,
            }),
        }
    }

    /// The event loops that the channel is in, and the limit of its polls.
    pub fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    fn state(&self) -> MutexGuard<'_, ChannelState<E>> {
        lock(&self.state)
    }

    /// Returns the endpoint whose stream carries the packets.
    pub fn endpoint(&self) -> Option<E> {
        self.state().endpoint.clone()
    }

    /// Calls `then` with the endpoint and the format, with the channel locked. `None` without an
    /// endpoint.
    pub(super) fn with_endpoint<R>(
        &self,
        then: impl FnOnce(&E, &Arc<Format>) -> Option<R>,
    ) -> Option<R> {
        let state = self.state();
        then(state.endpoint.as_ref()?, &state.format)
    }

    /// Whether `connection` carries the packets.
    pub(super) fn uses(&self, connection: &Connection) -> bool {
        let is_endpoint = |endpoint: &E| std::ptr::eq(endpoint.connection(), connection);
        self.state().endpoint.as_ref().is_some_and(is_endpoint)
    }

    /// Replaces the endpoint, also in the event loops that the channel is in. Returns the old
    /// endpoint, which stays connected.
    #[must_use = "it may hold the last reference, and must be dropped without a lock"]
    pub fn set_endpoint(&self, endpoint: Option<E>) -> Option<E> {
        let old = self.outlet.replace_endpoint(|| {
            let mut state = self.state();
            state.reader.forget();
            state.failed_version = None;
            (
                std::mem::replace(&mut state.endpoint, endpoint.clone()),
                endpoint,
            )
        });
        if let Some(old) = &old {
            // The end of the poll flushes the new endpoint, and no longer this one.
            old.connection().try_flush();
        }
        old
    }

    /// Returns the format of the packets.
    pub fn format(&self) -> Arc<Format> {
        self.state().format.clone()
    }

    /// Changes the format, from the next packet on.
    pub fn set_format(&self, format: Arc<Format>) {
        let mut state = self.state();
        state.reader = PacketReader::new(format.framing.clone(), format.limit);
        state.format = format;
        drop(state);
        self.outlet.report();
    }

    /// Takes the next packet, if one has arrived, and converts it with `value`. Does not wait.
    /// `value` runs with the connection locked, so it must not use the connection.
    ///
    /// Returns `None` without an endpoint, and `Some(Ok(None))` if no complete packet has arrived.
    ///
    /// # Errors
    ///
    /// Those of [`PacketReader::read`]. A stream that ends within a packet, fails or is malformed
    /// has no further packets, so the endpoint is disconnected with that error as the reason.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("example_types.txt")]
    /// let framing = Framing::Delimiter(b"\n".to_vec());
    /// let channel = PacketChannel::new(Arc::new(Format { framing, limit: 100 }));
    /// let (one, other) = Connection::pair()?;
    /// drop(channel.set_endpoint(Some(Client(Arc::new(one)))));
    ///
    /// other.write_fully(b"first\nsec")?;
    /// let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    /// let packet = channel.take(text).expect("there is an endpoint")?;
    /// assert_eq!(packet.as_deref(), Some("first"));
    /// assert_eq!(channel.take(text).expect("there is an endpoint")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take<R>(&self, value: impl FnOnce(&[u8]) -> R) -> Option<Result<Option<R>, ReadError>> {
        self.read(|reader, connection| reader.read(connection, value))
    }

    /// Returns the number of complete packets that have arrived, and takes none. Stops counting at
    /// 64 KiB of packets. `None` without an endpoint. An error disconnects the endpoint, as in
    /// [`take`](Self::take).
    pub fn count(&self) -> Option<Result<usize, ReadError>> {
        self.read(PacketReader::count)
    }

    /// The next packet, if it has arrived in part, with at most `max_bytes` of its first bytes.
    /// Takes nothing and receives nothing. See [`PacketReader::incomplete`].
    pub fn incomplete(&self, max_bytes: usize) -> Option<IncompletePacket> {
        let state = self.state();
        let connection = state.endpoint.as_ref()?.connection();
        state.reader.incomplete(connection, max_bytes)
    }

    /// How much of the next packet has arrived. See [`PacketReader::incoming`].
    pub fn incoming(&self) -> IncomingPacket {
        let mut state = self.state();
        let ChannelState {
            endpoint, reader, ..
        } = &mut *state;
        let incoming = |endpoint: &E| reader.incoming(endpoint.connection());
        endpoint.as_ref().map(incoming).unwrap_or_default()
    }

    /// Whether a complete packet has arrived. False after an error.
    pub(super) fn has_packet(&self) -> bool {
        matches!(self.read(PacketReader::has_packet), Some(Ok(true)))
    }

    fn read<R>(
        &self,
        read: impl FnOnce(&mut PacketReader, &Connection) -> Result<R, ReadError>,
    ) -> Option<Result<R, ReadError>> {
        let mut state = self.state();
        let ChannelState {
            endpoint, reader, ..
        } = &mut *state;
        let connection = endpoint.as_ref()?.connection();
        let version = connection.version();
        let outcome = read(reader, connection);
        if let Err(error) = &outcome
            && let Some(error) = copy_of_final(error)
            && connection.end_unusable(version, error)
        {
            state.failed_version = Some(state.version());
        }
        Some(outcome)
    }

    /// Returns the endpoint, and whether its stream has failed without a report so far. The failure
    /// then counts as reported.
    pub(super) fn take_failure(&self) -> (Option<E>, bool) {
        let mut state = self.state();
        let version = state.version();
        let failed_version = state.failed_version.take();
        // After another connect, the failure belongs to an earlier connection.
        (state.endpoint.clone(), failed_version == Some(version))
    }
}

impl<E: Endpoint> ChannelState<E> {
    fn version(&self) -> u64 {
        let endpoint = self.endpoint.as_ref();
        endpoint.map_or(0, |endpoint| endpoint.connection().version())
    }
}

/// Returns a copy of `error` if no packet can follow it.
fn copy_of_final(error: &ReadError) -> Option<ReadError> {
    Some(match error {
        ReadError::Malformed { peer, what } => ReadError::Malformed {
            peer: peer.clone(),
            what,
        },
        ReadError::PacketTooLong { peer, bytes, limit } => ReadError::PacketTooLong {
            peer: peer.clone(),
            bytes: *bytes,
            limit: *limit,
        },
        ReadError::Truncated { peer } => ReadError::Truncated { peer: peer.clone() },
        ReadError::Socket { peer, source } => ReadError::Socket {
            peer: peer.clone(),
            source: copy_of(source),
        },
        _ => return None,
    })
}
