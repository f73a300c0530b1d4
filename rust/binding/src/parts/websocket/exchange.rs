//! Moving bytes between a session and its stream.

use std::sync::Arc;
use std::time::Instant;

use godot::global::Error;
use stream_socket::dispatch::Refusal;
use stream_socket::{ConnectEnd, Connection, DisconnectCause, EndCause, Status, process};
use stream_socket_web::websocket::SharedMessage;
use stream_socket_web::websocket::session::{Cause, Session, State};

use super::background::{self, Kept, RECENTLY};
use super::state::{UnsentOutput, WebSocketPart, WebSocketState};
use super::stream::{EngineStream, WebSocketStream};
use crate::parts::codes::Code;
use crate::parts::lent;
use crate::parts::part::{Emitter, Packets};

/// How many bytes are received at once.
const RECEIVE_SIZE: usize = 64 << 10;

/// The maximum number of receives in the background before the lock is released.
const MAX_RECEIVES: usize = 16;

/// Why a session cannot be kept alive in the background.
const NOT_KEPT: &str = "requires a socket of this addon without TLS";

/// The reason if the stream was closed properly, but the WebSocket was not.
pub(crate) const NO_CLOSE_FRAME: &str = "receive: end of stream without a close frame";

impl<O: Emitter + EngineStream> WebSocketPart<O> {
    /// Sends as much of a message as the stream accepts now, and queues the rest.
    pub(crate) fn send(&self, is_text: bool, payload: &[u8]) -> Error {
        self.after_send(
            self.accept_message(payload.len(), |session| session.send(is_text, payload)),
        )
    }

    /// The same for a message to several WebSockets.
    pub(crate) fn send_shared(&self, message: &mut SharedMessage<'_>) -> Error {
        let length = message.payload().len();
        self.after_send(self.accept_message(length, |session| session.send_shared(message)))
    }

    /// Queues a message that goes to many members of a group. See
    /// [`PacketSession::send`](stream_socket::dispatch::PacketSession::send).
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

    fn after_send(&self, accepted: Result<(), Error>) -> Error {
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
        self.release_stream();
        self.outlet.report();
    }

    /// Sends the output of the session.
    pub(crate) fn flush(&self) {
        let (stream, session_number) = {
            let state = self.state();
            (state.stream.clone(), state.session_number)
        };
        match stream {
            Some(WebSocketStream::Socket(peer)) => {
                let mut state = self.state();
                if state.session_number == session_number {
                    state.flush_to(&peer.peer.connection);
                }
            }
            Some(WebSocketStream::Engine { stream, .. }) if self.begin_exchange(session_number) => {
                self.flush_to_engine(&stream, session_number);
                self.end_exchange();
                // What is left is sent by polls.
                self.outlet.report();
            }
            _ => {}
        }
    }

    /// Begins a poll: ends a session that its peer has closed.
    pub(super) fn begin_poll(&self, now: Instant) {
        let mut state = self.state();
        // The lock is dereferenced once, so that the fields can be borrowed one by one.
        let state = &mut *state;
        state.polled_at = Some(now);
        let Some(session) = &mut state.session else {
            return;
        };
        session.begin_poll();
        // A peer that has ended its direction gets the close frame before the socket is polled,
        // which ends the connection.
        if let Some(WebSocketStream::Socket(peer)) = &state.stream {
            let connection = peer.peer.clone();
            state.flush_to(&connection.connection);
        }
    }

    /// Moves bytes in both directions between session `session_number` and its stream, without
    /// waiting. Returns whether another exchange may receive more.
    pub(super) fn exchange(
        &self,
        stream: &WebSocketStream<O>,
        session_number: u64,
        now: Instant,
    ) -> bool {
        let may_have_more = match stream {
            WebSocketStream::Socket(peer) => {
                let mut state = self.state();
                state.session_number == session_number
                    && state.exchange_with(&peer.peer.connection, now)
            }
            WebSocketStream::Engine { stream, .. } if self.begin_exchange(session_number) => {
                let has_received = self.exchange_with_engine(stream, session_number, now);
                self.end_exchange();
                has_received
            }
            WebSocketStream::Engine { .. } => false,
            WebSocketStream::TlsLater { socket, .. } => {
                let connection = &socket.peer.connection;
                let mut state = self.state();
                if state.session_number == session_number {
                    state.check_times(now);
                    if matches!(connection.status(), Status::None | Status::Error)
                        && let Some(session) = &mut state.session
                    {
                        session.end_of_stream(&why_it_ended(connection));
                    }
                }
                false
            }
        };
        self.note_changes(session_number);
        may_have_more
    }

    /// Records which signals are due, and releases the stream of a session that has ended.
    fn note_changes(&self, session_number: u64) {
        let mut state = self.state();
        if state.session_number != session_number {
            return;
        }
        let has_unsent = state.unsent_bytes() > 0;
        let Some(session) = &state.session else {
            return;
        };
        if session.was_open() && std::mem::take(&mut state.is_opening) {
            state.is_connected_due = true;
            state.opened_at = Some(Instant::now());
        }
        if std::mem::replace(&mut state.has_unsent, has_unsent) && !has_unsent {
            state.is_drained_due = true;
        }
        drop(state);
        self.release_stream();
    }

    /// Releases the stream if the session has ended and its output was passed on.
    fn release_stream(&self) {
        let (socket, ended, was_open, session_number) = {
            let mut state = self.state();
            let state = &mut *state;
            let (Some(session), Some(stream)) = (&mut state.session, &state.stream) else {
                return;
            };
            let is_unsent = state.unsent.length > 0 || !session.output().is_empty();
            let was_open = session.was_open();
            let Some(ended) = session.ended() else {
                return;
            };
            // Only a stream of the engine needs several polls; a socket continues to send by
            // itself.
            if is_unsent && matches!(stream, WebSocketStream::Engine { .. }) {
                return;
            }
            let socket = stream.socket().map(|socket| socket.peer.clone());
            (socket, ended.clone(), was_open, state.session_number)
        };
        let end_of_socket = socket.and_then(|socket| socket.connection.ended());
        let code = end_of_socket.map(|ended| ended.error.exact());
        let cause = end_cause(ended.cause, was_open, code);
        match self.take_stream(cause, session_number) {
            None => return,
            Some(WebSocketStream::Engine { stream, .. }) => stream.disconnect(),
            Some(WebSocketStream::Socket(socket) | WebSocketStream::TlsLater { socket, .. }) => {
                socket.peer.connection.disconnect()
            }
        }
        if let Some(error) = ended.error {
            let code = code.unwrap_or(Error::ERR_CONNECTION_ERROR);
            self.last_error.record_message(code, error);
        }
    }

    /// Claims a stream of the engine. False if another thread uses it, or it is no longer the
    /// stream of this session.
    fn begin_exchange(&self, session_number: u64) -> bool {
        let mut state = self.state();
        state.session_number == session_number && !std::mem::replace(&mut state.is_exchanging, true)
    }

    fn end_exchange(&self) {
        self.state().is_exchanging = false;
    }

    fn exchange_with_engine(&self, stream: &O, session_number: u64, now: Instant) -> bool {
        match stream.status() {
            Status::Connecting => {
                self.check_times(session_number, now);
                return false;
            }
            Status::Connected => {}
            Status::None | Status::Error => {
                let why = stream.problem();
                self.end_with_stream(session_number, why);
                return false;
            }
        }
        let pending_bytes = self.state().pending_bytes();
        let wants = self.with_current(session_number, |session| {
            session.receive(&[], pending_bytes);
            session.wants_input()
        });
        let mut has_received = false;
        if wants == Some(true) {
            match stream.read(RECEIVE_SIZE) {
                Ok(bytes) => {
                    has_received = !bytes.is_empty();
                    self.with_current(session_number, |session| {
                        session.receive(bytes.as_slice(), pending_bytes);
                    });
                }
                Err(_) => {
                    self.end_with_stream(session_number, NO_CLOSE_FRAME);
                }
            }
        }
        let may_have_more =
            has_received || self.with_current(session_number, |it| it.is_held_back()) == Some(true);
        if !may_have_more {
            self.check_times(session_number, now);
        }
        self.flush_to_engine(stream, session_number);
        may_have_more
    }

    fn check_times(&self, session_number: u64, now: Instant) {
        let mut state = self.state();
        if state.session_number == session_number {
            state.check_times(now);
        }
    }

    /// Passes on as much of the output as the stream accepts now. Only the exchanging thread calls
    /// it.
    fn flush_to_engine(&self, stream: &O, session_number: u64) {
        if stream.status() != Status::Connected {
            return;
        }
        loop {
            let (mut bytes, mut passed) = {
                let mut state = self.state();
                if state.session_number != session_number {
                    return;
                }
                let state = &mut *state;
                let Some(session) = &mut state.session else {
                    return;
                };
                let output = session.output();
                let unsent = &mut state.unsent;
                state.queued_total += output.len() as u64;
                unsent.length += output.len();
                if unsent.bytes.is_empty() {
                    unsent.bytes = std::mem::take(output);
                } else {
                    unsent.bytes.append(output);
                }
                (
                    std::mem::take(&mut unsent.bytes),
                    std::mem::take(&mut unsent.passed),
                )
            };
            let mut output = self.state().engine_output;
            let mut is_refused = false;
            while passed < bytes.len() && !is_refused {
                // A failed write counts as complete: the next read reports the failure.
                let written = output.write(stream, &bytes[passed..]);
                let count = written.unwrap_or(bytes.len() - passed);
                passed += count;
                is_refused = count == 0;
            }
            // At most as many bytes are moved as were passed on, so moving them is cheap.
            if passed * 2 >= bytes.len() {
                bytes.drain(..passed);
                passed = 0;
            }
            let mut state = self.state();
            if state.session_number != session_number {
                return;
            }
            state.engine_output = output;
            let length = bytes.len() - passed;
            state.unsent = UnsentOutput {
                bytes,
                passed,
                length,
            };
            state.forget_sent(length);
            let has_more = state
                .session
                .as_mut()
                .is_some_and(|it| !it.output().is_empty());
            if is_refused || !has_more {
                return;
            }
        }
    }

    /// Ends a session whose stream no longer accepts bytes.
    fn end_with_stream(&self, session_number: u64, why: &str) {
        let mut state = self.state();
        if state.session_number == session_number {
            state.unsent = UnsentOutput::default();
            if let Some(session) = &mut state.session {
                session.end_of_stream(why);
                session.output().clear();
            }
        }
    }

    fn with_current<R>(
        &self,
        session_number: u64,
        then: impl FnOnce(&mut Session) -> R,
    ) -> Option<R> {
        let mut state = self.state();
        match state.session_number == session_number {
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
        if state.settings.is_kept_alive != enabled {
            Arc::make_mut(&mut state.settings).is_kept_alive = enabled;
        }
        let was_enabled = std::mem::replace(&mut state.is_kept_alive, enabled);
        drop(state);
        if enabled && !was_enabled {
            let part: Arc<dyn Kept> = self.clone();
            if let Err(error) = background::keep(Arc::downgrade(&part)) {
                let _ = self.set_kept_alive(false);
                return Err(format!("start thread: {error}"));
            }
        }
        Ok(())
    }

    /// Why `stream` cannot be used: the background has to keep the session alive, and can only use
    /// our sockets.
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
        if !state.is_kept_alive {
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
        for _ in 0..MAX_RECEIVES {
            let is_held_back = state.session.as_ref().is_some_and(Session::is_held_back);
            if is_held_back || !state.exchange_with(connection, now) {
                break;
            }
        }
        connection.try_flush();
        // The kernel will not report this data again, so the groups are notified through the
        // connection: this thread must not hold a reference to their members.
        connection.report();
        true
    }
}

impl<O: Emitter> WebSocketState<O> {
    /// Moves bytes between the session and `connection`. Returns whether another exchange may
    /// receive more. A receive that does not fill its buffer has emptied the socket, so a message
    /// costs one system call.
    fn exchange_with(&mut self, connection: &Connection, now: Instant) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        match connection.status() {
            Status::Connecting => {
                self.check_times(now);
                return false;
            }
            Status::Connected => {}
            Status::None | Status::Error => {
                session.end_of_stream(&why_it_ended(connection));
                return false;
            }
        }
        let pending_bytes = connection.pending_bytes();
        session.receive(&[], pending_bytes);
        let mut count = 0;
        if session.wants_input() {
            let received = connection.try_read_with(RECEIVE_SIZE, |bytes| {
                session.receive(bytes, pending_bytes);
                bytes.len()
            });
            match received {
                Ok(received) => count = received,
                Err(_) => session.end_of_stream(&why_it_ended(connection)),
            }
        }
        // A session that is full may take the rest of its bytes after a delivery.
        let may_have_more = count == RECEIVE_SIZE || session.is_held_back();
        if !may_have_more {
            self.check_times(now);
        }
        self.flush_to(connection);
        may_have_more
    }

    /// Does what is due at `now`, after everything that has arrived was received.
    fn check_times(&mut self, now: Instant) {
        let pending_bytes = self.pending_bytes();
        let Some(session) = &mut self.session else {
            return;
        };
        session.keep_alive(now, self.settings.time_limits(), pending_bytes);
        // Only a stream of the engine has some left.
        if session.has_given_up_output() {
            self.unsent = UnsentOutput::default();
        }
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
        output.shrink_to(RECEIVE_SIZE);
    }
}

/// Why a session has ended. `was_open` is whether it was open; `code` is that of its socket.
fn end_cause(cause: Cause, was_open: bool, code: Option<Error>) -> EndCause {
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

/// Why `connection` has ended, in words.
fn why_it_ended(connection: &Connection) -> String {
    match connection.ended() {
        Some(ended) if ended.error.exact() != Error::ERR_FILE_EOF => ended.error.to_string(),
        _ => NO_CLOSE_FRAME.to_owned(),
    }
}

impl<O: Emitter + EngineStream> Packets for WebSocketPart<O> {
    fn get_packet(&self) -> Result<(*const u8, usize), Error> {
        let frame = lent::free_returned();
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
