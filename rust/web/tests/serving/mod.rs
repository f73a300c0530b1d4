//! One connection of a server with a clock, for the tests.

use std::time::{Duration, Instant};

use stream_socket_web::http::{
    Ending, Headers, Request, ServerConnection, ServerEvent, ServerRules,
};

pub const SECOND: Duration = Duration::from_secs(1);

/// How often a connection is polled. More time does not count.
pub const FRAME: Duration = Duration::from_millis(250);

/// A connection with a clock.
pub struct Server {
    pub connection: ServerConnection,
    pub rules: ServerRules,
    /// A test may advance it.
    pub now: Instant,
    polled_at: Instant,
    /// The limit of bodies that are taken as they arrive. `None`: bodies are whole.
    pub upload_limit: Option<u64>,
}

impl Server {
    pub fn new() -> Server {
        Server::with(ServerRules::default())
    }

    pub fn with(rules: ServerRules) -> Server {
        let now = Instant::now();
        Server {
            connection: ServerConnection::new(now),
            rules,
            now,
            polled_at: now,
            upload_limit: None,
        }
    }

    pub fn advance(&mut self) -> Option<ServerEvent> {
        self.poll_until_now().or_else(|| self.poll())
    }

    /// Advances the connection once, even if it was not polled for long.
    pub fn poll(&mut self) -> Option<ServerEvent> {
        self.polled_at = self.now;
        self.connection
            .advance(self.now, &self.rules, &|_| self.upload_limit)
    }

    /// Polls the connection in each frame of the time that has passed since the last poll, except
    /// the last one.
    pub fn poll_until_now(&mut self) -> Option<ServerEvent> {
        let now = self.now;
        let mut event = None;
        while event.is_none() && self.polled_at + FRAME < now {
            self.now = self.polled_at + FRAME;
            event = self.poll();
        }
        self.now = now;
        event
    }

    pub fn receive(&mut self, text: &str) -> Option<ServerEvent> {
        let event = self.poll_until_now();
        assert_eq!(event, None, "before {text:?}");
        self.connection.receive(text.as_bytes());
        self.advance()
    }

    pub fn pass(&mut self, time: Duration) -> Option<ServerEvent> {
        self.now += time;
        self.advance()
    }

    pub fn request(&mut self, text: &str) -> Request {
        match self.receive(text) {
            Some(ServerEvent::Request(request)) => {
                self.connection.hand_out(request.id, self.now);
                *request
            }
            other => panic!("{text:?}: {other:?}, {}", self.sent()),
        }
    }

    pub fn respond(&mut self, id: u64, body: &str) {
        let headers = Headers::new();
        self.connection
            .respond(id, 200, &headers, body.as_bytes(), self.now)
            .unwrap();
    }

    /// Takes what is to be sent.
    pub fn sent(&mut self) -> String {
        let text = String::from_utf8(self.connection.unsent().to_vec()).unwrap();
        self.connection.sent(text.len(), self.now);
        text
    }

    /// Checks that the connection was ended with `status` and `words`.
    pub fn check_refused(&mut self, status: &str, words: &str, what: &str) {
        let sent = self.sent();
        assert!(
            sent.starts_with(&format!("HTTP/1.1 {status}\r\n")),
            "{what}: {sent}"
        );
        assert!(sent.contains("\r\nConnection: close\r\n"), "{what}: {sent}");
        assert!(sent.ends_with(&format!(": {words}\n")), "{what}: {sent}");
        assert_eq!(self.connection.ending(), Some(Ending::Close), "{what}");
        assert!(!self.connection.wants_input(), "{what}");
        // Later bytes change nothing.
        assert_eq!(
            self.receive("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            None
        );
        assert_eq!(self.sent(), "");
    }
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

pub fn post(lines: &str, body: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n{body}")
}
