//! Windows 10 and later.

mod files;
mod interrupter;
mod poller;
mod process;
mod socket;
mod watches;

pub(crate) use files::{
    FileIdentity, file_identity, has_settled, is_served, lock_path, remove_file,
    remove_unless_replaced, set_socket_mode,
};
pub(crate) use interrupter::Interrupter;
pub(crate) use poller::{Poller, Registry, Waker};
pub use process::zero;
pub(crate) use process::{
    count_free_descriptors, count_processors, descriptor_limit, interface_index,
    is_out_of_descriptors, keep_library_mapped, process,
};
pub(crate) use socket::{ENDS_COUNT, HAS_USER_TIMEOUT, Socket, SocketAddress, is_abstract};
