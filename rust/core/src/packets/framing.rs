//! How packets are delimited in a stream: encoding and decoding, without a socket.

use std::borrow::Cow;

use memchr::memmem;

use crate::error::{Unusable, WriteError};

/// How packets are delimited in a stream.
///
/// # Examples
///
/// ```
/// use stream_socket::packets::Framing;
///
/// let lines = Framing::Delimiter(b"\n".to_vec());
/// assert_eq!(lines.frame(b"hello", 100)?, b"hello\n");
/// assert!(lines.frame(b"two\nlines", 100).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// A length precedes each packet.
    Length(LengthField),
    /// These bytes follow each packet, and do not occur in it. They must not be empty.
    Delimiter(Vec<u8>),
    /// Headers precede each packet, with its length in bytes as `Content-Length`: the base protocol
    /// of the Language Server Protocol and the Debug Adapter Protocol. Received header lines may
    /// end with a line feed alone.
    ContentLength,
}

/// The length before a packet. Exhaustive: callers write it as a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthField {
    /// How it is encoded.
    pub width: Width,
    /// Whether the most significant byte comes first. Not used by [`Width::Varint`].
    pub big_endian: bool,
    /// Whether the number includes the bytes of the length itself.
    pub includes_itself: bool,
}

/// How a length is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Width {
    /// As a fixed number of bytes, which must be from 1 to 8. Other widths may panic.
    Bytes(usize),
    /// As LEB128 (DWARF 5, section 7.6), as in Protocol Buffers: 1 to 10 bytes.
    Varint,
}

/// The maximum length of the headers in bytes. Usual headers have about 50.
const MAX_HEADERS: usize = 8 * 1024;

/// The maximum length of a `u64` as LEB128.
const MAX_VARINT: usize = 10;

/// The lengths of the parts of a framed packet, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameBounds {
    pub(super) head: usize,
    pub(super) body: usize,
    tail: usize,
}

impl FrameBounds {
    /// The length of the frame.
    pub(super) fn total(self) -> usize {
        self.head + self.body + self.tail
    }
}

impl Framing {
    /// Finds the bounds of the packet at the start of `unread`. The bounds may be known before the
    /// whole packet has arrived. A packet may have at most `limit` bytes. `searched` is 0 for a new
    /// packet. Each call updates it, so that the next call, with the same bytes and more, skips the
    /// bytes that were searched.
    pub(super) fn cut(
        &self,
        unread: &[u8],
        limit: usize,
        searched: &mut usize,
    ) -> Result<Option<FrameBounds>, Unusable> {
        match self {
            Framing::Length(field) => field.cut(unread, limit),
            Framing::Delimiter(delimiter) => {
                let max = limit.saturating_add(delimiter.len());
                match find(unread, delimiter, max, searched) {
                    Some(body) => Ok(Some(FrameBounds {
                        head: 0,
                        body,
                        tail: delimiter.len(),
                    })),
                    None if unread.len() >= max => {
                        Err(Unusable::PacketTooLong { bytes: None, limit })
                    }
                    None => Ok(None),
                }
            }
            Framing::ContentLength => {
                let Some((headers, head)) = end_of_headers(unread, searched) else {
                    return match unread.len() {
                        MAX_HEADERS.. => Err(Unusable::Malformed("headers are too long")),
                        _ => Ok(None),
                    };
                };
                let body = content_length(&unread[..headers])?;
                let body = within(body, limit)?;
                Ok(Some(FrameBounds {
                    head,
                    body,
                    tail: 0,
                }))
            }
        }
    }

    /// Returns `packet` with its framing. `limit` is the maximum length of the packet in bytes.
    ///
    /// # Errors
    ///
    /// [`WriteError::PacketTooLong`] if it exceeds the limit, or what the length field can express;
    /// [`WriteError::ContainsDelimiter`] if it contains the delimiter.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_socket::packets::{Framing, LengthField, Width};
    ///
    /// let framing = Framing::Length(LengthField {
    ///     width: Width::Bytes(2),
    ///     big_endian: true,
    ///     includes_itself: false,
    /// });
    /// assert_eq!(framing.frame(b"hello", 100)?, b"\x00\x05hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn frame(&self, packet: &[u8], limit: usize) -> Result<Vec<u8>, WriteError> {
        let limit = limit.min(self.max_length());
        if packet.len() > limit {
            let bytes = packet.len();
            return Err(WriteError::PacketTooLong { bytes, limit });
        }
        let (head, tail): (Cow<'_, [u8]>, &[u8]) = match self {
            Framing::Length(field) => (field.encode(packet.len()).into(), &[]),
            Framing::Delimiter(delimiter) => (Cow::Borrowed(&[]), delimiter),
            Framing::ContentLength => {
                let headers = format!("Content-Length: {}\r\n\r\n", packet.len());
                (headers.into_bytes().into(), &[])
            }
        };
        let mut frame = Vec::with_capacity(head.len() + packet.len() + tail.len());
        frame.extend_from_slice(&head);
        frame.extend_from_slice(packet);
        frame.extend_from_slice(tail);
        // Also finds a delimiter that begins in the packet and ends in the final delimiter.
        if !tail.is_empty() && memmem::find(&frame, tail) != Some(packet.len()) {
            return Err(WriteError::ContainsDelimiter {
                delimiter: tail.into(),
            });
        }
        Ok(frame)
    }

    /// Whether the bytes of a frame begin with those of the packet, because its end is marked and
    /// not its length.
    pub(super) fn begins_with_packet(&self) -> bool {
        matches!(self, Framing::Delimiter(_))
    }

    /// The maximum length of a packet that the framing can express.
    fn max_length(&self) -> usize {
        match self {
            Framing::Length(LengthField {
                width: Width::Bytes(width @ ..8),
                includes_itself,
                ..
            }) => {
                let largest = (1_u64 << (8 * width)) - 1;
                let own = if *includes_itself { *width as u64 } else { 0 };
                usize::try_from(largest - own).unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        }
    }
}

impl LengthField {
    fn cut(self, unread: &[u8], limit: usize) -> Result<Option<FrameBounds>, Unusable> {
        let Some((length, head)) = self.decode(unread)? else {
            return Ok(None);
        };
        let own = if self.includes_itself { head as u64 } else { 0 };
        let body = length.checked_sub(own).ok_or(Unusable::Malformed(
            "length is less than that of its own field",
        ))?;
        let body = within(body, limit)?;
        Ok(Some(FrameBounds {
            head,
            body,
            tail: 0,
        }))
    }

    /// Decodes the length at the start of `bytes`: its value, and how many bytes it has. `None` if
    /// more bytes are needed.
    fn decode(self, bytes: &[u8]) -> Result<Option<(u64, usize)>, Unusable> {
        let width = match self.width {
            Width::Varint => return decode_varint(bytes),
            Width::Bytes(width) => width,
        };
        let Some(field) = bytes.get(..width) else {
            return Ok(None);
        };
        let value = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
        let length = match self.big_endian {
            true => field.iter().fold(0, value),
            false => field.iter().rev().fold(0, value),
        };
        Ok(Some((length, width)))
    }

    /// Encodes the length of a packet of `length` bytes, which the field can express.
    fn encode(self, length: usize) -> Vec<u8> {
        let length = length as u64;
        debug_assert!(
            !matches!(self.width, Width::Bytes(0 | 9..)),
            "a width from 1 to 8"
        );
        let with = |own: usize| match self.includes_itself {
            true => length + own as u64,
            false => length,
        };
        match self.width {
            Width::Bytes(width) if self.big_endian => {
                with(width).to_be_bytes()[8 - width..].to_vec()
            }
            Width::Bytes(width) => with(width).to_le_bytes()[..width].to_vec(),
            // A varint that includes its own length may need one more byte because of that.
            Width::Varint => (1..=MAX_VARINT)
                .map(|own| (own, encode_varint(with(own))))
                .find(|(own, field)| field.len() == *own || !self.includes_itself)
                .map_or_else(Vec::new, |(_, field)| field),
        }
    }
}

fn decode_varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, Unusable> {
    let mut length = 0_u64;
    for (index, &byte) in bytes.iter().take(MAX_VARINT).enumerate() {
        let bits = u64::from(byte & 0x7f);
        let shifted = bits << (7 * index);
        if shifted >> (7 * index) != bits {
            break;
        }
        length |= shifted;
        if byte & 0x80 == 0 {
            return Ok(Some((length, index + 1)));
        }
        if index + 1 == MAX_VARINT {
            break;
        }
    }
    match bytes.len() {
        MAX_VARINT.. => Err(Unusable::Malformed("length exceeds 64 bits")),
        _ => Ok(None),
    }
}

fn encode_varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MAX_VARINT);
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Finds the first `wanted` within the first `max` bytes of `unread`. The caller knows that the
/// first `searched` bytes do not contain it.
fn find(unread: &[u8], wanted: &[u8], max: usize, searched: &mut usize) -> Option<usize> {
    let window = &unread[..unread.len().min(max)];
    // It may begin within the searched bytes.
    let begin = searched.saturating_sub(wanted.len() - 1).min(window.len());
    let found = match wanted {
        [byte] => memchr::memchr(*byte, &window[begin..]),
        _ => memmem::find(&window[begin..], wanted),
    };
    let found = found.map(|at| begin + at);
    *searched = found.unwrap_or(window.len());
    #[cfg(test)]
    SCANNED.set(SCANNED.get() + found.map_or(window.len(), |at| at + wanted.len()) - begin);
    found
}

#[cfg(test)]
thread_local! {
    /// How many bytes this thread has searched for delimiters.
    pub(super) static SCANNED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Finds the end of the headers at the start of `unread`, and the start of the packet after them.
/// An empty line ends the headers. A line may end with a line feed alone, as RFC 9112, section 2.2,
/// allows a recipient to accept. `searched` is as for [`find`].
fn end_of_headers(unread: &[u8], searched: &mut usize) -> Option<(usize, usize)> {
    let window = &unread[..unread.len().min(MAX_HEADERS)];
    // A line feed within the searched bytes may be the start of the empty line.
    let begin = searched.saturating_sub(2).min(window.len());
    let found = memchr::memchr_iter(b'\n', &window[begin..]).find_map(|at| {
        let end = begin + at;
        match &window[end + 1..] {
            [b'\n', ..] => Some((end, end + 2)),
            [b'\r', b'\n', ..] => Some((end, end + 3)),
            _ => None,
        }
    });
    *searched = found.map_or(window.len(), |(end, _)| end);
    found
}

/// The value of `Content-Length` (RFC 9110, section 5: names are case-insensitive, and whitespace
/// around values is ignored).
fn content_length(headers: &[u8]) -> Result<u64, Unusable> {
    let malformed = Unusable::Malformed("Content-Length is missing, invalid or ambiguous");
    let mut length = None;
    for line in headers.split(|&byte| byte == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if !name.eq_ignore_ascii_case(b"content-length") {
            continue;
        }
        let digits = std::str::from_utf8(value).ok();
        let digits = digits.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let value: Option<u64> = digits.and_then(|text| text.parse().ok());
        // Different values would make two readers see different packets.
        if value.is_none() || length.is_some_and(|length| Some(length) != value) {
            return Err(malformed);
        }
        length = value;
    }
    length.ok_or(malformed)
}

/// `length`, unless it exceeds `limit`.
fn within(length: u64, limit: usize) -> Result<usize, Unusable> {
    let fits = |length: &usize| *length <= limit;
    let too_long = Unusable::PacketTooLong {
        bytes: Some(length),
        limit,
    };
    usize::try_from(length).ok().filter(fits).ok_or(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(width: Width, big_endian: bool, includes_itself: bool) -> Framing {
        Framing::Length(LengthField {
            width,
            big_endian,
            includes_itself,
        })
    }

    fn all() -> Vec<Framing> {
        let widths = [1, 2, 4, 8].map(Width::Bytes).into_iter();
        let mut framings: Vec<_> = widths
            .chain([Width::Varint])
            .flat_map(|width| {
                [(false, false), (false, true), (true, false), (true, true)]
                    .map(|(big_endian, includes_itself)| length(width, big_endian, includes_itself))
            })
            .collect();
        framings.push(Framing::Delimiter(b"\n".to_vec()));
        framings.push(Framing::Delimiter(b"\0\0".to_vec()));
        framings.push(Framing::ContentLength);
        framings
    }

    fn cut(framing: &Framing, bytes: &[u8], limit: usize) -> Result<Option<FrameBounds>, Unusable> {
        framing.cut(bytes, limit, &mut 0)
    }

    /// Covers each length at which the width of the length field changes.
    #[test]
    fn a_frame_decodes_to_its_packet_and_a_prefix_to_nothing_else() {
        for framing in all() {
            for size in (0..300).chain([16_381, 16_382, 16_383, 16_384, 65_535]) {
                let packet = vec![b'x'; size];
                let Ok(frame) = framing.frame(&packet, usize::MAX) else {
                    assert!(size > framing.max_length(), "{framing:?} {size}");
                    continue;
                };
                let found = cut(&framing, &frame, usize::MAX).unwrap().unwrap();
                assert_eq!(found.total(), frame.len(), "{framing:?} {size}");
                assert_eq!(&frame[found.head..][..found.body], packet, "{framing:?}");
                let mut searched = 0;
                for end in 0..frame.len().min(50) {
                    let early = framing.cut(&frame[..end], usize::MAX, &mut searched);
                    let early = early.unwrap();
                    assert!(early.is_none_or(|early| early == found), "{framing:?}");
                }
            }
        }
    }

    #[test]
    fn lengths_have_the_byte_order_and_width_of_the_field() {
        let frame = |framing: Framing, size: usize| {
            framing.frame(&vec![b'x'; size], usize::MAX).unwrap()[..3].to_vec()
        };
        assert_eq!(
            frame(length(Width::Bytes(2), true, false), 258),
            b"\x01\x02x"
        );
        assert_eq!(
            frame(length(Width::Bytes(2), false, false), 258),
            b"\x02\x01x"
        );
        assert_eq!(
            frame(length(Width::Bytes(2), true, true), 256),
            b"\x01\x02x"
        );
        assert_eq!(
            frame(length(Width::Varint, false, false), 300),
            b"\xac\x02x"
        );
        assert_eq!(frame(length(Width::Varint, false, true), 126), b"\x7fxx");
        assert_eq!(frame(length(Width::Varint, false, true), 127), b"\x81\x01x");
    }

    #[test]
    fn a_packet_that_is_too_long_is_refused_in_both_directions() {
        for framing in all() {
            let limit = 200;
            let frame = framing.frame(&[b'x'; 200], limit).unwrap();
            assert!(cut(&framing, &frame, limit).unwrap().is_some());
            let longer = framing.frame(&[b'x'; 201], 201).unwrap();
            let bytes = (!matches!(framing, Framing::Delimiter(_))).then_some(201);
            assert_eq!(
                cut(&framing, &longer, limit),
                Err(Unusable::PacketTooLong { bytes, limit }),
                "{framing:?}"
            );
            assert!(matches!(
                framing.frame(&[b'x'; 201], limit),
                Err(WriteError::PacketTooLong {
                    bytes: 201,
                    limit: 200
                })
            ));
        }
        let byte = length(Width::Bytes(1), false, true);
        assert!(byte.frame(&[0; 254], usize::MAX).is_ok());
        assert!(matches!(
            byte.frame(&[0; 255], usize::MAX),
            Err(WriteError::PacketTooLong { limit: 254, .. })
        ));
        let huge = length(Width::Bytes(8), false, false);
        assert_eq!(
            cut(&huge, &[0xff; 8], usize::MAX).is_ok(),
            usize::BITS == 64,
            "a length beyond the address space"
        );
    }

    #[test]
    fn malformed_packets_are_refused() {
        let malformed = |framing: &Framing, bytes: &[u8]| {
            let found = cut(framing, bytes, usize::MAX);
            matches!(found, Err(Unusable::Malformed(_)))
        };
        let own = length(Width::Bytes(4), true, true);
        assert!(malformed(&own, &[0, 0, 0, 3]));
        assert!(!malformed(&own, &[0, 0, 0, 4]));
        let varint = length(Width::Varint, false, false);
        assert!(malformed(&varint, &[0x80; 10]));
        assert!(!malformed(&varint, &[0x80; 9]));
        let mut largest = [0xff; 10];
        largest[9] = 1;
        assert!(!malformed(&varint, &largest), "the largest u64");
        largest[9] = 2;
        assert!(malformed(&varint, &largest));
        let headers = &Framing::ContentLength;
        for bad in [
            "\r\n\r\n",
            "Content-Type: x\r\n\r\n",
            "Content-Length: \r\n\r\n",
            "Content-Length: -1\r\n\r\n",
            "Content-Length: +1\r\n\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "Content-Length: 99999999999999999999\r\n\r\n",
            "\n\n",
            "Content-Type: x\n\n",
            "Content-Length: 1\nContent-Length: 2\n\n",
        ] {
            assert!(malformed(headers, bad.as_bytes()), "{bad}");
        }
        for good in [
            "Content-Length: 1\r\n\r\nx",
            "content-length:1\r\nContent-Type: x\r\n\r\nx",
            "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        ] {
            assert!(!malformed(headers, good.as_bytes()), "{good}");
        }
        // Some programs end lines as their system does, instead of as the protocol requires.
        for end in ["\r\n\r\n", "\n\n", "\r\n\n", "\n\r\n"] {
            let head = format!("Content-Type: x\nContent-Length: 3{end}");
            let found = cut(headers, format!("{head}\n\nx").as_bytes(), 10);
            let found = found.unwrap().unwrap();
            assert_eq!((found.head, found.body), (head.len(), 3), "{end:?}");
            let early = &head.as_bytes()[..head.len() - 1];
            assert_eq!(cut(headers, early, 10), Ok(None), "{end:?}");
        }
        assert!(malformed(headers, &[b'x'; MAX_HEADERS]));
        assert!(!malformed(headers, &[b'x'; MAX_HEADERS - 1]));
    }

    /// A result stays the same when more bytes follow, and does not depend on how the bytes were
    /// split.
    #[test]
    fn a_result_does_not_change_with_more_bytes() {
        const WORDS: [&[u8]; 14] = [
            b"\0",
            b"\x01",
            b"\x7f",
            b"\x80",
            b"\xff",
            b"\n",
            b"\r\n",
            b"\r\n\r\n",
            b"\r",
            b"\n\n",
            b"Content-Length:",
            b" 3",
            b"9",
            b"x",
        ];
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below as u64) as usize
        };
        for framing in all() {
            for _ in 0..2000 {
                let words = (0..next(14)).map(|_| WORDS[next(WORDS.len())]);
                let bytes: Vec<u8> = words.flatten().copied().collect();
                let limit = [0, 3, 100, usize::MAX][next(4)];
                let (mut searched, mut first) = (0, None);
                for end in 0..=bytes.len() {
                    let fresh = framing.cut(&bytes[..end], limit, &mut 0);
                    let resumed = framing.cut(&bytes[..end], limit, &mut searched);
                    assert_eq!(fresh, resumed, "{framing:?} {:?}", &bytes[..end]);
                    if resumed == Ok(None) {
                        assert_eq!(first, None, "{framing:?} {:?}", &bytes[..end]);
                    } else {
                        assert_eq!(
                            *first.get_or_insert(resumed.clone()),
                            resumed,
                            "{framing:?} {bytes:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_packet_cannot_contain_its_delimiter() {
        let framing = Framing::Delimiter(b"aa".to_vec());
        let is_refused = |packet: &[u8]| {
            let framed = framing.frame(packet, usize::MAX);
            matches!(framed, Err(WriteError::ContainsDelimiter { .. }))
        };
        assert!(is_refused(b"xaay"));
        assert!(
            is_refused(b"xa"),
            "together with the start of the delimiter"
        );
        assert!(!is_refused(b"xay"));
        assert!(!is_refused(b""));
    }
}
