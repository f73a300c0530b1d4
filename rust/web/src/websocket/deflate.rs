//! The compression of messages (RFC 7692, section 7.2).

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::FrameError;

/// What a sender removes from the end of a compressed message, and a receiver appends: an empty
/// stored block.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The smallest window that the compressor has.
pub(super) const MIN_WINDOW_BITS: u8 = 9;

/// The minimum output space for a call of the codec, in bytes.
const STEP: usize = 1 << 10;

/// Compresses the messages that are sent.
#[derive(Debug)]
pub(super) struct Deflater {
    stream: Compress,
    keeps_context: bool,
}

impl Deflater {
    /// `window_bits` is between [`MIN_WINDOW_BITS`] and 15.
    pub(super) fn new(window_bits: u8, keeps_context: bool) -> Deflater {
        Deflater {
            stream: Compress::new_with_window_bits(Compression::default(), false, window_bits),
            keeps_context,
        }
    }

    /// Replaces `out` by `message`, compressed.
    pub(super) fn compress(&mut self, message: &[u8], out: &mut Vec<u8>) {
        out.clear();
        let begin = self.stream.total_in();
        loop {
            let used = (self.stream.total_in() - begin) as usize;
            out.reserve(STEP.max((message.len() - used) / 2));
            // A compressor with space never fails.
            let _ = self
                .stream
                .compress_vec(&message[used..], out, FlushCompress::Sync);
            // The flush is complete once it has left space.
            let used = (self.stream.total_in() - begin) as usize;
            if used == message.len() && out.len() < out.capacity() {
                break;
            }
        }
        if out.ends_with(&TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        if out.is_empty() {
            // A message without bytes has one empty block (section 7.2.3.6).
            out.push(0);
        }
        if !self.keeps_context {
            self.stream.reset();
        }
    }
}

/// Decompresses the messages that are received.
#[derive(Debug)]
pub(super) struct Inflater {
    stream: Decompress,
    keeps_context: bool,
}

impl Inflater {
    /// `window_bits` is between 8 and 15. If the peer refers to bytes before the window, which it
    /// must not, it depends on the cuts whether that is found.
    pub(super) fn new(window_bits: u8, keeps_context: bool) -> Inflater {
        let window_bits = window_bits.max(MIN_WINDOW_BITS);
        Inflater {
            stream: Decompress::new_with_window_bits(false, window_bits),
            keeps_context,
        }
    }

    /// Decompresses `piece` and appends the result to `message`, which must not exceed `limit`
    /// bytes. Allocates no memory beyond the limit.
    pub(super) fn decompress(
        &mut self,
        mut piece: &[u8],
        message: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), FrameError> {
        loop {
            if message.len() == message.capacity() {
                // One byte above the limit shows that the message is longer.
                let rest = limit.saturating_sub(message.len()).saturating_add(1);
                let step = STEP.max(piece.len()).max(message.len());
                message.reserve_exact(step.min(rest));
            }
            let (read, written) = (self.stream.total_in(), message.len());
            let status = self
                .stream
                .decompress_vec(piece, message, FlushDecompress::None);
            if message.len() > limit {
                // A limit that was lowered leaves more memory than it allows.
                message.truncate(written.max(limit) + 1);
                return Err(FrameError::TooBig(limit));
            }
            let status = status.map_err(|_| FrameError::Compression)?;
            let read = (self.stream.total_in() - read) as usize;
            piece = &piece[read..];
            match status {
                // A message may have several final blocks (section 7.2.3.5).
                Status::StreamEnd => self.stream.reset(false),
                Status::Ok | Status::BufError if piece.is_empty() => {}
                Status::Ok | Status::BufError => {
                    let has_space = message.len() < message.capacity();
                    if read == 0 && message.len() == written && has_space {
                        return Err(FrameError::Compression);
                    }
                }
            }
            // The codec keeps output back only if it has no space.
            if piece.is_empty() && message.len() < message.capacity() {
                return Ok(());
            }
        }
    }

    /// Ends a message.
    pub(super) fn finish(&mut self, message: &mut Vec<u8>, limit: usize) -> Result<(), FrameError> {
        self.decompress(&TAIL, message, limit)?;
        if !self.keeps_context {
            self.stream.reset(false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflate(
        inflater: &mut Inflater,
        bytes: &[u8],
        piece: usize,
        limit: usize,
    ) -> Result<Vec<u8>, FrameError> {
        let mut message = Vec::new();
        for piece in bytes.chunks(piece) {
            inflater.decompress(piece, &mut message, limit)?;
        }
        inflater.finish(&mut message, limit)?;
        Ok(message)
    }

    /// The examples of RFC 7692, sections 7.2.3.1 to 7.2.3.6.
    #[test]
    fn the_examples_of_the_rfc() {
        let hello = |bytes: &[u8]| {
            for piece in 1..=bytes.len() {
                let mut inflater = Inflater::new(15, true);
                let message = inflate(&mut inflater, bytes, piece, 5);
                assert_eq!(message.as_deref(), Ok(&b"Hello"[..]), "{bytes:x?}");
            }
        };
        hello(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        hello(&[
            0x00, 0x05, 0x00, 0xfa, 0xff, b'H', b'e', b'l', b'l', b'o', 0x00,
        ]);
        hello(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
        hello(&[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ]);
        let mut inflater = Inflater::new(15, true);
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let second = [0xf2, 0x00, 0x11, 0x00, 0x00];
        assert_eq!(inflate(&mut inflater, &first, 7, 5).unwrap(), b"Hello");
        assert_eq!(inflate(&mut inflater, &second, 5, 5).unwrap(), b"Hello");
        assert_eq!(inflate(&mut inflater, &[0], 1, 0).unwrap(), b"");
    }

    #[test]
    fn a_reference_to_a_context_that_was_not_kept_is_refused() {
        let mut inflater = Inflater::new(15, false);
        let first = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        assert_eq!(inflate(&mut inflater, &first, 7, 5).unwrap(), b"Hello");
        let second = inflate(&mut inflater, &[0xf2, 0x00, 0x11, 0x00, 0x00], 5, 5);
        assert_eq!(second, Err(FrameError::Compression));
    }

    /// Messages of many lengths, some repetitive and some not.
    fn messages() -> Vec<Vec<u8>> {
        let mut noise = 1_u64;
        let mut messages = Vec::new();
        for length in [0, 1, 2, 100, 1023, 1024, 1025, 5000, 70_000] {
            messages.push(vec![b'a'; length]);
            let words = b"the same few words, again and again ".iter().copied();
            messages.push(words.cycle().take(length).collect());
            let random = std::iter::repeat_with(|| {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (noise >> 33) as u8
            });
            messages.push(random.take(length).collect());
        }
        messages
    }

    #[test]
    fn compressed_messages_are_restored() {
        for bits in MIN_WINDOW_BITS..=15 {
            for keeps_context in [false, true] {
                let mut deflater = Deflater::new(bits, keeps_context);
                let mut inflater = Inflater::new(bits, keeps_context);
                let mut packed = Vec::new();
                for message in messages() {
                    deflater.compress(&message, &mut packed);
                    // Small pieces need the window, and not only the previous output.
                    let piece = 7 + packed.len() / 100;
                    let unpacked = inflate(&mut inflater, &packed, piece, message.len());
                    assert_eq!(unpacked.as_ref(), Ok(&message), "{bits} bits");
                }
            }
        }
    }

    #[test]
    fn a_bomb_takes_no_memory_beyond_the_limit() {
        let mut deflater = Deflater::new(15, false);
        let mut packed = Vec::new();
        deflater.compress(&vec![0; 10_000_000], &mut packed);
        let (mut inflater, mut message) = (Inflater::new(15, false), Vec::new());
        let result = inflater.decompress(&packed, &mut message, 100_000);
        assert_eq!(result, Err(FrameError::TooBig(100_000)));
        assert!(
            message.capacity() <= 100_001,
            "{} bytes",
            message.capacity()
        );
    }

    #[test]
    fn invalid_deflate_data_is_refused() {
        let garbage = [0xff; 16];
        let result = inflate(&mut Inflater::new(15, true), &garbage, 16, 1000);
        assert_eq!(result, Err(FrameError::Compression));
    }
}
