//! Packets in the stream of a connection: their [`Framing`], and reading and writing them.
//!
//! | file | content |
//! | --- | --- |
//! | `packet_reader` | [`PacketReader`], and the calls of a connection that write packets |
//! | `framing` | [`Framing`]: how packets are delimited; no socket |
//!
//! A packet stays in the connection until it is read; there is no second buffer. A reader remembers
//! the bounds of the packets that it has found. They are valid as long as the generation of the
//! connection and its count of read bytes are unchanged; otherwise the reader searches again.

pub(crate) mod framing;
pub(crate) mod packet_reader;

pub use framing::{Framing, LengthField, Width};
pub use packet_reader::{IncomingPacket, IncompletePacket, PacketReader};
