//! Descriptors, of which a process may have a limited number.
//!
//! Sockets that are kept open for the good of their peers alone are a reserve: a call that the system refuses for lack of
//! descriptors has some of them closed, and tries again. Every call that makes a descriptor goes through [`obtain`].

use std::io;
use std::sync::OnceLock;

pub(crate) use super::imp::{count_free_descriptors as count_free, descriptor_limit as limit};

use super::imp::is_out_of_descriptors;

/// Closes some of the reserve. Whether there was any.
type GiveUp = fn() -> bool;

static RESERVE: OnceLock<GiveUp> = OnceLock::new();

/// Looking up a name may take so many descriptors: of the files that say how, and of sockets.
const FOR_A_LOOKUP: usize = 4;

/// Has `give_up` called when descriptors are missing. It must not make any, and is called with locks held that belong to
/// connections and listeners.
pub(crate) fn set_reserve(give_up: GiveUp) {
    RESERVE.get_or_init(|| give_up);
}

/// Calls `call`, which makes a descriptor, until it succeeds, fails for another reason, or nothing of the reserve is left.
pub(crate) fn obtain<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if is_out_of_descriptors(&error) && use_reserve() => {}
            outcome => return outcome,
        }
    }
}

/// Sees that the system's resolver finds descriptors. Without them it says that a name does not exist.
pub(crate) fn provide_for_a_lookup() {
    while count_free(FOR_A_LOOKUP).is_some_and(|free| free < FOR_A_LOOKUP) && use_reserve() {}
}

fn use_reserve() -> bool {
    RESERVE.get().is_some_and(|give_up| give_up())
}
