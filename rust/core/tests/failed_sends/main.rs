//! Sends that fail while the socket stays intact. These tests have a program of their own: a
//! library thread that starts under a filter of system calls keeps the filter.
#![cfg(target_os = "linux")]

mod ends;
mod frame_loops;
mod no_gap;
mod reports;
#[path = "../support/mod.rs"]
mod support;
