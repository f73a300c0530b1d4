//! What `godot-project/benchmarks/run.gd` reports.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The engine's classes.
    Engine,
    /// The classes of this addon.
    Ours,
    /// The same through a `StreamPeerSocketGroupRs`.
    Group,
    /// Blocking sockets of Rust's standard library, without Godot.
    Plain,
    /// The engine's `StreamPeerBuffer`, which reads from memory.
    Buffer,
    /// Node.js.
    Node,
}

/// A run.
#[derive(Deserialize)]
pub struct Report {
    pub machine: Machine,
    pub rows: Vec<ReportedRow>,
}

/// What the numbers of a run depend on.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    pub processor: String,
    pub cores: u32,
    pub system: String,
    pub godot: String,
    pub date: String,
}

/// The samples of a row.
#[derive(Deserialize)]
pub struct ReportedRow {
    pub name: String,
    pub samples: BTreeMap<Side, Vec<f64>>,
    /// What has gone wrong; nothing else is to be believed then.
    pub problem: String,
    /// What is missing here that a side needs, which has no samples then.
    pub needs: String,
    /// What a reader has to know.
    pub note: String,
}
