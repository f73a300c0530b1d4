//! Bodies of HTTP/1.1: what is accepted, and what is refused with which message, at every cut.

use stream_socket_web::http::{
    BodyDecoder, BodyEncoder, BodyError, BodyFraming, HeadLimits, WriteBodyError,
};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 64,
    fields: 2,
};

/// A body, its trailers, and what follows it. `None` if the stream ends within the body.
#[derive(Debug, PartialEq)]
struct Decoded {
    body: String,
    trailers: Vec<(String, String)>,
    rest: String,
}

/// Decodes a stream that arrives in pieces.
fn decode(framing: BodyFraming, pieces: &[&[u8]]) -> Result<Option<Decoded>, BodyError> {
    let mut decoder = BodyDecoder::new(framing, LIMITS);
    let (mut body, mut rest) = (Vec::new(), Vec::new());
    for piece in pieces {
        let mut input = *piece;
        while !decoder.is_done() && !input.is_empty() {
            let (used, data) = decoder.decode(input)?;
            assert!(used > 0 && data.len() <= used);
            body.extend_from_slice(data);
            input = &input[used..];
        }
        rest.extend_from_slice(input);
    }
    if !decoder.is_done() && decoder.end_of_stream().is_err() {
        return Ok(None);
    }
    let pair = |(name, value): (&str, &str)| (name.to_string(), value.to_string());
    Ok(Some(Decoded {
        body: String::from_utf8(body).unwrap(),
        trailers: decoder.trailers().iter().map(pair).collect(),
        rest: String::from_utf8(rest).unwrap(),
    }))
}

/// Decodes a stream whole, byte by byte and cut at each position. All results must be equal.
fn decode_cut(framing: BodyFraming, text: &str) -> Result<Option<Decoded>, BodyError> {
    let bytes = text.as_bytes();
    let whole = decode(framing, &[bytes]);
    for cut in 0..=bytes.len() {
        let pieces = [&bytes[..cut], &bytes[cut..]];
        assert_eq!(decode(framing, &pieces), whole, "cut at {cut} of {text:?}");
    }
    assert_eq!(decode(framing, &Vec::from_iter(bytes.chunks(1))), whole);
    whole
}

#[test]
fn bodies_end_where_their_framing_says() {
    let body = |framing, text| {
        let decoded = decode_cut(framing, text).unwrap()?;
        assert_eq!(decoded.trailers, []);
        Some((decoded.body, decoded.rest))
    };
    let pair = |body: &str, rest: &str| Some((body.to_string(), rest.to_string()));
    assert_eq!(body(BodyFraming::Empty, "abc"), pair("", "abc"));
    assert_eq!(body(BodyFraming::Length(2), "abc"), pair("ab", "c"));
    assert_eq!(body(BodyFraming::Length(4), "abc"), None);
    assert_eq!(body(BodyFraming::Length(u64::MAX), "abc"), None);
    assert_eq!(body(BodyFraming::UntilEnd, "abc"), pair("abc", ""));
    let chunked = |text| body(BodyFraming::Chunked, text);
    assert_eq!(chunked("0\r\n\r\nabc"), pair("", "abc"));
    assert_eq!(
        chunked("1\r\na\r\n0002\r\nbc\r\n000\r\n\r\nd"),
        pair("abc", "d")
    );
    assert_eq!(
        chunked("A\r\n0123456789\r\n0\r\n\r\n"),
        pair("0123456789", "")
    );
    assert_eq!(
        chunked("a\r\n0123456789\r\n0\r\n\r\n"),
        pair("0123456789", "")
    );
    assert_eq!(
        chunked("2;x=\"y\";z\r\n\r\n\r\n0 ; a\r\n\r\n"),
        pair("\r\n", "")
    );
    assert_eq!(chunked("1\r\na\r\n0\r\n\r"), None);
    assert_eq!(chunked("1\r\na\r\n0\r\n"), None);
    assert_eq!(chunked("1\r\na\r\n"), None);
    assert_eq!(chunked("ffffffffffffffff\r\na"), None);
}

#[test]
fn trailers_follow_the_last_chunk() {
    let text = "1\r\na\r\n0\r\nA: b\r\nC:\r\n\r\nrest";
    let decoded = decode_cut(BodyFraming::Chunked, text).unwrap().unwrap();
    let pairs = [("A", "b"), ("C", "")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(decoded.trailers, pairs);
    assert_eq!((&*decoded.body, &*decoded.rest), ("a", "rest"));
}

#[test]
fn malformed_chunks_are_refused_with_a_message() {
    let long = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(1100));
    let trailer = format!("0\r\nA: {}\r\n\r\n", "x".repeat(64));
    let rows = [
        ("\r\n", 400, "malformed chunk size"),
        ("x\r\n", 400, "malformed chunk size"),
        ("-1\r\n", 400, "malformed chunk size"),
        ("+1\r\n", 400, "malformed chunk size"),
        (" 1\r\n", 400, "malformed chunk size"),
        ("0x1\r\n", 400, "malformed chunk size"),
        ("1_0\r\n", 400, "malformed chunk size"),
        ("1\0\r\n", 400, "malformed chunk size"),
        (";a\r\n", 400, "malformed chunk size"),
        ("10000000000000000\r\n", 400, "malformed chunk size"),
        ("00000000000000001\r\na", 400, "malformed chunk size"),
        ("1 \r\na\r\n", 400, "malformed chunk extension"),
        ("1 2\r\na\r\n", 400, "malformed chunk extension"),
        ("1;\0\r\na\r\n", 400, "malformed chunk extension"),
        ("1;\x7f\r\na\r\n", 400, "malformed chunk extension"),
        ("1\na\n0\n\n", 400, "malformed line end in a chunk"),
        ("1;a\nb\r\na\r\n", 400, "malformed line end in a chunk"),
        ("1;a\rb\r\na\r\n", 400, "malformed line end in a chunk"),
        ("1\r\rna", 400, "malformed line end in a chunk"),
        ("1\r\nab\r\n", 400, "malformed line end in a chunk"),
        ("1\r\na\n0\r\n", 400, "malformed line end in a chunk"),
        ("1\r\na\rb", 400, "malformed line end in a chunk"),
        (
            &*long,
            400,
            "line of a chunk exceeds the limit of 1024 bytes",
        ),
        ("0\r\nA\r\n\r\n", 400, "trailer: malformed header name"),
        ("0\r\nA : b\r\n\r\n", 400, "trailer: malformed header name"),
        ("0\r\n A: b\r\n\r\n", 400, "trailer: folded header line"),
        (
            "0\r\nA: b\r\n c\r\n\r\n",
            400,
            "trailer: folded header line",
        ),
        (
            "0\r\nA: b\n\r\n",
            400,
            "trailer: line feed without a carriage return in the head",
        ),
        (
            "0\r\n\n",
            400,
            "trailer: line feed without a carriage return in the head",
        ),
        (
            "0\r\n\ra",
            400,
            "trailer: carriage return without a line feed in the head",
        ),
        (
            "0\r\nA:\r\nB:\r\nC:\r\n\r\n",
            431,
            "trailer exceeds the limit of 2 header fields",
        ),
        (&*trailer, 431, "trailer exceeds the limit of 64 bytes"),
    ];
    for (text, status, words) in rows {
        let error = decode_cut(BodyFraming::Chunked, text).expect_err(text);
        assert_eq!(
            (error.status(), &*error.to_string()),
            (status, words),
            "{text:?}"
        );
    }
}

#[test]
fn a_body_cut_off_is_an_error() {
    for framing in [BodyFraming::Length(2), BodyFraming::Chunked] {
        let mut decoder = BodyDecoder::new(framing, LIMITS);
        decoder.decode(b"1").unwrap();
        assert_eq!(decoder.end_of_stream(), Err(BodyError::Truncated));
    }
}

#[test]
fn bodies_are_written_as_they_are_read() {
    for framing in [
        BodyFraming::Length(7),
        BodyFraming::Chunked,
        BodyFraming::UntilEnd,
    ] {
        let (mut encoder, mut out) = (BodyEncoder::new(framing), Vec::new());
        for part in ["abc", "", "defg"] {
            encoder.write(&mut out, part.as_bytes()).unwrap();
        }
        encoder.finish(&mut out, []).unwrap();
        assert!(encoder.is_done());
        let decoded = decode(framing, &[&out]).unwrap().unwrap();
        assert_eq!((&*decoded.body, &*decoded.rest), ("abcdefg", ""));
        assert_eq!(encoder.write(&mut out, b"x"), Err(WriteBodyError::Complete));
        assert_eq!(encoder.finish(&mut out, []), Err(WriteBodyError::Complete));
    }
    let (mut encoder, mut out) = (BodyEncoder::new(BodyFraming::Chunked), Vec::new());
    encoder.write(&mut out, b"0123456789").unwrap();
    assert!(encoder.finish(&mut out, [("A", "b\r\nc")]).is_err());
    encoder.finish(&mut out, [("A", "b")]).unwrap();
    assert_eq!(out, b"a\r\n0123456789\r\n0\r\nA: b\r\n\r\n");
}

#[test]
fn a_body_must_have_its_announced_length() {
    let (mut encoder, mut out) = (BodyEncoder::new(BodyFraming::Length(3)), Vec::new());
    encoder.write(&mut out, b"ab").unwrap();
    let error = encoder.write(&mut out, b"cde").unwrap_err();
    assert_eq!(error, WriteBodyError::TooLong { excess: 2 });
    let error = encoder.finish(&mut out, []).unwrap_err();
    assert_eq!(error, WriteBodyError::TooShort { missing: 1 });
    encoder.write(&mut out, b"c").unwrap();
    assert_eq!(
        encoder.finish(&mut out, [("A", "b")]),
        Err(WriteBodyError::NoTrailer)
    );
    encoder.finish(&mut out, []).unwrap();
    assert_eq!(out, b"abc");
    let mut empty = BodyEncoder::new(BodyFraming::Empty);
    assert_eq!(
        empty.write(&mut out, b"x"),
        Err(WriteBodyError::TooLong { excess: 1 })
    );
}
