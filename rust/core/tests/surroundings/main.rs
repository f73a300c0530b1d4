//! Processes with restrictions, such as few descriptors. Each test starts this program again as the
//! restricted process, so the tests share nothing.
#![cfg(target_os = "linux")]

mod few_descriptors;
mod stopped;
#[path = "../support/mod.rs"]
mod support;
mod withheld_calls;
mod without_proc;
