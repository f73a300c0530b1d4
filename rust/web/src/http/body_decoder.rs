//! The body of a message, from bytes.

use super::body_error::BodyError;
use super::framing::BodyFraming;
use super::head_reader::{HeadLimits, parse_fields};
use super::head_scan::HeadScan;
use super::headers::Headers;

/// The maximum length of the line of a chunk, with its extensions.
const MAX_CHUNK_LINE: usize = 1024;

/// The number of hexadecimal digits of a `u64`.
const MAX_DIGITS: usize = 16;

/// Decodes one body. Keeps no data, only an incomplete trailer.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::{BodyDecoder, BodyFraming, HeadLimits};
///
/// let mut decoder = BodyDecoder::new(BodyFraming::Chunked, HeadLimits::default());
/// let mut body = Vec::new();
/// let mut input = &b"5\r\nhello\r\n0\r\n\r\nnext"[..];
/// while !decoder.is_done() {
///     let (length, data) = decoder.decode(input)?;
///     body.extend_from_slice(data);
///     input = &input[length..];
/// }
/// assert_eq!((&*body, input), (&b"hello"[..], &b"next"[..]));
/// # Ok::<(), stream_socket_web::http::BodyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: DecoderState,
    limits: HeadLimits,
    trailers: Headers,
}

#[derive(Clone, Debug)]
enum DecoderState {
    Done,
    /// Data, with the number of bytes that are left.
    Length(u64),
    UntilEnd,
    /// In the line of a chunk.
    Line(ChunkLine),
    /// In the data of a chunk, with the number of bytes that are left.
    Chunk(u64),
    /// After the data of a chunk.
    ChunkCr,
    ChunkLf,
    /// After the last chunk.
    Trailer {
        bytes: Vec<u8>,
        scan: HeadScan,
    },
}

#[derive(Clone, Copy, Debug, Default)]
struct ChunkLine {
    length: usize,
    digits: usize,
    size: u64,
    place: ChunkLinePart,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ChunkLinePart {
    #[default]
    Size,
    /// In whitespace before a semicolon.
    Space,
    Extension,
    Cr,
}

impl BodyDecoder {
    /// A decoder of a body. `limits` are those of a trailer.
    pub fn new(framing: BodyFraming, limits: HeadLimits) -> BodyDecoder {
        let state = match framing {
            BodyFraming::Empty | BodyFraming::Length(0) => DecoderState::Done,
            BodyFraming::Length(length) => DecoderState::Length(length),
            BodyFraming::Chunked => DecoderState::Line(ChunkLine::default()),
            BodyFraming::UntilEnd => DecoderState::UntilEnd,
        };
        BodyDecoder {
            state,
            limits,
            trailers: Headers::new(),
        }
    }

    /// Decodes the next part of the body. Returns how many bytes of `input` it used, and the bytes
    /// of the body among them. Unless the body is done, it uses at least one byte of an `input`
    /// that is not empty. After an error, the decoder must not be used.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, &'a [u8]), BodyError> {
        let mut used = 0;
        while let Some(&byte) = input.get(used) {
            match &mut self.state {
                DecoderState::Done => break,
                DecoderState::UntilEnd => return Ok((input.len(), &input[used..])),
                DecoderState::Length(left) | DecoderState::Chunk(left) => {
                    let rest = &input[used..];
                    let take =
                        usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                    *left -= take as u64;
                    if *left == 0 {
                        self.state = match self.state {
                            DecoderState::Chunk(_) => DecoderState::ChunkCr,
                            _ => DecoderState::Done,
                        };
                    }
                    return Ok((used + take, &rest[..take]));
                }
                DecoderState::Line(line) => {
                    used += 1;
                    if line.advance(byte)? {
                        self.state = match line.size {
                            0 => DecoderState::Trailer {
                                bytes: Vec::new(),
                                scan: HeadScan::of_fields(),
                            },
                            size => DecoderState::Chunk(size),
                        };
                    }
                }
                DecoderState::ChunkCr if byte == b'\r' => {
                    used += 1;
                    self.state = DecoderState::ChunkLf;
                }
                DecoderState::ChunkLf if byte == b'\n' => {
                    used += 1;
                    self.state = DecoderState::Line(ChunkLine::default());
                }
                DecoderState::ChunkCr | DecoderState::ChunkLf => return Err(BodyError::LineEnd),
                DecoderState::Trailer { bytes, scan } => {
                    let before = bytes.len();
                    let room = self.limits.bytes.saturating_sub(before);
                    bytes.extend(input[used..].iter().take(room));
                    let bounds = scan.advance(bytes).map_err(BodyError::Trailer)?;
                    let Some(bounds) = bounds else {
                        if bytes.len() >= self.limits.bytes {
                            let limit = self.limits.bytes;
                            return Err(BodyError::TrailerTooLong { limit });
                        }
                        return Ok((input.len(), &[]));
                    };
                    used += bounds.end - before;
                    // The scan was started as if a first line preceded the fields.
                    self.trailers = trailers(&bytes[..bounds.end], bounds.fields, self.limits)?;
                    self.state = DecoderState::Done;
                }
            }
        }
        Ok((used, &[]))
    }

    /// Whether the body is complete.
    pub fn is_done(&self) -> bool {
        matches!(self.state, DecoderState::Done)
    }

    /// The header fields after the last chunk. There are none before the body is complete.
    pub fn trailers(&self) -> &Headers {
        &self.trailers
    }

    /// The header fields after the last chunk.
    pub fn into_trailers(self) -> Headers {
        self.trailers
    }

    /// Reports the end of the stream, which ends a body without a length.
    pub fn end_of_stream(&mut self) -> Result<(), BodyError> {
        match self.state {
            DecoderState::Done => Ok(()),
            DecoderState::UntilEnd => {
                self.state = DecoderState::Done;
                Ok(())
            }
            _ => Err(BodyError::Truncated),
        }
    }
}

impl ChunkLine {
    /// Takes the next byte. Returns whether the line is complete.
    fn advance(&mut self, byte: u8) -> Result<bool, BodyError> {
        self.length += 1;
        if self.length > MAX_CHUNK_LINE {
            let limit = MAX_CHUNK_LINE;
            return Err(BodyError::ChunkLineTooLong { limit });
        }
        self.place = match (self.place, byte) {
            (ChunkLinePart::Cr, b'\n') => return Ok(true),
            (ChunkLinePart::Cr, _) => return Err(BodyError::LineEnd),
            (ChunkLinePart::Size, _) if byte.is_ascii_hexdigit() => {
                self.digits += 1;
                if self.digits > MAX_DIGITS {
                    return Err(BodyError::ChunkSize);
                }
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                ChunkLinePart::Size
            }
            (ChunkLinePart::Size, _) if self.digits == 0 => return Err(BodyError::ChunkSize),
            (ChunkLinePart::Size | ChunkLinePart::Extension, b'\r') => ChunkLinePart::Cr,
            (ChunkLinePart::Space, b'\r') => return Err(BodyError::ChunkExtension),
            (_, b'\n') => return Err(BodyError::LineEnd),
            (ChunkLinePart::Size | ChunkLinePart::Space, b' ' | b'\t') => ChunkLinePart::Space,
            (ChunkLinePart::Size | ChunkLinePart::Space, b';') => ChunkLinePart::Extension,
            (ChunkLinePart::Extension, b'\t' | b' '..=0x7e | 0x80..) => ChunkLinePart::Extension,
            (ChunkLinePart::Size, _) => return Err(BodyError::ChunkSize),
            _ => return Err(BodyError::ChunkExtension),
        };
        Ok(false)
    }
}

fn trailers(bytes: &[u8], fields: usize, limits: HeadLimits) -> Result<Headers, BodyError> {
    if fields > limits.fields {
        let limit = limits.fields;
        return Err(BodyError::TrailerTooManyFields { limit });
    }
    parse_fields(bytes, fields).map_err(BodyError::Trailer)
}
