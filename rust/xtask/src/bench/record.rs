//! Everything that was measured, for a program to read.

use serde_json::{Value, json};

use super::outcome::{MeasuredRow, MeasuredSection, rows};
use super::report::Machine;
use super::rows::Comparison;
use super::run::Scale;
use crate::result::Result;

/// The record of a run as JSON.
pub fn json(machine: &Machine, scale: Scale, sections: &[MeasuredSection]) -> Result<String> {
    let record = json!({
        "machine": machine,
        "library": env!("CARGO_PKG_VERSION"),
        "profile": "release",
        "scale": scale,
        "rows": rows(sections).map(row).collect::<Vec<_>>(),
    });
    serde_json::to_string_pretty(&record).map_err(|error| error.to_string())
}

fn row(measured: &MeasuredRow) -> Value {
    let comparison = |comparison: &Comparison| {
        json!({
            "ours": comparison.ours,
            "other": comparison.other,
            "ratio": measured.ratio(*comparison),
            "goal": comparison.goal,
            "verdict": measured.verdict(*comparison),
        })
    };
    json!({
        "name": measured.row.name,
        "unit": measured.row.unit,
        "note": measured.note,
        "sides": measured.sides,
        "comparisons": measured.row.comparisons.iter().map(comparison).collect::<Vec<_>>(),
    })
}
