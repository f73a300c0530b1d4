//! Packets in the stream of a connection: their [`Framing`], and reading and writing them.

pub(crate) mod framing;
pub(crate) mod packet_reader;

pub use framing::{Framing, LengthField, Width};
pub use packet_reader::{IncomingPacket, PacketReader};
