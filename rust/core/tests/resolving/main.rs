//! Looking up names. These tests have a program of their own and run one at a time: the program
//! defines `getaddrinfo` itself, and all lookups share their threads.
#![cfg(target_os = "linux")]

mod abandoned_lookups;
mod most_lookups;
mod names;
mod resolver;
#[path = "../support/mod.rs"]
mod support;
mod without_threads;
