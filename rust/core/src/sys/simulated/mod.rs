//! A kernel in memory, for tests: sockets, a network, files, a resolver, threads and a clock that follow from a seed, and
//! that do everything which real ones may do. Built with `--cfg stream_socket_simulated` in place of a platform.

mod clock;
mod connecting;
pub mod control;
mod delivery;
mod faults;
mod files;
mod naming;
mod network;
mod pipe;
mod poller;
mod process;
mod random;
mod scheduler;
mod socket;
pub mod sync;
mod transfer;
mod waiting;
mod wake;
mod world;

pub(crate) use clock::{SHORT, now, ticks};
pub(crate) use files::{
    FileIdentity, file_identity, is_served, lock_folder, remove_file, set_socket_mode,
};
pub(crate) use poller::{Poller, Registry, Waker};
pub use process::zero;
pub(crate) use process::{
    ProcessWide, interface_index, keep_library_mapped, process, resolve, spawn,
};
pub(crate) use socket::{Socket, SocketAddress, is_abstract};
pub(crate) use wake::Wake;
