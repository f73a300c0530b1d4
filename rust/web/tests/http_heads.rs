//! Heads of HTTP/1.1: what is accepted, and what is refused with which message, at every cut.

use stream_socket_web::http::{
    Authority, BodyFraming, HeadError, HeadLimits, HeadReader, RequestHead, ResponseHead, Version,
    WriteHeadError, write_request_head, write_response_head,
};

/// Reads a request from a stream that arrives in two pieces, cut at `cut`, and then byte by byte.
fn read_cut(bytes: &[u8], cut: usize) -> Result<Option<(RequestHead, usize)>, HeadError> {
    let mut reader = HeadReader::new(HeadLimits::default());
    for end in std::iter::once(cut).chain(cut..=bytes.len()) {
        if let Some(found) = reader.read_request(&bytes[..end])? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn request(text: &str) -> Result<Option<(RequestHead, usize)>, HeadError> {
    let whole = HeadReader::new(HeadLimits::default()).read_request(text.as_bytes());
    for cut in 0..=text.len() {
        assert_eq!(
            read_cut(text.as_bytes(), cut),
            whole,
            "cut at {cut} of {text:?}"
        );
    }
    whole
}

fn head(text: &str) -> RequestHead {
    let (head, length) = request(text).unwrap().unwrap();
    assert_eq!(length, text.len());
    head
}

fn response(text: &str) -> Result<Option<(ResponseHead, usize)>, HeadError> {
    HeadReader::new(HeadLimits::default()).read_response(text.as_bytes())
}

#[test]
fn a_request_has_its_parts() {
    let head = head("POST /a/b?c=d&e HTTP/1.1\r\nHost: x:1\r\nContent-Length:  5 \r\nA:\r\n\r\n");
    assert_eq!((&*head.method, &*head.target), ("POST", "/a/b?c=d&e"));
    assert_eq!((head.path(), head.query()), ("/a/b", Some("c=d&e")));
    assert_eq!(head.version, Version::Http11);
    assert_eq!(
        head.host(),
        Some(Authority {
            host: "x",
            port: Some(1)
        })
    );
    assert_eq!(head.body(), BodyFraming::Length(5));
    assert_eq!(head.headers.get("a"), Some(""));
}

#[test]
fn targets_have_four_forms() {
    let parts = |line: &str| {
        let head = head(&format!("{line} HTTP/1.1\r\nHost: other\r\n\r\n"));
        let host = head.host().unwrap().host.to_string();
        (
            head.path().to_string(),
            head.query().map(String::from),
            host,
        )
    };
    let expected = |path: &str, query: Option<&str>, host: &str| {
        (path.to_string(), query.map(String::from), host.to_string())
    };
    assert_eq!(parts("GET /"), expected("/", None, "other"));
    assert_eq!(parts("GET /a?"), expected("/a", Some(""), "other"));
    assert_eq!(parts("GET //evil/a"), expected("//evil/a", None, "other"));
    assert_eq!(
        parts("GET /http://x/"),
        expected("/http://x/", None, "other")
    );
    assert_eq!(parts("GET http://h:8/a?b"), expected("/a", Some("b"), "h"));
    assert_eq!(parts("GET HTTP://h?b"), expected("/", Some("b"), "h"));
    assert_eq!(parts("GET /a?b#c"), expected("/a", Some("b"), "other"));
    assert_eq!(parts("OPTIONS *"), expected("*", None, "other"));
    assert_eq!(parts("CONNECT h:443"), expected("h:443", None, "h"));
}

#[test]
fn malformed_requests_are_refused_with_a_message() {
    const HOST: &str = "Host: x\r\n";
    let rows = [
        (
            "GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
            400,
            "carriage return without a line feed in the head",
        ),
        (
            "GET / HTTP/1.1\r\r\nHost: x\r\n\r\n",
            400,
            "carriage return without a line feed in the head",
        ),
        (
            "GET / HTTP/1.1\nHost: x\n\n",
            400,
            "line feed without a carriage return in the head",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\n\r\n",
            400,
            "line feed without a carriage return in the head",
        ),
        (
            "\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "line feed without a carriage return in the head",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
            400,
            "folded header line",
        ),
        (
            "GET / HTTP/1.1\r\n Host: x\r\n\r\n",
            400,
            "folded header line",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\tA: b\r\n\r\n",
            400,
            "folded header line",
        ),
        (
            "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            400,
            "malformed header name",
        ),
        (
            "GET / HTTP/1.1\r\nHost\t: x\r\n\r\n",
            400,
            "malformed header name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n",
            400,
            "malformed header name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n",
            400,
            "malformed header name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nabc\r\n\r\n",
            400,
            "malformed header name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\u{e4}: c\r\n\r\n",
            400,
            "malformed header name",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
            400,
            "control character 0x00 in the head",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n",
            400,
            "control character 0x7f in the head",
        ),
        (
            "\x16\x03\x01\x02",
            400,
            "control character 0x16 in the head",
        ),
        ("GET / HTTP/1.1\r\n\r\n", 400, "no Host header"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
            400,
            "more than one Host header",
        ),
        (
            "GET / HTTP/1.0\r\nHost: x\r\nhost: y\r\n\r\n",
            400,
            "more than one Host header",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x y\r\n\r\n",
            400,
            "malformed Host header",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x,y\r\n\r\n",
            400,
            "malformed Host header",
        ),
        (
            "GET / HTTP/1.1\r\nHost: user@x\r\n\r\n",
            400,
            "malformed Host header",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n",
            400,
            "malformed Host header",
        ),
        ("GET /\r\n\r\n", 400, "malformed request target"),
        ("GET\r\n\r\n", 400, "malformed method"),
        (
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "GET /  HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed version",
        ),
        (
            "GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
            400,
            "malformed first line",
        ),
        (
            "GET / HTTP/1.1x\r\nHost: x\r\n\r\n",
            400,
            "malformed first line",
        ),
        (
            " GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed first line",
        ),
        (
            "G\u{e4}T / HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed method",
        ),
        ("G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400, "malformed method"),
        (
            "GET a HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "GET * HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "GET /\u{e4} HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "GET http://u@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed request target",
        ),
        (
            "GET / http/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed version",
        ),
        ("GET / HTTP/1\r\nHost: x\r\n\r\n", 400, "malformed version"),
        (
            "GET / HTTP/11.1\r\nHost: x\r\n\r\n",
            400,
            "malformed version",
        ),
        (
            "GET / XTTP/1.1\r\nHost: x\r\n\r\n",
            400,
            "malformed version",
        ),
        (
            "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            505,
            "unsupported version",
        ),
        (
            "GET / HTTP/0.9\r\nHost: x\r\n\r\n",
            505,
            "unsupported version",
        ),
        (
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            505,
            "unsupported version",
        ),
    ];
    for (text, status, words) in rows {
        let error = request(text).expect_err(text);
        assert_eq!(
            (error.status(), &*error.to_string()),
            (status, words),
            "{text:?}"
        );
    }
    let lengths = [
        (
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            400,
            "more than one Content-Length",
        ),
        (
            "Content-Length: 5\r\ncontent-length: 5\r\n",
            400,
            "more than one Content-Length",
        ),
        (
            "Content-Length: 5, 5\r\n",
            400,
            "more than one Content-Length",
        ),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            400,
            "both Content-Length and Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            400,
            "both Content-Length and Transfer-Encoding",
        ),
        (
            "Transfer-Encoding:\r\nContent-Length: 5\r\n",
            400,
            "both Content-Length and Transfer-Encoding",
        ),
        ("Content-Length:\r\n", 400, "malformed Content-Length"),
        ("Content-Length: +5\r\n", 400, "malformed Content-Length"),
        ("Content-Length: -1\r\n", 400, "malformed Content-Length"),
        ("Content-Length: 0x5\r\n", 400, "malformed Content-Length"),
        ("Content-Length: 5 5\r\n", 400, "malformed Content-Length"),
        (
            "Content-Length: 18446744073709551616\r\n",
            400,
            "malformed Content-Length",
        ),
        ("Transfer-Encoding:\r\n", 400, "malformed Transfer-Encoding"),
        (
            "Transfer-Encoding: chunked, chunked\r\n",
            400,
            "malformed Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
            400,
            "malformed Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n",
            501,
            "unsupported Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: xchunked\r\n",
            501,
            "unsupported Transfer-Encoding",
        ),
        (
            "Transfer-Encoding: \"chunked\"\r\n",
            501,
            "unsupported Transfer-Encoding",
        ),
    ];
    for (lines, status, words) in lengths {
        let error = request(&format!("POST / HTTP/1.1\r\n{HOST}{lines}\r\n")).expect_err(lines);
        assert_eq!(
            (error.status(), &*error.to_string()),
            (status, words),
            "{lines:?}"
        );
    }
    let old = request("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap_err();
    assert_eq!(old, HeadError::Encoding);
}

#[test]
fn the_head_determines_the_body() {
    let body = |lines: &str| head(&format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\n")).body();
    assert_eq!(body(""), BodyFraming::Empty);
    assert_eq!(body("Content-Length: 0\r\n"), BodyFraming::Empty);
    assert_eq!(body("Content-Length: 007\r\n"), BodyFraming::Length(7));
    assert_eq!(body("Transfer-Encoding: Chunked\r\n"), BodyFraming::Chunked);
    assert_eq!(
        body("Transfer-Encoding: , chunked,\r\n"),
        BodyFraming::Chunked
    );

    let answer = |first: &str, method: &str| {
        let (head, _) = response(&format!("{first}\r\n\r\n")).unwrap().unwrap();
        head.body(method)
    };
    assert_eq!(answer("HTTP/1.1 200 OK", "GET"), BodyFraming::UntilEnd);
    assert_eq!(
        answer("HTTP/1.1 200 \r\nContent-Length: 3", "GET"),
        BodyFraming::Length(3)
    );
    assert_eq!(
        answer("HTTP/1.1 200 \r\nContent-Length: 3", "HEAD"),
        BodyFraming::Empty
    );
    assert_eq!(
        answer("HTTP/1.1 304 \r\nContent-Length: 3", "GET"),
        BodyFraming::Empty
    );
    assert_eq!(answer("HTTP/1.1 204", "GET"), BodyFraming::Empty);
    assert_eq!(answer("HTTP/1.1 100 Continue", "GET"), BodyFraming::Empty);
    assert_eq!(answer("HTTP/1.1 200 OK", "CONNECT"), BodyFraming::Empty);
    assert_eq!(answer("HTTP/1.1 400 OK", "CONNECT"), BodyFraming::UntilEnd);
    assert_eq!(
        answer("HTTP/1.1 200 \r\nTransfer-Encoding: chunked", "GET"),
        BodyFraming::Chunked
    );
}

#[test]
fn connections_are_kept_alive_by_version_and_header() {
    let keeps = |version: &str, lines: &str| {
        head(&format!("GET / {version}\r\nHost: x\r\n{lines}\r\n")).keeps_alive()
    };
    assert!(keeps("HTTP/1.1", ""));
    assert!(!keeps("HTTP/1.1", "Connection: a, Close\r\n"));
    assert!(!keeps(
        "HTTP/1.1",
        "Connection: keep-alive\r\nConnection: close\r\n"
    ));
    assert!(!keeps("HTTP/1.0", ""));
    assert!(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    assert!(!keeps("HTTP/1.0", "Connection: keep-alive, close\r\n"));
    let (until_end, _) = response("HTTP/1.1 200 OK\r\n\r\n").unwrap().unwrap();
    assert!(!until_end.keeps_alive("GET"));
    assert!(until_end.keeps_alive("HEAD"));
}

#[test]
fn continue_is_expected_only_with_a_body() {
    let expects = |version: &str, lines: &str| {
        let text = format!("PUT / {version}\r\nHost: x\r\nExpect: 100-Continue\r\n{lines}\r\n");
        head(&text).expects_continue()
    };
    assert!(expects("HTTP/1.1", "Content-Length: 3\r\n"));
    assert!(expects("HTTP/1.1", "Transfer-Encoding: chunked\r\n"));
    assert!(!expects("HTTP/1.1", ""));
    assert!(!expects("HTTP/1.0", "Content-Length: 3\r\n"));
}

#[test]
fn empty_lines_may_precede_a_request() {
    let text = "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(request(text).unwrap().unwrap().1, text.len());
    assert_eq!(
        response("\r\nHTTP/1.1 200 OK\r\n\r\n"),
        Err(HeadError::FirstLine)
    );
}

#[test]
fn head_limits_apply_at_the_exact_byte() {
    let limits = |bytes, fields| HeadReader::new(HeadLimits { bytes, fields });
    let text = "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
    assert!(
        limits(text.len(), 2)
            .read_request(text.as_bytes())
            .unwrap()
            .is_some()
    );
    let more = format!("{text}{text}");
    assert!(
        limits(text.len(), 2)
            .read_request(more.as_bytes())
            .unwrap()
            .is_some()
    );
    let error = limits(text.len() - 1, 2)
        .read_request(text.as_bytes())
        .unwrap_err();
    assert_eq!(
        (error.status(), error),
        (
            431,
            HeadError::TooLong {
                limit: text.len() - 1
            }
        )
    );
    let error = limits(text.len(), 1)
        .read_request(text.as_bytes())
        .unwrap_err();
    assert_eq!(
        (error.status(), error),
        (431, HeadError::TooManyFields { limit: 1 })
    );
    let error = limits(10, 1).read_request(text.as_bytes()).unwrap_err();
    assert_eq!(
        (error.status(), error),
        (414, HeadError::RequestLineTooLong { limit: 10 })
    );
    let error = limits(10, 1).read_response(b"HTTP/1.1 200 OK").unwrap_err();
    assert_eq!(error, HeadError::StatusLineTooLong { limit: 10 });
    assert_eq!(limits(15, 1).read_request(&text.as_bytes()[..14]), Ok(None));
    // Empty lines count too.
    let error = limits(10, 1)
        .read_request("\r\n".repeat(5).as_bytes())
        .unwrap_err();
    assert_eq!(error, HeadError::RequestLineTooLong { limit: 10 });
    // More fields than there is room for on the stack.
    let fields: String = (0..90)
        .map(|number| format!("A{number}: {number}\r\n"))
        .collect();
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    let (head, _) = limits(4096, 91)
        .read_request(many.as_bytes())
        .unwrap()
        .unwrap();
    assert_eq!(
        (head.headers.len(), head.headers.get("a89")),
        (91, Some("89"))
    );
}

#[test]
fn a_reader_reads_one_head_after_another() {
    let text = "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut reader = HeadReader::new(HeadLimits::default());
    let (first, length) = reader.read_request(text.as_bytes()).unwrap().unwrap();
    assert!(!reader.has_begun());
    let rest = &text.as_bytes()[length..];
    let (second, end) = reader.read_request(rest).unwrap().unwrap();
    assert_eq!((first.path(), second.path(), end), ("/a", "/b", rest.len()));
}

#[test]
fn responses_are_read_and_refused() {
    let text = "HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n";
    let (head, length) = response(text).unwrap().unwrap();
    assert_eq!(
        (head.version, head.status, &*head.reason),
        (Version::Http10, 404, "Not Found")
    );
    assert_eq!((head.headers.get("a"), length), (Some("b"), text.len()));
    assert!(!head.is_interim());
    assert!(
        response("HTTP/1.1 100\r\n\r\n")
            .unwrap()
            .unwrap()
            .0
            .is_interim()
    );
    assert!(
        !response("HTTP/1.1 101 \r\n\r\n")
            .unwrap()
            .unwrap()
            .0
            .is_interim()
    );
    for (text, error) in [
        ("HTTP/1.1 99 OK\r\n\r\n", HeadError::Status),
        ("HTTP/1.1 099 OK\r\n\r\n", HeadError::Status),
        ("HTTP/1.1 2000 OK\r\n\r\n", HeadError::Status),
        ("HTTP/1.1 200 OK\n\n", HeadError::BareLineFeed),
        ("HTTP/2.0 200 OK\r\n\r\n", HeadError::UnsupportedVersion),
        ("ICY 200 OK\r\n\r\n", HeadError::Version),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HeadError::Folded),
        ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HeadError::Name),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            HeadError::SeveralLengths,
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            HeadError::Encoding,
        ),
    ] {
        assert_eq!(response(text), Err(error), "{text:?}");
    }
}

#[test]
fn heads_are_written_as_they_are_read() {
    let mut out = Vec::from(*b"before");
    write_response_head(&mut out, 404, None, [("A", "b\tc"), ("Empty", "")]).unwrap();
    assert_eq!(
        out,
        b"beforeHTTP/1.1 404 Not Found\r\nA: b\tc\r\nEmpty: \r\n\r\n"
    );
    let (head, _) = HeadReader::new(HeadLimits::default())
        .read_response(&out[6..])
        .unwrap()
        .unwrap();
    assert_eq!(
        Vec::from_iter(head.headers.iter()),
        [("A", "b\tc"), ("Empty", "")]
    );
    let mut out = Vec::new();
    write_response_head(&mut out, 299, None, []).unwrap();
    assert_eq!(out, b"HTTP/1.1 299 \r\n\r\n");
    let mut out = Vec::new();
    write_request_head(&mut out, "GET", "/?a", [("Host", "x")]).unwrap();
    assert_eq!(head_of(&out).query(), Some("a"));
}

fn head_of(bytes: &[u8]) -> RequestHead {
    HeadReader::new(HeadLimits::default())
        .read_request(bytes)
        .unwrap()
        .unwrap()
        .0
}

#[test]
fn nothing_is_written_that_would_split_a_head() {
    let mut out = Vec::from(*b"before");
    for value in [
        "a\r\nSet-Cookie: b",
        "a\nb",
        "a\rb",
        "a\0",
        "\u{7f}",
        "\u{85}",
    ] {
        let error = write_response_head(&mut out, 200, None, [("A", "b"), ("Name", value)]);
        assert_eq!(
            error,
            Err(WriteHeadError::Value(String::from("Name"))),
            "{value:?}"
        );
    }
    for name in ["", "a b", "a:", "a\r\nb", "\u{e4}"] {
        let error = write_response_head(&mut out, 200, None, [(name, "b")]);
        assert_eq!(error, Err(WriteHeadError::Name(String::from(name))));
    }
    for target in ["", "/ a", "/\r\n", "/\u{e4}"] {
        let error = write_request_head(&mut out, "GET", target, []);
        assert_eq!(error, Err(WriteHeadError::Target(String::from(target))));
    }
    assert!(write_request_head(&mut out, "G T", "/", []).is_err());
    assert!(write_response_head(&mut out, 99, None, []).is_err());
    assert!(write_response_head(&mut out, 1000, None, []).is_err());
    assert!(write_response_head(&mut out, 200, Some("a\r\nb"), []).is_err());
    assert_eq!(out, b"before");
}
