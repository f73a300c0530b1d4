//! Percent-encoding (RFC 3986, section 2.1).

/// Decodes percent-encoding. `None` if a `%` is not followed by two hexadecimal digits.
pub fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            decoded.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return None;
        };
        let digit = |byte: u8| char::from(byte).to_digit(16);
        decoded.push((digit(*high)? * 16 + digit(*low)?) as u8);
        rest = after;
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_strict() {
        let decoded = |text| percent_decode(text).map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(decoded("a%20b%2Fc+%c3%A4").as_deref(), Some("a b/c+ä"));
        assert_eq!(decoded(""), Some(String::new()));
        for wrong in ["%", "%1", "%g0", "%0g", "a%+1", "%%20"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
