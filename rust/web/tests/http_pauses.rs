//! Time in which nobody polls a connection, because a frame is long or the process is stopped. It
//! says nothing about the client.

mod serving;

use stream_socket_web::http::{Ending, EvictionClass, ServerConnection, ServerEvent};

use serving::{FRAME, SECOND, Server, get, post};

/// Longer than each time limit.
const PAUSE: u32 = 3600;

/// A pause, and the first poll after it, in which nothing moves yet.
fn pause(server: &mut Server) {
    server.now += PAUSE * SECOND;
    assert_eq!(server.poll(), None);
    assert_eq!(server.connection.ending(), None);
}

/// A server that sends a large answer.
fn download() -> Server {
    let mut server = Server::new();
    let id = server.request(&get("/")).id;
    server.respond(id, &"x".repeat(1 << 20));
    assert_eq!(server.advance(), None);
    server
}

#[test]
fn a_download_goes_on() {
    let mut server = download();
    pause(&mut server);
    server.connection.sent(1000, server.now);
    // The pause counts for the average rate neither.
    for _ in 0..100 {
        assert_eq!(server.pass(SECOND), None);
        assert_eq!(server.connection.ending(), None);
        server.connection.sent(1000, server.now);
    }
    assert_eq!(server.pass(60 * SECOND), None);
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
}

#[test]
fn a_limit_that_is_shorter_than_a_frame_leaves_time_to_send() {
    let mut server = download();
    server.rules.idle_timeout = Some(FRAME / 10);
    pause(&mut server);
    server.connection.sent(1000, server.now);
    server.now += FRAME / 20;
    assert_eq!(server.poll(), None);
    assert_eq!(server.connection.ending(), None);
    server.now += FRAME / 20;
    assert_eq!(server.poll(), None);
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
}

#[test]
fn bodies_go_on() {
    for upload_limit in [None, Some(1 << 20)] {
        let mut server = Server::new();
        server.upload_limit = upload_limit;
        let lines = "Content-Length: 200000\r\n";
        let event = server.receive(&post(lines, "x"));
        let id = match event {
            Some(ServerEvent::Request(request)) => {
                server.connection.hand_out(request.id, server.now);
                request.id
            }
            _ => 0,
        };
        assert_eq!(server.advance(), None);
        server.connection.take_body(id, server.now);
        pause(&mut server);
        for _ in 0..100 {
            assert_eq!(server.receive(&"x".repeat(1000)), None);
            server.connection.take_body(id, server.now);
            assert_eq!(server.pass(SECOND), None);
            assert_eq!(server.connection.ending(), None, "{upload_limit:?}");
        }
        assert_eq!(server.pass(60 * SECOND), None);
        let words = "body took too long";
        server.check_refused("408 Request Timeout", words, "silence");
    }
}

#[test]
fn heads_and_handshakes_go_on() {
    let mut server = Server::new();
    assert_eq!(server.receive("GET / HTTP/1.1\r\n"), None);
    pause(&mut server);
    server.request("Host: localhost\r\n\r\n");
    let mut server = Server::new();
    server.connection.note_handshake(true, server.now);
    pause(&mut server);
    assert_eq!(server.pass(9 * SECOND), None);
    assert_eq!(server.connection.ending(), None);
    server.connection.note_handshake(true, server.now);
    assert_eq!(server.pass(SECOND), None);
    assert_eq!(server.connection.ending(), Some(Ending::Abort));
}

#[test]
fn silence_between_requests_is_that_of_polls() {
    let mut server = Server::new();
    pause(&mut server);
    assert_eq!(server.pass(59 * SECOND), None);
    server.request(&get("/"));
}

/// A handler cannot answer while the game is busy.
#[test]
fn handlers_have_their_time() {
    let mut server = Server::new();
    let Some(ServerEvent::Request(request)) = server.receive(&get("/")) else {
        panic!("no request");
    };
    pause(&mut server);
    server.connection.hand_out(request.id, server.now);
    pause(&mut server);
    assert_eq!(server.pass(29 * SECOND), None);
    server.respond(request.id, "late");
    assert!(server.sent().ends_with("late"));
    // The handler itself is the pause.
    let id = server.request(&get("/")).id;
    server.now += PAUSE * SECOND;
    server.respond(id, "");
    pause(&mut server);
    let id = server.request(&get("/")).id;
    assert_eq!(
        server.pass(30 * SECOND),
        Some(ServerEvent::HandlerTimedOut(id))
    );
}

#[test]
fn no_connection_is_evicted_because_of_a_pause() {
    let mut server = download();
    assert_eq!(server.pass(SECOND / 2), None);
    server.now += PAUSE * SECOND;
    let class = |server: &Server| server.connection.eviction_class(server.now).0;
    assert_eq!(class(&server), EvictionClass::Busy);
    assert_eq!(server.poll(), None);
    assert_eq!(class(&server), EvictionClass::Busy);
    assert_eq!(server.pass(SECOND), None);
    assert_eq!(class(&server), EvictionClass::Response);
}

#[test]
fn connections_of_different_ages_stay_in_order() {
    let mut old = Server::new();
    assert_eq!(old.poll(), None);
    old.now += PAUSE * SECOND;
    let mut young = Server::new();
    young.now = old.now;
    young.connection = ServerConnection::new(young.now);
    assert_eq!(old.poll(), None);
    let since = |server: &Server| server.connection.eviction_class(server.now);
    assert!(since(&old) < since(&young));
    // The old one has had its request later.
    let id = old.request(&get("/")).id;
    old.now += FRAME;
    old.respond(id, "");
    old.sent();
    assert!(since(&old) > since(&young));
}

/// Each frame is a pause: a client that stays silent is still ended.
#[test]
fn a_slow_game_ends_connections_later() {
    for frame in [SECOND, 100 * SECOND] {
        let mut server = download();
        let mut frames = 0;
        while server.connection.ending().is_none() {
            frames += 1;
            server.now += frame;
            assert_eq!(server.poll(), None);
        }
        assert_eq!(frames, 60 * 4 + 1, "{frame:?}");
    }
}
