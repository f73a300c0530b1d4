//! Whole sessions: two of them talk to each other, or one talks to bytes.

use std::time::{Duration, Instant};

use stream_socket_web::websocket::compression::Wanted;
use stream_socket_web::websocket::session::{
    Cause, Limits, SendError, Session, Settings, State, TimeLimits,
};
use stream_socket_web::websocket::{Role, Sender};

const LIMITS: Limits = Limits {
    message_bytes: 1000,
    queued_bytes: 4000,
    queued_messages: 10,
};

/// Moves all output of both sessions to the other.
fn exchange(one: &mut Session, other: &mut Session) {
    while transfer(one, other) + transfer(other, one) > 0 {}
}

fn transfer(from: &mut Session, to: &mut Session) -> usize {
    let bytes = from.output().split_off(0);
    if to.state() < State::Closed {
        to.receive(&bytes, 0);
    }
    bytes.len()
}

fn begin_poll(session: &mut Session) {
    poll_at(session, Instant::now(), None, 0);
}

/// A poll that receives nothing.
fn poll_at(session: &mut Session, now: Instant, heartbeat: Option<Duration>, pending_bytes: usize) {
    let limits = TimeLimits {
        heartbeat,
        ..TimeLimits::default()
    };
    session.begin_poll();
    session.keep_alive(now, limits, pending_bytes);
}

/// Polls `session` every 100 milliseconds from `start` on, and at the end of `time`.
fn pass(session: &mut Session, start: Instant, time: Duration, limits: TimeLimits) {
    for frame in 0..=time.as_millis() / 100 {
        session.begin_poll();
        session.keep_alive(start + Duration::from_millis(100) * frame as u32, limits, 0);
    }
}

/// An open client and an open server.
fn open_with(settings: &Settings) -> (Session, Session) {
    let mut client = Session::client("localhost", "/a?b", settings, LIMITS).unwrap();
    let mut server = Session::server(settings.clone(), LIMITS).unwrap();
    assert_eq!(
        (client.state(), server.state()),
        (State::Connecting, State::Connecting)
    );
    exchange(&mut client, &mut server);
    assert_eq!((client.state(), server.state()), (State::Open, State::Open));
    begin_poll(&mut client);
    begin_poll(&mut server);
    (client, server)
}

fn open() -> (Session, Session) {
    open_with(&Settings::default())
}

fn texts(session: &mut Session) -> Vec<String> {
    let messages = std::iter::from_fn(|| session.take_message());
    messages
        .map(|message| String::from_utf8(message.payload).unwrap())
        .collect()
}

#[test]
fn messages_go_both_ways() {
    let settings = Settings {
        protocols: vec!["game".into()],
        headers: vec![("X-Key".into(), "1".into())],
        compression: Some(Wanted::default()),
    };
    for settings in [Settings::default(), settings] {
        let (mut client, mut server) = open_with(&settings);
        assert_eq!(
            client.protocol(),
            settings.protocols.first().map(String::as_str)
        );
        assert_eq!(
            client.compression().is_some(),
            settings.compression.is_some()
        );
        assert_eq!(server.requested(), Some("localhost/a?b"));
        for text in ["one", "two", ""] {
            client.send(true, text.as_bytes()).unwrap();
            server.send(false, text.as_bytes()).unwrap();
        }
        assert_eq!(client.send(true, b"\xff"), Err(SendError::NotText));
        exchange(&mut client, &mut server);
        assert_eq!((server.queued(), server.queued_bytes()), (3, 6));
        let first = server.take_message().unwrap();
        assert!(first.is_text);
        assert_eq!(texts(&mut server), ["two", ""]);
        assert!(!client.take_message().unwrap().is_text);
        let counts = client.counts();
        assert_eq!((counts.messages_sent, counts.payload_sent), (3, 6));
        assert_eq!((counts.messages_received, counts.payload_received), (3, 6));
    }
}

#[test]
fn the_answer_to_a_close_has_the_same_code() {
    for closes in [Role::Client, Role::Server] {
        let (mut client, mut server) = open();
        let (one, other) = match closes {
            Role::Client => (&mut client, &mut server),
            Role::Server => (&mut server, &mut client),
        };
        one.close(4001, "why");
        assert_eq!(one.state(), State::Closing);
        assert_eq!(one.send(true, b""), Err(SendError::NotOpen));
        one.close(4002, "again");
        exchange(one, other);
        for (session, reason) in [(one, ""), (other, "why")] {
            assert_eq!(session.state(), State::Closed);
            let ended = session.ended().unwrap();
            assert_eq!((ended.code, ended.reason.as_str()), (Some(4001), reason));
            assert_eq!(ended.error, None);
        }
    }
}

#[test]
fn both_may_close_at_once() {
    let (mut client, mut server) = open();
    client.close(4001, "client");
    server.close(4002, "server");
    exchange(&mut client, &mut server);
    assert_eq!(client.ended().unwrap().code, Some(4002));
    assert_eq!(server.ended().unwrap().reason, "client");
}

#[test]
fn a_message_that_comes_with_the_close_is_seen_while_open() {
    let (mut client, mut server) = open();
    server.send(true, b"last words").unwrap();
    server.close(1000, "");
    exchange(&mut client, &mut server);
    assert_eq!(client.state(), State::Open);
    assert!(!client.wants_input(), "nothing follows a close frame");
    begin_poll(&mut client);
    assert_eq!(client.state(), State::Closed);
    assert_eq!(texts(&mut client), ["last words"]);
    exchange(&mut client, &mut server);
    assert_eq!(server.ended().unwrap().code, Some(1000));
}

#[test]
fn a_session_is_open_once_even_if_the_close_comes_with_the_handshake() {
    let settings = Settings::default();
    let mut client = Session::client("localhost", "/", &settings, LIMITS).unwrap();
    let mut server = Session::server(settings, LIMITS).unwrap();
    server.receive(&std::mem::take(client.output()), 0);
    begin_poll(&mut server);
    server.close(1001, "");
    exchange(&mut server, &mut client);
    assert_eq!(client.state(), State::Open);
    begin_poll(&mut client);
    assert_eq!(client.ended().unwrap().code, Some(1001));
}

#[test]
fn closing_discards_what_was_not_taken() {
    let (mut client, mut server) = open();
    server.send(true, b"late").unwrap();
    exchange(&mut client, &mut server);
    client.close(1000, "");
    assert_eq!(client.queued(), 0);
    server.send(true, b"later").unwrap();
    exchange(&mut client, &mut server);
    assert_eq!(client.state(), State::Closed);
    assert_eq!(client.queued(), 0);
}

#[test]
fn the_queue_stops_receiving() {
    let (mut client, mut server) = open();
    for _ in 0..25 {
        server.send(false, &[7; 10]).unwrap();
    }
    server.close(1000, "done");
    exchange(&mut client, &mut server);
    let mut taken = 0;
    for expected in [10, 10, 5] {
        assert_eq!(client.queued(), expected);
        assert!(!client.wants_input());
        taken += std::iter::from_fn(|| client.take_message()).count();
        client.receive(&[], 0);
    }
    assert_eq!(taken, 25);
    begin_poll(&mut client);
    assert_eq!(client.state(), State::Closed);
    // The limit in bytes. A message is always accepted if the queue is empty.
    let (mut client, mut server) = open();
    client.set_limits(Limits {
        queued_bytes: 5,
        ..LIMITS
    });
    for _ in 0..3 {
        server.send(false, &[7; 10]).unwrap();
    }
    exchange(&mut client, &mut server);
    assert_eq!(client.queued(), 1);
    assert!(client.take_message().is_some());
    client.receive(&[], 0);
    assert_eq!(client.queued(), 1);
}

#[test]
fn a_limit_may_change_while_open() {
    let (mut client, mut server) = open();
    server.send(false, &[0; 1000]).unwrap();
    exchange(&mut client, &mut server);
    assert_eq!(client.queued(), 1);
    client.set_limits(Limits {
        message_bytes: 999,
        ..LIMITS
    });
    server.send(false, &[0; 1000]).unwrap();
    client.receive(&std::mem::take(server.output()), 0);
    begin_poll(&mut client);
    let ended = client.ended().unwrap();
    assert_eq!(
        (ended.code, ended.reason.as_str()),
        (Some(1009), "Message too big")
    );
    let error = ended.error.as_deref();
    assert_eq!(
        error,
        Some("receive: message exceeds the limit of 999 bytes")
    );
    exchange(&mut client, &mut server);
    assert_eq!(server.ended().unwrap().code, Some(1009));
}

#[test]
fn a_stream_that_ends_without_a_close_frame_is_an_error() {
    let (mut client, mut server) = open();
    server.send(true, b"a").unwrap();
    client.receive(&std::mem::take(server.output()), 0);
    client.end_of_stream("connection reset");
    assert_eq!(client.state(), State::Open);
    begin_poll(&mut client);
    let ended = client.ended().unwrap();
    assert_eq!(
        (ended.code, ended.error.as_deref()),
        (None, Some("connection reset"))
    );
    assert!(client.output().is_empty());
}

#[test]
fn what_came_before_the_end_of_the_stream_is_not_lost() {
    for code in [None, Some(3000)] {
        let (mut client, mut server) = open();
        for number in 0..35 {
            server.send(true, number.to_string().as_bytes()).unwrap();
        }
        if let Some(code) = code {
            server.close(code, "done");
        }
        transfer(&mut server, &mut client);
        let mut taken = Vec::new();
        for _ in 0..10 {
            client.end_of_stream("connection reset");
            if taken.len() < 35 {
                assert_eq!(
                    client.state(),
                    State::Open,
                    "after {} messages",
                    taken.len()
                );
                assert_eq!(client.send(true, b"late"), Err(SendError::NotOpen));
                assert!(!client.wants_input(), "there is nothing to receive");
            }
            taken.extend(texts(&mut client));
            begin_poll(&mut client);
        }
        let sent: Vec<_> = (0..35).map(|number| number.to_string()).collect();
        assert_eq!(taken, sent);
        assert_eq!(client.state(), State::Closed);
        let ended = client.ended().unwrap();
        let error = code.is_none().then_some("connection reset");
        assert_eq!((ended.code, ended.error.as_deref()), (code, error));
    }
}

#[test]
fn pings_are_answered_and_only_the_newest_while_output_waits() {
    let (_, mut server) = open();
    let mut bytes = Vec::new();
    let mut client = Sender::new(Role::Client, None);
    for payload in [b"1", b"2", b"3"] {
        client.ping(payload, &mut bytes);
    }
    server.receive(&bytes, 0);
    assert_eq!(server.output().split_off(0), b"\x8a\x011\x8a\x012\x8a\x013");
    server.receive(&bytes, 1 << 20);
    assert!(server.output().is_empty());
    poll_at(&mut server, Instant::now(), None, 1 << 20);
    assert!(server.output().is_empty());
    begin_poll(&mut server);
    assert_eq!(server.output().split_off(0), b"\x8a\x013");
    assert_eq!(server.counts().pings_received, 6);
}

#[test]
fn a_heartbeat_ends_a_session_whose_peer_is_silent() {
    let (mut client, mut server) = open();
    let (start, second) = (Instant::now(), Duration::from_secs(1));
    let limits = TimeLimits {
        heartbeat: Some(second),
        ..TimeLimits::default()
    };
    let beat = |session: &mut Session, after: u32| {
        pass(session, start + second * (after - 1), second, limits);
    };
    poll_at(&mut client, start, Some(second), 0);
    assert!(client.output().is_empty());
    beat(&mut client, 1);
    assert!(!client.output().is_empty());
    exchange(&mut client, &mut server);
    assert_eq!(client.counts().pongs_received, 1);
    beat(&mut client, 2);
    client.output().clear();
    beat(&mut client, 3);
    let ended = client.ended().unwrap();
    let error = ended.error.as_deref();
    assert_eq!(
        (ended.code, error),
        (None, Some("receive: no answer for 1 s"))
    );
}

#[test]
fn a_peer_that_does_not_answer_a_close_is_disconnected() {
    let (mut client, _server) = open();
    client.close(1000, "");
    let start = Instant::now();
    poll_at(&mut client, start, None, 0);
    let (none, second) = (TimeLimits::default(), Duration::from_secs(1));
    pass(&mut client, start, 9 * second, none);
    assert_eq!(client.state(), State::Closing);
    pass(&mut client, start + 9 * second, second, none);
    assert_eq!(client.state(), State::Closed);
    assert_eq!(client.ended().unwrap().code, None);
}

#[test]
fn refusals_have_a_message() {
    let mut server = Session::server(Settings::default(), LIMITS).unwrap();
    server.receive(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 0);
    assert_eq!(server.state(), State::Closed);
    let error = server.ended().unwrap().error.clone();
    assert_eq!(
        error.as_deref(),
        Some("handshake: header Upgrade does not contain websocket")
    );
    assert!(
        server
            .output()
            .starts_with(b"HTTP/1.1 426 Upgrade Required\r\n")
    );

    let mut server = Session::server(Settings::default(), LIMITS).unwrap();
    server.receive(b"\x16\x03\x01\x02", 0);
    assert!(server.output().starts_with(b"HTTP/1.1 400 Bad Request\r\n"));
    assert_eq!(server.state(), State::Closed);

    let settings = Settings::default();
    let mut client = Session::client("localhost", "/", &settings, LIMITS).unwrap();
    client.output().clear();
    client.receive(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0);
    let error = client.ended().unwrap().error.clone();
    assert_eq!(
        error.as_deref(),
        Some("handshake: server answered 404 Not Found")
    );
    assert!(client.output().is_empty());
}

#[test]
fn settings_are_checked() {
    let start = |name: &str, protocol: &str| {
        let settings = Settings {
            protocols: vec![protocol.into()],
            headers: vec![(name.into(), "x".into())],
            compression: None,
        };
        let client = Session::client("localhost", "/", &settings, LIMITS);
        let server = Session::server(settings, LIMITS);
        assert_eq!(client.is_ok(), server.is_ok());
        client.err().map(|error| error.to_string())
    };
    assert_eq!(start("X-A", "p"), None);
    let own = start("sec-websocket-key", "p");
    assert_eq!(
        own.as_deref(),
        Some("header \"sec-websocket-key\" is part of the handshake")
    );
    assert_eq!(
        start("X-A", "a,b").as_deref(),
        Some("subprotocol \"a,b\" is not a token")
    );
    assert_eq!(
        start("X A", "p").as_deref(),
        Some("header name \"X A\" is not a token")
    );
}

#[test]
fn any_cut_gives_the_same_session() {
    let (mut client, mut server) = open();
    client.send(true, "κόσμε".as_bytes()).unwrap();
    client.send(false, &[1; 200]).unwrap();
    client.close(1000, "bye");
    let after = client.output().split_off(0);
    let mut client = Session::client("h", "/", &Settings::default(), LIMITS).unwrap();
    let bytes = [client.output().split_off(0), after].concat();
    for piece in 1..bytes.len() {
        server = Session::server(Settings::default(), LIMITS).unwrap();
        for piece in bytes.chunks(piece) {
            server.receive(piece, 0);
        }
        assert_eq!(server.queued(), 2, "pieces of {piece}");
        begin_poll(&mut server);
        assert_eq!(server.ended().unwrap().reason, "bye", "pieces of {piece}");
    }
    assert_eq!(server.state(), State::Closed);
}

/// The answer of a server to the request of `client`.
fn answer(client: &mut Session) -> Vec<u8> {
    let mut server = Session::server(Settings::default(), LIMITS).unwrap();
    server.receive(&client.output().split_off(0), 0);
    server.send(true, b"hello").unwrap();
    server.output().split_off(0)
}

#[test]
fn interim_responses_are_skipped_at_every_cut() {
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    let interim = [b"HTTP/1.1 100 Continue\r\n\r\n".as_slice(), hints].concat();
    for piece in 1..300 {
        let mut client = Session::client("localhost", "/", &Settings::default(), LIMITS).unwrap();
        let bytes = [interim.as_slice(), &answer(&mut client)].concat();
        for piece in bytes.chunks(piece) {
            client.receive(piece, 0);
        }
        assert_eq!(client.state(), State::Open, "pieces of {piece}");
        assert_eq!(texts(&mut client), ["hello"], "pieces of {piece}");
    }
}

#[test]
fn the_number_of_interim_responses_is_limited() {
    for (count, state) in [(16, State::Open), (17, State::Closed)] {
        let mut client = Session::client("localhost", "/", &Settings::default(), LIMITS).unwrap();
        let answer = answer(&mut client);
        for _ in 0..count {
            client.receive(b"HTTP/1.1 102 Processing\r\n\r\n", 0);
        }
        client.receive(&answer, 0);
        assert_eq!(client.state(), state, "{count} interim responses");
    }
    let mut client = Session::client("localhost", "/", &Settings::default(), LIMITS).unwrap();
    client.receive(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 0);
    assert_eq!(client.state(), State::Closed, "101 is the answer");
}

#[test]
fn an_answer_that_was_received_late_counts() {
    let (mut client, mut server) = open();
    let (start, second) = (Instant::now(), Duration::from_secs(1));
    poll_at(&mut client, start, Some(second), 0);
    poll_at(&mut client, start + second, Some(second), 0);
    exchange(&mut client, &mut server);
    // A long frame. The answer was received after the poll has begun.
    poll_at(&mut client, start + 60 * second, Some(second), 0);
    assert_eq!(client.state(), State::Open);
}

/// Longer than each time limit.
const PAUSE: Duration = Duration::from_secs(3600);

/// Time without a poll says nothing about the peer, whose answer may wait behind other data.
#[test]
fn a_pause_leaves_the_peer_time_to_answer() {
    let limits = TimeLimits {
        handshake: Some(Duration::from_secs(4)),
        heartbeat: Some(Duration::from_secs(1)),
    };
    let second = Duration::from_secs(1);
    let mut now = Instant::now();
    // A ping.
    let (mut client, mut server) = open();
    pass(&mut client, now, second, limits);
    now += second + PAUSE;
    pass(&mut client, now, second / 2, limits);
    assert_eq!(client.state(), State::Open);
    exchange(&mut client, &mut server);
    assert_eq!(client.counts().pongs_received, 1);
    pass(&mut client, now + second / 2, 3 * second, limits);
    assert_eq!(client.ended().map(|ended| ended.cause), Some(Cause::Silent));
    // A close frame.
    let (mut client, mut server) = open();
    client.close(1000, "");
    pass(&mut client, now, 8 * second, limits);
    now += 8 * second + PAUSE;
    pass(&mut client, now, Duration::ZERO, limits);
    assert_eq!(client.state(), State::Closing);
    exchange(&mut client, &mut server);
    begin_poll(&mut server);
    exchange(&mut client, &mut server);
    begin_poll(&mut client);
    assert_eq!(client.ended().map(|ended| ended.code), Some(Some(1000)));
    // A handshake.
    let mut client = Session::client("localhost", "/", &Settings::default(), LIMITS).unwrap();
    let mut server = Session::server(Settings::default(), LIMITS).unwrap();
    for session in [&mut client, &mut server] {
        pass(session, now, second, limits);
        pass(session, now + second + PAUSE, second / 2, limits);
        assert_eq!(session.state(), State::Connecting);
    }
    exchange(&mut client, &mut server);
    assert_eq!((client.state(), server.state()), (State::Open, State::Open));
    let mut client = Session::client("localhost", "/", &Settings::default(), LIMITS).unwrap();
    pass(&mut client, now, 4 * second, limits);
    let ended = client.ended().unwrap();
    assert_eq!(ended.cause, Cause::HandshakeTimeout);
    assert_eq!(
        ended.error.as_deref(),
        Some("handshake: timed out after 4 s")
    );
}

/// The output of a session that has ended is sent after a pause, and given up after its time.
#[test]
fn a_pause_leaves_time_for_the_last_output() {
    let (mut client, _server) = open();
    let (start, none) = (Instant::now(), TimeLimits::default());
    pass(&mut client, start, Duration::ZERO, none);
    client.end_of_stream("over");
    client.output().extend_from_slice(b"rest");
    pass(&mut client, start, Duration::ZERO, none);
    pass(&mut client, start + PAUSE, Duration::from_secs(7), none);
    assert!(!client.has_given_up_output() && client.output() == b"rest");
    pass(&mut client, start + PAUSE, Duration::from_secs(10), none);
    assert!(client.has_given_up_output() && client.output().is_empty());
}

/// A group visits a session only when it asks for that, and a frame later.
#[test]
fn visits_when_they_are_due_measure_the_time() {
    let (frame, second) = (Duration::from_millis(16), Duration::from_secs(1));
    for interval in [second / 10, second, 10 * second, 100 * second] {
        let limits = TimeLimits {
            heartbeat: Some(interval),
            ..TimeLimits::default()
        };
        let (mut client, _server) = open();
        let start = Instant::now();
        let (mut now, mut visits) = (start, 0);
        while client.state() == State::Open {
            poll_at(&mut client, now, limits.heartbeat, 0);
            let due = client.next_visit(limits).unwrap_or(now);
            assert!(client.state() == State::Closed || due > now);
            now = due + frame;
            visits += 1;
        }
        let took = now - start;
        assert!(took >= 2 * interval, "{interval:?}: {took:?}");
        assert!(
            took <= 2 * interval + frame * visits,
            "{interval:?}: {took:?}"
        );
        assert!(visits <= 50, "{interval:?}: {visits} visits");
    }
}
