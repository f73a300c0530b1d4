//! Paths and abstract names of Unix domain sockets. One test at a time: the races of `stale_paths`
//! need all processors.
#![cfg(unix)]

#[cfg(target_os = "linux")]
mod abstract_names;
#[cfg(target_os = "linux")]
mod locked_folders;
mod socket_files;
mod stale_paths;
#[path = "../support/mod.rs"]
mod support;
