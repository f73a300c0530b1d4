//! A kernel in memory, for tests: sockets, a network, files, a resolver, threads and a clock that follow from a seed, and
//! that do everything which real ones may do. Built with `--cfg stream_socket_simulated` in place of a platform.
//!
//! Each file uses those before it in this list only:
//!
//! | Layer | Files |
//! |---|---|
//! | Numbers, and what may go wrong | `random`, `id`, `faults`, `calls` |
//! | What the world holds | `address`, `pipe`, `network`, `files`, `hosts`, `waiters`, `watching` |
//! | The world | `world` |
//! | Who is woken, and when | `waking`, `timing`, `readiness` |
//! | The rules of sockets | `naming`, `breaking`, `closing`, `transfer`, `connecting`, `delivery` |
//! | What happens by itself | `scheduler`, `play` |
//! | Threads that wait | `waiting` |
//! | Locks, conditions, atomics, threads | `sync` |
//! | The calls of a system | `clock`, `wake`, `socket`, `poller`, `socket_files`, `process` |
//! | What a test has of it | `control` |

mod address;
mod breaking;
mod calls;
mod clock;
mod closing;
mod connecting;
pub mod control;
mod delivery;
mod faults;
mod files;
mod hosts;
mod id;
mod interrupter;
mod naming;
mod network;
mod pipe;
mod play;
mod poller;
mod process;
mod random;
mod readiness;
mod scheduler;
mod socket;
mod socket_files;
pub mod sync;
mod timing;
mod transfer;
mod waiters;
mod waiting;
mod waking;
mod watching;
mod world;

pub(crate) use address::{SocketAddress, is_abstract};
pub(crate) use clock::{SHORT, now, ticks};
pub(crate) use files::FileIdentity;
pub(crate) use interrupter::Interrupter;
pub(crate) use poller::{Poller, Registry, Waker};
pub use process::zero;
pub(crate) use process::{
    ProcessWide, count_free_descriptors, descriptor_limit, interface_index, is_out_of_descriptors,
    keep_library_mapped, process, resolve, spawn,
};
pub(crate) use socket::{HAS_USER_TIMEOUT, Socket};
pub(crate) use socket_files::{
    file_identity, has_settled, is_served, lock_path, remove_file, remove_unless_replaced,
    set_socket_mode,
};
