//! Unix: Linux, macOS, the BSDs, Android and iOS.

mod files;
mod poller;
mod process;
mod socket;
mod wake;

pub(crate) use files::{
    FileIdentity, file_identity, is_served, lock_folder, remove_file, set_socket_mode,
};
pub(crate) use poller::{Poller, Registry, Waker};
pub use process::zero;
pub(crate) use process::{interface_index, keep_library_mapped, process};
pub(crate) use socket::{HAS_USER_TIMEOUT, Socket, SocketAddress, is_abstract};
pub(crate) use wake::Wake;

use std::io;

fn retry_interrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
