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
//!
//! # Buffering
//!
//! A small read receives up to 16 KiB at once, and a poll up to 4 KiB. The rest stays in the
//! kernel, so a slow reader exerts backpressure. A read of 16 KiB or more receives into the memory
//! of the caller. An idle connection keeps no buffer: `tests/allocations` limits its size to 510
//! bytes (660 on Windows).
//!
//! Only EAGAIN shows that the kernel has nothing. A short receive does not: it may have ended at
//! urgent data, or at data that came with descriptors.

pub(super) mod buffer;
mod end;
pub(super) mod kernel_view;
mod read;
pub(super) mod state;
pub(crate) mod try_read;
