//! The receiving direction.
//!
//! | file | content |
//! | --- | --- |
//! | `read` | the calls that wait for data |
//! | `try_read` | the calls that do not wait |
//! | `end` | what a reader does at the end of the stream |
//! | `state` | the state of the direction, and each receive from the socket |
//! | `buffer` | received bytes that have not been read |
//! | `kernel_view` | what the last answers of the kernel imply about the bytes that it holds |

pub(super) mod buffer;
mod end;
pub(super) mod kernel_view;
mod read;
pub(super) mod state;
pub(crate) mod try_read;
