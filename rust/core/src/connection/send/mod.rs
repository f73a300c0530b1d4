//! The sending direction.
//!
//! | file | what it is |
//! | --- | --- |
//! | `write` | the calls that write |
//! | `state` | what was accepted and not sent yet, and how far its end has come |
//! | `queue` | accepted bytes that were not handed to the system yet |

pub(super) mod queue;
pub(super) mod state;
pub(super) mod write;
