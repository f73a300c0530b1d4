//! Moving bytes between a session and its stream.

use std::sync::Arc;
use std::time::{Duration, Instant};

use godot::global::Error;
use stream_socket::dispatch::Refusal;
use stream_socket::{ConnectEnd, Connection, DisconnectCause, EndCause, Status, process};
use stream_socket_web::websocket::SharedMessage;
use stream_socket_web::websocket::session::{Cause, Session, State};

use super::background::{self, Kept, RECENTLY};
use super::state::{WebSocketPart, WebSocketState};
use super::stream::{EngineStream, WebSocketStream};
use crate::parts::codes::Code;
use crate::parts::lent;
use crate::parts::part::{Emitter, Packets};

/// How many bytes are received at once.
const AT_ONCE: usize = 64 << 10;

/// How long the last output of a closed session may take over a stream of the engine's.
const LAST_OUTPUT: Duration = Duration::from_secs(10);

/// The maximum number of receives in the background before the lock is released.
const MOST_RECEIVES: usize = 16;

/// Why a session cannot be kept alive in the background.
const NOT_KEPT: &str = "keep_alive_in_background works over sockets of ours only, and not over TLS";

/// The reason if the stream has ended in order, but the WebSocket has not.
const NO_CLOSE_FRAME: &str = "stream ended without a close frame";

impl<O: Emitter + EngineStream> WebSocketPart<O> {
    /// Sends as much of a message as the stream accepts now, and queues the rest.
    pub(crate) fn send(&self, is_text: bool, payload: &[u8]) -> Error {
        self.sent(self.accept_message(payload.len(), |session| session.send(is_text, payload)))
    }

    /// The same for a message to several WebSockets.
    pub(crate) fn send_shared(&self, message: &mut SharedMessage<'_>) -> Error {
        let length = message.payload().len();
        self.sent(self.accept_message(length, |session| session.send_shared(message)))
    }

    /// Queues a message that goes to many members of a group. See
    /// [`Session::send`](stream_socket::dispatch::Session::send).
    pub(super) fn queue_shared(
        &self,
        message: &mut SharedMessage<'_>,
    ) -> Option<Result<bool, Refusal>> {
        let mut was_empty = true;
        if self.ready_state() != State::Open {
            return None;
        }
        let length = message.payload().len();
        let accepted = self.accept_message(length, |session| {
            was_empty = session.output().is_empty();
            session.send_shared(message)
        });
        Some(match accepted {
            Ok(()) => {
                self.last_error.clear();
                Ok(was_empty)
            }
            Err(_) => Err(Refusal),
        })
    }

    fn sent(&self, accepted: Result<(), Error>) -> Error {
        if let Err(code) = accepted {
            return code;
        }
        self.flush();
        self.last_error.clear();
        Error::OK
    }

    /// Starts to close the session, or ends it at once if there is no `code`.
    pub(crate) fn close(&self, code: Option<u16>, reason: &str) {
        {
            let mut state = self.state();
            let Some(session) = &mut state.session else {
                return;
            };
            match code {
                Some(code) => session.close(code, reason),
                None => session.abort(),
            }
        }
        self.flush();
        self.let_go();
        self.outlet.report();
    }

    /// Sends the output of the session.
    pub(crate) fn flush(&self) {
        let (stream, generation) = {
            let state = self.state();
            (state.stream.clone(), state.generation)
        };
        match stream {
            Some(WebSocketStream::Socket(peer)) => {
                let mut state = self.state();
                if state.generation == generation {
                    state.flush_to(&peer.peer.connection);
                }
            }
            Some(WebSocketStream::Engine { stream, .. }) if self.begin_exchange(generation) => {
                self.flush_to_engine(&stream, generation);
                self.end_exchange();
                // What is left is sent by polls.
                self.outlet.report();
            }
            _ => {}
        }
    }

    /// Begins a poll: answers, heartbeats and time limits.
    pub(super) fn begin_poll(&self, now: Instant) {
        let mut state = self.state();
        // The lock is dereferenced once, so that the fields can be borrowed one by one.
        let state = &mut *state;
        state.polled_at = Some(now);
        let backlog = state.connection().map_or(0, Connection::pending_bytes);
        let heartbeat = state.settings.heartbeat;
        let timeout = state.settings.handshake_timeout;
        let started = state.started;
        let Some(session) = &mut state.session else {
            return;
        };
        session.begin_poll(now, heartbeat, backlog);
        if session.state() == State::Closed {
            let closed_at = *state.closed_at.get_or_insert(now);
            if now.duration_since(closed_at) >= LAST_OUTPUT {
                session.output().clear();
            }
        }
        let age = started.map(|started| now.duration_since(started));
        if let (Some(age), Some(timeout)) = (age, timeout)
            && age >= timeout
        {
            session.time_out_handshake(timeout);
        }
    }

    /// Moves bytes in both directions between the session of `generation` and its stream, without
    /// waiting. Returns whether another exchange may receive more.
    pub(super) fn exchange(&self, stream: &WebSocketStream<O>, generation: u64) -> bool {
        let may_have_more = match stream {
            WebSocketStream::Socket(peer) => {
                let mut state = self.state();
                state.generation == generation && state.exchange_with(&peer.peer.connection)
            }
            WebSocketStream::Engine { stream, .. } if self.begin_exchange(generation) => {
                let has_received = self.exchange_with_engine(stream, generation);
                self.end_exchange();
                has_received
            }
            WebSocketStream::Engine { .. } => false,
            WebSocketStream::TlsLater { socket, .. } => {
                let connection = &socket.peer.connection;
                if matches!(connection.status(), Status::None | Status::Error) {
                    let mut state = self.state();
                    if state.generation == generation
                        && let Some(session) = &mut state.session
                    {
                        session.end_of_stream(&why_it_ended(connection));
                    }
                }
                false
            }
        };
        self.note_changes(generation);
        may_have_more
    }

    /// Notes which signals are due, and releases the stream of a session that has ended.
    fn note_changes(&self, generation: u64) {
        let mut state = self.state();
        if state.generation != generation {
            return;
        }
        let pending = state.connection().map_or(0, Connection::pending_bytes);
        let Some(session) = &mut state.session else {
            return;
        };
        let has_backlog = pending + session.output().len() > 0;
        let is_open = session.state() >= State::Open && session.was_open();
        if is_open && state.started.take().is_some() {
            state.is_connected_due = true;
            state.opened_at = Some(Instant::now());
        }
        if std::mem::replace(&mut state.has_backlog, has_backlog) && !has_backlog {
            state.is_drained_due = true;
        }
        drop(state);
        self.let_go();
    }

    /// Releases the stream if the session has ended and its output was passed on.
    fn let_go(&self) {
        let (socket, error, cause, generation) = {
            let mut state = self.state();
            let state = &mut *state;
            let (Some(session), Some(stream)) = (&mut state.session, &state.stream) else {
                return;
            };
            let is_unsent = !session.output().is_empty();
            let was_open = session.was_open();
            let Some(ended) = session.ended() else {
                return;
            };
            // Only a stream of the engine's needs several polls; a socket continues to send by
            // itself.
            if is_unsent && matches!(stream, WebSocketStream::Engine { .. }) {
                return;
            }
            let socket = stream.socket().map(|socket| socket.peer.clone());
            let cause = (ended.cause, was_open);
            (socket, ended.error.clone(), cause, state.generation)
        };
        let end_of_socket = socket.and_then(|socket| socket.connection.ended());
        let code = end_of_socket.map(|ended| ended.error.exact());
        let cause = end_cause(cause, code);
        match self.take_stream(cause, generation) {
            None => return,
            Some(WebSocketStream::Engine { stream, .. }) => stream.disconnect(),
            Some(WebSocketStream::Socket(socket) | WebSocketStream::TlsLater { socket, .. }) => {
                socket.peer.connection.disconnect()
            }
        }
        if let Some(error) = error {
            let code = code.unwrap_or(Error::ERR_CONNECTION_ERROR);
            self.last_error.record_message(code, error);
        }
    }

    /// Claims a stream of the engine's. False if another thread uses it.
    fn begin_exchange(&self, generation: u64) -> bool {
        let mut state = self.state();
        state.generation == generation && !std::mem::replace(&mut state.is_exchanging, true)
    }

    fn end_exchange(&self) {
        self.state().is_exchanging = false;
    }

    fn exchange_with_engine(&self, stream: &O, generation: u64) -> bool {
        match stream.status() {
            Status::Connecting => return false,
            Status::Connected => {}
            Status::None | Status::Error => {
                let why = stream.problem();
                self.with_current(generation, |session| end_with_stream(session, why));
                return false;
            }
        }
        let wants = self.with_current(generation, |session| {
            session.receive(&[], 0);
            session.wants_input()
        });
        let mut has_received = false;
        if wants == Some(true) {
            match stream.read(AT_ONCE) {
                Ok(bytes) => {
                    has_received = !bytes.is_empty();
                    self.with_current(generation, |session| {
                        session.receive(bytes.as_slice(), 0);
                    });
                }
                Err(_) => {
                    self.with_current(generation, |session| {
                        end_with_stream(session, NO_CLOSE_FRAME)
                    });
                }
            }
        }
        self.flush_to_engine(stream, generation);
        has_received || self.with_current(generation, |it| it.is_held_back()) == Some(true)
    }

    fn flush_to_engine(&self, stream: &O, generation: u64) {
        if stream.status() != Status::Connected {
            return;
        }
        while let Some(bytes) = self.with_current(generation, |it| std::mem::take(it.output()))
            && !bytes.is_empty()
        {
            // Only this thread uses it, until the exchange ends.
            let mut output = self.state().engine_output;
            let written = output.write(stream, &bytes);
            let count = written.unwrap_or(bytes.len());
            let rest = &bytes[count..];
            self.with_current(generation, |session| {
                session.output().splice(..0, rest.iter().copied());
            });
            let mut state = self.state();
            if state.generation == generation {
                state.engine_output = output;
                state.queued_total += count as u64;
                let total = state.queued_total;
                while state.message_ends.front().is_some_and(|&end| end <= total) {
                    state.message_ends.pop_front();
                }
            }
            if !rest.is_empty() && count == 0 {
                return;
            }
        }
    }

    fn with_current<R>(&self, generation: u64, then: impl FnOnce(&mut Session) -> R) -> Option<R> {
        let mut state = self.state();
        match state.generation == generation {
            true => state.session.as_mut().map(then),
            false => None,
        }
    }
}

impl<O: Emitter + EngineStream> WebSocketPart<O> {
    /// Sets whether the background keeps the session alive. The error says why that is impossible.
    pub(crate) fn set_kept_alive(self: &Arc<Self>, enabled: bool) -> Result<(), String> {
        let mut state = self.state();
        if enabled && matches!(state.stream, Some(ref stream) if !is_socket(stream)) {
            return Err(NOT_KEPT.into());
        }
        let was_enabled = std::mem::replace(&mut state.settings.is_kept_alive, enabled);
        drop(state);
        if enabled && !was_enabled {
            let part: Arc<dyn Kept> = self.clone();
            if let Err(error) = background::keep(Arc::downgrade(&part)) {
                self.state().settings.is_kept_alive = false;
                return Err(format!("the thread cannot be started: {error}"));
            }
        }
        Ok(())
    }

    /// Why `stream` cannot be used: the background has to keep the session alive, and can only use
    /// sockets of ours.
    pub(crate) fn refusal(&self, stream: &WebSocketStream<O>) -> Option<&'static str> {
        let is_kept_alive = self.state().settings.is_kept_alive;
        (is_kept_alive && !is_socket(stream)).then_some(NOT_KEPT)
    }
}

fn is_socket<O>(stream: &WebSocketStream<O>) -> bool {
    matches!(stream, WebSocketStream::Socket(_))
}

impl<O: Emitter + EngineStream> Kept for WebSocketPart<O> {
    fn keep_alive(&self, now: Instant) -> bool {
        let mut state = self.state();
        let state = &mut *state;
        if !state.settings.is_kept_alive {
            return false;
        }
        let is_polled = |at: Instant| now.saturating_duration_since(at) < RECENTLY;
        if state.polled_at.is_some_and(is_polled) {
            return true;
        }
        // This thread may drop the part, but never the object.
        let peer = match &state.stream {
            Some(WebSocketStream::Socket(peer)) => peer.peer.clone(),
            _ => return true,
        };
        let connection = &peer.connection;
        if let Some(session) = &mut state.session {
            session.keep_alive(now, state.settings.heartbeat, connection.pending_bytes());
        }
        for _ in 0..MOST_RECEIVES {
            let is_held_back = state.session.as_ref().is_some_and(Session::is_held_back);
            if is_held_back || !state.exchange_with(connection) {
                break;
            }
        }
        connection.try_flush();
        // The kernel does not report again to the groups what was received here. They are reached
        // by the connection: this thread must not hold what keeps their members.
        connection.report();
        true
    }
}

impl<O: Emitter> WebSocketState<O> {
    /// Moves bytes between the session and `connection`. Returns whether another exchange may
    /// receive more. A receive that does not fill its buffer has emptied the socket, so a message
    /// costs one system call.
    fn exchange_with(&mut self, connection: &Connection) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        match connection.status() {
            Status::Connecting => return false,
            Status::Connected => {}
            Status::None | Status::Error => {
                session.end_of_stream(&why_it_ended(connection));
                return false;
            }
        }
        let backlog = connection.pending_bytes();
        session.receive(&[], backlog);
        let mut count = 0;
        if session.wants_input() {
            let received = connection.try_read_with(AT_ONCE, |bytes| {
                session.receive(bytes, backlog);
                bytes.len()
            });
            match received {
                Ok(received) => count = received,
                Err(_) => session.end_of_stream(&why_it_ended(connection)),
            }
        }
        // A session that is full may take the rest of its bytes after a delivery.
        let may_have_more = count == AT_ONCE || session.is_held_back();
        self.flush_to(connection);
        may_have_more
    }

    fn flush_to(&mut self, connection: &Connection) {
        let Some(session) = &mut self.session else {
            return;
        };
        let output = session.output();
        if output.is_empty() || connection.status() != Status::Connected {
            return;
        }
        let coalesces = connection.coalesces();
        // Bytes that the system accepts now are not copied into the queue. The next receive notices
        // a failure.
        let sent = match coalesces {
            true => 0,
            false => connection.try_write(output).unwrap_or(0),
        };
        let rest = &output[sent..];
        if rest.is_empty() || connection.enqueue(rest, usize::MAX).is_ok() {
            self.queued_total += output.len() as u64;
        }
        if !rest.is_empty() && !coalesces {
            connection.try_flush();
        }
        output.clear();
        // The memory of a large message is freed.
        output.shrink_to(AT_ONCE);
    }
}

/// Why a session has ended, which was open or not. `code` is that of the end of its socket.
fn end_cause((cause, was_open): (Cause, bool), code: Option<Error>) -> EndCause {
    if !was_open {
        return EndCause::Connect(match (cause, code) {
            (Cause::Local, _) => ConnectEnd::Cancelled,
            (Cause::HandshakeTimeout, _) | (_, Some(Error::ERR_TIMEOUT)) => ConnectEnd::TimedOut,
            (_, Some(Error::ERR_CANT_RESOLVE)) => ConnectEnd::Unresolved,
            _ => ConnectEnd::Refused,
        });
    }
    EndCause::Disconnect(match (cause, code) {
        (Cause::Local, _) => DisconnectCause::Local,
        (Cause::Violation, _) => DisconnectCause::InvalidData,
        (Cause::Silent, _) | (Cause::Stream, Some(Error::ERR_TIMEOUT)) => DisconnectCause::Silent,
        (Cause::Stream, Some(Error::ERR_CONNECTION_ERROR)) => DisconnectCause::Failure,
        _ => DisconnectCause::EndOfStream,
    })
}

/// Ends a session whose stream has ended.
fn end_with_stream(session: &mut Session, why: &str) {
    session.end_of_stream(why);
    session.output().clear();
}

/// Why `connection` has ended, in words.
fn why_it_ended(connection: &Connection) -> String {
    match connection.ended() {
        Some(ended) if ended.error.exact() != Error::ERR_FILE_EOF => ended.error.to_string(),
        _ => NO_CLOSE_FRAME.to_owned(),
    }
}

impl<O: Emitter + EngineStream> Packets for WebSocketPart<O> {
    fn get_packet(&self) -> Result<(*const u8, usize), Error> {
        let frame = lent::take_back();
        let mut state = self.state();
        let is_open = state
            .session
            .as_ref()
            .is_some_and(|it| it.state() == State::Open);
        match state.session.as_mut().and_then(Session::take_message) {
            Some(message) => {
                state.was_text = message.is_text;
                drop(state);
                process::received_packet();
                Ok(lent::lend(message.payload.into_boxed_slice(), frame))
            }
            None if is_open => Err(Error::ERR_UNAVAILABLE),
            None => Err(Error::FAILED),
        }
    }

    fn put_packet(&self, packet: &[u8]) -> Error {
        self.send(false, packet)
    }

    fn packet_count(&self) -> i64 {
        i64::try_from(self.queued().0).unwrap_or(i64::MAX)
    }

    fn max_packet_bytes(&self) -> i64 {
        let bytes = self.state().settings.max_message_bytes();
        i64::try_from(bytes).unwrap_or(i64::MAX)
    }
}
