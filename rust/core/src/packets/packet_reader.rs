//! Reading packets from a connection, and writing them to it.

use crate::connection::{Connection, Found};
use crate::error::{ReadError, Unusable, WriteError};
use crate::packets::framing::{FrameBounds, Framing};
use crate::totals;

/// [`PacketReader::count`] stops when the packets that it has found have this number of bytes.
const AHEAD: usize = 64 * 1024;

/// Reads packets from a connection.
///
/// The bytes stay with the connection until a packet is read. So the framing can change between two
/// packets, other data can be read with the connection's own methods, and a slow reader exerts
/// backpressure.
///
/// # Examples
///
/// ```
/// use stream_socket::Connection;
/// use stream_socket::packets::{Framing, PacketReader};
///
/// let lines = Framing::Delimiter(b"\n".to_vec());
/// let (client, server) = Connection::pair()?;
/// client.write_packet(&lines, 100, b"hello")?;
///
/// let mut reader = PacketReader::new(lines, 100);
/// let packet = loop {
///     if let Some(packet) = reader.read(&server, <[u8]>::to_vec)? {
///         break packet;
///     }
/// };
/// assert_eq!(packet, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PacketReader {
    framing: Framing,
    limit: usize,
    ahead: Ahead,
}

/// The progress of a packet that is arriving.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingPacket {
    /// How many of its bytes have been received, without its framing. 0 if none is arriving.
    pub received: usize,
    /// Its length. `None` if it is not known yet, as long as a delimiter has not arrived, and if
    /// none is arriving.
    pub total: Option<usize>,
}

/// The packets found in the unread bytes of a connection: the bounds of the first one, and the
/// number of the others, so that many small packets use no memory.
#[derive(Debug, Default)]
struct Ahead {
    /// The generation of the connection, and how many bytes of it had been read.
    at: Option<(u64, u64)>,
    /// The first packet, if it was found.
    first: Option<FrameBounds>,
    /// How many complete packets were found.
    count: usize,
    /// The total length of their frames in bytes.
    known: usize,
    /// The incomplete packet after them, if its bounds are known.
    next: Option<FrameBounds>,
    /// How many bytes after them were searched for the end of that packet.
    searched: usize,
}

/// A packet that has arrived in part. See [`PacketReader::incomplete`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncompletePacket {
    /// The generation of the connection.
    pub generation: u64,
    /// How many bytes the connection has received in total.
    pub received: u64,
    /// The first bytes of the packet and its framing.
    pub first_bytes: Vec<u8>,
    /// How many bytes of the packet and its framing have arrived.
    pub arrived: usize,
    /// The length of the packet without its framing, if that is known.
    pub length: Option<usize>,
}

impl PacketReader {
    /// Creates a reader. `limit` is the maximum length of a packet in bytes, without its framing.
    pub fn new(framing: Framing, limit: usize) -> PacketReader {
        PacketReader {
            framing,
            limit,
            ahead: Ahead::default(),
        }
    }

    /// Changes the framing, from the next packet on.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
        self.forget();
    }

    /// Changes the maximum length of a packet, in bytes.
    pub fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
        self.forget();
    }

    /// Discards what was found in the connection. Call it before reading from another connection.
    pub fn forget(&mut self) {
        self.ahead = Ahead::default();
    }

    /// Reads the next packet and passes it to `take`. `None` if no complete packet has arrived.
    /// Does not wait. `take` runs with the connection locked, so it must not use the connection.
    ///
    /// # Errors
    ///
    /// Malformed bytes ([`ReadError::Malformed`]), a packet beyond the limit
    /// ([`ReadError::PacketTooLong`]), or a stream that ends within a packet
    /// ([`ReadError::Truncated`]). Then nothing is read, and the next call returns the same error,
    /// because no later packet can be found. After the last packet, [`ReadError::EndOfStream`].
    /// Also those of [`Connection::try_read`] for the status and the socket.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::Connection;
    /// use stream_socket::packets::{Framing, PacketReader};
    ///
    /// let (client, server) = Connection::pair()?;
    /// client.write_fully(b"one\ntwo\nthr")?;
    /// let mut reader = PacketReader::new(Framing::Delimiter(b"\n".to_vec()), 100);
    /// let mut packets = Vec::new();
    /// # let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    /// while packets.len() < 2 {
    /// #     assert!(std::time::Instant::now() < deadline);
    ///     packets.extend(reader.read(&server, <[u8]>::to_vec)?);
    /// }
    /// assert_eq!(packets, [b"one", b"two"]);
    /// assert_eq!(reader.read(&server, <[u8]>::to_vec)?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read<R>(
        &mut self,
        connection: &Connection,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        let (framing, limit, ahead) = (&self.framing, self.limit, &mut self.ahead);
        let found = connection.read_found(
            false,
            |generation, buffer| {
                ahead.advance(
                    framing,
                    limit,
                    (generation, buffer.bytes_read()),
                    buffer.unread(),
                    1,
                )?;
                Ok(ahead.first.map(|cut| Found {
                    wanted: cut.head..cut.head + cut.body,
                    total: cut.total(),
                    is_message: true,
                }))
            },
            take,
        );
        match found {
            Ok(Some(_)) => {
                self.ahead.pop();
                totals::received_packet();
            }
            Err(ReadError::EndOfStream) => return Err(end_of_stream(connection)),
            Ok(None) | Err(_) => {}
        }
        found
    }

    /// Returns the number of complete packets that have arrived. Stops counting at 64 KiB of
    /// packets. Reads none, and does not wait.
    ///
    /// # Errors
    ///
    /// Like [`read`](Self::read), once no complete packet is left before the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::Connection;
    /// use stream_socket::packets::{Framing, PacketReader};
    ///
    /// let (client, server) = Connection::pair()?;
    /// client.write_fully(b"one\ntwo\nthr")?;
    /// let mut reader = PacketReader::new(Framing::Delimiter(b"\n".to_vec()), 100);
    /// while reader.count(&server)? < 2 {}
    /// assert!(reader.has_packet(&server)?);
    /// assert_eq!(reader.count(&server)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count(&mut self, connection: &Connection) -> Result<usize, ReadError> {
        self.probe(connection, AHEAD)?;
        Ok(self.ahead.count)
    }

    /// Whether a complete packet has arrived. Reads none, and does not wait. Errors are those of
    /// [`read`](Self::read).
    pub fn has_packet(&mut self, connection: &Connection) -> Result<bool, ReadError> {
        self.probe(connection, 1)?;
        Ok(self.ahead.count > 0)
    }

    /// Returns the progress of the first incomplete packet, as of the last poll or read of the
    /// connection. Receives nothing, makes no system call and does not wait. While 64 KiB of
    /// complete packets are unread, it is not known.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::Connection;
    /// use stream_socket::packets::{Framing, LengthField, PacketReader, Width};
    ///
    /// let framing = Framing::Length(LengthField {
    ///     width: Width::Bytes(1),
    ///     big_endian: false,
    ///     includes_itself: false,
    /// });
    /// let (client, server) = Connection::pair()?;
    /// client.write_fully(b"\x05hel")?;
    /// let mut reader = PacketReader::new(framing, 100);
    /// while server.available() != Some(4) {}
    /// let incoming = reader.incoming(&server);
    /// assert_eq!((incoming.received, incoming.total), (3, Some(5)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn incoming(&mut self, connection: &Connection) -> IncomingPacket {
        let (framing, limit, ahead) = (&self.framing, self.limit, &mut self.ahead);
        let probed = connection.probe_unread(|generation, _, buffer| {
            let (at, unread) = ((generation, buffer.bytes_read()), buffer.unread());
            // The next read returns the error.
            ahead.advance(framing, limit, at, unread, AHEAD).ok()?;
            let arrived = unread.len() - ahead.known;
            match ahead.next {
                _ if ahead.known >= AHEAD => None,
                Some(cut) => Some(IncomingPacket {
                    received: arrived.saturating_sub(cut.head).min(cut.body),
                    total: Some(cut.body),
                }),
                None if framing.begins_with_packet() => Some(IncomingPacket {
                    received: arrived.min(limit),
                    total: None,
                }),
                None => None,
            }
        });
        probed.flatten().unwrap_or_default()
    }

    /// The next packet, if it has arrived in part. Its [`first_bytes`] are at most `max_bytes`.
    /// Reads nothing and receives nothing. `None` if no byte of it has arrived, if all of it has,
    /// or if the bytes are malformed.
    ///
    /// [`first_bytes`]: IncompletePacket::first_bytes
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::Connection;
    /// use stream_socket::packets::{Framing, PacketReader};
    ///
    /// let (client, server) = Connection::pair()?;
    /// client.write_fully(b"hello")?;
    /// let mut reader = PacketReader::new(Framing::Delimiter(b"\n".to_vec()), 100);
    /// while !server.has_unread() {
    ///     assert!(!reader.has_packet(&server)?);
    /// }
    /// assert_eq!(reader.incomplete(&server, 4).unwrap().first_bytes, b"hell");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn incomplete(
        &self,
        connection: &Connection,
        max_bytes: usize,
    ) -> Option<IncompletePacket> {
        let incomplete = connection.probe_unread(|generation, received, buffer| {
            let unread = buffer.unread();
            let cut = match self.framing.cut(unread, self.limit, &mut 0) {
                _ if unread.is_empty() => return None,
                Err(_) => return None,
                Ok(cut) => cut,
            };
            cut.is_none_or(|cut| cut.total() > unread.len())
                .then(|| IncompletePacket {
                    generation,
                    received,
                    first_bytes: unread[..unread.len().min(max_bytes)].to_vec(),
                    arrived: unread.len(),
                    length: cut.map(|cut| cut.body),
                })
        });
        incomplete.flatten()
    }

    /// Finds packets until they have `enough` bytes in total. Returns an error only if no complete
    /// packet precedes it.
    fn probe(&mut self, connection: &Connection, enough: usize) -> Result<(), ReadError> {
        let (framing, limit, ahead) = (&self.framing, self.limit, &mut self.ahead);
        let probed = connection.read_found(
            false,
            |generation, buffer| {
                ahead.advance(
                    framing,
                    limit,
                    (generation, buffer.bytes_read()),
                    buffer.unread(),
                    enough,
                )?;
                Ok((ahead.known >= enough).then_some(Found::NOTHING))
            },
            |_| (),
        );
        match probed {
            Err(ReadError::EndOfStream) if self.ahead.count == 0 => Err(end_of_stream(connection)),
            Err(error) if self.ahead.count == 0 => Err(error),
            _ => Ok(()),
        }
    }
}

impl Ahead {
    /// Finds further packets in `unread`, until they have `enough` bytes in total. `at` is the
    /// position of `unread` in the stream. An error is returned only if no packet precedes it.
    fn advance(
        &mut self,
        framing: &Framing,
        limit: usize,
        at: (u64, u64),
        unread: &[u8],
        enough: usize,
    ) -> Result<(), Unusable> {
        if self.at != Some(at) {
            *self = Ahead {
                at: Some(at),
                ..Ahead::default()
            };
        }
        if self.count > 0 && self.first.is_none() {
            // The previous packet was read. This one is known to be complete, but its bounds were
            // not kept.
            self.first = framing.cut(unread, limit, &mut 0)?;
            debug_assert!(self.first.is_some());
        }
        while self.count == 0 || self.known < enough {
            let rest = &unread[self.known..];
            let cut = match self.next {
                Some(cut) => cut,
                None => match framing.cut(rest, limit, &mut self.searched) {
                    Ok(Some(cut)) => cut,
                    Err(error) if self.count == 0 => return Err(error),
                    Ok(None) | Err(_) => return Ok(()),
                },
            };
            if rest.len() < cut.total() {
                self.next = Some(cut);
                return Ok(());
            }
            self.first.get_or_insert(cut);
            self.count += 1;
            self.known += cut.total();
            (self.next, self.searched) = (None, 0);
        }
        Ok(())
    }

    /// Removes the first packet, which was read.
    fn pop(&mut self) {
        if let (Some(cut), Some((_, read))) = (self.first.take(), &mut self.at) {
            self.count -= 1;
            self.known -= cut.total();
            *read += cut.total() as u64;
        }
    }
}

/// The error for the end of the stream, after the last complete packet.
fn end_of_stream(connection: &Connection) -> ReadError {
    match connection.peer_address() {
        Some(peer) if connection.has_unread() => ReadError::Truncated { peer },
        _ => ReadError::EndOfStream,
    }
}

impl Connection {
    /// Writes `packet` with its framing. `limit` is the maximum length of the packet in bytes.
    /// Waits as [`write_fully`](Self::write_fully) does. The packets of several threads do not
    /// interleave.
    ///
    /// If the write timeout passes within a packet, the connection is disconnected: the receiver
    /// could not distinguish later packets from the rest of this one.
    ///
    /// # Errors
    /// - [`WriteError::PacketTooLong`]: `packet` exceeds `limit`, or what the framing can express,
    ///   or its frame exceeds the write buffer. Nothing is sent.
    /// - [`WriteError::ContainsDelimiter`]: `packet` contains the delimiter. Nothing is sent.
    /// - Those of [`write_fully`](Self::write_fully).
    ///
    /// # Examples
    /// ```
    /// use stream_socket::packets::Framing;
    /// use stream_socket::{Connection, WriteError};
    ///
    /// let lines = Framing::Delimiter(b"\n".to_vec());
    /// let (one, other) = Connection::pair()?;
    /// one.write_packet(&lines, 100, b"hello")?;
    /// assert_eq!(other.try_read_with(100, <[u8]>::to_vec)?, b"hello\n");
    ///
    /// let refused = one.write_packet(&lines, 100, b"two\nlines");
    /// assert!(matches!(refused, Err(WriteError::ContainsDelimiter { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write_packet(
        &self,
        framing: &Framing,
        limit: usize,
        packet: &[u8],
    ) -> Result<(), WriteError> {
        let frame = framing.frame(packet, limit)?;
        self.write_message(&frame).map_err(too_long)?;
        totals::sent_packet();
        Ok(())
    }

    /// Like [`enqueue`](Self::enqueue), for a packet with its framing, as
    /// [`Framing::frame`](crate::packets::Framing::frame) returns it.
    ///
    /// # Errors
    /// Those of [`enqueue`](Self::enqueue), but a frame that exceeds `limit` is
    /// [`WriteError::PacketTooLong`].
    pub fn enqueue_packet(&self, frame: &[u8], limit: usize) -> Result<bool, WriteError> {
        let was_empty = self.enqueue_message(frame, limit).map_err(too_long)?;
        totals::sent_packet();
        Ok(was_empty)
    }
}

/// A packet is queued as a whole, so a packet that is larger than the write buffer is too long.
fn too_long(error: WriteError) -> WriteError {
    match error {
        WriteError::TooLarge { bytes, limit, .. } => WriteError::PacketTooLong { bytes, limit },
        error => error,
    }
}

// Windows cannot make pairs of connected sockets.
#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::packets::framing::SCANNED;

    const LINES: usize = 20_000;

    /// How many bytes `body` searches.
    fn scanned(body: impl FnOnce()) -> usize {
        let before = SCANNED.get();
        body();
        SCANNED.get() - before
    }

    /// A reader of lines, and a connection that has received `LINES` of two bytes each.
    fn full() -> (PacketReader, Connection, Connection) {
        let (one, other) = Connection::pair().unwrap();
        other.set_queue_limit(1 << 20);
        other.write_fully(&b"x\n".repeat(LINES)).unwrap();
        let reader = PacketReader::new(Framing::Delimiter(b"\n".to_vec()), 100);
        (reader, one, other)
    }

    #[test]
    fn a_count_searches_only_what_is_new() {
        let (mut reader, one, other) = full();
        let count = |reader: &mut PacketReader| reader.count(&one).unwrap();
        assert_eq!(scanned(|| assert_eq!(count(&mut reader), LINES)), 2 * LINES);
        for _ in 0..3 {
            assert_eq!(scanned(|| assert_eq!(count(&mut reader), LINES)), 0);
            assert_eq!(scanned(|| assert!(reader.has_packet(&one).unwrap())), 0);
            assert_eq!(scanned(|| _ = reader.incoming(&one)), 0);
        }
        other.write_fully(b"new\n").unwrap();
        assert_eq!(scanned(|| assert_eq!(count(&mut reader), LINES + 1)), 4);
        // The bounds of the first packet are found again, those of the others are not.
        for taken in 1..5 {
            let left = LINES + 1 - taken;
            let read = || assert!(reader.read(&one, |_| ()).unwrap().is_some());
            assert!(scanned(read) <= 2);
            assert!(scanned(|| assert_eq!(count(&mut reader), left)) <= 2);
        }
        // An incomplete packet is searched once, however slowly it arrives.
        for _ in 0..10 {
            other.write_fully(b"slow").unwrap();
            assert_eq!(scanned(|| assert_eq!(count(&mut reader), LINES - 3)), 4);
        }
    }

    /// A loop that counts before each packet searches each byte a few times.
    #[test]
    fn counting_before_each_packet_costs_no_more_than_the_packets() {
        let (mut reader, one, _other) = full();
        let work = scanned(|| {
            for left in (1..=LINES).rev() {
                assert_eq!(reader.count(&one).unwrap(), left);
                assert!(reader.read(&one, |_| ()).unwrap().is_some());
            }
        });
        assert!(work <= 2 * 2 * LINES, "{work} bytes searched");
    }
}
