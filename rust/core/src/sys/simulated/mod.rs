//! A kernel in memory, for tests: sockets, a network, files, a resolver, threads and a clock. All
//! that happens follows from a seed, and whatever a real kernel may do can happen. It takes the
//! place of a platform with `--cfg stream_socket_simulated`.
//!
//! Each file uses only files above it in this table:
//!
//! | layer | file | what it is |
//! | --- | --- | --- |
//! | data | `random` | pseudo-random numbers |
//! | | `faults`, `counters` | what can go wrong; what is counted |
//! | | `pipe`, `objects` | one direction of a connection; everything else that a kernel holds |
//! | | `wait_queue` | the threads that wait, and what wakes them |
//! | | `world` | all of this, and the clock |
//! | rules | `readiness` | what a poll reports of a socket |
//! | | `teardown` | resets, failures, closing |
//! | | `binding`, `connecting` | names and listening; connecting and accepting |
//! | | `transfer` | sending, receiving, ending a stream |
//! | time | `scheduler`, `delivery` | which thread runs next; what happens without a call |
//! | threads | `blocking`, `sync` | waiting; locks, condition variables, atomics, threads |
//! | calls | `interrupter`, `socket`, `poller` | as in the other platforms |
//! | | `files`, `process` | as in the other platforms |
//! | tests | `control` | running programs, injecting faults, peers that do not use the library |

mod binding;
mod blocking;
mod connecting;
pub mod control;
mod counters;
mod delivery;
mod faults;
mod files;
mod interrupter;
mod objects;
mod pipe;
mod poller;
mod process;
mod random;
mod readiness;
mod scheduler;
mod socket;
pub mod sync;
mod teardown;
mod transfer;
mod wait_queue;
mod world;

pub(crate) use files::{
    file_identity, has_settled, is_served, lock_path, remove_file, remove_unless_replaced,
    set_socket_mode,
};
pub(crate) use interrupter::Interrupter;
pub(crate) use objects::{FileIdentity, SocketAddress, is_abstract};
pub(crate) use poller::{Poller, Registry, Waker};
pub use process::zero;
pub(crate) use process::{
    ProcessWide, SHARED_POLL_TICKS, count_free_descriptors, descriptor_limit, has_several_cores,
    interface_index, is_out_of_descriptors, keep_library_mapped, now, process, resolve, spawn,
    ticks,
};
pub(crate) use socket::{ENDS_COUNT, HAS_USER_TIMEOUT, Socket};
