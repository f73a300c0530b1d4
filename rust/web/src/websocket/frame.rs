//! The header of a frame (RFC 6455, section 5.2).

use super::mask::Key;
use super::{FrameError, Role};

/// The length of the longest header: two bytes, a length of 8, a key of 4.
pub(super) const MAX_HEADER_BYTES: usize = 14;

/// The largest payload of a control frame (section 5.5).
pub(super) const MAX_CONTROL_BYTES: usize = 125;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const OTHER_RSV: u8 = 0x30;
const MASKED: u8 = 0x80;
const IS_CONTROL: u8 = 0x8;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    fn from_bits(bits: u8) -> Option<Opcode> {
        Some(match bits {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    pub(super) fn is_control(self) -> bool {
        self as u8 & IS_CONTROL != 0
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) fin: bool,
    /// RSV1: the message that begins here is compressed (RFC 7692, section 6).
    pub(super) is_compressed: bool,
    pub(super) opcode: Opcode,
    pub(super) length: u64,
    pub(super) key: Option<Key>,
}

impl Header {
    /// The header at the beginning of `bytes` with its length, for a receiver in `role`. `None` if
    /// more bytes are needed. An error is reported at the first byte that shows it.
    pub(super) fn parse(
        bytes: &[u8],
        role: Role,
        may_compress: bool,
    ) -> Result<Option<(Header, usize)>, FrameError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let is_compressed = first & RSV1 != 0;
        if first & OTHER_RSV != 0 || is_compressed && !may_compress {
            return Err(FrameError::ReservedBit);
        }
        let bits = first & 0xf;
        let opcode = Opcode::from_bits(bits).ok_or(FrameError::ReservedOpcode(bits))?;
        // A continuation cannot be compressed alone, and a control frame not at all (RFC 7692,
        // section 6.1).
        if is_compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(FrameError::ReservedBit);
        }
        let fin = first & FIN != 0;
        if opcode.is_control() && !fin {
            return Err(FrameError::FragmentedControl);
        }
        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let is_masked = second & MASKED != 0;
        match role {
            Role::Server if !is_masked => return Err(FrameError::NotMasked),
            Role::Client if is_masked => return Err(FrameError::Masked),
            _ => {}
        }
        let short = second & !MASKED;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_BYTES {
            return Err(FrameError::LongControl);
        }
        let (length, at) = match short {
            126 => {
                let Some(&length) = bytes.get(2..).and_then(<[u8]>::first_chunk::<2>) else {
                    return Ok(None);
                };
                let length = u64::from(u16::from_be_bytes(length));
                if length < 126 {
                    return Err(FrameError::LongLength);
                }
                (length, 4)
            }
            127 => {
                let Some(&length) = bytes.get(2..).and_then(<[u8]>::first_chunk::<8>) else {
                    return Ok(None);
                };
                let length = u64::from_be_bytes(length);
                if length >> 63 != 0 {
                    return Err(FrameError::NegativeLength);
                }
                if length <= u64::from(u16::MAX) {
                    return Err(FrameError::LongLength);
                }
                (length, 10)
            }
            short => (u64::from(short), 2),
        };
        let (key, end) = match is_masked {
            true => {
                let Some(&key) = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>) else {
                    return Ok(None);
                };
                (Some(key), at + 4)
            }
            false => (None, at),
        };
        let header = Header {
            fin,
            is_compressed,
            opcode,
            length,
            key,
        };
        Ok(Some((header, end)))
    }

    /// Appends the header to `out`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut first = self.opcode as u8;
        if self.fin {
            first |= FIN;
        }
        if self.is_compressed {
            first |= RSV1;
        }
        let masked = if self.key.is_some() { MASKED } else { 0 };
        out.push(first);
        match self.length {
            length @ 0..126 => out.push(masked | length as u8),
            length @ 126..=0xffff => {
                out.push(masked | 126);
                out.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                out.push(masked | 127);
                out.extend_from_slice(&length.to_be_bytes());
            }
        }
        if let Some(key) = self.key {
            out.extend_from_slice(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8], role: Role) -> Result<Option<(Header, usize)>, FrameError> {
        Header::parse(bytes, role, true)
    }

    #[test]
    fn what_is_written_is_parsed_at_every_cut() {
        let lengths = [0, 1, 125, 126, 127, 0xffff, 0x1_0000, u64::MAX >> 1];
        for (role, key) in [(Role::Server, Some([1, 2, 3, 4])), (Role::Client, None)] {
            for length in lengths {
                let header = Header {
                    fin: length % 2 == 0,
                    is_compressed: true,
                    opcode: Opcode::Text,
                    length,
                    key,
                };
                let mut bytes = Vec::new();
                header.write(&mut bytes);
                assert!(bytes.len() <= MAX_HEADER_BYTES);
                for cut in 0..bytes.len() {
                    assert_eq!(parse(&bytes[..cut], role), Ok(None), "cut at {cut}");
                }
                assert_eq!(parse(&bytes, role), Ok(Some((header, bytes.len()))));
            }
        }
    }

    #[test]
    fn violations_are_found_at_their_byte() {
        let cases: [(&[u8], Role, FrameError); 14] = [
            (&[0xa1], Role::Server, FrameError::ReservedBit),
            (&[0x91], Role::Server, FrameError::ReservedBit),
            (&[0xc9], Role::Server, FrameError::ReservedBit),
            (&[0xc0], Role::Server, FrameError::ReservedBit),
            (&[0x83], Role::Server, FrameError::ReservedOpcode(3)),
            (&[0x8f], Role::Server, FrameError::ReservedOpcode(15)),
            (&[0x08], Role::Server, FrameError::FragmentedControl),
            (&[0x81, 5], Role::Server, FrameError::NotMasked),
            (&[0x81, 0x85], Role::Client, FrameError::Masked),
            (&[0x89, 126], Role::Client, FrameError::LongControl),
            (&[0x89, 127], Role::Client, FrameError::LongControl),
            (&[0x82, 126, 0, 125], Role::Client, FrameError::LongLength),
            (
                &[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
                Role::Client,
                FrameError::LongLength,
            ),
            (
                &[0x82, 127, 0x80, 0, 0, 0, 0, 1, 0, 0],
                Role::Client,
                FrameError::NegativeLength,
            ),
        ];
        for (bytes, role, error) in cases {
            assert_eq!(parse(bytes, role), Err(error), "{bytes:x?}");
            let shorter = &bytes[..bytes.len() - 1];
            assert_eq!(parse(shorter, role), Ok(None), "{shorter:x?}");
        }
        let compressed = Header::parse(&[0xc1], Role::Server, false);
        assert_eq!(compressed, Err(FrameError::ReservedBit));
    }
}
