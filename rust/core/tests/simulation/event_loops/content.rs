//! The content of the streams in the event loop programs. Each byte and each packet shows which
//! remote has sent it, and its place in the stream.

use std::sync::Arc;

use stream_socket::dispatch::Format;
use stream_socket::packets::{Framing, LengthField, Width};

use crate::model::system::Random;

/// The end of a line.
pub const NEWLINE: u8 = 0xFF;
/// The number of bytes in a line.
const LINE: u64 = 16;
/// The maximum number of bytes in a packet.
pub const LIMIT: usize = 600;

/// The id of a remote, which two bytes of a stream encode.
pub type RemoteId = u8;

/// The content of a kind of stream.
#[derive(Clone, Debug)]
pub enum Content {
    Bytes,
    Packets(Arc<Format>),
}

impl Content {
    /// Packets of a random framing.
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

    /// `message` as it appears in the stream.
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

/// The byte at the offset `place` of the stream of `remote`. The first two encode the remote, and
/// each 16th ends a line.
pub fn byte(remote: RemoteId, place: u64) -> u8 {
    match place {
        0 => 0xE0 | remote >> 4,
        1 => 0xD0 | remote & 15,
        _ if place % LINE == LINE - 1 => NEWLINE,
        _ => (remote % 13) << 4 | (place % LINE) as u8,
    }
}

/// The packet with the number `number` of `remote`.
pub fn packet(remote: RemoteId, number: u64, size: usize) -> Vec<u8> {
    let mut packet = format!("{remote}:{number}:").into_bytes();
    packet.resize(packet.len().max(size), b'x');
    packet
}

/// The remote and the number of a packet.
pub fn packet_number(packet: &[u8]) -> (RemoteId, u64) {
    let text = std::str::from_utf8(packet).expect("packets are text");
    let mut fields = text.split(':');
    let mut number = || fields.next()?.parse::<u64>().ok();
    let numbers = number().zip(number());
    let (remote, number) = numbers.unwrap_or_else(|| panic!("not a packet: {text:?}"));
    (remote as RemoteId, number)
}

/// The broadcast with the number `number`.
pub fn message(number: u64, size: usize) -> Vec<u8> {
    let mut message = format!("b{number}:").into_bytes();
    message.resize(message.len() + size, b'y');
    message.push(b';');
    message
}

/// The numbers of the broadcasts in `received`, and whether a part of another one follows them.
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
            "broadcasts arrive as they were sent"
        );
        rest = &received[known..];
    }
    if whole.len() > received.len() {
        // The rest of the last message is in flight.
        numbers.pop();
    }
    (numbers, whole.len() != received.len())
}

/// Checks the bytes that are read from a stream.
#[derive(Debug, Default)]
pub struct Reader {
    remote: Option<RemoteId>,
    first: u8,
    place: u64,
}

impl Reader {
    /// Checks the next bytes. Returns the remote, and the number of bytes that were read from it.
    pub fn take(&mut self, bytes: &[u8]) -> (Option<RemoteId>, u64) {
        for byte in bytes {
            match byte {
                0xE0..=0xEF => {
                    *self = Reader {
                        remote: None,
                        first: byte & 15,
                        place: 1,
                    };
                }
                0xD0..=0xDF => {
                    assert_eq!((self.place, self.remote), (1, None), "a gap: {self:?}");
                    self.remote = Some(self.first << 4 | byte & 15);
                    self.place = 2;
                }
                _ => {
                    let remote = self.remote.expect("a stream begins with its remote");
                    let expected = self::byte(remote, self.place);
                    assert_eq!(*byte, expected, "a gap: {self:?}");
                    self.place += 1;
                }
            }
        }
        (self.remote, self.place)
    }
}
