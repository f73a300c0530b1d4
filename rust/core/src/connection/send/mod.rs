//! The sending direction.
//!
//! | file | content |
//! | --- | --- |
//! | `write` | the calls that write, and that wait if there is no queue |
//! | `try_write` | the calls that accept data without waiting |
//! | `flush` | sending the queue, the end of the stream, failed sends |
//! | `state` | the state of the direction |
//! | `queue` | accepted bytes that the kernel has not accepted |
//!
//! A byte is *accepted* once the library has promised to send it, and *sent* once the kernel has
//! accepted it.

mod flush;
pub(super) mod queue;
pub(super) mod state;
mod try_write;
mod write;
