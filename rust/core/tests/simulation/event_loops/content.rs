//! What goes through the streams of these programs: each byte and each packet tells of which session it is, and where in it.

use std::sync::Arc;

use stream_socket::dispatch::Format;
use stream_socket::packets::{Framing, LengthField, Width};

use crate::model::system::Random;

/// The end of a line.
pub const NEWLINE: u8 = 0xFF;
/// A line has so many bytes.
const LINE: u64 = 16;
/// A packet may have so many bytes.
pub const LIMIT: usize = 600;

/// The number of a session, small enough to be told by two bytes.
pub type Number = u8;

/// What a stream consists of.
#[derive(Clone, Debug)]
pub enum Content {
    Bytes,
    Packets(Arc<Format>),
}

impl Content {
    /// One of any framing.
    pub fn packets(random: &mut Random) -> Content {
        let framing = match random.below(5) {
            0 => Framing::Delimiter(b"\n".to_vec()),
            1 => Framing::Delimiter(b"<>".to_vec()),
            2 => Framing::ContentLength,
            3 => Framing::Length(LengthField {
                width: Width::Varint,
                big_endian: false,
                includes_itself: false,
            }),
            _ => Framing::Length(LengthField {
                width: Width::Bytes(2 + random.below(3) as usize),
                big_endian: random.once_in(2),
                includes_itself: random.once_in(2),
            }),
        };
        let limit = LIMIT;
        Content::Packets(Arc::new(Format { framing, limit }))
    }

    pub fn format(&self) -> Option<&Arc<Format>> {
        match self {
            Content::Bytes => None,
            Content::Packets(format) => Some(format),
        }
    }

    /// `message` as it stands in the stream.
    pub fn frame(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Content::Bytes => message.to_vec(),
            Content::Packets(format) => {
                let framed = format.framing.frame(message, usize::MAX);
                framed.expect("any packet can be framed without a limit")
            }
        }
    }
}

/// The byte at `place` of a stream of bytes in `session`. The first two tell the session, each 16th ends a line.
pub fn byte(session: Number, place: u64) -> u8 {
    match place {
        0 => 0xE0 | session >> 4,
        1 => 0xD0 | session & 15,
        _ if place % LINE == LINE - 1 => NEWLINE,
        _ => (session % 13) << 4 | (place % LINE) as u8,
    }
}

/// The packet `number` of `session`.
pub fn packet(session: Number, number: u64, size: usize) -> Vec<u8> {
    let mut packet = format!("{session}:{number}:").into_bytes();
    packet.resize(packet.len().max(size), b'x');
    packet
}

/// Which packet it is.
pub fn packet_number(packet: &[u8]) -> (Number, u64) {
    let text = std::str::from_utf8(packet).expect("packets are text");
    let mut fields = text.split(':');
    let mut number = || fields.next()?.parse::<u64>().ok();
    let numbers = number().zip(number());
    let (session, number) = numbers.unwrap_or_else(|| panic!("no packet: {text:?}"));
    (session as Number, number)
}

/// What is broadcast.
pub fn message(number: u64, size: usize) -> Vec<u8> {
    let mut message = format!("b{number}:").into_bytes();
    message.resize(message.len() + size, b'y');
    message.push(b';');
    message
}

/// The numbers of the messages in `received`, which has whole ones, and maybe a part of one at its end. Whether there is one.
pub fn messages(content: &Content, received: &[u8]) -> (Vec<u64>, bool) {
    let mut numbers = Vec::new();
    let mut whole = Vec::new();
    let mut rest = received;
    let begins = |pair: &[u8]| pair[0] == b'b' && pair[1].is_ascii_digit();
    while let Some(begin) = rest.windows(2).position(begins)
        && let Some(size) = rest[begin..].iter().position(|byte| *byte == b';')
    {
        let message = &rest[begin..=begin + size];
        let text = std::str::from_utf8(&message[1..]).expect("messages are text");
        let number = text.split(':').next().and_then(|text| text.parse().ok());
        numbers.push(number.expect("a message has a number"));
        whole.extend(content.frame(message));
        let known = whole.len().min(received.len());
        assert_eq!(
            whole[..known],
            received[..known],
            "what was put, as it was put"
        );
        rest = &received[known..];
    }
    if whole.len() > received.len() {
        // What stands behind it is on its way.
        numbers.pop();
    }
    (numbers, whole.len() != received.len())
}

/// What one reader has read of a stream of bytes.
#[derive(Debug, Default)]
pub struct Reader {
    session: Option<Number>,
    first: u8,
    place: u64,
}

impl Reader {
    /// Takes what was read next. The session, and how much was read of it.
    pub fn take(&mut self, bytes: &[u8]) -> (Option<Number>, u64) {
        for byte in bytes {
            match byte {
                0xE0..=0xEF => {
                    *self = Reader {
                        session: None,
                        first: byte & 15,
                        place: 1,
                    };
                }
                0xD0..=0xDF => {
                    assert_eq!((self.place, self.session), (1, None), "a gap: {self:?}");
                    self.session = Some(self.first << 4 | byte & 15);
                    self.place = 2;
                }
                _ => {
                    let session = self.session.expect("a stream begins with its session");
                    let expected = self::byte(session, self.place);
                    assert_eq!(*byte, expected, "a gap: {self:?}");
                    self.place += 1;
                }
            }
        }
        (self.session, self.place)
    }
}
