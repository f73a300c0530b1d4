//! Being told by the kernel: many sockets watched with one system call.

pub(crate) mod freshness;
pub(crate) mod group;
mod mailbox;
mod published;
pub(crate) mod readiness;
pub(crate) mod shared_poller;
pub(crate) mod subscriptions;
