//! Any bytes, cut anywhere, under any framing: the packets in them are those that a simpler reader
//! finds, and so is how they end.

#![no_main]

#[path = "../../core/tests/simple_packets/mod.rs"]
mod simple_packets;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use stream_socket::packets::{Framing, LengthField, Width};

#[derive(Arbitrary, Debug)]
enum Format {
    Length(u8, bool, bool),
    Varint(bool),
    Delimiter(u8, Option<u8>),
    ContentLength,
}

#[derive(Arbitrary, Debug)]
struct Input {
    format: Format,
    limit: u16,
    pieces: [u8; 3],
    counts: bool,
    bytes: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let framing = match input.format {
        Format::Length(width, big_endian, includes_itself) => Framing::Length(LengthField {
            width: Width::Bytes([1, 2, 4, 8][usize::from(width) % 4]),
            big_endian,
            includes_itself,
        }),
        Format::Varint(includes_itself) => Framing::Length(LengthField {
            width: Width::Varint,
            big_endian: false,
            includes_itself,
        }),
        Format::Delimiter(first, second) => {
            Framing::Delimiter([Some(first), second].into_iter().flatten().collect())
        }
        Format::ContentLength => Framing::ContentLength,
    };
    let limit = usize::from(input.limit);
    simple_packets::check(&framing, limit, &input.pieces, input.counts, &input.bytes);
});
