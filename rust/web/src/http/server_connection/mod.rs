//! One connection of a server: requests from received bytes, responses to bytes that are to be
//! sent.

mod eviction;
mod responses;
mod transfer;
mod upload;
mod uploading;

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::http::body_decoder::BodyDecoder;
use crate::http::body_encoder::BodyEncoder;
use crate::http::framing::BodyFraming;
use crate::http::head::RequestHead;
use crate::http::head_reader::HeadReader;
use crate::http::headers::Headers;
use crate::http::server_rules::ServerRules;
use crate::http::version::Version;
use crate::http::write::{reason_phrase, write_response_head};

pub use self::eviction::EvictionClass;
use self::transfer::Transfer;
use self::upload::{Upload, too_large};

/// How many bytes of the next requests may be received while a request is being answered.
const MAX_AHEAD: usize = 16 * 1024;

/// How many bytes of responses may wait to be sent before the next request is read.
const MAX_UNSENT: usize = 64 * 1024;

/// The most time that counts between two polls. A longer time is an absence.
const LONGEST_STEP: Duration = Duration::from_millis(250);

/// A request that has arrived: whole, or without its body if the caller takes that as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its number on the connection, for the response.
    pub id: u64,
    /// Its head.
    pub head: RequestHead,
    /// Its body, decoded.
    pub body: Vec<u8>,
    /// The header fields after a body in chunks.
    pub trailers: Headers,
    /// Whether the caller takes the body as it arrives. `body` and `trailers` are then empty.
    pub is_upload: bool,
}

/// Something that happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// A request has arrived, and waits for its response.
    Request(Box<Request>),
    /// The handler of the request with this number did not answer in time, so the connection has
    /// answered with 500.
    HandlerTimedOut(u64),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By closing it.
    Close,
    /// At once, by a reset: the client accepts nothing, or a response cannot be completed.
    Abort,
}

/// The protocol of one connection of a server. It does no I/O and reads no clock.
///
/// Pass received bytes to [`receive`](Self::receive), and send those that
/// [`unsent`](Self::unsent) returns. Requests come out of [`advance`](Self::advance), one after
/// another: the next one follows when the last one was answered, so responses have the order of the
/// requests. What breaks a limit or the protocol is answered here, and ends the connection.
///
/// Time limits exclude time in which nobody called [`advance`](Self::advance): between two calls,
/// at most a quarter of a second counts. After a longer time, a call ends nothing, so that what has
/// arrived can be received, and what waits can be sent. Only a call with a later time ends what is
/// late. This is also the time of handlers, which cannot answer while nobody polls.
///
/// # Examples
///
/// ```
/// use std::time::Instant;
/// use stream_socket_web::http::{Headers, ServerConnection, ServerEvent, ServerRules};
///
/// let (rules, now) = (ServerRules::default(), Instant::now());
/// let mut connection = ServerConnection::new(now);
/// connection.receive(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
/// let whole = |_: &_| None;
/// let Some(ServerEvent::Request(request)) = connection.advance(now, &rules, &whole) else {
///     panic!("the request is whole");
/// };
/// connection.respond(request.id, 200, &Headers::new(), b"hello", now)?;
/// assert_eq!(connection.unsent(), b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
/// # Ok::<(), stream_socket_web::http::RespondError>(())
/// ```
#[derive(Debug)]
pub struct ServerConnection {
    /// All times below are times of this clock.
    clock: Clock,
    /// Since when there is a handshake below HTTP.
    handshake: Option<Instant>,
    input: Vec<u8>,
    /// How many bytes of `input` are used.
    used: usize,
    input_has_ended: bool,
    output: Vec<u8>,
    /// How many bytes of `output` were sent.
    sent: usize,
    /// Since when something has been waiting to be sent.
    pending_output: Option<Transfer>,
    state: ConnectionState,
    /// The body of the current request, if the caller takes it as it arrives.
    upload: Option<Box<Upload>>,
    /// Whether the connection was ended before the body had arrived.
    discards_body: bool,
    /// The number of the current request, or the last one.
    id: u64,
    /// How many responses are complete.
    responses: u64,
    /// Whether the connection ends after the current response.
    is_last: bool,
}

#[derive(Debug)]
enum ConnectionState {
    /// Between two requests.
    Idle {
        since: Instant,
    },
    /// In a head.
    Head {
        since: Instant,
        reader: HeadReader,
    },
    Body(Box<Arriving>),
    /// The request waits for its response.
    Waiting {
        since: Instant,
        kind: RequestKind,
        /// Whether a handler has it.
        is_handed_out: bool,
    },
    /// A response was started.
    Sending {
        since: Instant,
        encoder: BodyEncoder,
        kind: RequestKind,
    },
    /// Another protocol has taken over.
    Upgraded,
    Over(Ending),
}

/// What a connection is doing, for the debugger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// It waits for a request.
    Idle,
    /// A request arrives.
    Receiving,
    /// A request has arrived, and waits for its response.
    Waiting,
    /// A response was started.
    Sending,
    /// Another protocol has taken over.
    Upgraded,
    /// It ends.
    Ending,
}

/// A request whose body arrives.
#[derive(Debug)]
struct Arriving {
    head: RequestHead,
    decoder: BodyDecoder,
    body: Vec<u8>,
    transfer: Transfer,
}

/// What a response depends on.
#[derive(Clone, Copy, Debug)]
struct RequestKind {
    is_head: bool,
    version: Version,
}

impl ServerConnection {
    /// A connection that was accepted at `now`.
    pub fn new(now: Instant) -> ServerConnection {
        ServerConnection {
            clock: Clock::new(now, LONGEST_STEP),
            handshake: None,
            input: Vec::new(),
            used: 0,
            input_has_ended: false,
            output: Vec::new(),
            sent: 0,
            pending_output: None,
            state: ConnectionState::Idle { since: now },
            upload: None,
            discards_body: false,
            id: 0,
            responses: 0,
            is_last: false,
        }
    }

    /// Whether received bytes are wanted. If not, they should stay where they are, so that the
    /// sender has to wait.
    pub fn wants_input(&self) -> bool {
        match self.state {
            _ if self.is_body_missing() => self.upload.as_ref().is_some_and(|it| it.has_room()),
            // These use what arrives, up to their limits.
            ConnectionState::Head { .. } | ConnectionState::Body(_) => true,
            ConnectionState::Idle { .. }
            | ConnectionState::Waiting { .. }
            | ConnectionState::Sending { .. } => self.unread().len() < MAX_AHEAD,
            // A client that sends before it reads must not wait for room.
            ConnectionState::Over(Ending::Close) => self.discards_body && !self.unsent().is_empty(),
            ConnectionState::Upgraded | ConnectionState::Over(_) => false,
        }
    }

    /// Takes received bytes. [`advance`](Self::advance) uses them.
    pub fn receive(&mut self, bytes: &[u8]) {
        if let ConnectionState::Over(_) = self.state {
            return;
        }
        // At most as many bytes are moved as were used, so small pieces after a long input cost no
        // more than large ones.
        if self.used >= self.input.len() - self.used {
            self.input.drain(..self.used);
            self.used = 0;
        }
        self.input.extend_from_slice(bytes);
    }

    /// The client has ended its stream: no more bytes will be received.
    pub fn end_of_stream(&mut self) {
        self.input_has_ended = true;
    }

    /// Records whether a handshake below HTTP, such as that of TLS, is in progress at `now`. It has
    /// the time limit of a head.
    pub fn note_handshake(&mut self, is_going_on: bool, now: Instant) {
        if is_going_on {
            self.handshake
                .get_or_insert_with(|| self.clock.at(now).now());
        } else {
            self.handshake = None;
        }
    }

    /// The bytes to send.
    pub fn unsent(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    /// Records that the first `count` bytes of [`unsent`](Self::unsent) were sent, and removes
    /// them.
    pub fn sent(&mut self, count: usize, now: Instant) {
        self.sent += count;
        debug_assert!(self.sent <= self.output.len());
        if let Some(pending_output) = &mut self.pending_output
            && count > 0
        {
            pending_output.moved(count, self.clock.at(now).now());
        }
        if self.sent == self.output.len() {
            self.output.clear();
            // A large response leaves no memory behind.
            self.output.shrink_to(MAX_UNSENT);
            self.sent = 0;
            self.pending_output = None;
        } else if self.sent > self.output.len() / 2 {
            self.output.drain(..self.sent);
            self.sent = 0;
            // So the memory is at most twice what is unsent.
            self.output.shrink_to(MAX_UNSENT);
        }
    }

    /// Advances the connection at the time `now`: reads requests, and ends what takes too long.
    /// Call it until it returns `None`, after bytes were received, and regularly: this determines
    /// the precision of the time limits.
    ///
    /// `upload_limit` decides about each head: whether the caller takes the body as it arrives, by
    /// [`take_body`](Self::take_body), and how many bytes it may have.
    pub fn advance(
        &mut self,
        now: Instant,
        rules: &ServerRules,
        upload_limit: &dyn Fn(&RequestHead) -> Option<u64>,
    ) -> Option<ServerEvent> {
        self.clock.poll(now);
        let clock = self.clock;
        let now = clock.now();
        if !self.unsent().is_empty() {
            let pending_output = self.pending_output.get_or_insert(Transfer::beginning(now));
            if pending_output.is_slow(rules.idle_timeout, &clock) {
                self.end(Ending::Abort);
            }
        }
        if let Some(since) = self.handshake
            && clock.is_late(since, rules.head_timeout)
        {
            self.end(Ending::Abort);
        }
        self.read_upload(rules);
        loop {
            match &mut self.state {
                ConnectionState::Idle { since } => {
                    let since = *since;
                    if self.unsent().len() > MAX_UNSENT {
                        return None;
                    }
                    if self.unread().is_empty() {
                        if self.input_has_ended || clock.is_late(since, rules.idle_timeout) {
                            self.state = ConnectionState::Over(Ending::Close);
                        }
                        return None;
                    }
                    let reader = HeadReader::new(rules.head);
                    self.state = ConnectionState::Head { since: now, reader };
                }
                ConnectionState::Head { since, reader } => {
                    let since = *since;
                    match reader.read_request(&self.input[self.used..]) {
                        Ok(Some((head, length))) => {
                            self.used += length;
                            let upload_limit = upload_limit(&head);
                            if let Some(request) = self.begin(head, rules, upload_limit) {
                                return Some(ServerEvent::Request(request));
                            }
                        }
                        Ok(None) if self.input_has_ended => {
                            self.state = ConnectionState::Over(Ending::Close);
                        }
                        Ok(None) if clock.is_late(since, rules.head_timeout) => {
                            self.refuse(408, "head took too long");
                        }
                        Ok(None) => return None,
                        Err(error) => self.refuse(error.status(), &error.to_string()),
                    }
                }
                ConnectionState::Body(_) => match self.read_body(rules) {
                    Read::Whole(request) => return Some(ServerEvent::Request(request)),
                    Read::Incomplete => return None,
                    Read::Refused => {}
                },
                ConnectionState::Waiting {
                    since,
                    is_handed_out,
                    ..
                } => {
                    let is_handed_out = *is_handed_out;
                    let upload = self.upload.as_ref();
                    let has_to_wait = upload.is_some_and(|it| it.waits_for_client());
                    if has_to_wait || !clock.is_late(*since, rules.response_timeout) {
                        return None;
                    }
                    if is_handed_out {
                        let id = self.id;
                        self.refuse(500, "server did not answer in time");
                        return Some(ServerEvent::HandlerTimedOut(id));
                    }
                    self.refuse(503, "server is too busy");
                }
                // A client that has gone looks like one that has half-closed. A finite response
                // ends anyway; an endless one would go on for nothing, so it is aborted.
                ConnectionState::Sending { encoder, .. }
                    if self.input_has_ended && encoder.is_endless() =>
                {
                    self.end(Ending::Abort);
                }
                ConnectionState::Sending { .. }
                | ConnectionState::Upgraded
                | ConnectionState::Over(_) => return None,
            }
        }
    }

    /// A head has arrived. Returns the request if its body is taken as it arrives.
    fn begin(
        &mut self,
        head: RequestHead,
        rules: &ServerRules,
        upload_limit: Option<u64>,
    ) -> Option<Box<Request>> {
        let now = self.clock.now();
        self.id += 1;
        if !rules.allows_host(&head) {
            self.refuse(421, "host of the request is not served here");
            return None;
        }
        if !rules.allows_origin(&head) {
            self.refuse(403, "pages of other origins may not use this server");
            return None;
        }
        let limit = upload_limit.unwrap_or(rules.max_body);
        if let BodyFraming::Length(length) = head.body()
            && length > limit
        {
            self.refuse(413, &too_large(limit));
            return None;
        }
        self.is_last = !head.keeps_alive();
        if upload_limit.is_some() {
            self.state = ConnectionState::waiting_for_response(&head, now);
            self.upload = Upload::after(&head, rules.head, limit, now).map(Box::new);
            return Some(Box::new(Request {
                id: self.id,
                head,
                body: Vec::new(),
                trailers: Headers::new(),
                is_upload: true,
            }));
        }
        if head.expects_continue() && self.unread().is_empty() {
            self.write_continue();
        }
        self.state = ConnectionState::Body(Box::new(Arriving {
            decoder: BodyDecoder::new(head.body(), rules.head),
            head,
            body: Vec::new(),
            transfer: Transfer::beginning(now),
        }));
        None
    }

    fn write_continue(&mut self) {
        self.output
            .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }

    fn read_body(&mut self, rules: &ServerRules) -> Read {
        let clock = self.clock;
        let ConnectionState::Body(arriving) = &mut self.state else {
            return Read::Incomplete;
        };
        while !arriving.decoder.is_done() && self.used < self.input.len() {
            let (used, data) = match arriving.decoder.decode(&self.input[self.used..]) {
                Ok(decoded) => decoded,
                Err(error) => {
                    self.refuse(error.status(), &error.to_string());
                    return Read::Refused;
                }
            };
            arriving.transfer.moved(data.len(), clock.now());
            if (arriving.body.len() + data.len()) as u64 > rules.max_body {
                self.refuse(413, &too_large(rules.max_body));
                return Read::Refused;
            }
            arriving.body.extend_from_slice(data);
            self.used += used;
        }
        if arriving.decoder.is_done() {
            return Read::Whole(self.take_request());
        }
        let is_slow = arriving.transfer.is_slow(rules.idle_timeout, &clock);
        if self.input_has_ended {
            self.state = ConnectionState::Over(Ending::Close);
        } else if is_slow {
            self.refuse(408, "body took too long");
        } else {
            return Read::Incomplete;
        }
        Read::Refused
    }

    fn take_request(&mut self) -> Box<Request> {
        let state = std::mem::replace(&mut self.state, ConnectionState::Upgraded);
        let ConnectionState::Body(arriving) = state else {
            unreachable!("only a body becomes a request");
        };
        self.state = ConnectionState::waiting_for_response(&arriving.head, self.clock.now());
        let Arriving {
            head,
            decoder,
            body,
            ..
        } = *arriving;
        Box::new(Request {
            id: self.id,
            head,
            body,
            trailers: decoder.into_trailers(),
            is_upload: false,
        })
    }

    /// Answers with an error, and ends the connection.
    fn refuse(&mut self, status: u16, words: &str) {
        let body = format!("{status} {}: {words}\n", reason_phrase(status));
        let length = body.len().to_string();
        let headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", &length),
            ("Connection", "close"),
        ];
        write_response_head(&mut self.output, status, None, headers)
            .expect("the headers are valid");
        // Even for HEAD: the end of the stream follows, so the body confuses no client.
        self.output.extend_from_slice(body.as_bytes());
        self.responses += 1;
        self.end(Ending::Close);
    }

    fn end(&mut self, ending: Ending) {
        self.state = ConnectionState::Over(ending);
        self.discards_body |= self.is_body_missing();
        self.upload = None;
        self.input = Vec::new();
        self.used = 0;
    }

    /// Whether another protocol has taken over.
    pub fn is_upgraded(&self) -> bool {
        matches!(self.state, ConnectionState::Upgraded)
    }

    /// Whether the request `id` is waiting for its response.
    pub fn is_waiting(&self, id: u64) -> bool {
        id == self.id && matches!(self.state, ConnectionState::Waiting { .. })
    }

    /// Whether the response to the request `id` was started and can be continued.
    pub fn is_sending(&self, id: u64) -> bool {
        id == self.id && matches!(self.state, ConnectionState::Sending { .. })
    }

    /// What the connection is doing.
    pub fn activity(&self) -> Activity {
        match self.state {
            ConnectionState::Idle { .. } => Activity::Idle,
            ConnectionState::Head { .. } | ConnectionState::Body(_) => Activity::Receiving,
            ConnectionState::Waiting { .. } => Activity::Waiting,
            ConnectionState::Sending { .. } => Activity::Sending,
            ConnectionState::Upgraded => Activity::Upgraded,
            ConnectionState::Over(_) => Activity::Ending,
        }
    }

    /// How many heads of requests have arrived.
    pub fn requests(&self) -> u64 {
        self.id
    }

    /// How many responses are complete, also those that the connection has given itself. Some of
    /// their bytes may be unsent.
    pub fn responses(&self) -> u64 {
        self.responses
    }

    /// How the connection ends, if it is ending. [`Ending::Close`] waits until everything was sent.
    pub fn ending(&self) -> Option<Ending> {
        match self.state {
            ConnectionState::Over(ending) => Some(ending),
            _ => None,
        }
    }

    fn unread(&self) -> &[u8] {
        &self.input[self.used..]
    }
}

impl ConnectionState {
    /// The request with this head waits for its response.
    fn waiting_for_response(head: &RequestHead, now: Instant) -> ConnectionState {
        ConnectionState::Waiting {
            since: now,
            kind: RequestKind {
                is_head: head.method == "HEAD",
                version: head.version,
            },
            is_handed_out: false,
        }
    }
}

/// The result of reading a body.
enum Read {
    Whole(Box<Request>),
    Incomplete,
    Refused,
}
