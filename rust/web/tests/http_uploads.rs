//! Bodies that are taken as they arrive: at every cut, with limits, times and early answers.

mod serving;

use std::time::Duration;

use serving::{SECOND, Server, get, post};
use stream_socket_web::http::{
    Ending, EvictionClass, HeadLimits, Headers, Request, RespondError, ServerEvent, ServerRules,
};

/// More than a connection keeps of a body.
const LARGE: usize = 64 << 20;

/// What a connection may keep of a body, together with what it has not decoded.
const MAX_KEPT: usize = (1 << 20) + (64 << 10);

fn uploads(limit: u64) -> Server {
    let mut server = Server::new();
    server.upload_limit = Some(limit);
    server
}

impl Server {
    /// Receives `block` until there is no room.
    fn fill(&mut self, block: &str) {
        for _ in 0..=MAX_KEPT / block.len() {
            if self.connection.wants_input() {
                self.receive(block);
            }
        }
        assert!(!self.connection.wants_input());
    }

    /// Takes what has arrived.
    fn take(&mut self, id: u64) -> String {
        String::from_utf8(self.connection.take_body(id, self.now)).unwrap()
    }

    /// Takes what has arrived until there is no event.
    fn take_all(&mut self, id: u64) -> String {
        let mut body = String::new();
        while self.connection.has_body_event(id) {
            body += &self.take(id);
        }
        body
    }
}

#[test]
fn uploads_are_the_same_at_every_cut_and_stay_in_order() {
    let stream = format!(
        "{}{}{}{}",
        post(
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n2;x\r\nde\r\n0\r\nA: b\r\n\r\n"
        ),
        post("Content-Length: 5\r\n", "fghij"),
        post("Content-Length: 0\r\n", ""),
        get("/last"),
    );
    for first in 0..=stream.len() {
        for second in [first, first + 1, first + 7] {
            let second = second.min(stream.len());
            let mut server = uploads(5);
            let mut found: Vec<(u64, String)> = Vec::new();
            let mut open: Option<u64> = None;
            for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                server.connection.receive(piece.as_bytes());
                loop {
                    if let Some(id) = open {
                        let taken = server.take_all(id);
                        found.last_mut().unwrap().1 += &taken;
                        if !server.connection.is_receiving_body(id) {
                            server.respond(id, "");
                            open = None;
                            continue;
                        }
                    }
                    match server.advance() {
                        Some(ServerEvent::Request(request)) => {
                            assert_eq!((request.is_upload, &*request.body), (true, &b""[..]));
                            assert_eq!(open, None, "one after another");
                            found.push((request.id, String::new()));
                            open = Some(request.id);
                        }
                        Some(other) => panic!("{other:?}"),
                        // What has arrived of the body is there after the call.
                        None if open.is_some_and(|id| server.connection.has_body_event(id)) => {}
                        None => break,
                    }
                }
            }
            let expected = [(1, "abcde"), (2, "fghij"), (3, ""), (4, "")];
            let expected = expected.map(|(id, body)| (id, String::from(body)));
            assert_eq!(found, expected, "cut at {first} and {second}");
            assert_eq!(server.sent().matches("HTTP/1.1 200 OK").count(), 4);
            assert_eq!(server.connection.ending(), None, "it goes on");
        }
    }
}

#[test]
fn the_end_of_a_body_is_reported_once() {
    let mut server = uploads(10);
    let id = server.request(&post("Content-Length: 4\r\n", "ab")).id;
    assert!(server.connection.is_receiving_body(id));
    assert_eq!(server.take(id), "", "it has not been read");
    assert_eq!(server.advance(), None);
    // Bytes that nobody takes are reported each time.
    assert!(server.connection.has_body_event(id));
    assert!(server.connection.has_body_event(id));
    assert_eq!(server.take(id), "ab");
    assert!(!server.connection.has_body_event(id));
    assert_eq!(server.receive("cd"), None);
    assert!(server.connection.has_body_event(id));
    assert_eq!((server.take(id), server.take(id)), ("cd".into(), "".into()));
    assert!(
        server.connection.is_receiving_body(id),
        "until the last event"
    );
    assert!(server.connection.has_body_event(id));
    assert!(!server.connection.is_receiving_body(id));
    assert!(!server.connection.has_body_event(id));
    // Other requests have none.
    for other in [id - 1, id + 1] {
        assert!(!server.connection.has_body_event(other));
        assert!(!server.connection.is_receiving_body(other));
        assert_eq!(server.take(other), "");
    }
    server.respond(id, "done");
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";
    assert_eq!(server.sent(), answer, "the connection stays");
    let id = server.request(&get("/")).id;
    assert!(!server.connection.is_receiving_body(id), "no body");
    assert!(!server.connection.has_body_event(id));
}

#[test]
fn a_body_that_nobody_takes_makes_the_client_wait() {
    for is_chunked in [false, true] {
        let mut server = uploads(LARGE as u64);
        let head = match is_chunked {
            true => post("Transfer-Encoding: chunked\r\n", ""),
            false => post(&format!("Content-Length: {LARGE}\r\n"), ""),
        };
        let id = server.request(&head).id;
        let block = "x".repeat(64 << 10);
        let piece = match is_chunked {
            true => format!("{:x}\r\n{block}\r\n", block.len()),
            false => block.clone(),
        };
        let (mut sent, mut taken, mut takes) = (0, 0, 0);
        while taken < LARGE {
            let mut has_sent = false;
            while server.connection.wants_input() && sent < LARGE {
                assert_eq!(server.receive(&piece), None);
                sent += block.len();
                has_sent = true;
            }
            assert!(sent - taken <= MAX_KEPT, "{} bytes are kept", sent - taken);
            assert!(has_sent || sent == LARGE, "a take makes room");
            let body = server.connection.take_body(id, server.now);
            assert!(body.len() <= 1 << 20);
            taken += body.len();
            takes += 1;
            assert_eq!(server.advance(), None);
        }
        assert!(takes >= 64, "{takes} takes");
        if is_chunked {
            server.receive("0\r\n\r\n");
        }
        assert!(server.connection.has_body_event(id));
        assert!(!server.connection.is_receiving_body(id));
    }
}

#[test]
fn limits_hold_as_a_body_grows() {
    let words = "body exceeds the limit of 4 bytes";
    // Before the handler is called.
    for lines in [
        "Content-Length: 5\r\n",
        "Content-Length: 5\r\nExpect: 100-continue\r\n",
    ] {
        let mut server = uploads(4);
        assert_eq!(server.receive(&post(lines, "")), None);
        server.check_refused("413 Content Too Large", words, lines);
    }
    // In chunks, as they come.
    let chunked = post("Transfer-Encoding: chunked\r\n", "");
    let mut server = uploads(4);
    let id = server.request(&chunked).id;
    assert_eq!(server.receive("4\r\nabcd\r\n"), None);
    assert_eq!(server.take(id), "abcd");
    assert_eq!(server.receive("1\r\nf"), None);
    assert_eq!(server.take(id), "");
    assert!(!server.connection.is_receiving_body(id));
    server.check_refused("413 Content Too Large", words, "chunks");
    // The limit of whole bodies is another one.
    let mut server = uploads(1 << 21);
    server.rules.max_body = 1;
    let id = server.request(&post("Content-Length: 4\r\n", "abcd")).id;
    server.advance();
    assert_eq!(server.take_all(id), "abcd");
    // A trailer is bounded, and so is the line of a chunk.
    let rules = ServerRules {
        head: HeadLimits {
            bytes: 100,
            fields: 5,
        },
        ..ServerRules::default()
    };
    for (rest, status, words) in [
        (
            format!("0\r\nA: {}", "x".repeat(200)),
            "431 Request Header Fields Too Large",
            "trailer exceeds the limit of 100 bytes",
        ),
        (
            format!("1;{}", "x".repeat(2000)),
            "400 Bad Request",
            "line of a chunk exceeds the limit of 1024 bytes",
        ),
        (
            String::from("1\r\nab"),
            "400 Bad Request",
            "malformed line end in a chunk",
        ),
    ] {
        let mut server = Server::with(rules.clone());
        server.upload_limit = Some(4);
        let id = server.request(&chunked).id;
        assert_eq!(server.receive(&rest), None);
        assert!(!server.connection.is_receiving_body(id));
        server.check_refused(status, words, &rest);
    }
}

#[test]
fn continue_is_sent_after_the_handler_unless_it_has_answered() {
    let lines = "Expect: 100-continue\r\nContent-Length: 3\r\n";
    let mut server = uploads(10);
    let id = server.request(&post(lines, "")).id;
    assert_eq!((server.advance(), server.sent()), (None, String::new()));
    server.connection.send_continue(id + 1, server.now);
    assert_eq!(server.sent(), "");
    server.connection.send_continue(id, server.now);
    assert_eq!(server.sent(), "HTTP/1.1 100 Continue\r\n\r\n");
    server.connection.send_continue(id, server.now);
    assert_eq!(server.sent(), "", "once");
    assert_eq!(server.receive("abc"), None);
    assert_eq!(server.take_all(id), "abc");
    server.respond(id, "");
    assert!(!server.sent().contains("close"));
    // The handler refuses it.
    let mut server = uploads(10);
    let id = server.request(&post(lines, "")).id;
    let none = Headers::new();
    server
        .connection
        .respond(id, 401, &none, b"", server.now)
        .unwrap();
    server.connection.send_continue(id, server.now);
    assert_eq!(
        server.sent(),
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(server.connection.ending(), Some(Ending::Close));
    // The client has not waited.
    let mut server = uploads(10);
    let id = server.request(&post(lines, "a")).id;
    server.connection.send_continue(id, server.now);
    assert_eq!(server.sent(), "");
    // The client may wait for the handler as long as that may take.
    let mut server = uploads(10);
    server.rules.response_timeout = Some(100 * SECOND);
    let id = server.request(&post(lines, "")).id;
    assert_eq!(server.pass(90 * SECOND), None);
    server.connection.send_continue(id, server.now);
    assert_eq!(server.pass(59 * SECOND), None);
    assert!(server.connection.is_receiving_body(id));
    assert_eq!(server.pass(SECOND), None);
    server.sent();
    assert!(!server.connection.is_receiving_body(id), "408");
}

#[test]
fn an_answer_before_the_end_of_the_body_ends_the_connection() {
    let start = post("Content-Length: 6\r\n", "abc");
    let mut server = uploads(10);
    let id = server.request(&start).id;
    server.advance();
    server.respond(id, "no");
    assert_eq!(
        server.sent(),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
    );
    assert_eq!(server.connection.ending(), Some(Ending::Close));
    assert!(!server.connection.wants_input());
    assert_eq!((server.take(id), server.receive("def")), ("".into(), None));
    // What still comes is discarded while the answer is being sent.
    let mut server = uploads(1 << 30);
    let id = server
        .request(&post("Content-Length: 1000000000\r\n", "abc"))
        .id;
    server.respond(id, &"no".repeat(1000));
    for _ in 0..1000 {
        assert!(server.connection.wants_input());
        assert_eq!(server.receive(&"x".repeat(10_000)), None);
    }
    assert!(server.sent().ends_with("nono"));
    assert!(!server.connection.wants_input());
    // So it is while a file is being sent, with a length that is known.
    let mut server = uploads(1 << 30);
    let id = server
        .request(&post("Content-Length: 20000000\r\n", "abc"))
        .id;
    let length = Headers::from_iter([("Content-Length", "4")]);
    server.connection.start(id, 200, &length).unwrap();
    server.connection.discard_body(id, server.now);
    for _ in 0..1000 {
        assert!(server.connection.wants_input());
        assert_eq!(server.receive(&"x".repeat(10_000)), None);
        assert_eq!(server.take(id), "");
        assert!(!server.connection.has_body_event(id));
    }
    // The client may stop sending, and end its stream, after it has read the head.
    assert!(!server.sent().is_empty());
    assert_eq!(server.pass(1000 * SECOND), None);
    server.connection.end_of_stream();
    assert_eq!(server.advance(), None);
    server.connection.write(id, b"file").unwrap();
    server.connection.finish(id, server.now).unwrap();
    assert!(server.sent().ends_with("file"));
    assert_eq!(server.connection.ending(), Some(Ending::Close));
    // A body that has arrived ends before the next request.
    let mut server = uploads(10);
    let text = post("Content-Length: 3\r\n", "abc") + &get("/next");
    let id = server.request(&text).id;
    server.advance();
    server.connection.start(id, 200, &length).unwrap();
    server.connection.discard_body(id, server.now);
    server.connection.write(id, b"file").unwrap();
    server.connection.finish(id, server.now).unwrap();
    assert_eq!(server.request("").head.path(), "/next");
    // A stream can begin before the end of the body, which still arrives.
    let mut server = uploads(10);
    let id = server.request(&start).id;
    server.connection.start(id, 200, &Headers::new()).unwrap();
    assert!(server.sent().contains("\r\nConnection: close\r\n"));
    server.advance();
    assert_eq!(server.take(id), "abc");
    assert_eq!(server.receive("def"), None);
    assert_eq!(server.take_all(id), "def");
    server.connection.finish(id, server.now).unwrap();
    assert_eq!(server.connection.ending(), Some(Ending::Close));
    // A body that has arrived need not be taken.
    let mut server = uploads(10);
    let id = server.request(&(post("Content-Length: 3\r\n", "abc") + &get("/next")));
    let id = id.id;
    server.advance();
    server.respond(id, "");
    assert!(!server.sent().contains("close"));
    assert_eq!(server.request("").head.path(), "/next");
    // An answer has begun, so an error cannot be sent.
    for rest in ["", "x"] {
        let mut server = uploads(3);
        let id = server
            .request(&post("Transfer-Encoding: chunked\r\n", ""))
            .id;
        server.connection.start(id, 200, &Headers::new()).unwrap();
        if rest.is_empty() {
            server.pass(60 * SECOND);
        } else {
            server.receive(rest);
        }
        assert_eq!(server.connection.ending(), Some(Ending::Abort), "{rest:?}");
    }
}

#[test]
fn a_client_that_ends_in_the_middle_has_gone() {
    let start = post("Content-Length: 6\r\n", "abc");
    let mut server = uploads(10);
    let id = server.request(&start).id;
    server.advance();
    server.connection.end_of_stream();
    assert_eq!(server.advance(), None);
    assert_eq!(server.connection.ending(), Some(Ending::Close));
    assert_eq!(server.sent(), "", "without a word");
    assert_eq!(server.take(id), "");
    assert!(!server.connection.is_receiving_body(id));
    let mut server = uploads(10);
    let id = server.request(&start).id;
    let length = Headers::from_iter([("Content-Length", "5")]);
    server.connection.start(id, 200, &length).unwrap();
    server.connection.end_of_stream();
    assert_eq!(server.advance(), None);
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
    // An end after the body does not cut the body off.
    let mut server = uploads(10);
    let id = server.request(&start).id;
    server.receive("def");
    server.connection.end_of_stream();
    assert_eq!(server.advance(), None);
    assert_eq!(server.take_all(id), "abcdef");
    server.respond(id, "ok");
    assert!(server.sent().ends_with("\r\n\r\nok"));
}

#[test]
fn time_limits_apply_to_the_side_that_the_other_waits_for() {
    let head = post("Content-Length: 9000000\r\n", "");
    let block = "x".repeat(64 << 10);
    // The handler's: from the first byte that it has not taken.
    let mut server = uploads(1 << 30);
    server.rules.idle_timeout = Some(200 * SECOND);
    let id = server.request(&head).id;
    assert_eq!(server.pass(50 * SECOND), None, "the client's");
    assert_eq!(server.receive("x"), None);
    server.now += 20 * SECOND;
    assert_eq!(server.receive("x"), None, "more bytes change nothing");
    assert_eq!(server.pass(9 * SECOND), None);
    assert_eq!(server.pass(SECOND), Some(ServerEvent::HandlerTimedOut(id)));
    let words = "server did not answer in time";
    server.check_refused("500 Internal Server Error", words, "not taken");
    // From each take.
    let mut server = uploads(1 << 30);
    let id = server.request(&head).id;
    for _ in 0..9 {
        assert_eq!(server.receive(&block), None);
        assert_eq!(server.receive(&block), None);
        assert_eq!(server.pass(29 * SECOND), None);
        assert_eq!(server.take(id).len(), 2 * block.len());
    }
    assert_eq!(server.connection.ending(), None);
    // The last take restarts the time, too. Taking nothing does not.
    let mut server = uploads(10);
    let id = server.request(&post("Content-Length: 1\r\n", "x")).id;
    assert_eq!(server.advance(), None);
    assert_eq!(server.pass(29 * SECOND), None);
    assert_eq!(server.take_all(id), "x");
    assert_eq!(server.pass(29 * SECOND), None);
    assert_eq!(server.take(id), "");
    assert_eq!(server.pass(SECOND), Some(ServerEvent::HandlerTimedOut(id)));
    // The client's: silence between two bytes.
    let mut server = uploads(1 << 30);
    let id = server.request(&head).id;
    assert_eq!(server.receive(&block), None);
    server.take(id);
    assert_eq!(server.pass(60 * SECOND), None);
    let words = "body took too long";
    server.check_refused("408 Request Timeout", words, "silence");
    // Single bytes.
    let mut server = uploads(1 << 30);
    let id = server.request(&head).id;
    for second in 0..61 {
        assert_eq!(server.receive("x"), None);
        server.take(id);
        assert_eq!(server.connection.ending().is_some(), second == 60);
        server.now += SECOND;
    }
    server.check_refused("408 Request Timeout", words, "single bytes");
    // While there is no room, the client cannot be slow.
    let mut server = uploads(1 << 30);
    server.rules.response_timeout = None;
    let id = server.request(&head).id;
    server.fill(&block);
    assert_eq!(server.pass(10_000 * SECOND), None);
    assert_eq!(server.take(id).len(), 1 << 20);
    assert_eq!(server.pass(59 * SECOND), None);
    assert!(server.connection.is_receiving_body(id));
    assert_eq!(server.pass(SECOND), None);
    server.check_refused("408 Request Timeout", words, "silence after room");
    // It can be evicted while it is slow, and not while the handler is.
    let of = |server: &mut Server| {
        assert_eq!(server.poll_until_now(), None);
        server.connection.eviction_class(server.now).0
    };
    let mut server = uploads(1 << 30);
    let id = server.request(&head).id;
    assert_eq!(of(&mut server), EvictionClass::Busy);
    server.now += SECOND;
    assert_eq!(of(&mut server), EvictionClass::Body);
    server.fill(&block);
    server.now += SECOND;
    assert_eq!(of(&mut server), EvictionClass::Busy);
    server.connection.evict();
    assert!(!server.connection.is_receiving_body(id));
    assert!(server.sent().starts_with("HTTP/1.1 503 "));
}

#[test]
fn requests_that_wait_in_line_for_too_long_get_another_status() {
    for upload_limit in [None, Some(10)] {
        let mut server = Server::new();
        server.upload_limit = upload_limit;
        let event = server.receive(&get("/"));
        assert!(matches!(event, Some(ServerEvent::Request(_))));
        assert_eq!(server.pass(30 * SECOND), None);
        let words = "server is too busy";
        server.check_refused("503 Service Unavailable", words, "in line");
        // A handler has all its time.
        let mut server = Server::new();
        server.upload_limit = upload_limit;
        let Some(ServerEvent::Request(request)) = server.receive(&get("/")) else {
            panic!("no request");
        };
        let Request { id, .. } = *request;
        assert_eq!(server.pass(30 * SECOND - Duration::from_nanos(1)), None);
        server.connection.hand_out(id, server.now);
        assert_eq!(server.pass(29 * SECOND), None);
        assert_eq!(server.pass(SECOND), Some(ServerEvent::HandlerTimedOut(id)));
    }
}

#[test]
fn another_protocol_cannot_take_over_within_a_body() {
    let mut server = uploads(10);
    let id = server.request(&post("Content-Length: 3\r\n", "ab")).id;
    server.advance();
    assert_eq!(
        server.connection.upgrade(id),
        Err(RespondError::BodyMissing)
    );
    server.receive("cd");
    assert_eq!(server.connection.upgrade(id), Ok(b"d".to_vec()));
    assert!(server.connection.is_upgraded());
    assert!(!server.connection.is_receiving_body(id));
}
