//! From bytes to messages.

use super::close_code;
use super::compression::{Agreed, Side};
use super::deflate::Inflater;
use super::frame::{Header, MAX_HEADER_BYTES, Opcode};
use super::mask;
use super::pool::Pool;
use super::utf8::Utf8Check;
use super::{FrameError, Role};

/// The decompressors for messages that do not refer to earlier ones. A decompressor is not put back
/// if its message was not completed.
static INFLATERS: Pool<Box<Inflater>> = Pool::new();

/// How many bytes of a compressed frame are unmasked at once.
const UNMASKED_AT_ONCE: usize = 4 << 10;

/// What a peer has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message, whole and decompressed.
    Message(Message),
    /// A ping, which a [`pong`](super::Sender::pong) with the same payload answers.
    Ping(Vec<u8>),
    /// The answer to a ping, or a message that nobody asked for (section 5.5.3).
    Pong(Vec<u8>),
    /// The peer has sent its last frame. A close frame without a code has `None`.
    Close(Option<Close>),
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether it was sent as text. Then the payload is UTF-8.
    pub is_text: bool,
    /// Its bytes.
    pub payload: Vec<u8>,
}

/// Why a peer closes the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// A code that is [valid](close_code::is_valid) in a frame.
    pub code: u16,
    /// A human-readable text.
    pub reason: String,
}

/// Reads frames: bytes go in, [`Event`]s come out. An error is reported at the first byte that
/// shows it, even within a text message that is incomplete.
#[derive(Debug)]
pub struct Receiver {
    role: Role,
    limit: usize,
    compression: Option<Agreed>,
    /// Created for a compressed message. Kept if later messages may refer to it.
    inflater: Option<Box<Inflater>>,
    /// The beginning of a header that has arrived in part.
    header: [u8; MAX_HEADER_BYTES],
    header_len: usize,
    frame: Option<Frame>,
    /// The payload of the control frame that is arriving.
    control: Vec<u8>,
    message: Option<Box<Partial>>,
    end: Option<ReceiverEnd>,
}

/// A frame whose header has arrived.
#[derive(Debug)]
struct Frame {
    header: Header,
    /// How much of the payload has been read.
    read: u64,
}

/// An incomplete message.
#[derive(Debug)]
struct Partial {
    is_compressed: bool,
    text: Option<Utf8Check>,
    payload: Vec<u8>,
}

impl Partial {
    /// Checks the text from `begin` on. Callers check it even if the decompressor has failed: the
    /// first fault in the order of the bytes ends the connection, wherever they were cut.
    fn check_text(&mut self, begin: usize) -> Result<(), FrameError> {
        match &mut self.text {
            Some(text) => text
                .check(&self.payload[begin..])
                .map_err(|_| FrameError::Text),
            None => Ok(()),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum ReceiverEnd {
    Closed,
    Failed(FrameError),
}

impl Receiver {
    /// A receiver for the end `role` of a connection, which refuses messages of more than `limit`
    /// bytes.
    pub fn new(role: Role, limit: usize, compression: Option<Agreed>) -> Receiver {
        Receiver {
            role,
            limit,
            compression,
            inflater: None,
            header: [0; MAX_HEADER_BYTES],
            header_len: 0,
            frame: None,
            control: Vec::new(),
            message: None,
            end: None,
        }
    }

    /// Changes the limit, from the next frame on, and for a compressed message from the next byte
    /// on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// How many bytes of an incomplete message have arrived, decompressed.
    pub fn partial_bytes(&self) -> usize {
        self.message
            .as_ref()
            .map_or(0, |message| message.payload.len())
    }

    /// Reads `bytes` up to the end of the next event, and advances `bytes` past what it has read.
    /// `None` if all bytes are read and no event is complete.
    ///
    /// After a close frame, everything that follows is discarded (section 1.4).
    ///
    /// # Errors
    /// The first violation. Every later call returns it again.
    pub fn receive(&mut self, bytes: &mut &[u8]) -> Result<Option<Event>, FrameError> {
        match self.end {
            Some(ReceiverEnd::Failed(error)) => return Err(error),
            Some(ReceiverEnd::Closed) => {
                *bytes = &[];
                return Ok(None);
            }
            None => {}
        }
        let result = self.read_event(bytes);
        match &result {
            Ok(Some(Event::Close(_))) => self.end(ReceiverEnd::Closed),
            Ok(_) => {}
            Err(error) => self.end(ReceiverEnd::Failed(*error)),
        }
        result
    }

    /// Frees what is no longer needed.
    fn end(&mut self, end: ReceiverEnd) {
        self.end = Some(end);
        self.message = None;
        self.inflater = None;
        self.control = Vec::new();
    }

    fn read_event(&mut self, bytes: &mut &[u8]) -> Result<Option<Event>, FrameError> {
        loop {
            if self.frame.is_none() && !self.read_header(bytes)? {
                return Ok(None);
            }
            if !self.read_payload(bytes)? {
                return Ok(None);
            }
            let Some(Frame { header, .. }) = self.frame.take() else {
                return Ok(None);
            };
            if let Some(event) = self.finish_frame(&header)? {
                return Ok(Some(event));
            }
        }
    }

    /// Whether the header is complete. It is then in the [frame](Self::frame).
    fn read_header(&mut self, bytes: &mut &[u8]) -> Result<bool, FrameError> {
        let may_compress = self.compression.is_some();
        let old = self.header_len;
        let (header, used) = if old == 0 {
            match Header::parse(bytes, self.role, may_compress)? {
                Some(found) => found,
                None => {
                    self.header[..bytes.len()].copy_from_slice(bytes);
                    self.header_len = bytes.len();
                    *bytes = &[];
                    return Ok(false);
                }
            }
        } else {
            let more = bytes.len().min(MAX_HEADER_BYTES - old);
            self.header[old..old + more].copy_from_slice(&bytes[..more]);
            match Header::parse(&self.header[..old + more], self.role, may_compress)? {
                Some((header, used)) => (header, used - old),
                None => {
                    self.header_len += more;
                    *bytes = &bytes[more..];
                    return Ok(false);
                }
            }
        };
        *bytes = &bytes[used..];
        self.header_len = 0;
        self.begin_frame(&header)?;
        self.frame = Some(Frame { header, read: 0 });
        Ok(true)
    }

    fn begin_frame(&mut self, header: &Header) -> Result<(), FrameError> {
        match (header.opcode, &self.message) {
            (opcode, _) if opcode.is_control() => return Ok(()),
            (Opcode::Continuation, None) => return Err(FrameError::UnexpectedContinuation),
            (Opcode::Continuation, Some(_)) => {}
            (_, Some(_)) => return Err(FrameError::UnfinishedMessage),
            (opcode, None) => {
                self.message = Some(Box::new(Partial {
                    is_compressed: header.is_compressed,
                    text: (opcode == Opcode::Text).then(Utf8Check::default),
                    payload: Vec::new(),
                }));
            }
        }
        // The length of a compressed message is known only when it is decompressed.
        if let Some(message) = &self.message
            && !message.is_compressed
        {
            let rest = self.limit.saturating_sub(message.payload.len());
            if header.length > rest as u64 {
                return Err(FrameError::TooBig(self.limit));
            }
        }
        Ok(())
    }

    /// Whether the payload of the frame is complete.
    fn read_payload(&mut self, bytes: &mut &[u8]) -> Result<bool, FrameError> {
        let Some(frame) = &mut self.frame else {
            return Ok(false);
        };
        let header = frame.header;
        let rest = header.length - frame.read;
        let count = usize::try_from(rest).map_or(bytes.len(), |rest| rest.min(bytes.len()));
        let (piece, behind) = bytes.split_at(count);
        *bytes = behind;
        // The key repeats every four bytes.
        let offset = (frame.read % 4) as usize;
        frame.read += count as u64;
        let is_complete = frame.read == header.length;
        if header.opcode.is_control() {
            append(&mut self.control, piece, &header, offset);
        } else if count > 0 {
            self.read_data(piece, &header, offset, rest)?;
        }
        Ok(is_complete)
    }

    /// Reads a piece of a message. `rest` is the length of the frame from there on.
    fn read_data(
        &mut self,
        piece: &[u8],
        header: &Header,
        offset: usize,
        rest: u64,
    ) -> Result<(), FrameError> {
        let Some(message) = &mut self.message else {
            return Ok(());
        };
        let begin = message.payload.len();
        let mut outcome = Ok(());
        if message.is_compressed {
            let inflater = inflater(&mut self.inflater, self.role, self.compression);
            for (index, piece) in piece.chunks(UNMASKED_AT_ONCE).enumerate() {
                let mut unmasked = [0; UNMASKED_AT_ONCE];
                let unmasked = &mut unmasked[..piece.len()];
                unmasked.copy_from_slice(piece);
                if let Some(key) = header.key {
                    mask::apply(unmasked, key, offset + index * UNMASKED_AT_ONCE);
                }
                outcome = inflater.decompress(unmasked, &mut message.payload, self.limit);
                if outcome.is_err() {
                    break;
                }
            }
        } else {
            reserve(&mut message.payload, piece.len(), rest);
            append(&mut message.payload, piece, header, offset);
        }
        message.check_text(begin)?;
        outcome
    }

    /// The event that this frame completes. `None` if more frames of its message follow.
    fn finish_frame(&mut self, header: &Header) -> Result<Option<Event>, FrameError> {
        match header.opcode {
            Opcode::Ping => return Ok(Some(Event::Ping(std::mem::take(&mut self.control)))),
            Opcode::Pong => return Ok(Some(Event::Pong(std::mem::take(&mut self.control)))),
            Opcode::Close => return parse_close(&self.control).map(|it| Some(Event::Close(it))),
            Opcode::Continuation | Opcode::Text | Opcode::Binary => {}
        }
        if !header.fin {
            return Ok(None);
        }
        let Some(mut message) = self.message.take() else {
            return Ok(None);
        };
        if message.is_compressed {
            let begin = message.payload.len();
            let outcome = inflater(&mut self.inflater, self.role, self.compression)
                .finish(&mut message.payload, self.limit);
            message.check_text(begin)?;
            outcome?;
            let side = peers_side(self.role, self.compression);
            if side.no_context_takeover
                && let Some(inflater) = self.inflater.take()
            {
                INFLATERS.put(side.max_window_bits, inflater);
            }
        }
        if message
            .text
            .as_ref()
            .is_some_and(|text| !text.is_complete())
        {
            return Err(FrameError::Text);
        }
        Ok(Some(Event::Message(Message {
            is_text: message.text.is_some(),
            payload: message.payload,
        })))
    }
}

fn inflater(
    inflater: &mut Option<Box<Inflater>>,
    role: Role,
    compression: Option<Agreed>,
) -> &mut Inflater {
    inflater.get_or_insert_with(|| {
        let side = peers_side(role, compression);
        let bits = side.max_window_bits;
        let make = || Box::new(Inflater::new(bits, !side.no_context_takeover));
        match side.no_context_takeover {
            true => INFLATERS.take(bits, make),
            false => make(),
        }
    })
}

/// How the peer of the end `role` compresses. Called only if compression was negotiated.
fn peers_side(role: Role, compression: Option<Agreed>) -> Side {
    let peer = match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    };
    compression.unwrap_or_default().side(peer)
}

/// Reserves memory for a piece of a frame with `rest` bytes left: for the rest of the frame if it
/// has arrived, or is at most a few times as large as what has arrived. So a peer that only
/// announces a large frame causes no allocation.
fn reserve(payload: &mut Vec<u8>, piece: usize, rest: u64) {
    let wanted = payload.len() + piece;
    if wanted > payload.capacity() {
        let rest = usize::try_from(rest).unwrap_or(usize::MAX);
        payload.reserve_exact(rest.min(piece + 3 * wanted));
    }
}

fn append(payload: &mut Vec<u8>, piece: &[u8], header: &Header, offset: usize) {
    let begin = payload.len();
    payload.extend_from_slice(piece);
    if let Some(key) = header.key {
        mask::apply(&mut payload[begin..], key, offset);
    }
}

fn parse_close(payload: &[u8]) -> Result<Option<Close>, FrameError> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return match payload.is_empty() {
            true => Ok(None),
            false => Err(FrameError::HalfCloseCode),
        };
    };
    let code = u16::from_be_bytes(*code);
    if !close_code::is_valid(code) {
        return Err(FrameError::CloseCode(code));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| FrameError::CloseReason)?;
    Ok(Some(Close {
        code,
        reason: reason.to_owned(),
    }))
}
