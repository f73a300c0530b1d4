//! One connection of a server: moves bytes between the socket and the protocol.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use stream_socket::{Address, Connection};
use stream_socket_web::http::{
    Activity, Ending, EntityTags, EvictionClass, Request, RequestHead, RespondError,
    ServerConnection, ServerEvent, ServerRules, address_of_its_own,
};

use super::file_source::FileSource;
use super::received::Received;
use super::tls::HandshakeBudget;
use super::transport::Transport;
use super::unsent::{UnsentOfClient, UnsentResponses};
use crate::bridge::ObjectRef;
use crate::parts::Presence;
use crate::parts::live::{Live, Report};

/// The maximum number of bytes per read.
const BLOCK: usize = 64 * 1024;

/// A block of a file is read when less than this waits to be sent.
const MAX_FILE_AHEAD: usize = 64 * 1024;

/// How much a connection may transfer until the next poll of its server, so that no client holds up
/// a frame or starves the others.
#[derive(Clone, Copy)]
pub(super) struct TransferBudget {
    /// How many bytes are received.
    pub(super) receive: usize,
    /// How many bytes of files are read. A client that accepts a file as fast as it is read would
    /// hold up the frame until the end of the file.
    pub(super) file: usize,
}

/// A connection of a server. Its lock is held briefly, and never while a script runs.
pub(super) struct Client {
    peer: Option<Address>,
    is_secure: bool,
    entity_tags: Arc<EntityTags>,
    state: Mutex<ClientState>,
}

struct ClientState {
    transport: Transport,
    protocol: ServerConnection,
    file: Option<FileSource>,
    /// What is left of its budget.
    budget: TransferBudget,
    unsent: UnsentOfClient,
    /// The request that a script has and that is not answered.
    open: Option<OpenRequest>,
    /// Whether a stream of a script had bytes that were not sent at once.
    is_behind: bool,
}

/// A request that a script has.
pub(super) struct OpenRequest {
    id: u64,
    pub(super) object: Arc<Presence>,
    /// Whether the script takes the body as it arrives.
    pub(super) is_upload: bool,
}

/// What a server decides about each head: whether the body is taken as it arrives, and how many
/// bytes it may have.
pub(super) type UploadLimit<'a> = &'a dyn Fn(&RequestHead) -> Option<u64>;

/// A connection that another protocol takes over.
pub(super) struct Upgraded {
    pub(super) transport: Transport,
    /// The rest of earlier responses, which comes first.
    pub(super) unsent: Vec<u8>,
    /// What was received after the request.
    pub(super) received: Vec<u8>,
}

/// Something that happened on a connection.
pub(super) enum ClientEvent {
    /// A request has arrived.
    Request(Arc<Client>, Box<Request>),
    /// The object of a request emits this signal.
    Signal(Arc<Presence>, &'static str),
    /// The request of this object was not answered in time.
    HandlerTimedOut(Arc<Presence>),
    /// The request has ended before its response was complete.
    Closed(OpenRequest),
}

impl Client {
    /// A client that was just accepted. It speaks TLS if there are `tls_options` of a server.
    pub(super) fn new(
        connection: Connection,
        tls_options: Option<ObjectRef>,
        entity_tags: Arc<EntityTags>,
        unsent: Arc<UnsentResponses>,
        budget: TransferBudget,
    ) -> Client {
        connection.set_allow_half_open(true);
        // A failure shows when the connection is polled. Unix domain sockets have no such option.
        if !matches!(connection.peer_address(), Some(Address::Unix(_))) {
            let _ = connection.set_options(|options| options.no_delay = true);
        }
        Client {
            peer: connection.peer_address(),
            is_secure: tls_options.is_some(),
            entity_tags,
            state: Mutex::new(ClientState {
                transport: Transport::new(connection, tls_options),
                protocol: ServerConnection::new(Instant::now()),
                file: None,
                budget,
                unsent: UnsentOfClient::new(unsent),
                open: None,
                is_behind: false,
            }),
        }
    }

    pub(super) fn peer(&self) -> Option<&Address> {
        self.peer.as_ref()
    }

    /// Whether the client speaks TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.is_secure
    }

    /// The address that identifies the client's machine, if it has one of its own.
    pub(super) fn machine(&self) -> Option<IpAddr> {
        match &self.peer {
            Some(Address::Inet(address)) => address_of_its_own(address.ip()),
            _ => None,
        }
    }

    /// The entity tags of the server's files.
    pub(super) fn entity_tags(&self) -> &EntityTags {
        &self.entity_tags
    }

    /// What may be done until the next poll.
    pub(super) fn set_budget(&self, budget: TransferBudget) {
        self.state().budget = budget;
    }

    /// Receives, advances the protocol, and sends. Returns whether the connection is still open.
    pub(super) fn poll(
        self: &Arc<Client>,
        now: Instant,
        rules: &ServerRules,
        upload_limit: UploadLimit<'_>,
        handshakes: &mut HandshakeBudget,
        events: &mut Vec<ClientEvent>,
    ) -> bool {
        let mut state = self.state();
        let state = &mut *state;
        let may_have_input = state.transport.poll(now, handshakes);
        if !state.transport.has_ended() {
            let is_in_handshake = state.transport.is_in_handshake();
            state.protocol.note_handshake(is_in_handshake, now);
            if may_have_input && state.transport.is_open() {
                self.read(state, now, rules, upload_limit, events);
            }
            self.advance(state, now, rules, upload_limit, events);
            state.send(now);
        }
        let is_over = state.has_ended();
        if is_over || state.protocol.ending().is_some() {
            // The response to the request was not completed.
            if let Some(open) = state.open.take() {
                events.push(ClientEvent::Closed(open));
            }
            return !is_over;
        }
        if let Some(open) = &state.open
            && state.protocol.has_body_event(open.id)
        {
            events.push(ClientEvent::Signal(open.object.clone(), "body_received"));
        }
        if state.is_behind && state.protocol.unsent().is_empty() && !state.unsent.all().is_full() {
            state.is_behind = false;
            if let Some(open) = &state.open {
                events.push(ClientEvent::Signal(open.object.clone(), "drained"));
            }
        }
        true
    }

    fn read(
        self: &Arc<Client>,
        state: &mut ClientState,
        now: Instant,
        rules: &ServerRules,
        upload_limit: UploadLimit<'_>,
        events: &mut Vec<ClientEvent>,
    ) {
        while state.budget.receive > 0 && state.protocol.wants_input() {
            let limit = state.budget.receive.min(BLOCK);
            let protocol = &mut state.protocol;
            let received = state
                .transport
                .receive(limit, |bytes| protocol.receive(bytes));
            match received {
                Received::Bytes(count) => {
                    let left = state.budget.receive;
                    state.budget.receive = left.saturating_sub(count);
                }
                Received::End => {
                    state.protocol.end_of_stream();
                    break;
                }
                // After a failure, `has_ended` is true.
                Received::Nothing | Received::Failed => break,
            }
            self.advance(state, now, rules, upload_limit, events);
        }
    }

    fn advance(
        self: &Arc<Client>,
        state: &mut ClientState,
        now: Instant,
        rules: &ServerRules,
        upload_limit: UploadLimit<'_>,
        events: &mut Vec<ClientEvent>,
    ) {
        while let Some(event) = state.protocol.advance(now, rules, upload_limit) {
            match event {
                ServerEvent::Request(request) => {
                    events.push(ClientEvent::Request(self.clone(), request));
                }
                ServerEvent::HandlerTimedOut(_) => {
                    if let Some(open) = &state.open {
                        events.push(ClientEvent::HandlerTimedOut(open.object.clone()));
                    }
                }
                _ => {}
            }
        }
    }

    /// What the connection is busy with, and since when.
    pub(super) fn eviction_class(&self, now: Instant) -> (EvictionClass, Instant) {
        self.state().protocol.eviction_class(now)
    }

    /// Answers a new client with 503.
    pub(super) fn refuse(&self, now: Instant) {
        let mut state = self.state();
        state.protocol.refuse_connection();
        state.send(now);
        state.transport.disconnect();
    }

    /// Ends the connection because another one needs its place, or its memory. Returns the request
    /// that was not answered.
    pub(super) fn evict(&self, now: Instant) -> Option<OpenRequest> {
        let mut state = self.state();
        if state.has_ended() {
            return None;
        }
        state.protocol.evict();
        state.send(now);
        // If the socket has no room for the message, the client does not get it.
        state.transport.disconnect();
        state.unsent.set(0);
        state.open.take()
    }

    /// Ends the connection. Completed responses are still sent. Returns the open request.
    pub(super) fn close(&self) -> Option<OpenRequest> {
        let mut state = self.state();
        if !state.protocol.is_upgraded() {
            state.disconnect();
        }
        state.open.take()
    }

    /// A script gets the request `id` as `object`.
    pub(super) fn open(&self, id: u64, object: &Arc<Presence>, is_upload: bool) {
        let mut state = self.state();
        if state.protocol.is_waiting(id) && !state.has_ended() {
            state.protocol.hand_out(id, Instant::now());
            state.open = Some(OpenRequest {
                id,
                object: object.clone(),
                is_upload,
            });
        }
    }

    /// Takes what has arrived of the body of the request `id`.
    pub(super) fn take_body(&self, id: u64) -> Vec<u8> {
        let mut state = self.state();
        match state.has_ended() {
            true => Vec::new(),
            false => state.protocol.take_body(id, Instant::now()),
        }
    }

    /// Whether more of the body of the request `id` can be taken, now or later.
    pub(super) fn is_receiving_body(&self, id: u64) -> bool {
        let state = self.state();
        !state.has_ended() && state.protocol.is_receiving_body(id)
    }

    /// The handler of the request `id` has returned, and wants the body unless it has answered.
    pub(super) fn send_continue(&self, id: u64) {
        let mut state = self.state();
        if !state.has_ended() {
            let now = Instant::now();
            state.protocol.send_continue(id, now);
            state.send(now);
        }
    }

    /// Whether the request `id` can be answered, or its response can go on.
    pub(super) fn is_open(&self, id: u64) -> bool {
        let state = self.state();
        let protocol = &state.protocol;
        !state.has_ended() && (protocol.is_waiting(id) || protocol.is_sending(id))
    }

    /// Whether the response to the request `id` has not begun.
    pub(super) fn is_waiting(&self, id: u64) -> bool {
        let state = self.state();
        !state.has_ended() && state.protocol.is_waiting(id)
    }

    /// Answers, and sends at once what can be sent.
    pub(super) fn respond<R>(
        &self,
        id: u64,
        respond: impl FnOnce(&mut ServerConnection, Instant) -> Result<R, RespondError>,
    ) -> Result<R, RespondError> {
        let mut state = self.state();
        if state.has_ended() {
            return Err(RespondError::Over);
        }
        let now = Instant::now();
        let responded = respond(&mut state.protocol, now)?;
        state.after_response(id, now);
        Ok(responded)
    }

    /// Answers with a file.
    pub(super) fn respond_with_file(
        &self,
        id: u64,
        source: FileSource,
        respond: impl FnOnce(&mut ServerConnection) -> Result<(), RespondError>,
    ) -> Result<(), RespondError> {
        let mut state = self.state();
        if state.has_ended() {
            return Err(RespondError::Over);
        }
        respond(&mut state.protocol)?;
        state.protocol.discard_body(id, Instant::now());
        state.file = Some(source);
        // The script has given its response.
        state.open = None;
        state.after_response(id, Instant::now());
        Ok(())
    }

    /// Appends to the response of the request `id`. If too much is waiting to be sent, takes
    /// nothing, and returns which limit that exceeds.
    pub(super) fn write(&self, id: u64, data: &[u8]) -> Result<Option<String>, RespondError> {
        let mut state = self.state();
        if state.has_ended() {
            return Err(RespondError::Over);
        }
        let waiting = state.protocol.unsent().len();
        let refusal = state.unsent.all().refusal_of_stream(waiting);
        if refusal.is_some() && state.protocol.is_sending(id) {
            state.is_behind = true;
            return Ok(refusal);
        }
        state.protocol.write(id, data)?;
        state.after_response(id, Instant::now());
        Ok(None)
    }

    /// How many bytes of responses wait to be sent.
    pub(super) fn unsent(&self) -> usize {
        self.state().unsent()
    }

    /// Hands the connection over to another protocol.
    pub(super) fn upgrade(&self, id: u64) -> Result<Upgraded, RespondError> {
        let mut state = self.state();
        if state.has_ended() {
            return Err(RespondError::Over);
        }
        let received = state.protocol.upgrade(id)?;
        state.open = None;
        let unsent = state.protocol.unsent().to_vec();
        let transport = std::mem::replace(&mut state.transport, Transport::Gone);
        state.note_unsent();
        Ok(Upgraded {
            transport,
            unsent,
            received,
        })
    }

    /// Gives up the request `id`. Returns whether it was open.
    pub(super) fn abandon(&self, id: u64) -> bool {
        let mut state = self.state();
        state.open.take_if(|open| open.id == id);
        // A file no longer needs the script.
        if state.file.is_some() || state.has_ended() || !state.protocol.abandon(id) {
            return false;
        }
        state.send(Instant::now());
        true
    }

    fn state(&self) -> MutexGuard<'_, ClientState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live for Client {
    /// Requests count as received packets, responses as sent packets.
    fn report(&self, now: Instant) -> Report {
        let state = self.state();
        let status = match state.protocol.activity() {
            Activity::Idle => "idle",
            Activity::Receiving => "receiving",
            Activity::Waiting => "waiting for its handler",
            Activity::Sending => "answering",
            _ => "ending",
        };
        Report {
            status,
            packets_received: state.protocol.requests(),
            packets_sent: state.protocol.responses(),
            queued: state.unsent() as u64,
            ..state
                .transport
                .connection()
                .map_or_else(Report::default, |it| Report::of(it, now))
        }
    }

    fn queued_bytes(&self) -> usize {
        self.unsent()
    }

    fn with_connection(&self, then: &mut dyn FnMut(&Connection)) {
        if let Some(connection) = self.state().transport.connection() {
            then(connection);
        }
    }
}

impl ClientState {
    fn unsent(&self) -> usize {
        self.protocol.unsent().len() + self.transport.pending_bytes()
    }

    /// Sends what can be sent, and closes the connection if it is ending.
    fn send(&mut self, now: Instant) {
        loop {
            self.pump_file(now);
            let unsent = self.protocol.unsent();
            if unsent.is_empty() {
                break;
            }
            match self.transport.send(unsent) {
                0 => break,
                count => self.protocol.sent(count, now),
            }
        }
        match self.protocol.ending() {
            Some(Ending::Abort) => self.transport.abort(),
            // Until the client has accepted the rest, it counts as a client.
            Some(_) if self.protocol.unsent().is_empty() => self.transport.disconnect(),
            _ => {}
        }
        self.note_unsent();
    }

    /// The request `id` was answered, or its response goes on: sends what can be sent.
    fn after_response(&mut self, id: u64, now: Instant) {
        self.send(now);
        let protocol = &self.protocol;
        if !protocol.is_waiting(id) && !protocol.is_sending(id) {
            self.open.take_if(|open| open.id == id);
        }
        self.is_behind = protocol.is_sending(id) && !protocol.unsent().is_empty();
    }

    /// Updates the count of unsent bytes.
    fn note_unsent(&mut self) {
        let bytes = match self.has_ended() {
            true => 0,
            false => self.protocol.unsent().len(),
        };
        self.unsent.set(bytes);
    }

    /// Ends the connection. Unsent bytes are sent in the background.
    fn disconnect(&mut self) {
        self.transport.disconnect_after(self.protocol.unsent());
        self.note_unsent();
    }

    fn has_ended(&self) -> bool {
        self.transport.has_ended() || self.protocol.is_upgraded()
    }

    /// Continues a file that is being sent.
    fn pump_file(&mut self, now: Instant) {
        let protocol = &mut self.protocol;
        let Some(file) = &mut self.file else {
            return;
        };
        while self.budget.file > 0
            && protocol.unsent().len() < MAX_FILE_AHEAD
            && protocol.is_sending(file.id())
        {
            let data = file.read();
            self.budget.file = self.budget.file.saturating_sub(data.len());
            let written = match data.is_empty() {
                true => protocol.finish(file.id(), now),
                false => protocol.write(file.id(), &data),
            };
            if written.is_err() {
                // The file has become shorter, and the client has to see that.
                protocol.abandon(file.id());
            }
        }
        if !protocol.is_sending(file.id()) {
            self.file = None;
        }
    }
}
