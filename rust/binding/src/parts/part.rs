//! What the bridge asks of the part of an object.

use std::mem::MaybeUninit;
use std::sync::Arc;

use godot::builtin::{PackedByteArray, StringName};
use godot::global::Error;

use super::signal::Signal;

/// The Rust part of an object.
pub(crate) trait Part: Send + Sync + 'static {
    /// The object is gone. Ends the calls that other threads are still in: they keep the part, and nobody else could.
    fn freed(&self);
}

/// A part that is polled by itself.
pub(crate) trait Polled: Part {
    type Signals: Iterator<Item = Signal>;

    /// Polls. What is to be emitted for it comes as a value of its own, which borrows nothing: a handler may free the
    /// object, and poll it again. `is_heard` says whether anything is connected to a signal.
    fn poll(
        self: &Arc<Self>,
        is_heard: impl Fn(&StringName) -> bool,
    ) -> (Error, Option<Self::Signals>);
}

/// The object that emits a part's signals: a counted reference, of any thread.
pub(crate) trait Emitter: Clone + Send + Sync + 'static {
    /// Whether anything is connected to `signal`.
    fn listens(&self, signal: &StringName) -> bool;

    /// Emits `signal`. Handlers may do anything meanwhile.
    fn emit(&self, signal: &Signal);
}

/// A part that has the calls of `PacketPeerExtension`.
pub(crate) trait Packets: Part {
    /// Takes the next packet: its address and its size. It stays there until this thread asks for the next one.
    fn get_packet(&self) -> Result<(*const u8, usize), Error>;

    /// May block.
    fn put_packet(&self, packet: &[u8]) -> Error;

    fn packet_count(&self) -> i64;

    fn max_packet_bytes(&self) -> i64;
}

/// A part that has the calls of `StreamPeerExtension`. Those that move data give their code and the count of moved bytes.
pub(crate) trait Stream: Polled {
    fn status(&self) -> i64;

    /// Sends what is coalesced or queued. May block.
    fn flush(&self) -> Error;

    /// Fills the buffer with what has been received already, if that is enough. Does not wait, not even for the system.
    fn get_buffered(&self, buffer: &mut [MaybeUninit<u8>]) -> bool;

    fn get_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize);

    fn get_partial_data(&self, buffer: &mut [MaybeUninit<u8>]) -> (Error, usize);

    fn put_data(&self, bytes: &[u8]) -> (Error, usize);

    /// Takes what has come, at most so many bytes, or all if that is less than 0.
    fn receive(&self, most: i64) -> PackedByteArray;

    fn put_partial_data(&self, bytes: &[u8]) -> (Error, usize);

    /// -1 without a connection, as the engine's classes answer.
    fn available_bytes(&self) -> i64;

    /// Answers the transfer `call` of a negative size, which is what a size of 2 GiB and more looks like here.
    fn refuse_size(&self, call: &str) -> Error;
}
