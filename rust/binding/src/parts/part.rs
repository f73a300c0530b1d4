//! The traits that the bridge requires of the parts of objects.

use std::mem::MaybeUninit;
use std::sync::Arc;

use godot::builtin::{PackedByteArray, StringName};
use godot::global::Error;

use super::presence::{ObjectAddress, Presence};
use super::signal::Signal;

/// The plain Rust part of an object. A call that is running may keep it longer than the object.
pub(crate) trait Part: Send + Sync + Sized + 'static {
    /// Whether the object of the part is alive. The bridge ends it.
    fn presence(&self) -> &Presence;

    /// Called when the object is made. `class` is the name of its class.
    fn made(self: &Arc<Self>, class: &'static str);

    /// Called when the object is freed. Ends the calls that other threads are still in. They keep
    /// the part alive, and no other code can end them. `has_connections` returns whether anything
    /// is connected to a signal of the object.
    fn freed(&self, has_connections: &dyn Fn(&str) -> bool);
}

/// A part of a class whose objects scripts can make.
pub(crate) trait Constructible: Part {
    /// The part of an object that a script makes.
    fn new(object: ObjectAddress) -> Self;
}

/// A part that can be polled.
pub(crate) trait Polled: Part {
    type Signals: Iterator<Item = Signal>;

    /// Polls. Returns the code and the signals to emit, which borrow nothing: a handler may free
    /// the object or poll it again. `has_handler` returns whether anything is connected to a
    /// signal.
    fn poll(
        self: &Arc<Self>,
        has_handler: impl Fn(&StringName) -> bool,
    ) -> (Error, Option<Self::Signals>);
}

/// The object that emits the signals of a part: a counted reference that every thread may use.
pub(crate) trait Emitter: Clone + Send + Sync + 'static {
    /// A number that no other object has while this one is alive.
    fn id(&self) -> u64;

    /// Whether anything is connected to `signal`.
    fn listens(&self, signal: &StringName) -> bool;

    /// Emits `signal`. Its handlers may do anything.
    fn emit(&self, signal: &Signal);
}

/// A part with the methods of `PacketPeerExtension`.
pub(crate) trait Packets: Part {
    /// Takes the next packet. Returns its address and its size. The packet stays in memory until
    /// this thread takes the next one.
    fn get_packet(&self) -> Result<(*const u8, usize), Error>;

    /// May block.
    fn put_packet(&self, packet: &[u8]) -> Error;

    fn packet_count(&self) -> i64;

    fn max_packet_bytes(&self) -> i64;
}

/// A part with a property that takes an object of one class.
pub(crate) trait TakesObject: Part {
    /// The class of the objects.
    const CLASS: &'static str;

    /// Refuses an object of another class, or a value of another type, which is called `other`.
    fn refuse_object(&self, other: &str);
}

/// A part with the methods of `StreamPeerExtension`. Those that move data return their code and the
/// count of moved bytes.
pub(crate) trait Stream: Polled {
    fn status(&self) -> i64;

    /// Sends the coalesced and the queued bytes. May block.
    fn flush(&self) -> Error;

    /// Fills the buffer from the bytes that are already received, if these are enough. Never waits,
    /// not even for the system.
    fn get_buffered(&self, buffer: &mut [MaybeUninit<u8>]) -> bool;

    fn get_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize);

    fn get_partial_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize);

    fn put_data(&self, bytes: &[u8]) -> (Error, usize);

    /// Takes the received bytes: at most `max_bytes`, or all if `max_bytes` is negative.
    fn receive(&self, max_bytes: i64) -> PackedByteArray;

    fn put_partial_data(&self, bytes: &[u8]) -> (Error, usize);

    /// What `available_bytes` would return, if that is more than 0 and known without a system call.
    fn known_available_bytes(&self) -> Option<i64>;

    /// Returns -1 without a connection, as the engine's classes do.
    fn available_bytes(&self) -> i64;

    /// Refuses the transfer `call` with a negative size. A size of 2 GiB or more is negative here.
    fn refuse_size(&self, call: &str) -> Error;
}
