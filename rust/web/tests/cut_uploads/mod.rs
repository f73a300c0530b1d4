//! A connection must answer a stream in the same way wherever it is cut, and whether bodies are
//! whole or taken as they arrive. For the tests and the fuzzer.

use std::time::Instant;

use stream_socket_web::http::{
    Ending, HeadLimits, Headers, RequestHead, ServerConnection, ServerEvent, ServerRules,
};

/// The maximum length of a body.
const MAX_BODY: u64 = 20;

/// The outcome of a stream of requests.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    /// Each head with its whole body.
    pub requests: Vec<(RequestHead, Vec<u8>)>,
    /// What the client gets, without interim responses.
    pub answers: String,
    ending: Option<Ending>,
}

/// Compares whole bodies with those that are taken as they arrive, and the stream at once with the
/// stream in pieces of these lengths.
pub fn check(bytes: &[u8], pieces: &[u8]) -> Outcome {
    let whole = serve(bytes, &[], None);
    for (pieces, limit) in [
        (pieces, None),
        (&[], Some(MAX_BODY)),
        (pieces, Some(MAX_BODY)),
    ] {
        let other = serve(bytes, pieces, limit);
        assert_eq!(other, whole, "{limit:?} in pieces of {pieces:?}");
    }
    whole
}

fn serve(bytes: &[u8], pieces: &[u8], upload_limit: Option<u64>) -> Outcome {
    let now = Instant::now();
    let any = || vec![String::from("*")];
    let rules = ServerRules {
        head: HeadLimits {
            bytes: 512,
            fields: 40,
        },
        max_body: MAX_BODY,
        allowed_hosts: any(),
        allowed_origins: any(),
        ..ServerRules::default()
    };
    let mut connection = ServerConnection::new(now);
    let mut requests = Vec::new();
    let mut open: Option<(u64, RequestHead, Vec<u8>)> = None;
    let mut lengths = pieces.iter().map(|&it| usize::from(it).max(1)).cycle();
    let mut rest = bytes;
    loop {
        let (piece, after) = rest.split_at(lengths.next().unwrap_or(rest.len()).min(rest.len()));
        rest = after;
        match piece {
            [] => connection.end_of_stream(),
            piece => connection.receive(piece),
        }
        loop {
            match connection.advance(now, &rules, &|_| upload_limit) {
                Some(ServerEvent::Request(request)) => {
                    connection.hand_out(request.id, now);
                    connection.send_continue(request.id, now);
                    open = Some((request.id, request.head, request.body));
                }
                Some(other) => panic!("{other:?}"),
                None => {
                    let Some((id, head, mut body)) = open.take() else {
                        break;
                    };
                    while connection.has_body_event(id) {
                        body.extend_from_slice(&connection.take_body(id, now));
                    }
                    if connection.is_receiving_body(id) {
                        open = Some((id, head, body));
                        break;
                    }
                    // Otherwise the body was refused.
                    if connection.is_waiting(id) {
                        requests.push((head, body));
                        let none = Headers::new();
                        let answered = connection.respond(id, 200, &none, b"", now);
                        answered.expect("an answer");
                    }
                }
            }
        }
        if piece.is_empty() {
            break;
        }
    }
    let answers = String::from_utf8_lossy(connection.unsent());
    Outcome {
        requests,
        answers: answers.replace("HTTP/1.1 100 Continue\r\n\r\n", ""),
        ending: connection.ending(),
    }
}
