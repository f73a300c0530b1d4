//! The names of hosts.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// The names that the resolver knows.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    pub(super) addresses: BTreeMap<String, Vec<IpAddr>>,
    /// No lookup ends.
    pub(super) hang: bool,
}
