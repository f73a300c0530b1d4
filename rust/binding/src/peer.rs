//! `StreamPeerSocketRs`: the methods of all peers.
//!
//! The methods of one class are in [`peer_tcp`](crate::peer_tcp) and [`peer_uds`](crate::peer_uds).
//! The methods that call the core are in the part, [`PeerPart`], where the bridge reaches them too.

use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use godot::builtin::{PackedByteArray, VarDictionary, Variant, VariantType};
use godot::classes::StreamPeerExtension;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::prelude::{GodotClass, godot_api, godot_error};
use stream_socket::{Address, BindAddress, ConnectError, Connection, Options, Status, Target};

use crate::bridge::MethodKind::{Const, Mutating, Static};
use crate::bridge::PropertyKind::{Bool, Float, Int};
use crate::bridge::{
    self, Bridged, Class, ClassTree, Enumeration, MethodRow, ObjectRef, PartKind, Property,
    Returned, flush, get_status, poll, receive, stream_virtuals,
};
use crate::parts::{Code, Details, LastError, PeerObject, PeerPart, Stream, hints};
use crate::shared_methods::{
    AUTO_POLL, Failing, auto_poll_methods, last_error_methods, last_os_error_method,
};
use crate::{frame_poll, numbers, statistics, text};

/// The `connect_timeout` that stands for the project setting.
const PROJECT_SETTING: f64 = -1.0;

/// The peer classes. There is no value of this type: the bridge makes an object with a
/// [`PeerPart`], and decides its class.
#[derive(GodotClass)]
#[class(tool, no_init, base = StreamPeerExtension)]
pub struct StreamPeerSocketRs {
    // gdext requires it of a class with signals.
    _base: Base<StreamPeerExtension>,
}

pub(crate) static TCP_PEER: &Class = &CLASSES[0];
pub(crate) static UDS_PEER: &Class = &CLASSES[1];

static CLASSES: [Class; 2] = [
    Class::new("StreamPeerTCPRs", "tcp_", &TREE),
    Class::new("StreamPeerUDSRs", "uds_", &TREE),
];

const METHODS: &[MethodRow] = &[
    MethodRow::direct("poll", Mutating, poll::<PeerPart>()),
    MethodRow::direct("get_status", Const, get_status::<PeerPart>())
        .returning(Returned::OwnEnumeration("Status")),
    MethodRow::direct("flush", Mutating, flush::<PeerPart>()),
    MethodRow::direct("receive", Mutating, receive::<PeerPart>()),
    MethodRow::by_gdext("uds_create_pair", Static),
];

pub(crate) static TREE: ClassTree = ClassTree {
    base: "StreamPeerSocketRs",
    classes: &CLASSES,
    enumerations: &[Enumeration {
        name: "Status",
        constants: &[
            ("STATUS_NONE", Status::None as i64),
            ("STATUS_CONNECTING", Status::Connecting as i64),
            ("STATUS_CONNECTED", Status::Connected as i64),
            ("STATUS_ERROR", Status::Error as i64),
        ],
    }],
    properties: &[
        AUTO_POLL,
        Property::new(
            "connect_timeout",
            Float,
            "set_connect_timeout",
            "get_connect_timeout",
        ),
        Property::new(
            "read_timeout",
            Float,
            "set_read_timeout",
            "get_read_timeout",
        ),
        Property::new(
            "write_timeout",
            Float,
            "set_write_timeout",
            "get_write_timeout",
        ),
        Property::new(
            "allow_half_open",
            Bool,
            "set_allow_half_open",
            "is_half_open_allowed",
        ),
        Property::new(
            "write_buffer_limit",
            Int,
            "set_write_buffer_limit",
            "get_write_buffer_limit",
        ),
        Property::new(
            "coalesce_writes",
            Bool,
            "set_coalesce_writes",
            "is_coalescing_writes",
        ),
    ],
    methods: METHODS,
    virtuals: Some(stream_virtuals::<PeerPart>()),
    parts: PartKind::of::<PeerPart>(),
    engine_class: OnceLock::new(),
};

impl Bridged for StreamPeerSocketRs {
    type Part = PeerPart;

    fn tree() -> &'static ClassTree {
        &TREE
    }
}

/// A connect to `target`, for a hint.
fn described(target: &Target) -> String {
    match target {
        Target::Address(address @ Address::Unix(_)) => {
            format!("StreamPeerUDSRs: connect to {address}")
        }
        _ => format!("StreamPeerTCPRs: connect to {target}"),
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
    fn poll() -> Error {
        bridge::poll_part(&Self::this())
    }

    #[func]
    fn get_status() -> i64 {
        Self::this().status()
    }

    #[func]
    fn flush() -> Error {
        Self::this().flush()
    }

    #[func]
    fn disconnect_from_host() {
        Self::this().connection.disconnect();
    }

    #[func]
    fn abort() {
        Self::this().connection.abort();
    }

    #[func]
    fn shutdown_write() -> Error {
        let this = Self::this();
        let shut_down = this.connection.shut_down_writing();
        this.last_error.note_of(&this.connection, shut_down)
    }

    #[func]
    fn is_read_closed() -> bool {
        Self::this().connection.is_read_closed()
    }

    #[func]
    fn get_last_read_bytes() -> i64 {
        Self::this().last_read()
    }

    #[func]
    fn get_last_written_bytes() -> i64 {
        Self::this().last_written()
    }

    #[func]
    fn receive(#[opt(default = -1)] max_bytes: i64) -> PackedByteArray {
        Self::this().receive(max_bytes)
    }

    #[func]
    fn read_line(#[opt(default = 65536)] max_bytes: i64) -> Variant {
        Self::this().find(b"\n", max_bytes, |line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            text::decoded(line).to_variant()
        })
    }

    #[func]
    fn read_until(delimiter: Variant, #[opt(default = 65536)] max_bytes: i64) -> Variant {
        // Only these types are accepted. Many other types could be converted to bytes, but a script
        // that passes one has probably made a mistake.
        let delimiter = match delimiter.get_type() {
            VariantType::PACKED_BYTE_ARRAY => delimiter.to::<PackedByteArray>().to_vec(),
            VariantType::STRING | VariantType::STRING_NAME => {
                delimiter.stringify().to_string().into_bytes()
            }
            _ => {
                Self::this()
                    .refuse(&"read_until: delimiter is neither a String nor a PackedByteArray");
                return Variant::nil();
            }
        };
        if delimiter.is_empty() {
            Self::this().refuse(&"read_until: delimiter is empty");
            return Variant::nil();
        }
        Self::this().find(&delimiter, max_bytes, |bytes| {
            PackedByteArray::from(bytes).to_variant()
        })
    }

    #[func]
    fn read_exact(count: i64) -> Variant {
        let this = Self::this();
        let Ok(count) = usize::try_from(count) else {
            this.refuse(&format!("read_exact: count {count} is negative"));
            return Variant::nil();
        };
        let take = |bytes: &[u8]| PackedByteArray::from(bytes).to_variant();
        let found = this.connection.read_count(count, take);
        this.found(found).flatten().unwrap_or_default()
    }

    #[func]
    fn get_pending_write_bytes() -> i64 {
        i64::try_from(Self::this().connection.pending_bytes()).unwrap_or(i64::MAX)
    }

    #[func]
    fn get_statistics() -> VarDictionary {
        statistics::dictionary(Self::this().connection.statistics(Instant::now()))
    }

    #[func]
    fn set_send_buffer_size(bytes: i64) -> Error {
        Self::this().set_buffer_size(bytes, "set send buffer size", |options| {
            &mut options.send_buffer_size
        })
    }

    #[func]
    fn get_send_buffer_size() -> i64 {
        let sizes = Self::this().connection.buffer_sizes();
        sizes.map_or(0, |sizes| i64::try_from(sizes.send).unwrap_or(i64::MAX))
    }

    #[func]
    fn set_receive_buffer_size(bytes: i64) -> Error {
        Self::this().set_buffer_size(bytes, "set receive buffer size", |options| {
            &mut options.receive_buffer_size
        })
    }

    #[func]
    fn get_receive_buffer_size() -> i64 {
        let sizes = Self::this().connection.buffer_sizes();
        sizes.map_or(0, |sizes| i64::try_from(sizes.receive).unwrap_or(i64::MAX))
    }

    #[func]
    fn set_connect_timeout(seconds: f64) {
        let this = Self::this();
        let is_limit = || numbers::limit("connect_timeout", seconds).map(drop);
        if seconds == PROJECT_SETTING || this.accept(is_limit()).is_ok() {
            this.set_connect_timeout(seconds);
        }
    }

    #[func]
    fn get_connect_timeout() -> f64 {
        Self::this().connect_timeout()
    }

    #[func]
    fn set_read_timeout(seconds: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("read_timeout", seconds)) {
            this.connection.set_read_timeout(limit);
        }
    }

    #[func]
    fn get_read_timeout() -> f64 {
        numbers::of_limit(Self::this().connection.read_timeout())
    }

    #[func]
    fn set_write_timeout(seconds: f64) {
        let this = Self::this();
        if let Ok(limit) = this.accept(numbers::limit("write_timeout", seconds)) {
            this.connection.set_write_timeout(limit);
        }
    }

    #[func]
    fn get_write_timeout() -> f64 {
        numbers::of_limit(Self::this().connection.write_timeout())
    }

    #[func]
    fn set_allow_half_open(allowed: bool) {
        Self::this().connection.set_allow_half_open(allowed);
    }

    #[func]
    fn is_half_open_allowed() -> bool {
        Self::this().connection.allows_half_open()
    }

    #[func]
    fn set_write_buffer_limit(bytes: i64) {
        let this = Self::this();
        if let Ok(bytes) = this.accept(numbers::count("write_buffer_limit", bytes)) {
            this.connection.set_queue_limit(bytes);
        }
    }

    #[func]
    fn get_write_buffer_limit() -> i64 {
        i64::try_from(Self::this().connection.queue_limit()).unwrap_or(i64::MAX)
    }

    #[func]
    fn set_coalesce_writes(enabled: bool) {
        Self::this().connection.set_coalesces(enabled);
    }

    #[func]
    fn is_coalescing_writes() -> bool {
        Self::this().connection.coalesces()
    }
}

last_error_methods!(StreamPeerSocketRs);
last_os_error_method!(StreamPeerSocketRs);
auto_poll_methods!(StreamPeerSocketRs, bridge::poll_part);

impl Failing for PeerPart {
    fn last_error(&self) -> &LastError {
        &self.last_error
    }

    fn details(&self) -> Details {
        PeerPart::details(self)
    }
}

/// `peer`, whose part is `part`.
pub(crate) fn with_part(
    peer: &Gd<StreamPeerSocketRs>,
    part: Arc<PeerPart>,
) -> PeerObject<ObjectRef> {
    PeerObject {
        object: ObjectRef::new(peer),
        peer: part,
    }
}

/// A peer object over an existing connection, with its part.
pub(crate) fn from_connection(
    class: &'static Class,
    connection: Connection,
) -> (Gd<StreamPeerSocketRs>, Arc<PeerPart>) {
    bridge::new_object(class, |object| PeerPart::over(object, connection))
}

impl PeerPart {
    /// Binds, with the engine's codes.
    pub(crate) fn bind(&self, address: &BindAddress) -> Error {
        let bound = self.connection.bind(address);
        if let Err(error) = &bound
            && matches!(
                error.returned(),
                Error::ERR_ALREADY_IN_USE | Error::ERR_INVALID_PARAMETER
            )
        {
            godot_error!("{error}");
        }
        self.last_error.note(bound)
    }

    /// Connects to `target`, with the engine's messages and codes. `default` is the time limit of
    /// the project setting.
    pub(crate) fn connect(self: &Arc<Self>, target: Target, default: fn() -> Duration) -> Error {
        let limit = match self.connect_timeout() {
            PROJECT_SETTING => Some(default()),
            seconds => numbers::limit("connect_timeout", seconds).unwrap_or(None),
        };
        let described = hints::are_on().then(|| described(&target));
        let started = self.connection.connect(target, limit, Instant::now());
        // A failure of the network prints nothing: retries would fill the log.
        match &started {
            Err(error @ ConnectError::AlreadyConnected { .. }) => godot_error!("{error}"),
            Err(error @ ConnectError::Os { source, .. }) if is_misuse(source.kind()) => {
                godot_error!("{error}");
            }
            Err(_) | Ok(()) => {}
        }
        if let (Ok(()), Some(described)) = (&started, described) {
            frame_poll::begin_hints();
            hints::connecting(self, described);
        }
        self.last_error.note(started)
    }

    /// Changes a socket option.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Options)) -> Error {
        self.last_error.note(self.connection.set_options(change))
    }

    fn set_buffer_size(
        &self,
        bytes: i64,
        operation: &'static str,
        option: impl FnOnce(&mut Options) -> &mut Option<usize>,
    ) -> Error {
        let bytes = numbers::count_within(operation, bytes, numbers::POSITIVE_INT_SIZES);
        match self.accept(bytes) {
            Ok(bytes) => self.set(|options| *option(options) = Some(bytes)),
            Err(code) => code,
        }
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
        let found = self.connection.read_until(delimiter, limit, |bytes| {
            value(&bytes[..bytes.len() - delimiter.len()])
        });
        self.found(found).flatten().unwrap_or_default()
    }
}
