//! `StreamPeerSocketRs`: the methods of all peers, and the one struct behind the peer classes.
//!
//! The methods of one class are in [`peer_tcp`](crate::peer_tcp) and [`peer_uds`](crate::peer_uds).
//! The methods that call the core are in the part, [`PeerPart`], where the bridge reaches them too.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use godot::builtin::{PackedByteArray, VarDictionary, Variant, VariantType};
use godot::classes::StreamPeerExtension;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, PhantomVar, godot_api, godot_error};
use stream_socket::{Address, BindAddress, ConnectError, Connection, Options, Target};

use crate::bridge::{self, Class, ObjectRef, declare_direct_methods};
use crate::frame_poll::{self, FramePoll};
use crate::parts::{Code, Details, LastError, PeerObject, PeerPart, Stream, hints, live};
use crate::shared_methods::{Failing, auto_poll_methods, last_error_methods, last_os_error_method};
use crate::{class_trees, origin, seconds, settings, statistics, text};

/// The `connect_timeout` that stands for the project setting.
const PROJECT_SETTING: f64 = -1.0;

/// The struct behind the peer classes. The bridge decides the class of an object when it makes the
/// object.
#[derive(GodotClass)]
#[class(tool, init, base = StreamPeerExtension)]
pub struct StreamPeerSocketRs {
    #[init(val = new_peer())]
    pub(crate) peer: Arc<PeerPart>,
    frame_poll: FramePoll,
    base: Base<StreamPeerExtension>,
    #[var(get = get_connect_timeout, set = set_connect_timeout)]
    connect_timeout: PhantomVar<f64>,
    #[var(get = get_read_timeout, set = set_read_timeout)]
    read_timeout: PhantomVar<f64>,
    #[var(get = get_write_timeout, set = set_write_timeout)]
    write_timeout: PhantomVar<f64>,
    #[var(get = is_half_open_allowed, set = set_allow_half_open)]
    allow_half_open: PhantomVar<bool>,
    #[var(get = get_write_buffer_limit, set = set_write_buffer_limit)]
    write_buffer_limit: PhantomVar<i64>,
    #[var(get = is_coalescing_writes, set = set_coalesce_writes)]
    coalesce_writes: PhantomVar<bool>,
}

fn new_peer() -> Arc<PeerPart> {
    peer_of(Connection::new())
}

fn peer_of(connection: Connection) -> Arc<PeerPart> {
    settings::apply();
    let peer = Arc::new(PeerPart::new(connection));
    let class = bridge::announce(&peer);
    live::add(class, &live::LivePart::Peer(peer.clone()), origin::origin);
    peer
}

/// A connect to `target`, for a hint.
fn described(target: &Target) -> String {
    match target {
        Target::Address(address @ Address::Unix(_)) => {
            format!("StreamPeerUDSRs: connect to {address}")
        }
        Target::Address(address) => format!("StreamPeerTCPRs: connect to {address}"),
        Target::Name { host, port } => format!("StreamPeerTCPRs: connect to {host}:{port}"),
    }
}

/// Whether a connect could never have succeeded, for example to a path that is too long.
fn is_misuse(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidInput | ErrorKind::Unsupported)
}

#[godot_api]
impl StreamPeerSocketRs {
    #[signal]
    fn status_changed(status: i64);

    #[signal]
    fn connect_finished(error: Error);

    #[signal]
    fn data_available();

    #[signal]
    fn disconnected(error: Error);

    #[signal]
    fn drained();

    #[func]
    fn disconnect_from_host(&self) {
        self.peer.connection.disconnect();
    }

    #[func]
    fn abort(&self) {
        self.peer.connection.abort();
    }

    #[func]
    fn shutdown_write(&self) -> Error {
        let connection = &self.peer.connection;
        self.peer
            .last_error
            .note_of(connection, connection.shut_down_writing())
    }

    #[func]
    fn is_read_closed(&self) -> bool {
        self.peer.connection.is_read_closed()
    }

    #[func]
    fn get_last_read_bytes(&self) -> i64 {
        self.peer.last_read()
    }

    #[func]
    fn get_last_written_bytes(&self) -> i64 {
        self.peer.last_written()
    }

    #[func]
    fn receive(&self, #[opt(default = -1)] max_bytes: i64) -> PackedByteArray {
        self.peer.receive(max_bytes)
    }

    #[func]
    fn read_line(&self, #[opt(default = 65536)] max_bytes: i64) -> Variant {
        self.find(b"\n", max_bytes, |line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            text::decoded(line).to_variant()
        })
    }

    #[func]
    fn read_until(&self, delimiter: Variant, #[opt(default = 65536)] max_bytes: i64) -> Variant {
        // Only these types are accepted. Many other types could be converted to bytes, but a script
        // that passes one has probably made a mistake.
        let delimiter = match delimiter.get_type() {
            VariantType::PACKED_BYTE_ARRAY => delimiter.to::<PackedByteArray>().to_vec(),
            VariantType::STRING | VariantType::STRING_NAME => {
                delimiter.stringify().to_string().into_bytes()
            }
            _ => Vec::new(),
        };
        if delimiter.is_empty() {
            self.refuse(&"read_until: delimiter must be a non-empty String or PackedByteArray");
            return Variant::nil();
        }
        self.find(&delimiter, max_bytes, |bytes| {
            PackedByteArray::from(bytes).to_variant()
        })
    }

    #[func]
    fn read_exact(&self, count: i64) -> Variant {
        let Ok(count) = usize::try_from(count) else {
            self.refuse(&"read_exact: count must not be negative");
            return Variant::nil();
        };
        let take = |bytes: &[u8]| PackedByteArray::from(bytes).to_variant();
        let found = self.peer.connection.read_count(count, take);
        self.peer.found(found).flatten().unwrap_or_default()
    }

    #[func]
    fn get_pending_write_bytes(&self) -> i64 {
        i64::try_from(self.peer.connection.pending_bytes()).unwrap_or(i64::MAX)
    }

    #[func]
    fn get_statistics(&self) -> VarDictionary {
        statistics::dictionary(self.peer.connection.statistics(Instant::now()))
    }

    #[func]
    fn set_send_buffer_size(&self, bytes: i64) -> Error {
        self.set_buffer_size(bytes, "set send buffer size", |options| {
            &mut options.send_buffer_size
        })
    }

    #[func]
    fn get_send_buffer_size(&self) -> i64 {
        let sizes = self.peer.connection.buffer_sizes();
        sizes.map_or(0, |(send, _)| i64::try_from(send).unwrap_or(i64::MAX))
    }

    #[func]
    fn set_receive_buffer_size(&self, bytes: i64) -> Error {
        self.set_buffer_size(bytes, "set receive buffer size", |options| {
            &mut options.receive_buffer_size
        })
    }

    #[func]
    fn get_receive_buffer_size(&self) -> i64 {
        let sizes = self.peer.connection.buffer_sizes();
        sizes.map_or(0, |(_, receive)| i64::try_from(receive).unwrap_or(i64::MAX))
    }

    #[func]
    fn set_connect_timeout(&self, seconds: f64) {
        if seconds == PROJECT_SETTING || self.limit("connect_timeout", seconds).is_ok() {
            self.peer.set_connect_timeout(seconds);
        }
    }

    #[func]
    fn get_connect_timeout(&self) -> f64 {
        self.peer.connect_timeout()
    }

    #[func]
    fn set_read_timeout(&self, seconds: f64) {
        if let Ok(limit) = self.limit("read_timeout", seconds) {
            self.peer.connection.set_read_timeout(limit);
        }
    }

    #[func]
    fn get_read_timeout(&self) -> f64 {
        seconds::of_limit(self.peer.connection.read_timeout())
    }

    #[func]
    fn set_write_timeout(&self, seconds: f64) {
        if let Ok(limit) = self.limit("write_timeout", seconds) {
            self.peer.connection.set_write_timeout(limit);
        }
    }

    #[func]
    fn get_write_timeout(&self) -> f64 {
        seconds::of_limit(self.peer.connection.write_timeout())
    }

    #[func]
    fn set_allow_half_open(&self, allowed: bool) {
        self.peer.connection.set_allow_half_open(allowed);
    }

    #[func]
    fn is_half_open_allowed(&self) -> bool {
        self.peer.connection.allows_half_open()
    }

    #[func]
    fn set_write_buffer_limit(&self, bytes: i64) {
        let bytes = usize::try_from(bytes).unwrap_or(0);
        self.peer.connection.set_queue_limit(bytes);
    }

    #[func]
    fn get_write_buffer_limit(&self) -> i64 {
        i64::try_from(self.peer.connection.queue_limit()).unwrap_or(i64::MAX)
    }

    #[func]
    fn set_coalesce_writes(&self, enabled: bool) {
        self.peer.connection.set_coalesces(enabled);
    }

    #[func]
    fn is_coalescing_writes(&self) -> bool {
        self.peer.connection.coalesces()
    }
}

declare_direct_methods!(StreamPeerSocketRs, class_trees::PEER_METHODS, {
    fn poll(&self) -> Error;
    fn get_status(&self) -> i64;
    fn flush(&self) -> Error;
});
last_error_methods!(StreamPeerSocketRs);
last_os_error_method!(StreamPeerSocketRs);
auto_poll_methods!(StreamPeerSocketRs);

impl Failing for StreamPeerSocketRs {
    fn last_error(&self) -> &LastError {
        &self.peer.last_error
    }

    fn details(&self) -> Details {
        self.peer.details()
    }
}

impl StreamPeerSocketRs {
    /// `peer` with its part.
    pub(crate) fn with_object(peer: &Gd<Self>) -> PeerObject<ObjectRef> {
        PeerObject {
            object: ObjectRef::new(peer),
            peer: peer.bind().peer.clone(),
        }
    }

    /// A peer object over an existing connection.
    pub(crate) fn from_connection(class: &'static Class, connection: Connection) -> Gd<Self> {
        bridge::new_object(class, |base| Self {
            peer: peer_of(connection),
            frame_poll: FramePoll::default(),
            base,
            connect_timeout: PhantomVar::default(),
            read_timeout: PhantomVar::default(),
            write_timeout: PhantomVar::default(),
            allow_half_open: PhantomVar::default(),
            write_buffer_limit: PhantomVar::default(),
            coalesce_writes: PhantomVar::default(),
        })
    }

    /// Binds, with the engine's codes.
    pub(crate) fn bind(&self, address: &BindAddress) -> Error {
        let bound = self.peer.connection.bind(address);
        if let Err(error) = &bound
            && matches!(
                error.returned(),
                Error::ERR_ALREADY_IN_USE | Error::ERR_INVALID_PARAMETER
            )
        {
            godot_error!("{error}");
        }
        self.peer.last_error.note(bound)
    }

    /// Connects to `target`, with the engine's messages and codes. `default` is the time limit of
    /// the project setting.
    pub(crate) fn connect(&self, target: Target, default: fn() -> Duration) -> Error {
        let limit = match self.peer.connect_timeout() {
            PROJECT_SETTING => Some(default()),
            seconds => seconds::limit(seconds).unwrap_or(None),
        };
        let described = hints::are_on().then(|| described(&target));
        let started = self.peer.connection.connect(target, limit, Instant::now());
        // A failure of the network prints nothing: retries would fill the log.
        match &started {
            Err(error @ ConnectError::AlreadyConnected) => godot_error!("{error}"),
            Err(error @ ConnectError::Os { source, .. }) if is_misuse(source.kind()) => {
                godot_error!("Connection to remote host failed! {error}");
            }
            Err(_) | Ok(()) => {}
        }
        if let (Ok(()), Some(described)) = (&started, described) {
            frame_poll::begin_hints();
            hints::connecting(&self.peer, described);
        }
        self.peer.last_error.note(started)
    }

    /// Converts `seconds` to a time limit. Refuses a number that is not a valid time limit, and
    /// returns the error code for the script.
    pub(crate) fn limit(&self, what: &str, seconds: f64) -> Result<Option<Duration>, Error> {
        seconds::limit(seconds).map_err(|_| {
            self.refuse(&format!(
                "{what}: {seconds} is not a valid number of seconds"
            ))
        })
    }

    /// Changes a socket option.
    pub(crate) fn set(&self, operation: &'static str, change: impl FnOnce(&mut Options)) -> Error {
        self.peer
            .last_error
            .note(self.peer.connection.set_options(operation, change))
    }

    fn set_buffer_size(
        &self,
        bytes: i64,
        operation: &'static str,
        option: impl FnOnce(&mut Options) -> &mut Option<usize>,
    ) -> Error {
        // The kernel takes an int.
        let Some(bytes) = i32::try_from(bytes).ok().filter(|&bytes| bytes > 0) else {
            let max = i32::MAX;
            return self.refuse(&format!(
                "{operation}: {bytes} bytes is not between 1 and {max}"
            ));
        };
        self.set(operation, |options| {
            *option(options) = usize::try_from(bytes).ok();
        })
    }

    /// Takes the bytes up to `delimiter`, which must end within the first `max_bytes` unread bytes.
    /// Returns the bytes before the delimiter as a value, or null.
    fn find(
        &self,
        delimiter: &[u8],
        max_bytes: i64,
        value: impl FnOnce(&[u8]) -> Variant,
    ) -> Variant {
        let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let found = self.peer.connection.read_until(delimiter, limit, |bytes| {
            value(&bytes[..bytes.len() - delimiter.len()])
        });
        self.peer.found(found).flatten().unwrap_or_default()
    }
}
