//! Packets in the stream of a connection.

pub(crate) mod framing;
pub(crate) mod packet_reader;
