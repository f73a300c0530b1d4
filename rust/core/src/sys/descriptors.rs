//! The descriptor limit of the process.
//!
//! Sockets that stay open only for their peers' sake are a reserve. When the system refuses a call
//! for lack of descriptors, some of them are closed, and the call is made again. Every call that
//! makes a descriptor goes through [`obtain`].

use std::io;
use std::sync::OnceLock;

pub(crate) use super::imp::{count_free_descriptors as count_free, descriptor_limit as limit};

use super::imp::is_out_of_descriptors;

/// Closes a part of the reserve. False if it is empty.
type GiveUp = fn() -> bool;

static RESERVE: OnceLock<GiveUp> = OnceLock::new();

/// How many descriptors a lookup may take: for the resolver's configuration, and for sockets.
#[cfg(not(stream_socket_simulated))]
const FOR_A_LOOKUP: usize = 4;

/// Sets what to call when descriptors are missing. `give_up` must make none itself, and must not
/// lock connections or listeners: its callers hold such locks.
pub(crate) fn set_reserve(give_up: GiveUp) {
    RESERVE.get_or_init(|| give_up);
}

/// Repeats `call`, which makes a descriptor, until it succeeds, fails for another reason, or the
/// reserve is empty.
pub(crate) fn obtain<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if is_out_of_descriptors(&error) && use_reserve() => {}
            outcome => return outcome,
        }
    }
}

/// Frees descriptors for the system's resolver if there are too few. Without them it reports that
/// the name does not exist.
#[cfg(not(stream_socket_simulated))]
pub(crate) fn provide_for_a_lookup() {
    while count_free(FOR_A_LOOKUP).is_some_and(|free| free < FOR_A_LOOKUP) && use_reserve() {}
}

fn use_reserve() -> bool {
    RESERVE.get().is_some_and(|give_up| give_up())
}
