//! The opening handshake of both ends, and the negotiation of compression.

use stream_socket_web::http::{HeadLimits, HeadReader, RequestHead, ResponseHead};
use stream_socket_web::websocket::compression::{Agreed, Side, Wanted};
use stream_socket_web::websocket::handshake::{
    AcceptError, Accepted, ClientHandshake, ClientRequest, ServerOptions, accept,
};

fn request(text: &str) -> RequestHead {
    let mut reader = HeadReader::new(HeadLimits::default());
    reader.read_request(text.as_bytes()).unwrap().unwrap().0
}

fn response(bytes: &[u8]) -> ResponseHead {
    let mut reader = HeadReader::new(HeadLimits::default());
    reader.read_response(bytes).unwrap().unwrap().0
}

/// The request of RFC 6455, section 1.2, with some headers replaced, added or removed.
fn request_with(changes: &[(&str, Option<&str>)]) -> String {
    let mut headers = vec![
        ("Host", "server.example.com"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Origin", "http://example.com"),
        ("Sec-WebSocket-Version", "13"),
    ];
    for (name, value) in changes {
        headers.retain(|(other, _)| other != name);
        headers.extend(value.map(|value| (*name, value)));
    }
    let lines = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    format!("GET /chat HTTP/1.1\r\n{}\r\n", lines.collect::<String>())
}

#[test]
fn the_example_of_the_rfc() {
    let text = request_with(&[("Sec-WebSocket-Protocol", Some("chat, superchat"))]);
    let protocols = ["superchat".into(), "chat".into()];
    let headers = [("X-Game".into(), "chess".into())];
    let options = ServerOptions {
        protocols: &protocols,
        headers: &headers,
        compression: None,
    };
    let mut out = Vec::new();
    let accepted = accept(&request(&text), &options, &mut out).unwrap();
    assert_eq!(accepted.protocol.as_deref(), Some("chat"));
    let expected = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
         Sec-WebSocket-Protocol: chat\r\nX-Game: chess\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_browsers_headers_are_accepted() {
    let text = request_with(&[
        ("Upgrade", Some("h2c, WebSocket")),
        ("Connection", Some("keep-alive, upgrade")),
        (
            "Sec-WebSocket-Extensions",
            Some("permessage-deflate; client_max_window_bits"),
        ),
    ]);
    let options = ServerOptions {
        compression: Some(Wanted::default()),
        ..ServerOptions::default()
    };
    let mut out = Vec::new();
    let accepted = accept(&request(&text), &options, &mut out).unwrap();
    assert_eq!(accepted.compression, Some(Agreed::default()));
    let out = String::from_utf8(out).unwrap();
    assert!(
        out.contains("Sec-WebSocket-Extensions: permessage-deflate\r\n"),
        "{out}"
    );
}

#[test]
fn a_server_refuses_with_a_status_and_a_message() {
    let good = request_with(&[]);
    let cases = [
        (
            good.replacen("GET", "POST", 1),
            405,
            "method POST is not GET",
        ),
        (
            good.replacen("1.1", "1.0", 1),
            426,
            "HTTP/1.0 does not support upgrades",
        ),
        (
            request_with(&[("Content-Length", Some("1"))]),
            400,
            "request has a body",
        ),
        (
            request_with(&[("Upgrade", None)]),
            426,
            "header Upgrade does not contain websocket",
        ),
        (
            request_with(&[("Connection", Some("close"))]),
            400,
            "header Connection does not contain Upgrade",
        ),
        (
            request_with(&[("Sec-WebSocket-Version", Some("8"))]),
            426,
            "header Sec-WebSocket-Version is not 13",
        ),
        (
            request_with(&[(
                "Sec-WebSocket-Version",
                Some("13\r\nSec-WebSocket-Version: 8"),
            )]),
            426,
            "header Sec-WebSocket-Version is not 13",
        ),
        (
            request_with(&[("Sec-WebSocket-Key", Some("c2hvcnQ="))]),
            400,
            "header Sec-WebSocket-Key is not the base64 text of 16 bytes",
        ),
        (
            request_with(&[("Sec-WebSocket-Protocol", Some("chat"))]),
            400,
            "subprotocol \"chat\" is not supported",
        ),
    ];
    for (text, status, message) in cases {
        let mut out = Vec::new();
        let error = accept(&request(&text), &ServerOptions::default(), &mut out).unwrap_err();
        assert!(out.is_empty());
        let AcceptError::Upgrade(error) = error else {
            panic!("{error:?}")
        };
        assert_eq!(error.to_string(), message);
        error.write_response(&mut out);
        let head = response(&out);
        assert_eq!(head.status, status, "{message}");
        assert!(head.headers.has_token("Connection", "close"));
        let version = head.headers.get("Sec-WebSocket-Version");
        assert_eq!(version, (status == 426).then_some("13"), "{message}");
        assert!(
            String::from_utf8(out)
                .unwrap()
                .ends_with(&format!("\r\n\r\n{message}\n"))
        );
    }
    let protocols = ["chat".into()];
    let options = ServerOptions {
        protocols: &protocols,
        ..ServerOptions::default()
    };
    let error = accept(&request(&good), &options, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "client requested no subprotocol");
}

#[test]
fn a_header_cannot_split_the_head() {
    let headers = [("X".into(), "a\r\nB: c".into())];
    let options = ServerOptions {
        headers: &headers,
        ..ServerOptions::default()
    };
    let mut out = Vec::new();
    let error = accept(&request(&request_with(&[])), &options, &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "value of header \"X\" has control characters"
    );
    let client = ClientRequest {
        headers: &headers,
        ..CLIENT
    };
    assert!(ClientHandshake::begin(&client, &mut out).is_err());
    assert!(out.is_empty());
}

const CLIENT: ClientRequest<'static> = ClientRequest {
    host: "localhost:8080",
    target: "/",
    protocols: &[],
    compression: None,
    headers: &[],
};

/// A handshake between our client and our server.
fn both(client: &ClientRequest<'_>, server: &ServerOptions<'_>) -> (Accepted, Accepted) {
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    let handshake = ClientHandshake::begin(client, &mut asked).unwrap();
    let head = request(std::str::from_utf8(&asked).unwrap());
    let accepted = accept(&head, server, &mut answered).unwrap();
    (handshake.finish(&response(&answered)).unwrap(), accepted)
}

#[test]
fn both_ends_agree() {
    let protocols = ["a".into(), "b".into()];
    let side = |no_context_takeover, max_window_bits| Side {
        no_context_takeover,
        max_window_bits,
    };
    for client_bits in 8..=15 {
        for server_bits in 9..=15 {
            for no_context in 0..16_u8 {
                let bit = |bit: u8| no_context & bit != 0;
                let wanted_by_client = Wanted {
                    client: side(bit(1), client_bits),
                    server: side(bit(2), server_bits),
                };
                let wanted_by_server = Wanted {
                    client: side(bit(4), 23 - client_bits),
                    server: side(bit(8), 24 - server_bits),
                };
                let client = ClientRequest {
                    protocols: &protocols,
                    compression: Some(wanted_by_client),
                    ..CLIENT
                };
                let server = ServerOptions {
                    protocols: &protocols[1..],
                    compression: Some(wanted_by_server),
                    headers: &[],
                };
                let (client, server) = both(&client, &server);
                assert_eq!(client, server);
                assert_eq!(client.protocol.as_deref(), Some("b"));
                let agreed = Agreed {
                    client: side(bit(1) || bit(4), client_bits.min(23 - client_bits)),
                    server: side(bit(2) || bit(8), server_bits.min(24 - server_bits)),
                };
                assert_eq!(client.compression, Some(agreed));
            }
        }
    }
}

#[test]
fn one_end_without_compression_disables_it() {
    let client = ClientRequest {
        compression: Some(Wanted::default()),
        ..CLIENT
    };
    let (client, server) = both(&client, &ServerOptions::default());
    assert_eq!((client.compression, server.compression), (None, None));
    let server = ServerOptions {
        compression: Some(Wanted::default()),
        ..ServerOptions::default()
    };
    assert_eq!(both(&CLIENT, &server).0.compression, None);
}

#[test]
fn a_server_declines_offers_that_it_cannot_meet() {
    let wanted = Wanted::default();
    let declined = [
        "",
        "x-webkit-deflate-frame",
        "permessage-deflate; unknown",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=010",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9",
        "permessage-deflate; client_max_window_bits=\"9",
        "permessage-deflate; client_max_window_bits=\"9 \"",
        "permessage-deflate;",
        "permessage-deflate client_max_window_bits",
    ];
    for offer in declined {
        assert_eq!(wanted.accept(offer), None, "{offer}");
    }
    let accepted = [
        ("permessage-deflate", "permessage-deflate"),
        (
            "permessage-deflate; server_max_window_bits=8, , permessage-deflate",
            "permessage-deflate",
        ),
        (
            "foo; a=\"b,c;\\d\", permessage-deflate ;\tclient_max_window_bits = \"1\\0\"",
            "permessage-deflate; client_max_window_bits=10",
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=9; client_max_window_bits=8",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=9; client_max_window_bits=8",
        ),
    ];
    for (offer, answer) in accepted {
        let accepted = wanted.accept(offer).map(|(answer, _)| answer);
        // The quoted value of the unknown extension is not a token, so that list is malformed.
        let expected = (!offer.starts_with("foo")).then(|| answer.to_owned());
        assert_eq!(accepted, expected, "{offer}");
    }
}

#[test]
fn a_client_refuses_what_it_has_not_asked_for() {
    let wanted = Wanted {
        client: Side {
            no_context_takeover: false,
            max_window_bits: 12,
        },
        server: Side {
            no_context_takeover: true,
            max_window_bits: 10,
        },
    };
    let accepts = "permessage-deflate; server_no_context_takeover; server_max_window_bits=10";
    let cases = [
        ("x", "extension \"x\" was not offered".to_owned()),
        ("a b", "malformed list of extensions \"a b\"".to_owned()),
        (
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate is accepted without server_no_context_takeover".to_owned(),
        ),
    ];
    let parameters = [
        ("server_max_window_bits=11", "server_max_window_bits"),
        ("client_max_window_bits", "client_max_window_bits"),
        ("client_max_window_bits=13", "client_max_window_bits"),
        ("unknown=1", "unknown"),
    ];
    for (response, message) in cases {
        let error = wanted.check_response(response).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    for (parameter, name) in parameters {
        let response = format!("permessage-deflate; server_no_context_takeover; {parameter}");
        let response = match name {
            "server_max_window_bits" => response,
            _ => format!("{response}; server_max_window_bits=10"),
        };
        let error = wanted.check_response(&response).unwrap_err();
        let message = format!("permessage-deflate is accepted with the parameter {name:?}");
        assert_eq!(error.to_string(), message);
    }
    let twice = wanted.check_response(&format!("{accepts}, {accepts}"));
    assert!(twice.unwrap_err().to_string().ends_with("more than once"));
    let agreed = wanted.check_response(accepts).unwrap().unwrap();
    assert_eq!(agreed.client.max_window_bits, 12);
    assert_eq!(agreed.server.max_window_bits, 10);
}

#[test]
fn a_refused_response_has_a_message() {
    let protocols = ["chat".into()];
    let request = ClientRequest {
        protocols: &protocols,
        ..CLIENT
    };
    let mut asked = Vec::new();
    let handshake = ClientHandshake::begin(&request, &mut asked).unwrap();
    let text = String::from_utf8(asked).unwrap();
    assert!(
        text.starts_with("GET / HTTP/1.1\r\nHost: localhost:8080\r\n"),
        "{text}"
    );
    let options = ServerOptions {
        protocols: &protocols,
        ..ServerOptions::default()
    };
    let mut good = Vec::new();
    accept(&self::request(&text), &options, &mut good).unwrap();
    let good = String::from_utf8(good).unwrap();
    let protocol = "Sec-WebSocket-Protocol: chat";
    let cases = [
        (
            "101 Switching Protocols",
            "403 Forbidden",
            "server answered 403 Forbidden",
        ),
        (
            "Upgrade: websocket",
            "A: b",
            "header Upgrade of the response is not websocket",
        ),
        (
            "Connection: Upgrade",
            "Connection: close",
            "header Connection of the response does not contain Upgrade",
        ),
        (
            "Accept: ",
            "Accept: x",
            "header Sec-WebSocket-Accept of the response does not belong to the key",
        ),
        (protocol, "A: b", "server accepted no subprotocol"),
        (
            protocol,
            "Sec-WebSocket-Protocol: other",
            "server accepted the subprotocol \"other\", which was not requested",
        ),
        (
            protocol,
            "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: x",
            "extension \"x\" was not offered",
        ),
    ];
    for (from, to, message) in cases {
        let head = response(good.replacen(from, to, 1).as_bytes());
        let error = handshake.finish(&head).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    assert!(handshake.finish(&response(good.as_bytes())).is_ok());
}
