//! The part of a WebSocket: its session, its stream, and what a script has set.
//!
//! One lock is around the session and the state that goes with it ([`state`]). It is never held
//! while a signal is emitted, a method of the engine is called, or a reference to an object is
//! dropped.

pub(crate) mod background;
mod exchange;
mod object;
mod settings;
mod state;
mod stream;

pub(crate) use self::exchange::NO_CLOSE_FRAME;
pub(crate) use self::object::WebSocketObject;
pub(crate) use self::settings::WebSocketSettings;
pub(crate) use self::state::WebSocketPart;
pub(crate) use self::stream::{EngineOutput, EngineStream, WebSocketStream};
