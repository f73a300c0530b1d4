//! One WebSocket from its handshake to its end.
//!
//! A caller passes the bytes that it receives to [`Session::receive`], sends what
//! [`Session::output`] has, and takes messages with [`Session::take_message`]. The time is an
//! argument.

mod counts;
mod end;
mod opening;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use thiserror::Error;

use self::end::SessionEnd;
use self::opening::{Opened, Opening};
use super::compression::Agreed;
use super::{Event, Message, Receiver, Role, Sender, SharedMessage};
use crate::clock::Clock;
use crate::http::RequestHead;

pub use self::counts::{Counts, Limits, TimeLimits};
pub use self::end::{Cause, Ended};
pub use self::opening::{Settings, StartError};

/// How long a session waits for the peer's close frame after it has sent its own.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the output of a session that has ended may still be sent.
const LAST_OUTPUT: Duration = Duration::from_secs(10);

/// While a time limit runs, [`Session::keep_alive`] is due after each 1/`STEP_DIVISOR` of it,
/// within these bounds. A longer gap between two calls counts only as that much.
const STEP_DIVISOR: u32 = 4;
const SHORTEST_STEP: Duration = Duration::from_millis(250);
const LONGEST_STEP: Duration = Duration::from_secs(5);

/// A call of [`Session::keep_alive`] may be this late: it waits for a frame.
const LATENESS: Duration = Duration::from_millis(100);

/// While more bytes wait to be sent, only the newest ping is answered (RFC 6455, section 5.5.3).
const MAX_BYTES_BEFORE_PONGS: usize = 64 << 10;

/// The state of a session. It only advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The handshake is not complete.
    Connecting,
    /// Both ends can send messages.
    Open,
    /// One end has sent its close frame.
    Closing,
    /// Over. Messages that have arrived can still be taken.
    Closed,
}

/// Why a message is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is not open.
    #[error("WebSocket is not open")]
    NotOpen,
    /// A text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotText,
}

/// A WebSocket over any stream.
#[derive(Debug)]
pub struct Session {
    role: Role,
    state: State,
    limits: Limits,
    opening: Option<Box<Opening>>,
    /// For a server: the host and the target that the client has requested.
    requested: Option<String>,
    protocol: Option<String>,
    compression: Option<Agreed>,
    receiver: Receiver,
    sender: Sender,
    /// Received bytes that were not processed, because the queue was full.
    unread: Vec<u8>,
    queue: VecDeque<Message>,
    queued_bytes: usize,
    output: Vec<u8>,
    /// The payload of the newest ping, while it cannot be answered.
    unanswered_ping: Option<Vec<u8>>,
    /// Whether the session was opened since the last [`begin_poll`](Self::begin_poll).
    is_new: bool,
    was_open: bool,
    /// How the session ends, with the next poll.
    pending_end: Option<SessionEnd>,
    has_sent_close: bool,
    has_stream_ended: bool,
    /// Times are those of this clock. `None` before the first
    /// [`keep_alive`](Self::keep_alive).
    clock: Option<Clock>,
    /// Since when it has the current state.
    since: Option<(State, Instant)>,
    ended: Option<Box<Ended>>,
    heartbeat: Heartbeat,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Heartbeat {
    /// When the last ping was sent, or when the session was opened.
    last: Option<Instant>,
    is_unanswered: bool,
}

impl Session {
    fn new(role: Role, limits: Limits, opening: Opening) -> Session {
        Session {
            role,
            state: State::Connecting,
            limits,
            opening: Some(Box::new(opening)),
            requested: None,
            protocol: None,
            compression: None,
            receiver: Receiver::new(role, limits.message_bytes, None),
            sender: Sender::new(role, None),
            unread: Vec::new(),
            queue: VecDeque::new(),
            queued_bytes: 0,
            output: Vec::new(),
            unanswered_ping: None,
            is_new: false,
            was_open: false,
            pending_end: None,
            has_sent_close: false,
            has_stream_ended: false,
            clock: None,
            since: None,
            ended: None,
            heartbeat: Heartbeat::default(),
            counts: Counts::default(),
        }
    }

    /// Starts the session of a client. `host` is the value of the header `Host`.
    ///
    /// # Errors
    /// A text that a head cannot contain.
    pub fn client(
        host: &str,
        target: &str,
        settings: &Settings,
        limits: Limits,
    ) -> Result<Session, StartError> {
        let mut output = Vec::new();
        let opening = Opening::client(host, target, settings, &mut output)?;
        let mut session = Session::new(Role::Client, limits, opening);
        session.output = output;
        Ok(session)
    }

    /// Starts the session of a server, which waits for the request of a client.
    ///
    /// # Errors
    /// A header that a head cannot contain.
    pub fn server(settings: Settings, limits: Limits) -> Result<Session, StartError> {
        let opening = Opening::server(settings)?;
        Ok(Session::new(Role::Server, limits, opening))
    }

    /// Starts the session of a server that has received the request of its client. Pass the bytes
    /// after the request to [`receive`](Self::receive).
    ///
    /// # Errors
    /// A header that a head cannot contain. A request that is refused is not an error: the session
    /// has ended then, and the output has the response.
    pub fn upgrade(
        head: &RequestHead,
        settings: Settings,
        limits: Limits,
    ) -> Result<Session, StartError> {
        let mut session = Session::server(settings, limits)?;
        let opening = session.opening.take();
        let opened = opening.and_then(|opening| opening.answer(head, &mut session.output));
        if let Some(opened) = opened {
            session.finish_opening(opened);
        }
        Ok(session)
    }

    /// The state.
    pub fn state(&self) -> State {
        self.state
    }

    /// Whether the handshake was successful.
    pub fn was_open(&self) -> bool {
        self.was_open
    }

    /// For a server: the host and the target that the client has requested, such as
    /// `localhost:8080/chat`.
    pub fn requested(&self) -> Option<&str> {
        self.requested.as_deref()
    }

    /// The subprotocol that both ends have agreed upon.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// How messages are compressed; `None`: not at all.
    pub fn compression(&self) -> Option<Agreed> {
        self.compression
    }

    /// The counters.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Changes the limits.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        self.receiver.set_limit(limits.message_bytes);
    }

    /// Sends messages of fewer bytes without compression.
    pub fn set_compression_threshold(&mut self, bytes: usize) {
        self.sender.set_threshold(bytes);
    }

    /// Sends longer messages in several frames, of at most `bytes` each. 0 is unlimited.
    pub fn set_max_frame(&mut self, bytes: usize) {
        self.sender.set_max_frame(bytes);
    }

    /// Begins a poll. A session whose peer has closed it ends here at the latest: during the
    /// previous poll it stayed open, so that its last messages could be taken.
    pub fn begin_poll(&mut self) {
        self.is_new = false;
        if let Some(end) = self.pending_end.take() {
            self.end(end);
        }
    }

    /// Does what is due at `now`, while `pending_bytes` bytes of earlier output wait to be sent:
    /// answers the newest ping if it could not be answered before, sends a ping every
    /// [`TimeLimits::heartbeat`], and ends a session whose handshake takes too long or whose peer
    /// is silent. Everything that has arrived must have been [received](Self::receive): after a
    /// long frame, it may contain the answer of the peer.
    ///
    /// Time in which nobody called this does not count, except for about a quarter of the limit.
    /// After that, only the next call ends the session, so the peer gets what waits to be sent.
    pub fn keep_alive(&mut self, now: Instant, limits: TimeLimits, pending_bytes: usize) {
        if self.output.len() + pending_bytes <= MAX_BYTES_BEFORE_PONGS
            && self.state == State::Open
            && let Some(payload) = self.unanswered_ping.take()
        {
            self.sender.pong(&payload, &mut self.output);
        }
        let limit = self.time_limit(limits);
        let clock = self.tick(now, limit);
        let since = self.since_of_state(clock.now());
        match (self.state, limit) {
            (State::Connecting, Some(time)) if clock.is_late(since, limit) => {
                self.end(SessionEnd::HandshakeTimeout(time));
            }
            (State::Open, _) => self.beat(&clock, limit),
            (State::Closing, Some(time)) if clock.is_late(since, limit) => {
                self.end(SessionEnd::Silent(time));
            }
            (State::Closed, _) if clock.is_late(since, limit) => self.output.clear(),
            _ => {}
        }
    }

    /// The time limit that runs now.
    fn time_limit(&self, limits: TimeLimits) -> Option<Duration> {
        match self.state {
            State::Connecting => limits.handshake,
            State::Open => limits.heartbeat,
            State::Closing => Some(CLOSE_TIMEOUT),
            State::Closed => Some(LAST_OUTPUT),
        }
    }

    /// Advances the clock to `now`, while `limit` runs.
    fn tick(&mut self, now: Instant, limit: Option<Duration>) -> Clock {
        let longest = step_of(limit.unwrap_or_default()) + LATENESS;
        let clock = self.clock.get_or_insert(Clock::new(now, longest));
        clock.poll(now);
        clock.set_longest(longest);
        *clock
    }

    /// Since when the session has its state, which is `now` if it is new.
    fn since_of_state(&mut self, now: Instant) -> Instant {
        match self.since {
            Some((state, since)) if state == self.state => since,
            _ => {
                self.since = Some((self.state, now));
                now
            }
        }
    }

    fn beat(&mut self, clock: &Clock, interval: Option<Duration>) {
        let now = clock.now();
        let Some(interval) = interval else {
            self.heartbeat = Heartbeat::default();
            return;
        };
        // While the queue is full, nothing is received, so an answer would not be noticed.
        if !self.wants_input() {
            self.heartbeat.last = Some(now);
            return;
        }
        let last = *self.heartbeat.last.get_or_insert(now);
        if !clock.is_late(last, Some(interval)) {
            return;
        }
        if self.heartbeat.is_unanswered {
            self.end(SessionEnd::Silent(interval));
            return;
        }
        self.heartbeat.last = Some(now);
        self.heartbeat.is_unanswered = true;
        self.sender.ping(&[], &mut self.output);
    }

    /// Whether the session accepts further bytes. It does not while its queue is full, nor after it
    /// has ended.
    pub fn wants_input(&self) -> bool {
        self.state < State::Closed
            && !self.has_stream_ended
            && self.pending_end.is_none()
            && self.unread.is_empty()
            && !self.is_full()
    }

    /// Whether its queue is full, or was full and received bytes were kept back. It may accept
    /// further bytes once messages are taken.
    pub fn is_held_back(&self) -> bool {
        matches!(self.state, State::Open | State::Closing)
            && self.pending_end.is_none()
            && (self.is_full() || !self.unread.is_empty())
    }

    /// Whether the next poll changes something, even without further bytes.
    pub fn is_poll_due(&self) -> bool {
        self.pending_end.is_some() || !self.unread.is_empty() && !self.is_full()
    }

    /// When the next [`keep_alive`](Self::keep_alive) is due: to end the session, to send a ping,
    /// or to know that somebody polls it. `None` if no limit runs, and before the first
    /// `keep_alive` in this state.
    pub fn next_visit(&self, limits: TimeLimits) -> Option<Instant> {
        let limit = self.time_limit(limits)?;
        let clock = self.clock?;
        let since = match self.state {
            State::Open => self.heartbeat.last?,
            State::Closed => return None,
            state => self.since.filter(|since| since.0 == state)?.1,
        };
        let end = since.checked_add(limit)?;
        let step = step_of(limit).min(end.saturating_duration_since(clock.now()));
        clock.polled_at().checked_add(step)
    }

    /// Whether the session has ended and its output was given up, because that could not be sent.
    pub fn has_given_up_output(&self) -> bool {
        let is_late = |clock: Clock, since| clock.is_late(since, Some(LAST_OUTPUT));
        match (self.clock, self.since) {
            (Some(clock), Some((State::Closed, since))) => is_late(clock, since),
            _ => false,
        }
    }

    fn is_full(&self) -> bool {
        self.queue.len() >= self.limits.queued_messages
            || !self.queue.is_empty() && self.queued_bytes >= self.limits.queued_bytes
    }

    /// Processes received bytes, while `pending_bytes` bytes of earlier output wait to be sent.
    /// Bytes for which there was no room before come first, so a call without bytes continues with
    /// those.
    pub fn receive(&mut self, bytes: &[u8], pending_bytes: usize) {
        if self.unread.is_empty() {
            let rest = self.process(bytes, pending_bytes);
            self.unread.extend_from_slice(rest);
            return;
        }
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend_from_slice(bytes);
        let used = unread.len() - self.process(&unread, pending_bytes).len();
        unread.drain(..used);
        self.unread = unread;
    }

    /// Processes `bytes` while the queue has room. Returns the rest.
    fn process<'a>(&mut self, mut bytes: &'a [u8], pending_bytes: usize) -> &'a [u8] {
        if self.state == State::Connecting {
            bytes = self.read_opening(bytes);
        }
        while matches!(self.state, State::Open | State::Closing) && self.pending_end.is_none() {
            if self.is_full() {
                return bytes;
            }
            match self.receiver.receive(&mut bytes) {
                Ok(None) => return bytes,
                Ok(Some(event)) => self.handle(event, pending_bytes),
                Err(error) => self.end_later(SessionEnd::Violation(error)),
            }
        }
        match self.state {
            State::Connecting => bytes,
            // Bytes after the end are ignored.
            _ => &[],
        }
    }

    /// Reads the peer's head from `bytes`. Returns what follows it.
    fn read_opening<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(opening) = &mut self.opening else {
            return bytes;
        };
        let Some(opened) = opening.read(bytes, &mut self.output) else {
            return &[];
        };
        let used = opened.used;
        self.opening = None;
        self.finish_opening(opened);
        &bytes[used..]
    }

    fn finish_opening(&mut self, opened: Opened) {
        self.requested = opened.requested;
        match opened.outcome {
            Ok(accepted) => {
                self.protocol = accepted.protocol;
                self.compression = accepted.compression;
                if accepted.compression.is_some() {
                    let limit = self.limits.message_bytes;
                    self.receiver = Receiver::new(self.role, limit, accepted.compression);
                    self.sender.set_compression(accepted.compression);
                }
                self.state = State::Open;
                self.is_new = true;
                self.was_open = true;
            }
            Err(why) => self.end(SessionEnd::Handshake(why)),
        }
    }

    fn handle(&mut self, event: Event, pending_bytes: usize) {
        match event {
            Event::Message(message) => {
                self.counts.messages_received += 1;
                self.counts.payload_received += message.payload.len() as u64;
                // After its own close frame, this end discards messages.
                if !self.has_sent_close {
                    self.queued_bytes += message.payload.len();
                    self.queue.push_back(message);
                }
            }
            Event::Ping(payload) => {
                self.counts.pings_received += 1;
                if self.has_sent_close {
                    return;
                }
                if self.output.len() + pending_bytes <= MAX_BYTES_BEFORE_PONGS {
                    self.unanswered_ping = None;
                    self.sender.pong(&payload, &mut self.output);
                } else {
                    self.unanswered_ping = Some(payload);
                }
            }
            Event::Pong(_) => {
                self.counts.pongs_received += 1;
                self.heartbeat.is_unanswered = false;
            }
            Event::Close(close) => self.end_later(SessionEnd::Close(close)),
        }
    }

    /// The stream has ended: nothing more can be received or sent. If bytes are left, because the
    /// queue was full, the session stays open, and the caller calls this again after messages were
    /// taken.
    pub fn end_of_stream(&mut self, why: &str) {
        self.has_stream_ended = true;
        self.receive(&[], 0);
        if self.unread.is_empty() && self.pending_end.is_none() && self.state < State::Closed {
            self.end_later(SessionEnd::Stream(why.to_owned()));
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The session is not open, or a text is not UTF-8.
    pub fn send(&mut self, is_text: bool, payload: &[u8]) -> Result<(), SendError> {
        self.check_open()?;
        if is_text && simdutf8::basic::from_utf8(payload).is_err() {
            return Err(SendError::NotText);
        }
        self.sender.message(is_text, payload, &mut self.output);
        self.count_sent(payload);
        Ok(())
    }

    /// Like [`send`](Self::send), for a message that goes to many sessions.
    ///
    /// # Errors
    /// The session is not open, or a text is not UTF-8.
    pub fn send_shared(&mut self, message: &mut SharedMessage<'_>) -> Result<(), SendError> {
        self.check_open()?;
        if !message.is_valid() {
            return Err(SendError::NotText);
        }
        self.sender.shared_message(message, &mut self.output);
        self.count_sent(message.payload());
        Ok(())
    }

    fn check_open(&self) -> Result<(), SendError> {
        match self.state == State::Open && !self.has_stream_ended {
            true => Ok(()),
            false => Err(SendError::NotOpen),
        }
    }

    fn count_sent(&mut self, payload: &[u8]) {
        self.counts.messages_sent += 1;
        self.counts.payload_sent += payload.len() as u64;
    }

    /// The bytes to send. The caller removes those that it has sent.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// The number of messages that can be taken.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// The number of bytes of the messages that can be taken.
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Takes the next message.
    pub fn take_message(&mut self) -> Option<Message> {
        let message = self.queue.pop_front()?;
        self.queued_bytes -= message.payload.len();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        Some(message)
    }

    /// How the session has ended, once it is [closed](State::Closed).
    pub fn ended(&self) -> Option<&Ended> {
        self.ended.as_deref()
    }

    /// Starts to close the session, with a [valid](super::close_code::is_valid) code and a reason
    /// of at most [`MAX_REASON_BYTES`](super::MAX_REASON_BYTES). Messages that were not taken are
    /// discarded. A session whose handshake is not complete ends at once. Does nothing if it is
    /// closing already.
    pub fn close(&mut self, code: u16, reason: &str) {
        match self.state {
            State::Connecting => self.end(SessionEnd::Abort),
            State::Open => {
                self.discard_messages();
                self.send_close(Some(code), reason);
                self.state = State::Closing;
                if let Some(end) = self.pending_end.take() {
                    self.end(end);
                }
                // The unprocessed bytes may contain the peer's close frame.
                self.receive(&[], 0);
            }
            State::Closing | State::Closed => {}
        }
    }

    /// Ends the session at once, without a close frame.
    pub fn abort(&mut self) {
        self.discard_messages();
        self.pending_end = None;
        self.end(SessionEnd::Abort);
    }

    fn discard_messages(&mut self) {
        self.queue = VecDeque::new();
        self.queued_bytes = 0;
    }

    fn send_close(&mut self, code: Option<u16>, reason: &str) {
        if !self.has_sent_close {
            self.has_sent_close = true;
            self.sender.close(code, reason, &mut self.output);
        }
    }

    /// Ends the session now, or with the next poll if messages are left: a script that checks the
    /// state after each poll has to see the session open together with its last messages.
    fn end_later(&mut self, end: SessionEnd) {
        match self.is_new || !self.queue.is_empty() {
            true => self.pending_end = Some(end),
            false => self.end(end),
        }
    }

    fn end(&mut self, end: SessionEnd) {
        if self.state == State::Closed {
            return;
        }
        let had_sent_close = self.has_sent_close;
        if let Some(code) = end.answer() {
            self.send_close(code, "");
        }
        self.state = State::Closed;
        self.ended = Some(Box::new(end.ended(had_sent_close)));
        self.opening = None;
        self.unread = Vec::new();
        self.unanswered_ping = None;
    }
}

/// How often [`Session::keep_alive`] is due while `limit` runs.
fn step_of(limit: Duration) -> Duration {
    (limit / STEP_DIVISOR).clamp(SHORTEST_STEP, LONGEST_STEP)
}
