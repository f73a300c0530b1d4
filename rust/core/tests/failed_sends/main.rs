//! Sends that fail while the socket lives on. A program of its own: a thread of the library that is
//! started under a filter of system calls keeps it.
#![cfg(target_os = "linux")]

mod ends;
mod frame_loops;
mod no_gap;
mod reports;
#[path = "../support/mod.rs"]
mod support;
