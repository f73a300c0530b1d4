//! The part of a server: a listener of the core.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Instant;

use godot::builtin::StringName;
use godot::global::Error;
use stream_socket::dispatch::Nesting;
use stream_socket::{Address, BindAddress, ListenError, ListenOptions, Listener};

use super::frame_poll_state::FramePoll;
use super::hints;
use super::last_error::LastError;
use super::live::{self, Live, Report};
use super::part::{Constructible, Part, Polled};
use super::presence::{ObjectAddress, Presence};
use super::signal::Signal;

/// The default of how many connections may wait to be accepted. The system may lower it
/// (listen(2)).
const BACKLOG: usize = 128;

/// A listener, with further state for the methods of a server.
#[derive(Debug)]
pub(crate) struct ServerPart {
    presence: Presence,
    pub(crate) listener: Listener,
    pub(crate) last_error: LastError,
    pub(crate) frame_poll: FramePoll,
    pub(crate) backlog: AtomicUsize,
    /// The permissions of a socket file; negative: the system's default.
    pub(crate) mode: AtomicI64,
}

impl ServerPart {
    /// Listens, with the engine's codes.
    pub(crate) fn listen(&self, address: &BindAddress) -> Error {
        let backlog = self.backlog.load(Ordering::Relaxed);
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        let mode = u32::try_from(self.mode.load(Ordering::Relaxed)).ok();
        let listening = self
            .listener
            .listen(address, ListenOptions::new(backlog).with_mode(mode));
        if let Err(error @ ListenError::AlreadyListening { .. }) = &listening {
            return self.last_error.refuse(Error::ERR_ALREADY_IN_USE, error);
        }
        if listening.is_ok() {
            hints::watch_lifetime(self, || self.described());
        }
        self.last_error.note(listening)
    }

    /// Describes the server, which listens.
    fn described(&self) -> String {
        match self.listener.local_address() {
            Some(Address::Unix(path)) => format!("UDSServerRs on {}", path.display()),
            _ => format!("TCPServerRs on port {}", self.listener.local_port()),
        }
    }

    /// Whether a connection is waiting to be accepted.
    pub(crate) fn is_connection_available(&self) -> Result<bool, Error> {
        hints::used(self);
        self.listener
            .is_connection_available()
            .map_err(|error| self.last_error.record(&error))
    }
}

impl Constructible for ServerPart {
    fn new(object: ObjectAddress) -> ServerPart {
        ServerPart {
            presence: Presence::of(object),
            listener: Listener::new(),
            last_error: LastError::default(),
            frame_poll: FramePoll::default(),
            backlog: AtomicUsize::new(BACKLOG),
            mode: AtomicI64::new(-1),
        }
    }
}

impl Part for ServerPart {
    fn presence(&self) -> &Presence {
        &self.presence
    }

    fn made(self: &Arc<Self>, class: &'static str) {
        live::add(class, self);
    }

    fn freed(&self, has_connections: &dyn Fn(&str) -> bool) {
        let is_expected = || self.frame_poll.is_wanted() && has_connections("connection_available");
        hints::freed(self, is_expected, || {
            Some("was freed while listening".into())
        });
        self.listener.stop();
    }
}

impl Live for ServerPart {
    fn report(&self, _: Instant) -> Report {
        Report {
            error: self.last_error.get().message,
            ..Report::of_listener(&self.listener)
        }
    }
}

impl Polled for ServerPart {
    type Signals = ServerSignals;

    fn poll(self: &Arc<Self>, _: impl Fn(&StringName) -> bool) -> (Error, Option<ServerSignals>) {
        match self.is_connection_available() {
            Ok(true) => (Error::OK, ServerSignals::begin()),
            Ok(false) => (Error::OK, None),
            Err(code) => (code, None),
        }
    }
}

/// The signal that a connection is available. None while polls are nested too deeply.
pub(crate) struct ServerSignals {
    signal: Option<Signal>,
    _nesting: Nesting,
}

impl ServerSignals {
    fn begin() -> Option<ServerSignals> {
        Some(ServerSignals {
            signal: Some(Signal::ConnectionAvailable),
            _nesting: Nesting::enter()?,
        })
    }
}

impl Iterator for ServerSignals {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        self.signal.take()
    }
}
