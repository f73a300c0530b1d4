//! Close codes (RFC 6455, section 7.4, and IANA's registry).

/// The purpose of the connection is fulfilled.
pub const NORMAL: u16 = 1000;
/// An endpoint goes away, for example because a page is left.
pub const GOING_AWAY: u16 = 1001;
/// The peer has broken the protocol.
pub const PROTOCOL_ERROR: u16 = 1002;
/// A text or a close reason is not UTF-8, or a compressed message cannot be decompressed.
pub const INVALID_PAYLOAD: u16 = 1007;
/// A message is too long.
pub const TOO_BIG: u16 = 1009;

/// Whether a close frame may contain `code`: a code that is defined for frames, or one of the
/// ranges for libraries (3000 to 3999) and applications (4000 to 4999).
pub fn is_valid(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn codes_that_no_frame_contains_are_invalid() {
        for code in [
            0,
            999,
            1004,
            1005,
            1006,
            1015,
            1016,
            2000,
            2999,
            5000,
            u16::MAX,
        ] {
            assert!(!is_valid(code), "{code}");
        }
        for code in [1000, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999] {
            assert!(is_valid(code), "{code}");
        }
    }
}
