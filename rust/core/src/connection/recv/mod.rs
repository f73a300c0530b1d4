//! The receiving direction.
//!
//! | file | what it is |
//! | --- | --- |
//! | `read` | the calls that read |
//! | `state` | what was received, and how the direction has ended |
//! | `buffer` | received bytes that were not read yet |
//! | `kernel_view` | what is known of the bytes that the kernel holds |

pub(super) mod buffer;
pub(super) mod kernel_view;
pub(crate) mod read;
pub(super) mod state;
