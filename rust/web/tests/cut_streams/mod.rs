//! Checks that the result does not depend on how a stream is cut, for the tests and the fuzzer.

use stream_socket_web::http::{
    BodyDecoder, HeadError, HeadLimits, HeadReader, RequestHead, write_request_head,
};

const LIMITS: HeadLimits = HeadLimits {
    bytes: 512,
    fields: 40,
};

/// What a stream of requests contains.
#[derive(Debug, Default, PartialEq)]
pub struct Requests {
    /// Each head with its body. The last body may be incomplete.
    pub requests: Vec<(RequestHead, Vec<u8>)>,
    /// Why the rest of the stream is refused.
    pub refusal: Option<String>,
}

/// Checks that a stream has the same meaning whole and in pieces, whose lengths are those of
/// `pieces`, repeated, and that a head means the same after it is written and read again.
pub fn check(bytes: &[u8], pieces: &[u8]) -> Requests {
    let whole = read(bytes, &[]);
    assert_eq!(read(bytes, pieces), whole, "in pieces of {pieces:?}");
    for (head, body) in &whole.requests {
        assert!(body.len() <= bytes.len());
        check_head(head);
    }
    whole
}

fn read(bytes: &[u8], pieces: &[u8]) -> Requests {
    let mut reader = HeadReader::new(LIMITS);
    let mut decoder: Option<BodyDecoder> = None;
    let mut found = Requests::default();
    let (mut start, mut arrived) = (0, 0);
    let mut pieces = pieces.iter().cycle();
    while arrived < bytes.len() {
        let piece = pieces
            .next()
            .map_or(bytes.len(), |&piece| usize::from(piece).max(1));
        arrived = bytes.len().min(arrived + piece);
        loop {
            let unread = &bytes[start..arrived];
            let used = match &mut decoder {
                Some(body) if body.is_done() => {
                    decoder = None;
                    continue;
                }
                Some(_) if unread.is_empty() => break,
                Some(body) => body
                    .decode(unread)
                    .map(|(used, data)| {
                        let (_, body) = found.requests.last_mut().expect("a head before a body");
                        body.extend_from_slice(data);
                        used
                    })
                    .map_err(|error| error.to_string()),
                None => match reader.read_request(unread) {
                    Ok(None) => break,
                    Ok(Some((head, length))) => {
                        decoder = Some(BodyDecoder::new(head.body(), LIMITS));
                        found.requests.push((head, Vec::new()));
                        Ok(length)
                    }
                    Err(error) => Err(error.to_string()),
                },
            };
            match used {
                Ok(used) => start += used,
                Err(error) => {
                    found.refusal = Some(error);
                    return found;
                }
            }
        }
    }
    found
}

/// A head that was accepted can be written, and is then read as the same head.
fn check_head(head: &RequestHead) {
    // Values may have characters of Latin-1 that are not written.
    let mut out = Vec::new();
    let written = write_request_head(&mut out, &head.method, &head.target, head.headers.iter());
    let is_c1 = |letter: char| ('\u{80}'..='\u{9f}').contains(&letter);
    if head.headers.iter().any(|(_, value)| value.contains(is_c1)) {
        assert!(written.is_err());
        return;
    }
    written.expect("a head that was read");
    let limits = HeadLimits {
        bytes: out.len(),
        ..LIMITS
    };
    match HeadReader::new(limits).read_request(&out) {
        Ok(Some((again, length))) => {
            assert_eq!(
                (&again.target, &again.headers),
                (&head.target, &head.headers)
            );
            assert_eq!((again.body(), length), (head.body(), out.len()));
        }
        // Heads are written as HTTP/1.1, which requires a host.
        Err(HeadError::NoHost) => assert!(head.host().is_none()),
        other => panic!("{other:?}"),
    }
}
