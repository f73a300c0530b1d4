//! Checks text that comes in pieces, which may cut characters.

use simdutf8::compat::from_utf8;

/// A check of a text from its first byte on.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8Check {
    /// The first bytes of an incomplete character.
    cut: [u8; 4],
    cut_len: usize,
}

/// The text cannot be UTF-8, whatever comes after it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotUtf8;

impl Utf8Check {
    /// Checks the next piece. Fails at the first byte after which the text cannot be UTF-8.
    pub(super) fn check(&mut self, mut piece: &[u8]) -> Result<(), NotUtf8> {
        while self.cut_len > 0 {
            let Some((&first, rest)) = piece.split_first() else {
                return Ok(());
            };
            piece = rest;
            self.cut[self.cut_len] = first;
            self.cut_len += 1;
            match std::str::from_utf8(&self.cut[..self.cut_len]) {
                Ok(_) => self.cut_len = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(NotUtf8),
            }
        }
        let Err(error) = from_utf8(piece) else {
            return Ok(());
        };
        if error.error_len().is_some() {
            return Err(NotUtf8);
        }
        let cut = &piece[error.valid_up_to()..];
        self.cut[..cut.len()].copy_from_slice(cut);
        self.cut_len = cut.len();
        Ok(())
    }

    /// Whether the text may end here.
    pub(super) fn is_complete(&self) -> bool {
        self.cut_len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The length of the longest beginning of `bytes` that can become UTF-8.
    fn longest_prefix(bytes: &[u8]) -> usize {
        let can_become = |end: &usize| match std::str::from_utf8(&bytes[..*end]) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        };
        (0..=bytes.len()).rev().find(can_become).unwrap_or(0)
    }

    fn check_in_pieces(bytes: &[u8], pieces: &[usize]) {
        let longest = longest_prefix(bytes);
        let mut check = Utf8Check::default();
        let (mut at, mut sizes) = (0, pieces.iter().cycle());
        while at < bytes.len() {
            let end = (at + sizes.next().unwrap()).min(bytes.len());
            let result = check.check(&bytes[at..end]);
            assert_eq!(result.is_ok(), end <= longest, "{bytes:?} up to {end}");
            if result.is_err() {
                return;
            }
            at = end;
            let is_complete = std::str::from_utf8(&bytes[..at]).is_ok();
            assert_eq!(check.is_complete(), is_complete, "{bytes:?} at {at}");
        }
    }

    #[test]
    fn text_cut_anywhere_is_checked_alike() {
        let texts: [&[u8]; 12] = [
            "κόσμε".as_bytes(),
            "a\u{7f}\u{80}\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}".as_bytes(),
            // RFC 3629, section 10: too long, surrogates, above U+10FFFF.
            b"\xc0\x80",
            b"a\xe0\x80\x80",
            b"\xed\xa0\x80\xed\xb0\x80",
            b"\xf4\x90\x80\x80",
            b"\xf0\x80\x80\x80",
            b"\xf8\x88\x80\x80\x80",
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65\x64",
            b"\xce\xba\xff",
            b"\x80",
            b"plain text, long enough for a whole stretch of 64 bytes and some more \xe2\x82",
        ];
        for text in texts {
            for first in 1..=text.len() {
                for second in 1..=4 {
                    check_in_pieces(text, &[first, second]);
                }
            }
        }
    }
}
