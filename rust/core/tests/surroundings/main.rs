//! Processes that lack something. Each test starts this program once more, as the process that
//! lacks it, so the tests share nothing.
#![cfg(target_os = "linux")]

mod few_descriptors;
mod stopped;
#[path = "../support/mod.rs"]
mod support;
mod withheld_calls;
mod without_proc;
