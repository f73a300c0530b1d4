//! What a run says about the table: medians, ratios and verdicts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::report::{Report, Side};
use super::rows::{Comparison, Row, Section, TABLE};

/// A section of the table with the numbers of a run.
pub struct MeasuredSection {
    pub section: &'static Section,
    pub rows: Vec<MeasuredRow>,
}

/// A row with its numbers.
pub struct MeasuredRow {
    pub row: &'static Row,
    pub sides: BTreeMap<Side, Summary>,
    /// What has gone wrong, or nothing.
    pub problem: String,
    /// What is missing here that a side without numbers needs, or nothing.
    pub needs: String,
    pub note: String,
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
    let is_wanted = |row: &&Row| {
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| row.name.to_lowercase().contains(&filter.to_lowercase()))
    };
    let measured = |section: &'static Section| MeasuredSection {
        section,
        rows: section
            .rows
            .iter()
            .filter(is_wanted)
            .map(|row| MeasuredRow::new(row, report))
            .collect(),
    };
    TABLE
        .iter()
        .map(measured)
        .filter(|section| !section.rows.is_empty())
        .collect()
}

/// The rows of all sections.
pub fn rows(sections: &[MeasuredSection]) -> impl Iterator<Item = &MeasuredRow> {
    sections.iter().flat_map(|section| &section.rows)
}

impl MeasuredRow {
    fn new(row: &'static Row, report: &Report) -> Self {
        let reported = report
            .rows
            .iter()
            .find(|reported| reported.name == row.name);
        let mut measured = Self {
            row,
            sides: BTreeMap::new(),
            problem: "not in the report".into(),
            needs: String::new(),
            note: String::new(),
        };
        if let Some(reported) = reported {
            measured.problem.clone_from(&reported.problem);
            measured.needs.clone_from(&reported.needs);
            measured.note.clone_from(&reported.note);
            measured.sides = reported
                .samples
                .iter()
                .filter_map(|(side, samples)| Some((*side, Summary::of(samples)?)))
                .collect();
        }
        measured
    }

    /// How many times better ours is, in hundredths: more is noise. Nothing if a side has no numbers.
    pub fn ratio(&self, comparison: Comparison) -> Option<f64> {
        let ours = self.sides.get(&comparison.ours)?.median;
        let other = self.sides.get(&comparison.other)?.median;
        let ratio = if self.row.unit.is_rate() {
            ours / other
        } else {
            other / ours
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

    /// Why a side has no numbers, if one that is compared has none.
    pub fn missing(&self) -> Option<String> {
        let is_measured = |comparison: &Comparison| self.ratio(*comparison).is_some();
        if self.row.comparisons.iter().all(is_measured) {
            None
        } else if !self.problem.is_empty() {
            Some(self.problem.clone())
        } else if !self.needs.is_empty() {
            Some(format!("needs {}", self.needs))
        } else {
            Some("a sample is not above zero".into())
        }
    }
}

impl Summary {
    /// Nothing without samples, or if one is not a number above zero: nothing costs nothing.
    fn of(samples: &[f64]) -> Option<Self> {
        let is_usable = |sample: &f64| sample.is_finite() && *sample > 0.0;
        if samples.is_empty() || !samples.iter().all(is_usable) {
            return None;
        }
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        } else {
            sorted[middle]
        };
        Some(Self {
            median,
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            samples: samples.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::rows::Unit;
    use super::*;

    const COMPARISON: Comparison = Comparison {
        ours: Side::Ours,
        other: Side::Engine,
        goal: Some(2.0),
    };
    const COST: Row = Row {
        name: "cost",
        unit: Unit::Nanoseconds,
        comparisons: &[COMPARISON],
    };
    const SPEED: Row = Row {
        name: "speed",
        unit: Unit::PerSecond,
        comparisons: &[COMPARISON],
    };

    fn measured(row: &'static Row, engine: &[f64], ours: &[f64]) -> MeasuredRow {
        let report = json!({
            "machine": {"processor": "", "cores": 1, "system": "", "godot": "", "date": ""},
            "rows": [{
                "name": row.name,
                "samples": {"engine": engine, "ours": ours},
                "problem": "",
                "needs": "",
                "note": "",
            }],
        });
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
        assert_eq!(measured(&COST, &[6.0], &[2.0]).ratio(COMPARISON), Some(3.0));
        assert_eq!(
            measured(&SPEED, &[6.0], &[2.0]).ratio(COMPARISON),
            Some(0.33)
        );
    }

    #[test]
    fn a_goal_is_met_missed_or_not_measured() {
        let verdict = |engine: &[f64]| measured(&COST, engine, &[2.0]).verdict(COMPARISON);
        assert_eq!(verdict(&[4.0]), Verdict::Met);
        assert_eq!(verdict(&[3.98]), Verdict::Missed);
        assert_eq!(verdict(&[]), Verdict::NotMeasured);
        assert_eq!(verdict(&[0.0]), Verdict::NotMeasured);
    }
}
