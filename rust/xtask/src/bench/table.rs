//! The table of the benchmarks, and the report of a run.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// What is measured, and the goals.
pub static TABLE: LazyLock<Vec<Section>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Table {
        section: Vec<Section>,
    }
    let text = include_str!("../../../../godot-project/benchmarks/rows.toml");
    let table: Table = toml::from_str(text).expect("rows.toml has the form of `Section`");
    table.section
});

/// The sizes of the frames in the plot. Their rows are named [`idle_frame`].
pub const CROWDS: [u32; 7] = [10, 30, 100, 300, 1000, 3000, 10_000];

/// The name of the row for a frame that polls `sockets` idle sockets.
pub fn idle_frame(sockets: u32) -> String {
    format!("idle frame, {sockets} sockets")
}

/// Rows that are measured in the same way.
#[derive(Deserialize)]
pub struct Section {
    pub title: String,
    /// What one sample is, for the reader of the numbers.
    pub how: String,
    pub rows: Vec<Row>,
}

/// A measurement on several sides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub name: String,
    pub unit: Unit,
    /// The sides that our classes are compared with, and the goals.
    #[serde(default)]
    ours: BTreeMap<Side, f64>,
    /// The same for a group.
    #[serde(default)]
    group: BTreeMap<Side, f64>,
}

impl Row {
    pub fn comparisons(&self) -> impl Iterator<Item = Comparison> {
        let sides = [(Side::Ours, &self.ours), (Side::Group, &self.group)];
        sides.into_iter().flat_map(|(ours, others)| {
            others.iter().map(move |(other, goal)| Comparison {
                ours,
                other: *other,
                goal: Some(*goal).filter(|goal| *goal > 0.0),
            })
        })
    }
}

/// How many times better than another side a side should be.
#[derive(Clone, Copy)]
pub struct Comparison {
    pub ours: Side,
    pub other: Side,
    /// The smallest acceptable ratio. Without a goal, the ratio is only shown.
    pub goal: Option<f64>,
}

/// What the numbers of a row are.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Nanoseconds,
    Microseconds,
    PerSecond,
    BytesPerSecond,
    Bytes,
    Calls,
}

impl Unit {
    /// Whether more is better.
    pub fn is_rate(self) -> bool {
        matches!(self, Unit::PerSecond | Unit::BytesPerSecond)
    }
}

/// What is measured in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The engine's classes.
    Engine,
    /// The classes of this addon.
    Ours,
    /// The same through a `StreamPeerSocketGroupRs`.
    Group,
    /// The classes of this addon, polled one by one, where `Ours` has `auto_poll`.
    Polled,
    /// Blocking sockets of Rust's standard library, without Godot.
    Plain,
    /// The engine's `StreamPeerBuffer`, which reads from memory.
    Buffer,
    /// Our `StreamPeerTCPRs` alone, under a WebSocket.
    Stream,
    /// Node.js.
    Node,
}

/// What `godot-project/benchmarks/run.gd` reports of a run.
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
#[derive(Clone, Default, Deserialize)]
pub struct ReportedRow {
    pub name: String,
    pub samples: BTreeMap<Side, Vec<f64>>,
    /// Why the row failed, or nothing. The samples of a row that failed mean nothing.
    pub problem: String,
    /// What a side without samples needs and this machine lacks, or nothing.
    pub needs: String,
    /// What a reader has to know.
    pub note: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_rows_of_the_plot() {
        for sockets in CROWDS {
            let name = idle_frame(sockets);
            let mut rows = TABLE.iter().flat_map(|section| &section.rows);
            assert!(rows.any(|row| row.name == name), "{name}");
        }
    }

    #[test]
    fn a_goal_of_zero_counts_as_no_goal() {
        let text =
            "name = '', unit = 'calls', ours = { plain = 2, engine = 0 }, group = { ours = 0.5 }";
        let table: BTreeMap<String, Row> = toml::from_str(&format!("row = {{ {text} }}")).unwrap();
        let goals = table["row"]
            .comparisons()
            .map(|one| (one.ours, one.other, one.goal));
        let expected = [
            (Side::Ours, Side::Engine, None),
            (Side::Ours, Side::Plain, Some(2.0)),
            (Side::Group, Side::Ours, Some(0.5)),
        ];
        assert_eq!(Vec::from_iter(goals), expected);
    }
}
