//! Percent-encoding (RFC 3986, section 2.1), and queries.

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

/// The names and values of a query as forms send it (`application/x-www-form-urlencoded` of the
/// URL standard): pairs between `&`, with `+` for a space. What is not valid percent-encoding stays
/// as it is, and bytes that are not UTF-8 are replaced by U+FFFD.
///
/// # Examples
///
/// ```
/// use stream_socket_web::http::query_pairs;
///
/// let pairs = Vec::from_iter(query_pairs("name=J%C3%BCrgen+B&b"));
/// assert_eq!(pairs, [("name".into(), "Jürgen B".into()), ("b".into(), "".into())]);
/// ```
pub fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (form_decode(name), form_decode(value))
    })
}

fn form_decode(text: &str) -> String {
    let text = text.replace('+', " ");
    match percent_decode(&text) {
        Some(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        None => text,
    }
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

    #[test]
    fn queries_are_lenient() {
        let pairs = Vec::from_iter(query_pairs("&a=b=c&&%zz=%ff&d"));
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(
            pairs,
            [pair("a", "b=c"), pair("%zz", "\u{fffd}"), pair("d", "")]
        );
    }
}
