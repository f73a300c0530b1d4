//! `StreamPeerSocketRs`: what the peers have in common, and the one struct behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use godot::builtin::{GString, PackedByteArray, StringName, Variant, VariantType};
use godot::classes::StreamPeerExtension;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, WithBaseField};
use godot::prelude::{GodotClass, PhantomVar, godot_api, godot_error};
use stream_socket::{Connection, Options, Target};

use crate::bridge::family::Class;
use crate::bridge::instance;
use crate::error::{Code, LastError};
use crate::{frame_poll, signals};

/// What a peer object consists of, apart from the object: shared with the hot calls, which go past the object.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) connection: Connection,
    pub(crate) last_error: LastError,
    /// The number of bytes that the last `get_data` has received.
    pub(crate) last_read: AtomicI64,
    /// The bits of the `connect_timeout`, a number of seconds; negative for the project setting.
    connect_timeout: AtomicU64,
    pub(crate) is_auto_polling: AtomicBool,
}

impl Peer {
    fn new(connection: Connection) -> Peer {
        Peer {
            connection,
            last_error: LastError::default(),
            last_read: AtomicI64::new(0),
            connect_timeout: AtomicU64::new((-1.0_f64).to_bits()),
            is_auto_polling: AtomicBool::new(false),
        }
    }

    /// Polls, and emits the signals of the object with the id `object` for what has happened. A handler may free the
    /// object. `is_heard` says whether anything is connected to a signal: asking costs less than emitting to nobody.
    #[inline]
    pub(crate) fn poll(&self, object: u64, is_heard: impl Fn(&StringName) -> bool) -> Error {
        let (code, has_unread) = match self.connection.poll(Instant::now) {
            Ok(has_unread) => (Error::OK, has_unread),
            Err(error) => (self.last_error.record(&error), false),
        };
        if self.connection.has_notices() {
            if signals::names().any(&is_heard) {
                signals::emit(object, self);
            } else {
                while self.connection.next_notice().is_some() {}
            }
        } else if has_unread && is_heard(signals::data_available()) {
            signals::emit(object, self);
        }
        code
    }
}

/// The struct behind the peer classes; which one an object is of, the bridge has decided when it made it.
#[derive(GodotClass)]
#[class(tool, init, base = StreamPeerExtension)]
pub struct StreamPeerSocketRs {
    #[init(val = new_peer())]
    pub(crate) peer: Arc<Peer>,
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
    #[var(get = is_auto_polling, set = set_auto_poll)]
    auto_poll: PhantomVar<bool>,
}

fn new_peer() -> Arc<Peer> {
    let peer = Arc::new(Peer::new(Connection::new()));
    instance::announce_peer(&peer);
    peer
}

/// `poll` and `get_status` are here for their signatures: the bridge answers them itself, faster.
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
    fn poll(&self) -> Error {
        unreachable!("the bridge answers it")
    }

    #[func]
    fn get_status(&self) -> i64 {
        unreachable!("the bridge answers it")
    }

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
        self.peer
            .last_error
            .note(self.peer.connection.shut_down_writing())
    }

    #[func]
    fn is_read_closed(&self) -> bool {
        self.peer.connection.is_read_closed()
    }

    #[func]
    fn get_last_error(&self) -> Error {
        self.peer.last_error.get().code
    }

    #[func]
    fn get_last_error_message(&self) -> GString {
        GString::from(&self.peer.last_error.get().message)
    }

    #[func]
    fn get_last_os_error(&self) -> i64 {
        self.peer.last_error.get().os_code.into()
    }

    #[func]
    fn get_last_read_bytes(&self) -> i64 {
        self.peer.last_read.load(Ordering::Relaxed)
    }

    #[func]
    fn receive(&self, #[opt(default = -1)] max_bytes: i64) -> PackedByteArray {
        let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let received = self
            .peer
            .connection
            .read_all_available(limit, |bytes| PackedByteArray::from(bytes));
        self.found(received).unwrap_or_default()
    }

    #[func]
    fn read_line(&self, #[opt(default = 65536)] max_bytes: i64) -> Variant {
        self.find(b"\n", max_bytes, |line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            GString::from(String::from_utf8_lossy(line).as_ref()).to_variant()
        })
    }

    #[func]
    fn read_until(&self, delimiter: Variant, #[opt(default = 65536)] max_bytes: i64) -> Variant {
        // Not by trying: a conversion that is possible is not always the one that is meant.
        let delimiter = match delimiter.get_type() {
            VariantType::PACKED_BYTE_ARRAY => delimiter.to::<PackedByteArray>().to_vec(),
            VariantType::STRING | VariantType::STRING_NAME => {
                delimiter.stringify().to_string().into_bytes()
            }
            _ => Vec::new(),
        };
        if delimiter.is_empty() {
            godot_error!(
                "read_until: the delimiter must be a String or a PackedByteArray with something in it"
            );
            return Variant::nil();
        }
        self.find(&delimiter, max_bytes, |bytes| {
            PackedByteArray::from(bytes).to_variant()
        })
    }

    #[func]
    fn get_pending_write_bytes(&self) -> i64 {
        i64::try_from(self.peer.connection.pending_bytes()).unwrap_or(i64::MAX)
    }

    #[func]
    fn flush(&self) -> Error {
        self.peer.last_error.note(self.peer.connection.flush())
    }

    #[func]
    fn set_send_buffer_size(&self, bytes: i64) -> Error {
        self.set_buffer_size(bytes, "set the send buffer's size", |options| {
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
        self.set_buffer_size(bytes, "set the receive buffer's size", |options| {
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
        self.peer
            .connect_timeout
            .store(seconds.to_bits(), Ordering::Relaxed);
    }

    #[func]
    fn get_connect_timeout(&self) -> f64 {
        f64::from_bits(self.peer.connect_timeout.load(Ordering::Relaxed))
    }

    #[func]
    fn set_read_timeout(&self, seconds: f64) {
        self.peer.connection.set_read_limit(limit(seconds));
    }

    #[func]
    fn get_read_timeout(&self) -> f64 {
        seconds(self.peer.connection.read_limit())
    }

    #[func]
    fn set_write_timeout(&self, seconds: f64) {
        self.peer.connection.set_write_limit(limit(seconds));
    }

    #[func]
    fn get_write_timeout(&self) -> f64 {
        seconds(self.peer.connection.write_limit())
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

    #[func]
    fn set_auto_poll(&self, enabled: bool) {
        self.peer.is_auto_polling.store(enabled, Ordering::Relaxed);
        let peer = self.peer.clone();
        frame_poll::update(self.to_gd().instance_id(), move || {
            peer.is_auto_polling.load(Ordering::Relaxed)
        });
    }

    #[func]
    fn is_auto_polling(&self) -> bool {
        self.peer.is_auto_polling.load(Ordering::Relaxed)
    }
}

impl StreamPeerSocketRs {
    /// The peer object of a connection that is there already.
    pub(crate) fn from_connection(class: &'static Class, connection: Connection) -> Gd<Self> {
        instance::new_object(class, |base| {
            let peer = Arc::new(Peer::new(connection));
            instance::announce_peer(&peer);
            Self {
                peer,
                base,
                connect_timeout: PhantomVar::default(),
                read_timeout: PhantomVar::default(),
                write_timeout: PhantomVar::default(),
                allow_half_open: PhantomVar::default(),
                write_buffer_limit: PhantomVar::default(),
                coalesce_writes: PhantomVar::default(),
                auto_poll: PhantomVar::default(),
            }
        })
    }

    /// Connects to `target`, with the words and the codes of the engine. `default` is the limit of the project setting.
    pub(crate) fn connect(&self, target: Target, default: fn() -> Duration) -> Error {
        let limit = match self.get_connect_timeout() {
            seconds if seconds < 0.0 => Some(default()),
            seconds => limit(seconds),
        };
        let started = self.peer.connection.connect(target, limit, Instant::now());
        match &started {
            Err(error) if error.is_misuse() => godot_error!("{error}"),
            Err(error) => godot_error!("Connection to remote host failed! {error}"),
            Ok(()) => {}
        }
        self.peer.last_error.note(started)
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
            let what = format!("{operation}: {bytes} bytes are not possible");
            return misuse(Error::ERR_INVALID_PARAMETER, &what);
        };
        self.set(operation, |options| {
            *option(options) = usize::try_from(bytes).ok();
        })
    }

    /// The value in `outcome`, whose error becomes the last one.
    fn found<T>(&self, outcome: Result<T, impl Code>) -> Option<T> {
        match outcome {
            Ok(value) => {
                self.peer.last_error.clear();
                Some(value)
            }
            Err(error) => {
                self.peer.last_error.record(&error);
                None
            }
        }
    }

    /// What comes before `delimiter` in the first `max_bytes` unread bytes, or null.
    fn find(
        &self,
        delimiter: &[u8],
        max_bytes: i64,
        value: impl FnOnce(&[u8]) -> Variant,
    ) -> Variant {
        let limit = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let found = self.peer.connection.read_found(
            limit,
            |bytes| {
                let at = bytes
                    .windows(delimiter.len())
                    .position(|window| window == delimiter)?;
                Some(at + delimiter.len())
            },
            |bytes| value(&bytes[..bytes.len() - delimiter.len()]),
        );
        self.found(found).flatten().unwrap_or_default()
    }
}

/// The time limit in a number of seconds, of which 0 and less are none.
pub(crate) fn limit(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|limit| !limit.is_zero())
}

/// The number of seconds for a limit, 0 for none.
fn seconds(limit: Option<Duration>) -> f64 {
    limit.map_or(0.0, |limit| limit.as_secs_f64())
}

/// Prints what a call was wrong about, as the engine does, and gives the code to return.
pub(crate) fn misuse(code: Error, what: &dyn std::fmt::Display) -> Error {
    godot_error!("{what}");
    code
}
