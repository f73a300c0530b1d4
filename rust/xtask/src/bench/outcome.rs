//! The outcome of a run: medians, ratios and verdicts.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::table::{Comparison, Machine, Report, ReportedRow, Row, Section, Side, TABLE};

/// A section of the table with the numbers of a run.
pub struct MeasuredSection {
    pub section: &'static Section,
    pub rows: Vec<MeasuredRow>,
}

/// A row with its numbers.
pub struct MeasuredRow {
    pub row: &'static Row,
    pub sides: BTreeMap<Side, Summary>,
    pub reported: ReportedRow,
}

/// The samples of a side.
#[derive(Clone, Serialize)]
pub struct Summary {
    pub median: f64,
    pub min: f64,
    pub max: f64,
    pub samples: Vec<f64>,
}

/// Whether a goal is reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Met,
    Missed,
    NotMeasured,
    NoGoal,
}

/// Puts the samples of a run into the table. Rows that no filter names are left out.
pub fn summarize(report: &Report, filters: &[String]) -> Vec<MeasuredSection> {
    let is_named =
        |row: &Row, filter: &String| row.name.to_lowercase().contains(&filter.to_lowercase());
    let is_wanted =
        |row: &&Row| filters.is_empty() || filters.iter().any(|filter| is_named(row, filter));
    let measured = |section: &'static Section| MeasuredSection {
        section,
        rows: section
            .rows
            .iter()
            .filter(is_wanted)
            .map(|row| MeasuredRow::new(row, report))
            .collect(),
    };
    let mut sections: Vec<_> = TABLE.iter().map(measured).collect();
    sections.retain(|section| !section.rows.is_empty());
    sections
}

/// The rows of all sections.
pub fn rows(sections: &[MeasuredSection]) -> impl Iterator<Item = &MeasuredRow> {
    sections.iter().flat_map(|section| &section.rows)
}

/// Everything that was measured, for a program to read.
pub fn record(machine: &Machine, scale: &str, sections: &[MeasuredSection]) -> Value {
    json!({
        "machine": machine,
        "library": env!("CARGO_PKG_VERSION"),
        "profile": "release",
        "scale": scale,
        "rows": rows(sections).map(MeasuredRow::record).collect::<Vec<_>>(),
    })
}

impl MeasuredRow {
    fn new(row: &'static Row, report: &Report) -> Self {
        let mut reported = report
            .rows
            .iter()
            .filter(|reported| reported.name == row.name);
        let reported = reported.next().cloned().unwrap_or_else(|| ReportedRow {
            problem: "not in the report".into(),
            ..ReportedRow::default()
        });
        let samples = reported.samples.iter();
        let sides = samples.filter_map(|(side, samples)| Some((*side, Summary::of(samples)?)));
        Self {
            row,
            sides: sides.collect(),
            reported,
        }
    }

    /// How many times better ours is, rounded to hundredths: further digits are noise. `None` if a
    /// side has no numbers.
    pub fn ratio(&self, comparison: Comparison) -> Option<f64> {
        let ours = self.sides.get(&comparison.ours)?.median;
        let other = self.sides.get(&comparison.other)?.median;
        let ratio = match self.row.unit.is_rate() {
            true => ours / other,
            false => other / ours,
        };
        Some((ratio * 100.0).round() / 100.0)
    }

    pub fn verdict(&self, comparison: Comparison) -> Verdict {
        match (self.ratio(comparison), comparison.goal) {
            (None, _) => Verdict::NotMeasured,
            (Some(_), None) => Verdict::NoGoal,
            (Some(ratio), Some(goal)) if ratio >= goal => Verdict::Met,
            _ => Verdict::Missed,
        }
    }

    /// The reason why a compared side has no numbers, if one has none.
    pub fn missing(&self) -> Option<String> {
        let ReportedRow { problem, needs, .. } = &self.reported;
        if self
            .row
            .comparisons()
            .all(|comparison| self.ratio(comparison).is_some())
        {
            None
        } else if !problem.is_empty() {
            Some(problem.clone())
        } else if !needs.is_empty() {
            Some(format!("needs {needs}"))
        } else {
            Some("a sample is not above zero".into())
        }
    }

    fn record(&self) -> Value {
        let comparison = |comparison: Comparison| {
            json!({
                "ours": comparison.ours,
                "other": comparison.other,
                "ratio": self.ratio(comparison),
                "goal": comparison.goal,
                "verdict": self.verdict(comparison),
            })
        };
        json!({
            "name": self.row.name,
            "unit": self.row.unit,
            "note": self.reported.note,
            "sides": self.sides,
            "comparisons": self.row.comparisons().map(comparison).collect::<Vec<_>>(),
        })
    }
}

impl Summary {
    /// `None` without samples, or if a sample is not a positive number.
    fn of(samples: &[f64]) -> Option<Self> {
        let is_usable = |sample: &f64| sample.is_finite() && *sample > 0.0;
        if samples.is_empty() || !samples.iter().all(is_usable) {
            return None;
        }
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self {
            median: f64::midpoint(low, high),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            samples: samples.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPARISON: Comparison = Comparison {
        ours: Side::Ours,
        other: Side::Engine,
        goal: Some(2.0),
    };

    fn measured(unit: &str, engine: &[f64], ours: &[f64]) -> MeasuredRow {
        let row = json!({"name": "a", "unit": unit, "ours": {"engine": 2}});
        let report = json!({
            "machine": {"processor": "", "cores": 1, "system": "", "godot": "", "date": ""},
            "rows": [{
                "name": "a",
                "samples": {"engine": engine, "ours": ours},
                "problem": "",
                "needs": "",
                "note": "",
            }],
        });
        let row = Box::leak(Box::new(serde_json::from_value(row).unwrap()));
        MeasuredRow::new(row, &serde_json::from_value(report).unwrap())
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let summary = Summary::of(&[9.0, 1.0, 2.0]).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (1.0, 2.0, 9.0));
        assert_eq!(Summary::of(&[4.0, 1.0]).unwrap().median, 2.5);
    }

    #[test]
    fn a_ratio_over_one_is_in_our_favour() {
        let ratio = |unit| measured(unit, &[6.0], &[2.0]).ratio(COMPARISON);
        assert_eq!(ratio("nanoseconds"), Some(3.0));
        assert_eq!(ratio("per_second"), Some(0.33));
    }

    #[test]
    fn a_goal_is_met_missed_or_not_measured() {
        let verdict = |engine| measured("nanoseconds", engine, &[2.0]).verdict(COMPARISON);
        assert_eq!(verdict(&[4.0]), Verdict::Met);
        assert_eq!(verdict(&[3.98]), Verdict::Missed);
        assert_eq!(verdict(&[]), Verdict::NotMeasured);
        assert_eq!(verdict(&[0.0]), Verdict::NotMeasured);
    }
}
