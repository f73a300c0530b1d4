//! Reading packets from a connection, and writing them to it.

use crate::connection::{Connection, Found};
use crate::error::{ReadError, Unusable, WriteError};
use crate::packets::framing::{FrameBounds, Framing};
use crate::totals;

/// So many bytes in packets are looked for ahead by [`PacketReader::count`].
const AHEAD: usize = 64 * 1024;

/// Cuts the packets out of what a connection receives.
///
/// All of it stays with the connection until it is read: the framing can be changed between two packets, what is no packet
/// can be read by the connection's own methods, and a reader that is slow slows its sender down.
#[derive(Debug)]
pub struct PacketReader {
    framing: Framing,
    limit: usize,
    ahead: Ahead,
}

/// What is known of the unread bytes of a connection: of the packets that are there no more than their number, so that
/// many small ones cost no memory.
#[derive(Debug, Default)]
struct Ahead {
    /// The session, and how much had been read in it.
    at: Option<(u64, u64)>,
    /// The first packet, if it is there.
    first: Option<FrameBounds>,
    /// How many packets are there.
    count: usize,
    /// How many bytes they have.
    known: usize,
    /// The packet behind them, of which not all is there.
    next: Option<FrameBounds>,
    /// How many bytes behind them were searched for its end.
    searched: usize,
}

impl PacketReader {
    /// A reader of packets that have at most `limit` bytes each, without what stands around them.
    pub fn new(framing: Framing, limit: usize) -> PacketReader {
        PacketReader {
            framing,
            limit,
            ahead: Ahead::default(),
        }
    }

    /// Changes how packets are told apart, from the next one on.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
        self.forget();
    }

    /// Changes how many bytes a packet may have.
    pub fn set_limit(&mut self, bytes: usize) {
        self.limit = bytes;
        self.forget();
    }

    /// Forgets what is known of the connection read from. To be called before another one is read from.
    pub fn forget(&mut self) {
        self.ahead = Ahead::default();
    }

    /// Reads the next packet and gives it to `take`, if it is there as a whole. Does not wait. `take` runs with the
    /// connection locked, so it must not use the connection.
    ///
    /// What cannot be a packet is an error ([`ReadError::Malformed`], [`ReadError::PacketTooLong`]), and so is a stream that
    /// ends within one ([`ReadError::Truncated`]). Then nothing is read, and the next call says the same: behind it no
    /// packet can be told from another.
    pub fn read<R>(
        &mut self,
        connection: &Connection,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, ReadError> {
        let (framing, limit, ahead) = (&self.framing, self.limit, &mut self.ahead);
        let found = connection.read_found(
            false,
            |session, buffer| {
                ahead.advance(
                    framing,
                    limit,
                    (session, buffer.bytes_read()),
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

    /// How many packets are there as a whole, as far as they have 64 KiB together; none is read. Does not wait. An error, as
    /// of [`read`](Self::read), comes after the packets that are there.
    pub fn count(&mut self, connection: &Connection) -> Result<usize, ReadError> {
        self.probe(connection, AHEAD)?;
        Ok(self.ahead.count)
    }

    /// Whether a packet is there as a whole; none is read. Does not wait. Errors are those of [`read`](Self::read).
    pub fn has_packet(&mut self, connection: &Connection) -> Result<bool, ReadError> {
        self.probe(connection, 1)?;
        Ok(self.ahead.count > 0)
    }

    /// Looks for packets of `enough` bytes. An error comes after the packets that are there.
    fn probe(&mut self, connection: &Connection, enough: usize) -> Result<(), ReadError> {
        let (framing, limit, ahead) = (&self.framing, self.limit, &mut self.ahead);
        let probed = connection.read_found(
            false,
            |session, buffer| {
                ahead.advance(
                    framing,
                    limit,
                    (session, buffer.bytes_read()),
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
    /// Goes on until packets of `enough` bytes are known, or all that is there. `at` is where `unread` begins. An error is
    /// not told as long as there is a packet before it.
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
            // The packet before it was read; it was seen as a whole.
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

    /// The first packet was read.
    fn pop(&mut self) {
        if let (Some(cut), Some((_, read))) = (self.first.take(), &mut self.at) {
            self.count -= 1;
            self.known -= cut.total();
            *read += cut.total() as u64;
        }
    }
}

/// What the end of the stream is, without another whole packet before it.
fn end_of_stream(connection: &Connection) -> ReadError {
    match connection.peer_address() {
        Some(peer) if connection.has_unread() => ReadError::Truncated { peer },
        _ => ReadError::EndOfStream,
    }
}

impl Connection {
    /// Writes `packet`, which may have at most `limit` bytes, with what stands around it. Waits as
    /// [`write_fully`](Self::write_fully) does; packets of several threads do not mix. If it runs into the timeout with a part of
    /// the packet sent, the connection is disconnected: what would follow could not be told from its rest.
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

    /// The same as [`enqueue`](Self::enqueue) for a packet with what stands around it, as
    /// [`Framing::frame`](crate::packets::Framing::frame) gives it.
    pub fn enqueue_packet(&self, frame: &[u8], limit: usize) -> Result<bool, WriteError> {
        let was_empty = self.enqueue_message(frame, limit).map_err(too_long)?;
        totals::sent_packet();
        Ok(was_empty)
    }
}

/// A packet is not sent in parts, so one that the queue never has room for is too long.
fn too_long(error: WriteError) -> WriteError {
    match error {
        WriteError::TooLarge { bytes, limit, .. } => WriteError::PacketTooLong { bytes, limit },
        error => error,
    }
}
