//! Readiness: many sockets watched with one system call.

pub(crate) mod freshness;
pub(crate) mod group;
mod published;
pub(crate) mod readiness;
pub(crate) mod ready_list;
pub(crate) mod shared_poller;
pub(crate) mod subscriptions;
