//! One connection of an HTTP server: order, limits, times, hosts and origins, at every cut.

mod serving;

use std::time::Duration;

use serving::{SECOND, Server, get, post};
use stream_socket_web::http::{
    Ending, EvictionClass, HeadLimits, Headers, RespondError, ServerConnection, ServerEvent,
    ServerRules,
};

#[test]
fn pipelined_requests_are_answered_in_order_at_every_cut() {
    let stream = format!(
        "{}{}{}",
        get("/1"),
        post(
            "Transfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n0\r\nA: b\r\n\r\n"
        ),
        get("/3")
    );
    for cut in 0..=stream.len() {
        let mut server = Server::new();
        let mut found = Vec::new();
        for piece in [&stream[..cut], &stream[cut..]] {
            let mut event = server.receive(piece);
            while let Some(ServerEvent::Request(request)) = event {
                // It is not answered at once, and the next one waits.
                assert_eq!(server.advance(), None);
                assert_eq!(server.sent(), "");
                server.respond(request.id, request.head.path());
                let answer = server.sent();
                assert!(
                    answer.ends_with(&format!("\r\n\r\n{}", request.head.path())),
                    "{answer}"
                );
                let body = String::from_utf8(request.body).unwrap();
                let trailer = request.trailers.get("a").map(String::from);
                found.push((request.id, body, trailer));
                event = server.advance();
            }
        }
        let empty = String::new;
        let expected = [
            (1, empty(), None),
            (2, String::from("abc"), Some(String::from("b"))),
            (3, empty(), None),
        ];
        assert_eq!(found, expected, "cut at {cut}");
        assert_eq!(server.connection.ending(), None);
    }
}

#[test]
fn answers_have_the_right_heads() {
    let answer = |request: &str, status: u16, body: &str| {
        let mut server = Server::new();
        let id = server.request(request).id;
        let headers = [("A", "b")].into_iter().collect();
        let now = server.now;
        server
            .connection
            .respond(id, status, &headers, body.as_bytes(), now)
            .unwrap();
        (server.sent(), server.connection.ending().is_some())
    };
    let old = |lines: &str| format!("GET / HTTP/1.0\r\n{lines}\r\n");
    let new =
        |method: &str, lines: &str| format!("{method} / HTTP/1.1\r\nHost: [::1]\r\n{lines}\r\n");
    let text = |text: &str| String::from(text);
    assert_eq!(
        answer(&new("GET", ""), 200, "hi"),
        (
            text("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\nhi"),
            false
        )
    );
    assert_eq!(
        answer(&new("GET", "Connection: close\r\n"), 404, ""),
        (
            text(
                "HTTP/1.1 404 Not Found\r\nA: b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ),
            true
        )
    );
    assert_eq!(
        answer(&new("HEAD", ""), 200, "hi"),
        (
            text("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\n\r\n"),
            false
        )
    );
    assert_eq!(
        answer(&new("GET", ""), 204, ""),
        (text("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"), false)
    );
    assert_eq!(
        answer(&old(""), 200, "hi"),
        (
            text("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"),
            true
        )
    );
    assert_eq!(
        answer(&old("Connection: keep-alive\r\n"), 200, "hi"),
        (
            text(
                "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nhi"
            ),
            false
        )
    );
}

#[test]
fn streams_are_chunked_or_end_with_the_connection() {
    let stream = |request: &str, lines: &[(&str, &str)]| {
        let mut server = Server::new();
        let id = server.request(request).id;
        let headers = lines.iter().copied().collect();
        server.connection.start(id, 200, &headers).unwrap();
        assert!(server.connection.is_sending(id) && !server.connection.is_waiting(id));
        server.connection.write(id, b"abc").unwrap();
        server.connection.write(id, b"").unwrap();
        server.connection.write(id, b"de").unwrap();
        server.connection.finish(id, server.now).unwrap();
        assert_eq!(server.connection.write(id, b"f"), Err(RespondError::Over));
        assert_eq!(
            server.connection.finish(id, server.now),
            Err(RespondError::Over)
        );
        (server.sent(), server.connection.ending().is_some())
    };
    let text = |text: &str| String::from(text);
    assert_eq!(
        stream(&get("/"), &[]),
        (
            text(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            ),
            false
        )
    );
    assert_eq!(
        stream(&get("/"), &[("content-length", "5")]),
        (
            text("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde"),
            false
        )
    );
    assert_eq!(
        stream("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &[]),
        (
            text("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde"),
            true
        )
    );
    assert_eq!(
        stream(
            "HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            &[("Connection", "close")]
        ),
        (
            text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"),
            true
        )
    );
}

#[test]
fn invalid_answers_are_refused_and_change_nothing() {
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    let now = server.now;
    let headers = |name: &str, value: &str| [(name, value)].into_iter().collect::<Headers>();
    let connection = &mut server.connection;
    let mut words = |status: u16, headers: &Headers, body: &str| {
        let error = connection
            .respond(id, status, headers, body.as_bytes(), now)
            .unwrap_err();
        assert!(connection.unsent().is_empty());
        error.to_string()
    };
    let none = Headers::new();
    assert_eq!(
        words(199, &none, ""),
        "status 199 is not between 200 and 999"
    );
    assert_eq!(
        words(1000, &none, ""),
        "status 1000 is not between 200 and 999"
    );
    assert_eq!(
        words(204, &none, "a"),
        "response with status 204 has no body"
    );
    assert_eq!(
        words(304, &none, "a"),
        "response with status 304 has no body"
    );
    let set = |name: &str| format!("header {name:?} is set by the server");
    assert_eq!(
        words(200, &headers("Content-Length", "1"), "a"),
        set("Content-Length")
    );
    assert_eq!(
        words(200, &headers("transfer-encoding", "x"), ""),
        set("transfer-encoding")
    );
    assert_eq!(
        words(200, &headers("Connection", "keep-alive"), ""),
        set("Connection")
    );
    assert_eq!(words(200, &headers("Upgrade", "x"), ""), set("Upgrade"));
    assert_eq!(
        words(200, &headers("A", "b\r\nSet-Cookie: c"), ""),
        "value of header \"A\" has control characters"
    );
    assert_eq!(
        words(200, &headers("A b", ""), ""),
        "header name \"A b\" is not a token"
    );
    let length = headers("Content-Length", "x");
    let error = connection.start(id, 200, &length).unwrap_err().to_string();
    assert_eq!(
        error,
        "header \"Content-Length\" is \"x\", not a number of bytes"
    );
    assert_eq!(connection.write(id, b"a"), Err(RespondError::NotBegun));
    assert_eq!(connection.finish(id, now), Err(RespondError::NotBegun));
    assert_eq!(
        connection.respond(id + 1, 200, &none, b"", now),
        Err(RespondError::Over)
    );
    connection
        .start(id, 200, &headers("Content-Length", "2"))
        .unwrap();
    assert_eq!(
        connection.respond(id, 200, &none, b"", now),
        Err(RespondError::Begun)
    );
    let error = connection.write(id, b"abc").unwrap_err().to_string();
    assert_eq!(error, "body exceeds Content-Length by 1 bytes");
    let error = connection.finish(id, now).unwrap_err().to_string();
    assert_eq!(error, "body is 2 bytes shorter than Content-Length");
    connection.write(id, b"ab").unwrap();
    connection.finish(id, now).unwrap();
    assert_eq!(
        connection.respond(id, 200, &none, b"", now),
        Err(RespondError::Over)
    );
    assert_eq!(
        server.sent(),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
    );
}

#[test]
fn each_violation_and_exceeded_limit_has_its_status() {
    let rules = ServerRules {
        head: HeadLimits {
            bytes: 200,
            fields: 5,
        },
        max_body: 4,
        ..ServerRules::default()
    };
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(200));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(6));
    let large = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(200));
    let chunks = post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n2\r\nde\r\n");
    let bad_chunk = post("Transfer-Encoding: chunked\r\n", "3\r\nabcd");
    let smuggled = post("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "abc");
    for (text, status, words) in [
        (
            "GET / HTTP/1.1\r\n\r\n",
            "400 Bad Request",
            "no Host header",
        ),
        (
            &*smuggled,
            "400 Bad Request",
            "both Content-Length and Transfer-Encoding",
        ),
        (
            &*bad_chunk,
            "400 Bad Request",
            "malformed line end in a chunk",
        ),
        (
            "\x16\x03\x01",
            "400 Bad Request",
            "control character 0x16 in the head",
        ),
        (
            &*post("Content-Length: 5\r\n", ""),
            "413 Content Too Large",
            "body exceeds the limit of 4 bytes",
        ),
        (
            &*chunks,
            "413 Content Too Large",
            "body exceeds the limit of 4 bytes",
        ),
        (
            &*long,
            "414 URI Too Long",
            "request line exceeds the limit of 200 bytes",
        ),
        (
            &*large,
            "431 Request Header Fields Too Large",
            "head exceeds the limit of 200 bytes",
        ),
        (
            &*many,
            "431 Request Header Fields Too Large",
            "head exceeds the limit of 5 header fields",
        ),
        (
            "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
            "505 HTTP Version Not Supported",
            "unsupported version",
        ),
    ] {
        for start in ["", &get("/")] {
            let mut server = Server::with(rules.clone());
            if !start.is_empty() {
                let id = server.request(start).id;
                server.respond(id, "");
                server.sent();
            }
            assert_eq!(server.receive(text), None, "{text:?}");
            server.check_refused(status, words, text);
        }
    }
    // A body at the limit is accepted.
    let mut server = Server::with(rules);
    assert_eq!(
        server.request(&post("Content-Length: 4\r\n", "abcd")).body,
        b"abcd"
    );
    let mut full = ServerConnection::new(server.now);
    full.refuse_connection();
    assert!(
        full.unsent()
            .starts_with(b"HTTP/1.1 503 Service Unavailable\r\n")
    );
    assert_eq!(full.advance(server.now, &server.rules, &|_| None), None);
    assert_eq!(full.ending(), Some(Ending::Close));
}

#[test]
fn continue_is_sent_before_a_body_that_is_wanted() {
    let lines = "Expect: 100-continue\r\nContent-Length: 3\r\n";
    let mut server = Server::new();
    assert_eq!(server.receive(&post(lines, "")), None);
    assert_eq!(server.sent(), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(server.request("abc").body, b"abc");
    // Not if the body comes anyway.
    let mut server = Server::new();
    assert_eq!(server.receive(&post(lines, "a")), None);
    assert_eq!(server.sent(), "");
    // And not if it is too long.
    let mut server = Server::new();
    server.rules.max_body = 2;
    assert_eq!(server.receive(&post(lines, "")), None);
    server.check_refused(
        "413 Content Too Large",
        "body exceeds the limit of 2 bytes",
        "expect",
    );
}

#[test]
fn slow_heads_bodies_and_handlers_run_out_of_time() {
    // Nothing arrives: the connection is closed without a response.
    let mut server = Server::new();
    assert_eq!(server.pass(59 * SECOND), None);
    assert_eq!(server.connection.ending(), None);
    assert_eq!(server.pass(SECOND), None);
    assert_eq!(
        (server.connection.ending(), server.sent()),
        (Some(Ending::Close), String::new())
    );
    // A head that comes byte by byte (slow loris).
    let mut server = Server::new();
    for byte in ["G", "E", "T", " ", "/", " ", "H", "T", "T", "P"] {
        assert_eq!(server.receive(byte), None);
        assert_eq!(server.connection.ending(), None);
        server.now += SECOND;
    }
    assert_eq!(server.receive("/"), None);
    server.check_refused("408 Request Timeout", "head took too long", "slow loris");
    // A body that stops.
    let mut server = Server::new();
    assert_eq!(server.receive(&post("Content-Length: 3\r\n", "a")), None);
    assert_eq!(server.pass(60 * SECOND), None);
    server.check_refused(
        "408 Request Timeout",
        "body took too long",
        "a body that stops",
    );
    // A body that comes byte by byte.
    let mut server = Server::new();
    assert_eq!(server.receive(&post("Content-Length: 99\r\n", "a")), None);
    for _ in 0..11 {
        server.now += 5 * SECOND;
        assert_eq!(server.receive("a"), None);
    }
    assert_eq!(
        (server.connection.ending(), server.sent()),
        (None, String::new())
    );
    server.now += 5 * SECOND;
    assert_eq!(server.receive("a"), None);
    server.check_refused("408 Request Timeout", "body took too long", "a slow body");
    // A body that is slow and large, but not too slow.
    let mut server = Server::new();
    server.receive(&post("Content-Length: 1000000\r\n", ""));
    for _ in 0..100 {
        server.now += SECOND;
        assert_eq!(server.receive(&"x".repeat(1000)), None);
        assert_eq!(server.connection.ending(), None);
    }
    // A handler that does not answer.
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    assert_eq!(server.pass(29 * SECOND), None);
    assert_eq!(server.pass(SECOND), Some(ServerEvent::HandlerTimedOut(id)));
    let none = Headers::new();
    let late = server.connection.respond(id, 200, &none, b"", server.now);
    assert_eq!(late, Err(RespondError::Over));
    let words = "server did not answer in time";
    server.check_refused("500 Internal Server Error", words, "a forgotten answer");
    // No limits.
    let mut server = Server::new();
    server.rules.head_timeout = None;
    server.rules.idle_timeout = None;
    server.rules.response_timeout = None;
    for text in [
        "G",
        "ET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na",
    ] {
        assert_eq!(server.receive(text), None);
        assert_eq!(server.pass(10_000 * SECOND), None);
    }
    server.request("b");
    assert_eq!(server.pass(10_000 * SECOND), None);
    assert_eq!(server.connection.ending(), None);
}

#[test]
fn a_client_that_accepts_nothing_is_dropped() {
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.connection.start(id, 200, &Headers::new()).unwrap();
    assert_eq!(server.advance(), None);
    for _ in 0..10 {
        server.connection.write(id, &[b'x'; 20_000]).unwrap();
        assert_eq!(server.pass(30 * SECOND), None);
        server.connection.sent(15_001, server.now);
        assert_eq!(server.connection.ending(), None);
    }
    server
        .connection
        .write(id, b"more, which is no progress")
        .unwrap();
    assert_eq!(server.pass(60 * SECOND), None);
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
    assert_eq!(server.connection.write(id, b""), Err(RespondError::Over));
    // One that accepts a byte now and then holds its place for no longer.
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.respond(id, &"x".repeat(1000));
    for _ in 0..12 {
        assert_eq!(server.advance(), None);
        assert_eq!(server.connection.ending(), None);
        server.connection.sent(1, server.now);
        server.now += 5 * SECOND;
    }
    assert_eq!(server.advance(), None);
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
    // A stream in which nothing is sent for long stays open.
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.connection.start(id, 200, &Headers::new()).unwrap();
    server.sent();
    assert_eq!(server.pass(100_000 * SECOND), None);
    assert!(server.connection.is_sending(id));
}

#[test]
fn a_client_that_asks_without_reading_has_to_wait() {
    let mut server = Server::new();
    let id = server.request(&get("/1")).id;
    server.respond(id, &"x".repeat(100_000));
    assert_eq!(server.receive(&get("/2")), None);
    server.connection.receive(&[b'x'; 16 * 1024]);
    assert_eq!(server.advance(), None);
    assert!(!server.connection.wants_input());
    server.connection.sent(50_000, server.now);
    assert!(matches!(server.advance(), Some(ServerEvent::Request(_))));
    // What arrives while a request is answered is limited.
    assert!(!server.connection.wants_input());
    let mut server = Server::new();
    server.request(&get("/"));
    assert!(server.connection.wants_input());
    server.connection.receive(&[b'x'; 16 * 1024]);
    assert!(!server.connection.wants_input());
}

#[test]
fn a_client_may_end_its_stream_and_read_the_answer() {
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.connection.end_of_stream();
    assert_eq!(server.advance(), None);
    server.respond(id, "hi");
    assert_eq!(server.advance(), None);
    assert!(server.sent().ends_with("hi"));
    assert_eq!(server.connection.ending(), Some(Ending::Close));
    // In a head or a body it has left.
    for text in ["", "GET", &post("Content-Length: 2\r\n", "a")] {
        let mut server = Server::new();
        assert_eq!(server.receive(text), None);
        server.connection.end_of_stream();
        assert_eq!(server.advance(), None);
        assert_eq!(server.connection.ending(), Some(Ending::Close));
        assert_eq!(server.sent(), "");
    }
    // An endless answer ends, one with a length goes on.
    for (length, ending) in [
        (None, Some(Ending::Abort)),
        (Some(("Content-Length", "9")), None),
    ] {
        let mut server = Server::new();
        let id = server.request(&get("/")).id;
        server
            .connection
            .start(id, 200, &length.into_iter().collect())
            .unwrap();
        server.connection.end_of_stream();
        assert_eq!(server.advance(), None);
        assert_eq!(server.connection.ending(), ending);
    }
}

#[test]
fn requests_that_nobody_answers_are_given_up() {
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    assert!(server.connection.abandon(id));
    assert!(!server.connection.abandon(id));
    let words = "server did not answer";
    server.check_refused("500 Internal Server Error", words, "given up");
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.connection.start(id, 200, &Headers::new()).unwrap();
    assert!(server.connection.abandon(id));
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.respond(id, "");
    assert!(!server.connection.abandon(id));
}

#[test]
fn foreign_hosts_are_refused() {
    let allows = |host: &str, allowed: &[&str]| {
        let mut server = Server::new();
        server.rules.allowed_hosts = allowed.iter().map(|host| host.to_string()).collect();
        let event = server.receive(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let is_allowed = event.is_some();
        if !is_allowed {
            let words = "host of the request is not served here";
            server.check_refused("421 Misdirected Request", words, host);
        }
        is_allowed
    };
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "localhost.",
        "a.localhost",
        "127.0.0.1",
        "127.0.0.1:8080",
        "192.168.1.2:80",
        "[::1]",
        "[::1]:8080",
        "",
    ] {
        assert!(allows(host, &[]), "{host}");
    }
    for host in [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "xlocalhost",
        "127.0.0.1.evil.example",
        "game.local",
    ] {
        assert!(!allows(host, &[]), "{host}");
        assert!(!allows(host, &["example"]), "{host}");
        assert!(allows(host, &["*"]), "{host}");
    }
    assert!(allows("Game.Local:8080", &["game.local"]));
    // The host of a target in absolute form counts, not that of the header.
    let mut server = Server::new();
    let text = "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(server.receive(text), None);
    assert!(server.sent().starts_with("HTTP/1.1 421 "));
    // HTTP/1.0 has no host, and no browser speaks it.
    Server::new().request("GET / HTTP/1.0\r\n\r\n");
}

#[test]
fn pages_of_other_origins_are_refused() {
    let allows = |origin: &str, host: &str, allowed: &[&str]| {
        let mut server = Server::new();
        server.rules.allowed_origins = allowed.iter().map(|host| host.to_string()).collect();
        let lines = format!("Host: {host}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n");
        let is_allowed = server
            .receive(&format!("GET / HTTP/1.1\r\n{lines}\r\n"))
            .is_some();
        if !is_allowed {
            let words = "pages of other origins may not use this server";
            server.check_refused("403 Forbidden", words, origin);
        }
        is_allowed
    };
    assert!(allows("http://localhost:8080", "localhost:8080", &[]));
    assert!(allows("http://LOCALHOST", "localhost:80", &[]));
    assert!(allows("https://localhost", "localhost", &[]));
    assert!(allows("http://[::1]:8080", "[::1]:8080", &[]));
    for origin in [
        "http://evil.example",
        "http://localhost:8081",
        "http://127.0.0.1:8080",
        "null",
        "",
        "https://localhost",
        "file://",
        "http://localhost:8080@evil.example",
        "chrome-extension://x",
    ] {
        assert!(!allows(origin, "localhost:8080", &[]), "{origin}");
        assert!(
            !allows(origin, "localhost:8080", &["http://other.example"]),
            "{origin}"
        );
        assert!(allows(origin, "localhost:8080", &["*"]), "{origin}");
    }
    assert!(allows(
        "https://Other.example",
        "localhost",
        &["https://other.example"]
    ));
    assert!(allows("null", "localhost", &["null"]));
    let twice = "http://localhost\r\nOrigin: http://localhost";
    assert!(!allows(twice, "localhost", &[]));
}

/// An answer counts once it is complete, and none counts while a body arrives.
#[test]
fn requests_and_their_complete_answers_are_counted() {
    let mut server = Server::new();
    let counts = |server: &Server| (server.connection.requests(), server.connection.responses());
    assert_eq!(
        server.receive("POST / HTTP/1.1\r\nHost: localhost\r\n"),
        None
    );
    assert_eq!(counts(&server), (0, 0));
    assert_eq!(server.receive("Content-Length: 3\r\n\r\nab"), None);
    assert_eq!(counts(&server), (1, 0), "in the body");
    let id = server.request("c").id;
    assert_eq!(counts(&server), (1, 0), "the handler has it");
    server.respond(id, "hello");
    assert_eq!(counts(&server), (1, 1));
    let id = server.request(&get("/")).id;
    server.connection.start(id, 200, &Headers::new()).unwrap();
    server.connection.write(id, b"hello").unwrap();
    assert_eq!(counts(&server), (2, 1), "the answer has begun");
    server.connection.finish(id, server.now).unwrap();
    assert_eq!(counts(&server), (2, 2));
    let id = server.request(&get("/")).id;
    assert!(server.connection.abandon(id));
    assert_eq!(counts(&server), (3, 3), "500");
    assert_eq!(server.connection.ending(), Some(Ending::Close));
}

#[test]
fn another_protocol_takes_over_with_the_bytes_after_the_request() {
    let mut server = Server::new();
    let id = server.request(&format!("{}more", get("/"))).id;
    assert_eq!(server.connection.upgrade(id + 1), Err(RespondError::Over));
    assert_eq!(server.connection.upgrade(id).as_deref(), Ok(&b"more"[..]));
    assert_eq!(server.connection.upgrade(id), Err(RespondError::Over));
    assert_eq!(server.pass(1000 * SECOND), None);
    assert_eq!(
        (server.connection.ending(), server.connection.wants_input()),
        (None, false)
    );
}

#[test]
fn connections_that_lose_least_are_evicted_first() {
    let of = |server: &mut Server| {
        assert_eq!(server.poll_until_now(), None);
        server.connection.eviction_class(server.now)
    };
    let mut server = Server::new();
    let start = server.now;
    assert_eq!(of(&mut server), (EvictionClass::Idle, start));
    // A head has a second.
    server.receive("G");
    server.now += SECOND - Duration::from_nanos(1);
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    server.receive("E");
    server.now = start + SECOND;
    assert_eq!(of(&mut server), (EvictionClass::Head, start));
    // A body has to move, and at 500 bytes per second.
    server.receive("T / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000\r\n\r\n");
    let start = server.now;
    server.now += SECOND - Duration::from_nanos(1);
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    server.receive(&"x".repeat(999));
    server.now = start + SECOND;
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    server.now = start + 2 * SECOND;
    assert_eq!(
        of(&mut server),
        (EvictionClass::Body, start),
        "nothing has moved for a second"
    );
    server.receive("x");
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    server.now = start + 3 * SECOND - Duration::from_nanos(1);
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    server.receive("x");
    server.now = start + 3 * SECOND;
    assert_eq!(
        of(&mut server),
        (EvictionClass::Body, start),
        "1001 bytes in 3 seconds"
    );
    // A handler has all its time.
    let id = server.request(&"x".repeat(999)).id;
    let start = server.now;
    assert_eq!(server.pass(20 * SECOND), None);
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    // So has a stream, but not its client.
    server.connection.start(id, 200, &Headers::new()).unwrap();
    server.sent();
    server.pass(20 * SECOND);
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    server.connection.write(id, &[b'x'; 3000]).unwrap();
    server.advance();
    let start = server.now;
    server.now += SECOND;
    assert_eq!(of(&mut server), (EvictionClass::Response, start));
    server.connection.sent(1, server.now);
    assert_eq!(
        of(&mut server),
        (EvictionClass::Response, start),
        "too little"
    );
    server.connection.sent(600, server.now);
    assert_eq!(of(&mut server), (EvictionClass::Busy, start));
    // Nor after the answer.
    server.connection.finish(id, server.now).unwrap();
    server.now += SECOND;
    assert_eq!(of(&mut server), (EvictionClass::Response, start));
    server.sent();
    assert_eq!(of(&mut server), (EvictionClass::Idle, server.now - SECOND));
    let order = [
        EvictionClass::Idle,
        EvictionClass::Head,
        EvictionClass::Body,
        EvictionClass::Response,
        EvictionClass::Busy,
    ];
    assert!(order.is_sorted());
}

#[test]
fn an_evicted_connection_answers_503_if_it_can() {
    let answer = |received: &str| {
        let mut server = Server::new();
        server.receive(received);
        server.connection.evict();
        (server.connection.ending(), server.sent())
    };
    assert_eq!(answer(""), (Some(Ending::Close), String::new()));
    for begun in ["GET", &post("Content-Length: 3\r\n", "ab"), &get("/")] {
        let (ending, sent) = answer(begun);
        assert_eq!(ending, Some(Ending::Close), "{begun}");
        assert!(sent.starts_with("HTTP/1.1 503 "), "{begun}: {sent}");
        assert!(
            sent.ends_with(": too many connections\n"),
            "{begun}: {sent}"
        );
    }
    // A part of an answer must not look like the whole.
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.connection.start(id, 200, &Headers::new()).unwrap();
    server.sent();
    server.connection.evict();
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.respond(id, "hello");
    server.connection.evict();
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
}

/// Used bytes are removed from time to time only.
#[test]
fn pipelined_requests_are_found_while_more_arrive() {
    let mut server = Server::new();
    let count = 3000;
    let stream: String = (0..count)
        .map(|number| get(&format!("/{number}")))
        .collect();
    let mut rest = stream.as_bytes();
    for number in 0..count {
        while server.connection.wants_input() && !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.len().min(50));
            server.connection.receive(piece);
            rest = after;
        }
        let request = server.request("");
        assert_eq!(request.head.path(), format!("/{number}"));
        server.respond(request.id, "");
        server.sent();
    }
    assert_eq!(server.advance(), None);
}
