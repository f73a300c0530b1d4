//! The descriptor limit of the process.
//!
//! Sockets in a lingering close are a reserve: the program no longer uses them. When a call
//! fails because the process has no descriptor left, some of these sockets are closed and the call
//! is repeated. Every call that creates a descriptor goes through [`obtain`].

#[cfg(stream_socket_simulated)]
use std::cell::Cell;
use std::io;
use std::sync::OnceLock;

pub(crate) use super::imp::{count_free_descriptors as count_free, descriptor_limit as limit};

use super::imp::is_out_of_descriptors;

/// Closes a part of the reserve. Returns false if the reserve is empty.
type GiveUp = fn() -> bool;

static RESERVE: OnceLock<GiveUp> = OnceLock::new();

#[cfg(stream_socket_simulated)]
thread_local! {
    /// Whether the reserve was set in the present world. Each world of a simulation begins without
    /// it, as a process does, so that a program does the same alone and after others.
    static IS_SET_IN_WORLD: Cell<bool> = const { Cell::new(false) };
}

/// The most descriptors that a lookup opens: the resolver's configuration and its sockets.
#[cfg(not(stream_socket_simulated))]
const FOR_A_LOOKUP: usize = 4;

/// Sets the function that closes a part of the reserve. It must not create descriptors, and it must
/// not lock connections or listeners: callers of [`obtain`] hold such locks.
pub(crate) fn set_reserve(give_up: GiveUp) {
    RESERVE.get_or_init(|| give_up);
    #[cfg(stream_socket_simulated)]
    IS_SET_IN_WORLD.set(true);
}

/// Forgets the reserve, for the next world.
#[cfg(stream_socket_simulated)]
pub(super) fn forget_reserve() {
    IS_SET_IN_WORLD.set(false);
}

/// Repeats `call`, which creates a descriptor, until it succeeds, fails for another reason, or
/// fails with an empty reserve.
pub(crate) fn obtain<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if is_out_of_descriptors(&error) => {
                if !use_reserve() {
                    // Another thread may have freed some since the call.
                    return call();
                }
            }
            outcome => return outcome,
        }
    }
}

/// Frees descriptors for the system's resolver. With too few it reports that the name does not
/// exist.
#[cfg(not(stream_socket_simulated))]
pub(crate) fn provide_for_a_lookup() {
    while count_free(FOR_A_LOOKUP).is_some_and(|free| free < FOR_A_LOOKUP) && use_reserve() {}
}

fn use_reserve() -> bool {
    #[cfg(stream_socket_simulated)]
    if !IS_SET_IN_WORLD.get() {
        return false;
    }
    RESERVE.get().is_some_and(|give_up| give_up())
}

#[cfg(test)]
#[cfg(unix)]
#[cfg(not(stream_socket_simulated))]
mod tests {
    use super::*;

    /// Another thread has used up the reserve, and its descriptors are free.
    #[test]
    fn an_empty_reserve_does_not_mean_that_no_descriptor_is_free() {
        let mut is_full = true;
        let outcome = obtain(|| match std::mem::take(&mut is_full) {
            true => Err(io::Error::from_raw_os_error(libc::EMFILE)),
            false => Ok(()),
        });
        assert!(outcome.is_ok());
        let outcome = obtain(|| Err::<(), _>(io::Error::from_raw_os_error(libc::EMFILE)));
        assert!(outcome.is_err());
    }
}
