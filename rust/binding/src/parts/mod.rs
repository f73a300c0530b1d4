//! The parts of objects that are plain Rust: a connection or a listener of the core, with what Godot's methods have to
//! know besides. They are shared between an object and the calls that go past it, and know neither the classes of the
//! objects nor how Godot finds them.

mod codes;
mod last_error;
pub(crate) mod live;
mod part;
mod peer;
mod server;
mod signal;

pub(crate) use codes::Code;
pub(crate) use part::{Part, Stream};
pub(crate) use peer::Peer;
pub(crate) use server::Server;
pub(crate) use signal::Signal;
