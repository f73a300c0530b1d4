//! Setting up programs for this user alone: in a folder of the user's cache, without touching the
//! system.

pub mod apt;
mod apt_sources;
pub mod cache;
pub mod process;
mod programs;

pub use apt::debian_architecture;
pub use programs::Programs;
