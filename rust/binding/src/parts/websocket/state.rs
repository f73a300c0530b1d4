//! The state of a WebSocket object, and its lock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use godot::builtin::GString;
use godot::global::Error;
use stream_socket::dispatch::{NextPoll, Outlet};
use stream_socket::{Connection, EndCause, process};
use stream_socket_web::websocket::Message;
use stream_socket_web::websocket::session::{Counts, SendError, Session, State};

use super::settings::WebSocketSettings;
use super::stream::{EngineOutput, WebSocketStream};
use crate::parts::frame_poll_state::FramePoll;
use crate::parts::last_error::LastError;
use crate::parts::live::{self, Live, Report};
use crate::parts::part::{Constructible, Emitter, Part};
use crate::parts::peer::PeerPart;
use crate::parts::peer_object::PeerObject;
use crate::parts::presence::{ObjectAddress, Presence};

/// A WebSocket. `O` is the type of its object, and of the object of its stream.
#[derive(Debug)]
pub(crate) struct WebSocketPart<O> {
    presence: Presence,
    state: Mutex<WebSocketState<O>>,
    /// The groups that it is in.
    pub(crate) outlet: Outlet,
    pub(crate) last_error: LastError,
    pub(crate) frame_poll: FramePoll,
}

#[derive(Debug)]
pub(super) struct WebSocketState<O> {
    /// Shared with all WebSockets that were made with the same settings.
    pub(super) settings: Arc<WebSocketSettings>,
    /// Whether the background keeps the session alive.
    pub(super) is_kept_alive: bool,
    /// Counts the sessions, so that a call never applies an older session's result to a new one.
    pub(super) session_number: u64,
    pub(super) session: Option<Session>,
    /// `None` after the session has ended.
    pub(super) stream: Option<WebSocketStream<O>>,
    /// What `get_requested_url` returns, without the scheme if this is a server.
    pub(super) url: String,
    pub(super) is_secure: bool,
    pub(super) was_text: bool,
    /// Whether the session has begun and was not yet found open.
    pub(super) is_opening: bool,
    /// When the session was found open.
    pub(super) opened_at: Option<Instant>,
    /// When the session was last polled.
    pub(super) polled_at: Option<Instant>,
    /// Whether the signal is due.
    pub(super) is_connected_due: bool,
    pub(super) is_drained_due: bool,
    /// The same, with what has ended the session.
    pub(super) closed_due: Option<EndCause>,
    /// Whether something was left to send at the last exchange.
    pub(super) has_unsent: bool,
    /// Output of the session that a stream of the engine has not taken.
    pub(super) unsent: UnsentOutput,
    /// How many bytes of output were queued in total, and where each message that may be unsent
    /// ends.
    pub(super) queued_total: u64,
    pub(super) message_ends: VecDeque<u64>,
    /// What a stream of the engine has refused.
    pub(super) engine_output: EngineOutput,
    /// Whether a thread moves bytes between the session and a stream of the engine.
    pub(super) is_exchanging: bool,
}

/// Output that waits for a stream of the engine.
#[derive(Debug, Default)]
pub(super) struct UnsentOutput {
    /// Empty while a thread passes it on.
    pub(super) bytes: Vec<u8>,
    /// How many of the bytes were passed on.
    pub(super) passed: usize,
    /// How many were not, even while a thread passes them on.
    pub(super) length: usize,
}

/// Something that has happened, in the order in which handlers are notified.
pub(super) enum Happened {
    Opened,
    Message(Message),
    Drained,
    Closed {
        code: i64,
        reason: GString,
        cause: EndCause,
    },
}

impl<O: Emitter> WebSocketPart<O> {
    pub(super) fn state(&self) -> MutexGuard<'_, WebSocketState<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn settings(&self) -> Arc<WebSocketSettings> {
        self.state().settings.clone()
    }

    /// Takes these settings, before a session begins.
    pub(crate) fn adopt(&self, settings: Arc<WebSocketSettings>) {
        self.state().settings = settings;
    }

    /// Changes the settings, and where possible those of the session.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut WebSocketSettings)) {
        let mut state = self.state();
        change(Arc::make_mut(&mut state.settings));
        state.apply_settings();
        drop(state);
        // A heartbeat may be due earlier now.
        self.outlet.report();
    }

    /// Whether a session can begin: there is none, or it is closing.
    pub(crate) fn is_free(&self) -> bool {
        matches!(self.ready_state(), State::Closing | State::Closed)
    }

    /// Replaces the session, after [`is_free`](Self::is_free).
    pub(crate) fn begin(
        &self,
        session: Session,
        stream: WebSocketStream<O>,
        url: String,
        is_secure: bool,
    ) {
        let mut old_stream = None;
        let old_socket = self.outlet.replace_endpoint(|| {
            let new_socket = stream.socket().cloned();
            let mut state = self.state();
            old_stream = state.stream.take();
            state.session_number += 1;
            state.url = url;
            state.is_secure = is_secure;
            state.was_text = false;
            state.is_opening = true;
            state.opened_at = None;
            state.has_unsent = false;
            state.is_connected_due = false;
            state.is_drained_due = false;
            state.closed_due = None;
            state.unsent = UnsentOutput::default();
            state.queued_total = 0;
            state.message_ends.clear();
            state.engine_output = EngineOutput::default();
            state.session = Some(session);
            state.stream = Some(stream);
            state.apply_settings();
            (socket_of(old_stream.as_ref()), new_socket)
        });
        // The stream of a session that was closing.
        if let Some(WebSocketStream::Socket(peer)) = &old_stream {
            peer.peer.connection.disconnect();
        }
        drop((old_stream, old_socket));
        self.last_error.clear();
    }

    /// `output` has written to the stream before the session began.
    pub(crate) fn go_on_writing(&self, output: EngineOutput) {
        self.state().engine_output = output;
    }

    /// Takes the stream of session `session_number`, if that has ended.
    pub(super) fn take_stream(
        &self,
        cause: EndCause,
        session_number: u64,
    ) -> Option<WebSocketStream<O>> {
        let mut taken = None;
        let socket = self.outlet.replace_endpoint(|| {
            let mut state = self.state();
            if state.session_number == session_number {
                taken = state.stream.take();
                if taken.is_some() {
                    state.closed_due = Some(cause);
                }
            }
            (socket_of(taken.as_ref()), None)
        });
        drop(socket);
        taken
    }

    /// When the next poll is due, apart from events of the socket.
    pub(super) fn next_poll(&self) -> NextPoll {
        let mut state = self.state();
        let state = &mut *state;
        let (Some(session), Some(stream)) = (&mut state.session, &state.stream) else {
            return NextPoll::At(None);
        };
        if session.is_poll_due() {
            return NextPoll::Now;
        }
        match stream {
            // It may wait for something that its socket does not report.
            WebSocketStream::Engine { socket: None, .. } => return NextPoll::Soon,
            WebSocketStream::Engine { .. } | WebSocketStream::TlsLater { .. }
                if session.state() == State::Connecting
                    || state.unsent.length > 0
                    || !session.output().is_empty() =>
            {
                return NextPoll::Soon;
            }
            _ => {}
        }
        NextPoll::At(session.next_visit(state.settings.time_limits()))
    }

    /// Records whether the packet of a signal is text.
    pub(crate) fn note_text(&self, is_text: bool) {
        self.state().was_text = is_text;
    }

    pub(crate) fn ready_state(&self) -> State {
        let state = self.state();
        state.session.as_ref().map_or(State::Closed, Session::state)
    }

    /// The close code, or -1.
    pub(crate) fn close_code(&self) -> i64 {
        self.with_session(|session| session.ended()?.code.map(i64::from))
            .unwrap_or(-1)
    }

    pub(crate) fn close_reason(&self) -> String {
        self.with_session(|session| Some(session.ended()?.reason.clone()))
            .unwrap_or_default()
    }

    pub(crate) fn protocol(&self) -> String {
        self.with_session(|session| session.protocol().map(str::to_owned))
            .unwrap_or_default()
    }

    pub(crate) fn is_compressing(&self) -> bool {
        self.with_session(|session| session.compression()).is_some()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.with_session(|session| Some(session.counts()))
            .unwrap_or_default()
    }

    /// The number and the bytes of the messages that can be taken.
    pub(crate) fn queued(&self) -> (usize, usize) {
        self.with_session(|session| Some((session.queued(), session.queued_bytes())))
            .unwrap_or_default()
    }

    fn with_session<R>(&self, then: impl FnOnce(&Session) -> Option<R>) -> Option<R> {
        then(self.state().session.as_ref()?)
    }

    pub(crate) fn requested_url(&self) -> String {
        let state = self.state();
        match state.session.as_ref().and_then(Session::requested) {
            Some(requested) if state.is_secure => format!("wss://{requested}"),
            Some(requested) => format!("ws://{requested}"),
            None => state.url.clone(),
        }
    }

    pub(crate) fn stream(&self) -> Option<WebSocketStream<O>> {
        Some(self.current_stream()?.0)
    }

    /// The stream, and the number of the session that it belongs to.
    pub(super) fn current_stream(&self) -> Option<(WebSocketStream<O>, u64)> {
        let state = self.state();
        Some((state.stream.clone()?, state.session_number))
    }

    /// Puts TLS over the socket of session `session_number`.
    pub(crate) fn replace_stream(&self, session_number: u64, stream: WebSocketStream<O>) {
        let mut state = self.state();
        let old = match state.session_number == session_number && state.stream.is_some() {
            true => state.stream.replace(stream),
            false => Some(stream),
        };
        drop(state);
        drop(old);
    }

    /// Ends session `session_number`, whose stream cannot be used.
    pub(crate) fn fail(&self, session_number: u64, why: &str) {
        let mut state = self.state();
        if state.session_number == session_number
            && let Some(session) = &mut state.session
        {
            session.end_of_stream(why);
        }
        drop(state);
        self.outlet.report();
    }

    pub(crate) fn was_text(&self) -> bool {
        self.state().was_text
    }

    /// The part of the socket under the session. A part may be dropped by any thread.
    fn socket_part(&self) -> Option<Arc<PeerPart>> {
        let state = self.state();
        Some(state.stream.as_ref()?.socket()?.peer.clone())
    }

    /// How many bytes wait to be sent.
    pub(crate) fn unsent_bytes(&self) -> usize {
        let mut state = self.state();
        state.unsent_bytes()
    }

    /// Accepts a message of `length` bytes into the output of the session. `send` runs with the
    /// lock.
    pub(super) fn accept_message(
        &self,
        length: usize,
        send: impl FnOnce(&mut Session) -> Result<(), SendError>,
    ) -> Result<(), Error> {
        let mut state = self.state();
        let pending = state.pending_bytes();
        let settings = &state.settings;
        let (limit, max_messages) = (settings.outbound_bytes, settings.queued_packets);
        state.forget_sent(pending);
        let messages = state.message_ends.len();
        let outcome = match &mut state.session {
            None => Err(SendError::NotOpen),
            Some(session) if session.state() != State::Open => Err(SendError::NotOpen),
            Some(session) => {
                let unsent = pending + session.output().len();
                if limit > 0 && unsent + length > limit {
                    let count = length;
                    drop(state);
                    return Err(self.last_error.record_message(
                        Error::ERR_OUT_OF_MEMORY,
                        format!(
                            "send: {count} bytes beside {unsent} unsent bytes exceed \
                             outbound_buffer_size of {limit}"
                        ),
                    ));
                }
                if messages >= max_messages {
                    drop(state);
                    return Err(self.last_error.record_message(
                        Error::ERR_OUT_OF_MEMORY,
                        format!(
                            "send: queue of {max_messages} messages (max_queued_packets) is full"
                        ),
                    ));
                }
                send(session)
            }
        };
        if let Err(error) = outcome {
            drop(state);
            let code = match error {
                SendError::NotText => Error::ERR_INVALID_DATA,
                _ => Error::FAILED,
            };
            return Err(self
                .last_error
                .record_message(code, format!("send: {error}")));
        }
        let unsent = state.session.as_mut().map_or(0, |it| it.output().len());
        let end = state.queued_total + unsent as u64;
        state.message_ends.push_back(end);
        process::sent_packet();
        Ok(())
    }

    /// Takes the next event; a message only if somebody `wants` it.
    pub(super) fn take_next(&self, wants: bool) -> Option<Happened> {
        let mut state = self.state();
        if std::mem::take(&mut state.is_connected_due) {
            return Some(Happened::Opened);
        }
        if wants && let Some(message) = state.session.as_mut().and_then(Session::take_message) {
            process::received_packet();
            return Some(Happened::Message(message));
        }
        if std::mem::take(&mut state.is_drained_due) {
            return Some(Happened::Drained);
        }
        let cause = state.closed_due.take()?;
        let ended = state.session.as_ref().and_then(Session::ended);
        let code = ended.and_then(|ended| ended.code).map_or(-1, i64::from);
        let reason = ended.map(|ended| GString::from(&ended.reason));
        let reason = reason.unwrap_or_default();
        Some(Happened::Closed {
            code,
            reason,
            cause,
        })
    }
}

impl<O: Emitter> Live for WebSocketPart<O> {
    /// Bytes and packets are those of messages.
    fn report(&self, now: Instant) -> Report {
        let socket = self.socket_part();
        let unsent = self.unsent_bytes();
        let state = self.state();
        let session = state.session.as_ref();
        let (status, is_open) = match session.map_or(State::Closed, Session::state) {
            State::Connecting => ("connecting", false),
            State::Open => ("open", true),
            State::Closing => ("closing", true),
            State::Closed => ("closed", false),
        };
        let counts = session.map(Session::counts).unwrap_or_default();
        let opened_at = state.opened_at.filter(|_| is_open);
        drop(state);
        Report {
            status,
            received: counts.payload_received,
            sent: counts.payload_sent,
            packets_received: counts.messages_received,
            packets_sent: counts.messages_sent,
            queued: unsent as u64,
            age: opened_at.map(|opened_at| now.saturating_duration_since(opened_at)),
            error: self.last_error.get().message,
            ..socket.map_or_else(Report::default, |it| Report::of(&it.connection, now))
        }
    }

    fn queued_bytes(&self) -> usize {
        // The queue of the stream is that of a peer.
        let mut state = self.state();
        state.session.as_mut().map_or(0, |it| it.output().len())
    }

    fn with_connection(&self, then: &mut dyn FnMut(&Connection)) {
        if let Some(socket) = self.socket_part() {
            then(&socket.connection);
        }
    }
}

impl<O> WebSocketState<O> {
    /// The socket that carries the output, unless the engine encrypts it.
    pub(super) fn connection(&self) -> Option<&Connection> {
        match &self.stream {
            Some(WebSocketStream::Socket(peer)) => Some(&peer.peer.connection),
            _ => None,
        }
    }

    /// How many bytes of the output were passed on, but not sent.
    pub(super) fn pending_bytes(&self) -> usize {
        let queued = self.connection().map_or(0, Connection::pending_bytes);
        queued + self.unsent.length
    }

    /// The same, with the output that was not passed on.
    pub(super) fn unsent_bytes(&mut self) -> usize {
        let output = self.session.as_mut().map_or(0, |it| it.output().len());
        self.pending_bytes() + output
    }

    fn apply_settings(&mut self) {
        let settings = &self.settings;
        if let Some(session) = &mut self.session {
            session.set_limits(settings.limits());
            session.set_compression_threshold(settings.compression_threshold);
            session.set_max_frame(settings.frame_bytes);
        }
    }

    /// Forgets the messages that were sent, while `pending` bytes of the queue were not.
    pub(super) fn forget_sent(&mut self, pending: usize) {
        let sent = self.queued_total.saturating_sub(pending as u64);
        while self.message_ends.front().is_some_and(|&end| end <= sent) {
            self.message_ends.pop_front();
        }
    }
}

fn socket_of<O: Clone>(stream: Option<&WebSocketStream<O>>) -> Option<PeerObject<O>> {
    stream?.socket().cloned()
}

impl<O: Emitter> Constructible for WebSocketPart<O> {
    fn new(object: ObjectAddress) -> WebSocketPart<O> {
        WebSocketPart {
            presence: Presence::of(object),
            state: Mutex::new(WebSocketState {
                settings: WebSocketSettings::shared_default(),
                is_kept_alive: false,
                session_number: 0,
                session: None,
                stream: None,
                url: String::new(),
                is_secure: false,
                was_text: false,
                is_opening: false,
                opened_at: None,
                polled_at: None,
                is_connected_due: false,
                is_drained_due: false,
                closed_due: None,
                has_unsent: false,
                unsent: UnsentOutput::default(),
                queued_total: 0,
                message_ends: VecDeque::new(),
                engine_output: EngineOutput::default(),
                is_exchanging: false,
            }),
            outlet: Outlet::default(),
            last_error: LastError::default(),
            frame_poll: FramePoll::default(),
        }
    }
}

impl<O: Emitter> Part for WebSocketPart<O> {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, class: &'static str) {
        live::add(class, self);
    }

    fn freed(&self, _: &dyn Fn(&str) -> bool) {
        let stream = self.state().stream.take();
        match &stream {
            Some(
                WebSocketStream::Socket(peer) | WebSocketStream::TlsLater { socket: peer, .. },
            ) => {
                peer.peer.connection.disconnect();
            }
            Some(WebSocketStream::Engine { .. }) | None => {}
        }
    }
}
