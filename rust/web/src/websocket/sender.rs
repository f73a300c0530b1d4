//! From messages to frames.

use super::compression::{Agreed, Side};
use super::deflate::{Deflater, MIN_WINDOW_BITS};
use super::frame::{Header, MAX_CONTROL_BYTES, Opcode};
use super::mask::{self, Keys};
use super::pool::Pool;
use super::{Role, close_code};

/// The longest reason of a close frame, in bytes (section 5.5).
pub const MAX_REASON_BYTES: usize = MAX_CONTROL_BYTES - 2;

/// The compressors for messages that do not refer to earlier ones.
static COMPRESSORS: Pool<Box<Compressor>> = Pool::new();

/// Encodes frames. They have to be sent in this order: a compressed message may refer to earlier
/// ones.
#[derive(Debug)]
pub struct Sender {
    /// Only a client has keys.
    keys: Option<Keys>,
    compression: Option<Agreed>,
    threshold: usize,
    max_frame: usize,
    role: Role,
    /// Created for the first compressed message, if later ones may refer to it.
    compressor: Option<Box<Compressor>>,
}

/// A message that goes to many peers, with its encoded frames.
#[derive(Debug)]
pub struct SharedMessage<'a> {
    is_text: bool,
    is_valid: bool,
    payload: &'a [u8],
    /// One for each window size, and one without compression.
    frames: Vec<(Option<u8>, Vec<u8>)>,
}

impl<'a> SharedMessage<'a> {
    /// A message.
    pub fn new(is_text: bool, payload: &'a [u8]) -> SharedMessage<'a> {
        SharedMessage {
            is_text,
            is_valid: !is_text || simdutf8::basic::from_utf8(payload).is_ok(),
            payload,
            frames: Vec::new(),
        }
    }

    /// Whether it is text.
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Whether it can be sent: text must be UTF-8.
    pub fn is_valid(&self) -> bool {
        self.is_valid
    }

    /// Its bytes.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[derive(Debug)]
struct Compressor {
    deflater: Deflater,
    packed: Vec<u8>,
}

impl Sender {
    /// A sender for the end `role` of a connection.
    pub fn new(role: Role, compression: Option<Agreed>) -> Sender {
        Sender {
            keys: (role == Role::Client).then(Keys::new),
            compression,
            threshold: 0,
            max_frame: usize::MAX,
            role,
            compressor: None,
        }
    }

    /// Changes the compression, before the first message.
    pub fn set_compression(&mut self, compression: Option<Agreed>) {
        self.compression = compression;
    }

    /// Sends messages of fewer bytes without compression.
    pub fn set_threshold(&mut self, bytes: usize) {
        self.threshold = bytes;
    }

    /// Sends longer messages in several frames, of at most `bytes` each. 0 is unlimited.
    pub fn set_max_frame(&mut self, bytes: usize) {
        self.max_frame = if bytes == 0 { usize::MAX } else { bytes };
    }

    /// Appends the frames of a message to `out`. A text must be UTF-8.
    pub fn message(&mut self, is_text: bool, payload: &[u8], out: &mut Vec<u8>) {
        let opcode = if is_text {
            Opcode::Text
        } else {
            Opcode::Binary
        };
        if payload.len() >= self.threshold
            && let Some((side, mut compressor)) = self.take_compressor()
        {
            let Compressor { deflater, packed } = &mut *compressor;
            deflater.compress(payload, packed);
            self.frames(opcode, true, packed, out);
            // After a long message, its memory is freed.
            packed.clear();
            packed.shrink_to(KEPT_BYTES);
            match side.no_context_takeover {
                true => COMPRESSORS.put(side.max_window_bits, compressor),
                false => self.compressor = Some(compressor),
            }
        } else {
            self.frames(opcode, false, payload, out);
        }
    }

    /// Like [`message`](Self::message), for a message that goes to many peers: frames that `shared`
    /// already has are reused. The message and later ones do not refer to each other.
    pub fn shared_message(&mut self, shared: &mut SharedMessage<'_>, out: &mut Vec<u8>) {
        let SharedMessage {
            is_text, payload, ..
        } = *shared;
        // A client masks each frame with its own key.
        if self.keys.is_some() || payload.len() > self.max_frame {
            self.message(is_text, payload, out);
            return;
        }
        let side = self.compression.map(|agreed| agreed.side(self.role));
        let bits = side
            .map(|side| side.max_window_bits)
            .filter(|&bits| bits >= MIN_WINDOW_BITS && payload.len() >= self.threshold);
        let found = shared.frames.iter().find(|(found, _)| *found == bits);
        if let Some((_, frame)) = found {
            out.extend_from_slice(frame);
        } else {
            let compression = bits.map(|max_window_bits| {
                let side = Side {
                    no_context_takeover: true,
                    max_window_bits,
                };
                Agreed {
                    client: side,
                    server: side,
                }
            });
            let mut frame = Vec::new();
            Sender::new(self.role, compression).message(is_text, payload, &mut frame);
            out.extend_from_slice(&frame);
            shared.frames.push((bits, frame));
        }
        // The message is now in the window of the peer, but not in that of this compressor.
        if bits.is_some() {
            self.compressor = None;
        }
    }

    /// Appends a ping to `out`. The payload is cut to 125 bytes (section 5.5).
    pub fn ping(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.control(Opcode::Ping, payload, out);
    }

    /// Appends the answer to a ping to `out`. The payload is cut to 125 bytes.
    pub fn pong(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        self.control(Opcode::Pong, payload, out);
    }

    /// Appends a close frame to `out`, after which nothing may be sent. A code that is invalid in a
    /// frame is left out, with the reason. A reason of more than [`MAX_REASON_BYTES`] is cut after
    /// a whole character.
    pub fn close(&mut self, code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
        let mut payload = Vec::new();
        if let Some(code) = code.filter(|&code| close_code::is_valid(code)) {
            payload.extend_from_slice(&code.to_be_bytes());
            let end = reason.floor_char_boundary(MAX_REASON_BYTES);
            payload.extend_from_slice(&reason.as_bytes()[..end]);
        }
        self.control(Opcode::Close, &payload, out);
    }

    fn control(&mut self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        let payload = &payload[..payload.len().min(MAX_CONTROL_BYTES)];
        self.frame(opcode, true, false, payload, out);
    }

    /// The compressor, if there is compression. `None` if it does not support the window size: any
    /// message may be sent without compression (RFC 7692, section 6.1).
    fn take_compressor(&mut self) -> Option<(Side, Box<Compressor>)> {
        let side = self.compression?.side(self.role);
        if side.max_window_bits < MIN_WINDOW_BITS {
            return None;
        }
        let make = || {
            Box::new(Compressor {
                deflater: Deflater::new(side.max_window_bits, !side.no_context_takeover),
                packed: Vec::new(),
            })
        };
        let compressor = match side.no_context_takeover {
            true => COMPRESSORS.take(side.max_window_bits, make),
            false => self.compressor.take().unwrap_or_else(make),
        };
        Some((side, compressor))
    }

    fn frames(&mut self, opcode: Opcode, is_compressed: bool, payload: &[u8], out: &mut Vec<u8>) {
        let (mut opcode, mut is_compressed) = (opcode, is_compressed);
        let mut rest = payload;
        loop {
            let (piece, behind) = rest.split_at(rest.len().min(self.max_frame));
            self.frame(opcode, behind.is_empty(), is_compressed, piece, out);
            if behind.is_empty() {
                return;
            }
            rest = behind;
            (opcode, is_compressed) = (Opcode::Continuation, false);
        }
    }

    fn frame(
        &mut self,
        opcode: Opcode,
        fin: bool,
        is_compressed: bool,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) {
        let key = self.keys.as_mut().map(Keys::next);
        let header = Header {
            fin,
            is_compressed,
            opcode,
            length: payload.len() as u64,
            key,
        };
        header.write(out);
        let begin = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = key {
            mask::apply(&mut out[begin..], key, 0);
        }
    }
}

/// How much memory a compressor keeps for its output.
const KEPT_BYTES: usize = 16 << 10;
